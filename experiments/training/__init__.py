"""Training: policies are learned, in folders that a killed training resumes from.

`training` says what is trained, by the name of its algorithm, and `train` does it. An algorithm is a
file, which is imported when it is asked for: all but ``es`` need torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...envs.core import InputError, closest
from .base import Row, Run, Training

ALGORITHMS = ("maskable-ppo", "ppo", "dqn", "sac", "td3", "dad", "es")


def training(algorithm: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> Training:
    """Return what is trained.

    Args:
        algorithm: One of `ALGORITHMS`.
        options: What its training takes besides: the environment, the seed, the episodes of the curve.
        settings: Settings of the algorithm.

    Raises:
        InputError: There is no such algorithm, option or setting, or a value makes no sense.
    """
    return _kinds(algorithm)[0].of(algorithm, options, settings)


def settings(algorithm: str) -> list[str]:
    """Return the names of what may be set of an algorithm besides the options of all trainings."""
    return sorted(_kinds(algorithm)[0].settings_of(algorithm))


def train(training: Training, folder: Path) -> list[Row]:
    """Train, or go on with a training that was stopped; return its learning curve.

    A finished training is not trained again.

    Raises:
        InputError: The algorithm does not fit the environment, or its numbers become infinite; the
            folder holds another training or other things, or a damaged checkpoint.
    """
    run = _kinds(training.algorithm)[1](training, folder)
    run.learn()
    return run.curve


def _kinds(algorithm: str) -> tuple[type[Training], type[Run[Any]]]:
    """Return the class of the trainings by an algorithm, and that of one in progress."""
    if algorithm not in ALGORITHMS:
        raise InputError(
            f"Unknown algorithm {algorithm!r}{closest(algorithm, ALGORITHMS)} Known are "
            f"{', '.join(ALGORITHMS)}."
        )
    if algorithm == "dad":
        from .dad import DAD, DADRun

        return DAD, DADRun
    if algorithm == "es":
        from .evolution import ES, ESRun

        return ES, ESRun
    from .sb3 import SB3, SB3Run

    return SB3, SB3Run
