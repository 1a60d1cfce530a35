"""What a new process costs: an import against that of Gymnasium, which it contains, and commands.

Times are of the processor, with modules compiled beforehand, as they are where the package is installed.
That of a command is of its whole process. What a shell completes stands in the script that `completion`
prints, and starts no Python.
"""

from __future__ import annotations

import os
import tempfile

import numpy as np

from .timing import PACKAGE, Measured, fresh, median

PEER, OWN = "gymnasium", PACKAGE
IMPORT = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
RUN = """
import sys, time
sys.argv = ["discovery-gym", *{}]
from {}.experiments.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print()
print(time.process_time())
"""
COMMANDS = ("--help", "list", "completion bash")


def importing(turns: int) -> Measured:
    """Measure all of it; the subjects take turns."""
    codes = {name: IMPORT.format(name) for name in (PEER, OWN)}
    codes |= {f"discovery-gym {one}": RUN.format(one.split(), OWN) for one in COMMANDS}
    with tempfile.TemporaryDirectory() as compiled:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        for code in codes.values():
            fresh(code, env=env)  # which compiles
        found = [[fresh(code, env=env)[0] for code in codes.values()] for _ in range(turns)]
    seconds = np.array(found)
    middle = np.median(seconds, axis=0)
    rows = [
        [name, f"{1e3 * middle[i]:.0f}", median(seconds[:, i] / middle[0]) if i else "1"]
        for i, name in enumerate(codes)
    ]
    return ["new process", "ms", f"/ import of {PEER}"], rows
