"""What the command line knows by name without importing it: `list` and completion must not wait."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from discovery_gym.agents import available
from discovery_gym.agents.beliefs import BELIEFS
from discovery_gym.agents.making import LEARNED, PLAIN, learned
from discovery_gym.agents.rules import RULES
from discovery_gym.experiments import training
from discovery_gym.experiments.runs.metrics import METRICS
from discovery_gym.experiments.suites.catalogue import SUITES

KINDS: dict[str, Mapping[str, Any]] = {
    "agent": {**PLAIN, LEARNED: learned},
    "rule": RULES,
    "belief": BELIEFS,
}
"""What an agent is made of, by kind and name."""


def names(models: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Return the names as JSON.

    Args:
        models: The models of the environments with their defaults, by id.
        told: What each lets an agent decide, and the truth that it knows, by the environment's name.
    """
    known: dict[str, dict[str, Any]] = {
        "environments": {
            env_id: {
                "about": (type(model).__doc__ or "").strip().splitlines()[0],
                **{key: told[gym.spec(env_id).name][key] for key in ("decision", "truth")},
                "agents": available(model),
                "beliefs": list(model.beliefs),
            }
            for env_id, model in models.items()
        },
        "agents": {
            name: {"kind": kind, "about": (cls.__doc__ or "").strip().splitlines()[0]}
            for kind, table in KINDS.items()
            for name, cls in table.items()
        },
        "suites": {
            suite.name: {
                "about": suite.about,
                "version": suite.version,
                "tasks": len(suite.tasks),
                "runs": sum(len(task.agents) for task in suite.tasks),
                "episodes": suite.episodes,
            }
            for suite in SUITES.values()
        },
    }
    known["algorithms"] = {name: training.settings(name) for name in training.ALGORITHMS}
    known["metrics"] = {name: metric.__doc__.splitlines()[0] for name, metric in METRICS.items()}
    return json.dumps(known, indent=1, ensure_ascii=False) + "\n"
