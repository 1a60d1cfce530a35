"""What decides the last bits of a number: the libraries and the processor that compute it.

On the same platform a replay is equal bit for bit; elsewhere sums are taken in another order, and
equal up to rounding.
"""

from __future__ import annotations

import importlib.metadata
import platform
from functools import lru_cache
from typing import Any

import numpy as np


@lru_cache
def platform_here() -> dict[str, str]:
    """Return numpy, scipy, their BLAS, the processor and its vector instructions, as texts."""
    import scipy.linalg  # noqa: F401 - brings a BLAS of its own, which is to be told too
    import threadpoolctl

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    blas = {
        " ".join(str(pool.get(key) or "?") for key in ("internal_api", "version", "architecture"))
        + f", {pool['num_threads']} threads"
        for pool in pools
    }
    found: Any = np.show_config(mode="dicts")
    simd = found.get("SIMD Extensions", {})
    return {
        "numpy": np.__version__,
        "scipy": importlib.metadata.version("scipy"),
        "blas": "; ".join(sorted(blas)),
        "processor": platform.machine(),
        "instructions": " ".join([*simd.get("baseline", ()), *simd.get("found", ())]),
    }
