"""How long an import takes in a new process, against that of Gymnasium, which it contains."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from .timing import Measured, median

PEER, OWN = "gymnasium", __name__.split(".")[0]
CODE = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"


def importing(turns: int) -> Measured:
    """Measure both imports; they take turns."""
    seconds = np.array([[_seconds(name) for name in (PEER, OWN)] for _ in range(turns)])
    middle = np.median(seconds, axis=0)
    return ["import", "ms", f"/ {PEER}'s"], [
        [PEER, f"{1e3 * middle[0]:.0f}", "1"],
        [OWN, f"{1e3 * middle[1]:.0f}", median(seconds[:, 1] / middle[0])],
    ]


def _seconds(name: str) -> float:
    """Return the seconds of processor time that an import takes in a fresh interpreter."""
    command = [sys.executable, "-c", CODE.format(name)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
