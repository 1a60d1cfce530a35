"""What late and lost labels cost: rules in a Bernoulli world of two conditions, exactly and played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from scipy.special import betainc, betaln

from ....agents import make
from ....envs.conditions.bandit import Arm, Chances
from ....envs.conditions.general_conditions import GeneralConditions
from ....envs.core.arrays import Array
from .tables import ID

DELAYS = ((1.0, 0.0), (0.5, 0.0), (0.25, 0.0), (0.5, 0.3), (1.0, 0.3))
"""Probability that a label in flight resolves in a step, and that it is then lost."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def world(resolves: float, loss: float) -> GeneralConditions:
    """Return two conditions with uniform means and eight tests, each of which pays its label."""
    return GeneralConditions(**settings(resolves, loss))


def settings(resolves: float, loss: float) -> dict[str, Any]:
    """Return the settings of `world`."""
    shape = {"num_conditions": 2, "horizon": 8, "objective": "yields"}
    return shape | {"delay": ("geometric", resolves), "loss": loss}


def thompson(arms: Sequence[Arm]) -> Array:
    """Return how likely each condition has the highest draw of its Beta posterior, by quadrature."""
    x = (NODES + 1) / 2
    a, b = np.array([(1 + s, 1 + f) for s, f, _ in arms], np.float64).T[..., None]
    density = np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - betaln(a, b))
    law = betainc(a, b, x)
    others = np.array([np.delete(law, k, 0).prod(0) for k in range(len(arms))])
    chances = (density * others) @ WEIGHTS / 2
    return np.asarray(chances / chances.sum())


def highest(width: float, pending: bool) -> Chances:
    """Return the rule of the highest posterior mean plus so many standard deviations.

    Args:
        width: Number of standard deviations.
        pending: Whether labels in flight count as if they had come.
    """

    def chances(arms: Sequence[Arm]) -> Array:
        s, f, q = np.array(arms, np.float64).T
        mean, total = (1 + s) / (2 + s + f), 2 + s + f + q * pending
        score = mean + width * np.sqrt(mean * (1 - mean) / (total + 1))
        best = score >= score.max() - 1e-12
        return np.asarray(best / best.sum())

    return chances


RULES: dict[str, tuple[str, Chances | None]] = {
    "optimum": ("optimal", None),
    "Thompson": ("thompson", thompson),
    "greedy": ("greedy", highest(0.0, False)),
    "Bayes-UCB, in flight ignored": ("bayes_ucb(pending=False)", highest(1.0, False)),
    "Bayes-UCB, in flight counted": ("bayes_ucb", highest(1.0, True)),
}
"""Rules by name: the text of the agent, and how it chooses, written out."""


def returns(resolves: float, loss: float, rule: str, episodes: int, seed: int) -> Array:
    """Play an agent; return what each episode pays, ``(E,)``."""
    env = gym.make_vec(ID, num_envs=episodes, **settings(resolves, loss))
    agent, state = make(rule, env, episode=seed), None
    observation, paid = env.reset(seed=seed)[0], np.zeros(episodes)
    for _ in range(8):
        action, state = agent.predict(observation, state)
        observation, reward, *_ = env.step(action)
        paid += reward
    return paid


def rows(episodes: int, seed: int) -> list[dict[str, Any]]:
    """Return exact and played values of every rule and delay."""
    out = []
    for resolves, loss in DELAYS:
        model = world(resolves, loss)
        for rule, (text, chances) in RULES.items():
            paid = returns(resolves, loss, text, episodes, seed)
            exact, error = model.rule_value(chances), float(paid.std(ddof=1) / episodes**0.5)
            out.append(
                {
                    "resolves per step": resolves,
                    "lost": loss,
                    "rule": rule,
                    "agent": text,
                    "exact value": exact,
                    "played": float(paid.mean()),
                    "standard error": error,
                    "(played - exact) / error": (float(paid.mean()) - exact) / error,
                }
            )
    return out
