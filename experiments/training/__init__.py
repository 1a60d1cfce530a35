"""Training: policies are learned, in folders that a killed training goes on in.

`training` says what is trained, by the name of its algorithm; `train` in `base` does it. Each algorithm
is a file, imported when it is asked for: all but ``es`` need torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...envs.core import InputError, closest
from .base import Training

ALGORITHMS = ("maskable-ppo", "ppo", "dqn", "sac", "td3", "dad", "es")


def training(algorithm: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> Training:
    """Return what is trained.

    Args:
        algorithm: One of `ALGORITHMS`.
        options: What its training takes beside: the environment, the seed, the episodes of the curve.
        settings: Settings of the algorithm.

    Raises:
        InputError: There is no such algorithm, option or setting, or a value makes no sense.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(
            f"Unknown algorithm {algorithm!r}{closest(algorithm, ALGORITHMS)} Known are "
            f"{', '.join(ALGORITHMS)}."
        )
    kind: type[Training]
    if algorithm == "dad":
        from .dad import DAD as kind
    elif algorithm == "es":
        from .evolution import ES as kind
    else:
        from .sb3 import SB3 as kind
    return kind.of(algorithm, options, settings)
