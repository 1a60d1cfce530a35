"""The policies that the package brings: files beside this one, each with the curve of its training.

``weights/<environment>-<algorithm>.safetensors`` says by itself where it comes from
(`Policy.about`): environment and parameters, command, seed, steps, seconds, versions of the
libraries. ``weights/<environment>-<algorithm>.csv`` is its learning curve.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any

import gymnasium as gym

from ...envs.core import InputError, Knowledge, closest, registered, shown
from .policy import LearnedAgent, Policy

SUFFIX = ".safetensors"


@lru_cache
def shipped() -> dict[str, Policy]:
    """Return the policies that the package brings, by name, sorted."""
    with resources.as_file(resources.files(__package__) / "weights") as folder:
        return {path.stem: Policy.load(path) for path in sorted(folder.glob("*" + SUFFIX))}


def fitting(model: Knowledge) -> list[str]:
    """Return the names of those of a model's environment, with its observations and actions."""
    names = []
    for name, policy in shipped().items():
        env_id = policy.about["env_id"]
        if env_id in registered() and gym.spec(env_id).name == model.name:
            try:
                LearnedAgent(model, path=policy)
            except InputError:
                continue
            names.append(name)
    return names


class ShippedAgent(LearnedAgent):
    """Plays a policy that the package brings, trained by PPO or by deep adaptive design (``dad``).

    A policy fits its environment wherever observations and actions have the shapes it was trained
    with. It is good for the parameters that it was trained for, which its command below names, and
    need not be for others: prices, for instance, are not observed. Nothing in a file is executed,
    and playing it needs no torch.

    Args:
        model: The model of the environment.
        weights: The name of a policy of the package, or of a file that `discovery-gym train` has
            written; None takes the first of the package that fits.
        seed: Unused: there is nothing random.
    """

    text = "learned"

    def __init__(
        self,
        model: Knowledge,
        *,
        weights: str | None = None,
        seed: Any = 0,
    ) -> None:
        if weights is None:
            weights = next(iter(fitting(model)), None)
        if not isinstance(weights, str):
            environment = model.name
            known = "; ".join(
                f"{name} for {policy.about['env_id']} with {json.dumps(policy.about['env_kwargs'])}"
                for name, policy in shipped().items()
                if name.startswith(f"{environment}-")
            )
            raise InputError(
                f"learned needs a policy for {environment} with these parameters, and the package "
                f"brings none, got weights={shown(weights)}; train one with `discovery-gym train` and "
                f"name its file. Those of the package: {known or ', '.join(shipped())}."
            )
        if weights not in shipped() and not weights.endswith(SUFFIX):
            raise InputError(
                f"The package has no policy {shown(weights)}{closest(weights, shipped())} Known are "
                f"{', '.join(shipped())}; the name of a file ends in {SUFFIX}."
            )
        super().__init__(model, path=shipped().get(weights, weights), seed=seed)

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether a policy of the package fits."""
        return bool(fitting(model))
