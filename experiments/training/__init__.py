"""Training: policies are learned, in folders that a killed training goes on in.

`training` says what is trained, by the name of its algorithm; `train` in `base` does it. Each algorithm
is a file, imported when it is asked for: all but ``es`` need torch.
"""

from __future__ import annotations

import re
import shlex
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


EARLIER = {"training_designs": "dad", "training_pools": "es"}
"""Programs of version 0.1.0, which stand in the heads of the files that they wrote: the algorithm."""


def command_of_today(command: str) -> str:
    """Return the command that trains what a command of version 0.1.0 trained.

    ``python -m discovery_gym.experiments.training_designs ENV FOLDER --name value`` is today
    ``discovery-gym train ENV --out FOLDER --algo dad --hyper name=value``, and ``training_pools FOLDER``
    is ``discovery-gym train --out FOLDER --algo es``.
    """
    found = re.match(r"python -m discovery_gym\.experiments\.(\w+) (?:(\S+) )?FOLDER", command)
    if found is None or found[1] not in EARLIER:
        return command
    words = ["discovery-gym", "train", *filter(None, [found[2]]), "--out", "FOLDER"]
    words += ["--algo", EARLIER[found[1]]]
    for name, value in re.findall(r" --(\w+) (\S+)", command):
        if name in ("seed", "episodes"):
            words += [f"--{name}", value]
        elif name != "horizon":
            words += ["--hyper", f"{name}={value}"]
        elif value != "0":  # 0 was the horizon of the environment
            words += ["--set", f"{name}={value}"]
    return shlex.join(words)
