"""Environments, agents and a leaderboard for deciding which experiment to run next.

Importing this package registers its environments with Gymnasium under ``discovery/``.
"""

import signal
import sys
from pathlib import Path

if (
    [Path(name).stem for name in sys.argv[:1]] == ["discovery-gym"]
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):  # until `main` of our command begins, Ctrl-C ends it as a program in C: without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from .envs.core import InputError, registered

__version__ = "0.2.0"
__all__ = ["InputError", "__version__", "registered"]
