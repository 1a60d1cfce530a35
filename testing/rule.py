"""The checks of a rule: by what is believed, and not by how items are numbered."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..agents import Rule, make
from ..agents.outside import reference_of
from ..envs.core import InputError, resolve
from ..envs.core.arrays import Whole
from ..envs.pools import Pool
from .agent import check_agent, choices
from .checks import hold

TABLE = "discovery/TablePool-v0"
RARE = 1e-6
"""Counts that are rarer than this under a law do not follow it."""


AnyRule = str | type[Rule[Any]]


def check_rule(
    rule: AnyRule, env_id: str, /, *, belief: str | None = None, rows: int = 300, **parameters: Any
) -> None:
    """Hold that a rule chooses by what is believed, and not by how items are numbered.

    Its choices are those of `check_agent`, in pools also in batches and with late labels. Of equal rows
    of a table, if it plays tables, it chooses each as often, and of rows in another order the same.

    Args:
        rule: A text such as ``"bayes_ucb(width=2)"`` or ``"./mine.py:Mine"``, or a class.
        env_id: The id of an environment that it plays.
        belief: The text of its belief, by default the first that fits.
        rows: Number of choices by which a law is judged.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If it does not.
    """
    text = name = rule if isinstance(rule, str) else reference_of(rule)
    if not text:
        raise InputError(f"check_rule finds a class by its name in a module; {rule} is not there.")
    if belief is not None:
        text = f"{name[:-1]}, " if name.endswith(")") else f"{name}("
        text += f"belief={belief})"
    env: Any = gym.make(resolve(env_id), **parameters)
    for way in _ways(env.unwrapped.model):
        check_agent(text, env_id, **{**parameters, **way})
    _check_tables([text, name], rows)  # its belief may be about other things


def _ways(model: Any) -> list[dict[str, Any]]:
    """Return the ways to play a model: a pool in batches, with late labels, and with lost ones, too."""
    if not isinstance(model, Pool):
        return [{}]
    size = next((k for k in (4, 3, 2) if (model.horizon or 0) % k == 0), 1)
    lost = {"batch_size": size, "delay": ("geometric", 0.5), "loss": 0.3}
    return [{}, {"batch_size": size}, {"delay": 2}, {"batch_size": size, "delay": 2}, lost]


def _check_tables(texts: list[str], rows: int) -> None:
    """Check the law of the first of some agents that plays tables, of two labels and of many."""
    random = np.random.default_rng(0)
    features, two = random.standard_normal((9, 2)), np.arange(9) % 2.0
    for labels in (two, two + random.standard_normal(9)):
        table = gym.make(TABLE, features=features, labels=labels)
        for text in texts:
            try:
                make(text, table)
            except InputError:
                continue
            _check_law(text, features, labels, rows)
            break


def _check_law(text: str, features: NDArray[Any], labels: NDArray[Any], rows: int) -> None:
    """Hold that equal rows of a table are chosen as often, and rows in another order the same."""
    n = len(labels)

    def chosen(index: Whole, first: int) -> Whole:
        table: Any = {"features": features[index], "labels": labels[index], "horizon": 4}
        vector = gym.make_vec(TABLE, num_envs=rows, **table)
        # Before the first label, and after some.
        return np.array(choices(text, vector, first))[:, [0, 3]]

    copies, order = np.tile(np.arange(n), 3), np.random.default_rng(1).permutation(n)
    for some in (chosen(copies, 0) // n).T:
        counts = np.bincount(some, minlength=3)
        p = stats.chisquare(counts).pvalue
        hold(p > RARE, f"three equal rows: {text} chooses them", counts, "each as often")
    for one, two in zip(chosen(np.arange(n), 0).T, order[chosen(order, rows)].T, strict=True):
        counts = np.stack([np.bincount(some, minlength=n) for some in (one, two)])
        p = stats.chi2_contingency(counts[:, counts.any(0)]).pvalue
        hold(p > RARE, f"rows in another order: {text} chooses them", counts[1], counts[0])
