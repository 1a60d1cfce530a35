"""What a belief learns is the labels that have come, and their order says nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import COUNTED
from golden import SHORT

import discovery_gym
from discovery_gym.agents.beliefs import BELIEFS, Arrivals
from discovery_gym.envs.pools import Pool
from discovery_gym.testing import check_belief

VARIANTS: dict[str, dict[str, Any]] = {
    "discovery/LinearPool-v0": {"sparsity": 2},
    "discovery/TablePool-v0": {
        "features": np.random.default_rng(0).standard_normal((30, 3)),
        "labels": np.arange(30) % 2.0,
    },
}
"""Settings in which more beliefs fit."""
EXACT: dict[str, dict[str, Any]] = {
    "linear": {},
    "logistic": {},
    "nodes": {},
    "exchangeable": {},
    "neighbours": {},
    "gp": {
        "refit": 1
    },  # else length scale and noise are those of the last fit, without later labels
}
DRAWN: dict[str, dict[str, Any]] = {"sparse": {"chains": 4000}, "low_rank": {"chains": 16_000}}


def pools() -> list[tuple[str, dict[str, Any], str]]:
    """Return every belief on every pool that it fits."""
    cases = []
    for env_id in discovery_gym.registered():
        short = SHORT.get(env_id, {})
        for kwargs in (short, *([short | VARIANTS[env_id]] if env_id in VARIANTS else [])):
            model = gym.make(env_id, **kwargs).unwrapped.model  # type: ignore[attr-defined]
            if isinstance(model, Pool):
                names = [name for name, belief in BELIEFS.items() if belief.fits(model)]
                cases += [(env_id, kwargs, name) for name in names]
    return cases


LOST: dict[str, Any] = {"delay": ("geometric", 0.5), "loss": 0.3}


@pytest.mark.parametrize("late", [{}, {"delay": 2}, LOST], ids=["", "late", "lost"])
@pytest.mark.parametrize(("env_id", "kwargs", "name"), pools())
def test_what_a_belief_learns_is_the_labels(
    env_id: str, kwargs: dict[str, Any], name: str, late: dict[str, Any]
) -> None:
    """Up to rounding, which nobody sees where labels come out of order; of draws, in their law."""
    belief: Any = partial(BELIEFS[name], **(EXACT | DRAWN)[name])
    exact = 1e-9 if late is LOST else 1e-5
    check_belief(belief, env_id, within=exact if name in EXACT else 0.1, **{**kwargs, **late})


@pytest.mark.parametrize("env_id", COUNTED)
def test_arrivals_out_of_order(env_id: str) -> None:
    """They grow at their end, and hold neither what is in flight nor what is lost."""
    vector = gym.make_vec(env_id, num_envs=20, horizon=12, batch_size=2, **LOST)
    seen, order = vector.reset(seed=0)[0], np.random.default_rng(0).permutation(20)[:12]
    before, swaps = Arrivals.of(seen), 0
    for t in range(6):
        seen = vector.step(np.tile(order[2 * t : 2 * t + 2], (20, 1)))[0]
        arrivals = Arrivals.of(seen)
        for i in range(20):
            then, now = before.count[i], arrivals.count[i]
            assert now == (seen["status"][i] == 2).sum()
            assert arrivals.items[i, :then].tolist() == before.items[i, :then].tolist()
            assert (arrivals.items[i, now:] == -1).all()
            assert arrivals.labels[i, :then].tolist() == before.labels[i, :then].tolist()
            assert (arrivals.labels[i, now:] == 0).all()
            rank = [order.tolist().index(item) for item in arrivals.items[i, :now]]
            swaps += rank != sorted(rank)
        before = arrivals
    assert swaps


@pytest.mark.parametrize("objective", ["first", "count"])
def test_what_a_belief_learns_of_a_campaign(objective: str) -> None:
    priors = {"beta_priors": [[1, 4], [3, 12]], "horizon": 6, "throughput_upgrade": (2, 1.0, 1)}
    check_belief("beta", "discovery/BinomialDiscovery-v0", objective=objective, **priors)


@pytest.mark.parametrize("settings", [{}, {"delay": 3}, {"delay": 2, "batch_size": 3}])
def test_arrivals_against_the_history(settings: dict[str, int]) -> None:
    """Labels come in the order in which the items were chosen, so many steps later."""
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=2, horizon=12, **settings)
    observation, size, chosen = vector.reset(seed=0)[0], settings.get("batch_size", 1), 0
    ended = np.zeros(2, np.bool_)
    while not ended.all():
        arrivals = Arrivals.of(observation)
        come = max(chosen - size * settings.get("delay", 0), 0)
        assert arrivals.count.tolist() == [come] * 2
        for i in range(2):
            items = arrivals.items[i]
            assert (items[come:] == -1).all()
            assert (items[:come] >= 0).all()
            assert items[:come].tolist() == observation["labelled"][i, :come].tolist()
            np.testing.assert_array_equal(arrivals.labels[i, come:], 0)
        action = np.tile(np.arange(chosen, chosen + size) * 7, (2, 1))
        observation, _, ended, _, _ = vector.step(action if size > 1 else action[:, 0])
        chosen += size
