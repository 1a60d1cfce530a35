"""Environments, agents and a leaderboard for deciding which experiment to run next.

Importing this package registers its environments with Gymnasium under ``discovery/``.
"""

import contextlib
import signal
import sys
from pathlib import Path

if [Path(name).stem for name in sys.argv[:1]] == ["discovery-gym"] or (
    sys.argv[:1] == ["-m"]  # while Python looks for a module
    and "discovery_gym.experiments" in sys.orig_argv
):  # until `main` of our command begins, Ctrl-C ends it as a program in C: without a traceback
    with contextlib.suppress(ValueError):  # only the main thread may
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

from .envs.core import InputError, registered

__version__ = "0.2.0"
__all__ = ["InputError", "__version__", "registered"]
