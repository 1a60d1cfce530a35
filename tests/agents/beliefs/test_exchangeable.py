"""The belief about exchangeable candidates against all worlds, one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from discovery_gym.agents.beliefs import Exchangeable
from discovery_gym.envs.core import KeyedRandom
from discovery_gym.envs.pools.screening_pool import ScreeningPool

MODELS = ((0.2, 0.3, 0.9, 0.2), (0.5, 0.6, 0.7, 0.4), (0.3, 0.1, 1.0, 0.0))
N = 3
WORLDS = list(itertools.product(range(3), itertools.product((0, 1), repeat=2 * N)))


def prior() -> NDArray[np.float64]:
    """Return the chance of every model and all outcomes of both tests of three candidates."""
    chances = []
    for k, outcomes in WORLDS:
        weight, hit, sensitivity, false = MODELS[k]
        for cheap, label in zip(outcomes[:N], outcomes[N:], strict=True):
            positive = sensitivity if label else false
            weight *= (hit if label else 1 - hit) * (positive if cheap else 1 - positive)
        chances.append(weight)
    return np.array(chances)


OUTCOMES = np.array([outcomes for _, outcomes in WORLDS])


def observed(*tests: tuple[int, int, int]) -> dict[str, NDArray[Any]]:
    """Return an observation of tests: item, fidelity, label."""
    rows = np.array([*tests, *[(-1, -1, 0)] * (6 - len(tests))])[None]
    return {"labelled": rows[:, :, 0], "fidelity": rows[:, :, 1], "labels": rows[:, :, 2]}


def posterior(*tests: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the chances of all worlds after these tests."""
    chance = prior()
    for item, fidelity, label in tests:
        chance = chance * (OUTCOMES[:, N * fidelity + item] == label)
    return np.asarray(chance / chance.sum())


HISTORIES: list[tuple[tuple[int, int, int], ...]] = [
    (),
    ((1, 0, 1),),
    ((0, 1, 1), (2, 0, 0)),
    ((1, 0, 1), (0, 0, 1), (1, 1, 0)),
    ((2, 0, 0), (2, 1, 0), (0, 0, 1), (1, 0, 0), (0, 1, 1)),
]


def believed(*tests: tuple[int, int, int]) -> Exchangeable:
    """Return the belief after these tests."""
    belief = Exchangeable(ScreeningPool(num_items=N, budget=20, models=MODELS), 1)
    belief.update(observed(*tests), np.ones(1, np.bool_))
    return belief


@pytest.mark.parametrize("tests", HISTORIES)
def test_chances_are_those_of_all_worlds(tests: tuple[tuple[int, int, int], ...]) -> None:
    belief, chance = believed(*tests), posterior(*tests)
    labels = chance @ OUTCOMES[:, N:]
    assert belief.chance()[0] == pytest.approx(labels, abs=1e-12)
    assert belief.std()[0] == pytest.approx((labels * (1 - labels)) ** 0.5, abs=1e-7)
    untested = [i for i in range(N) if (i, 0) not in [test[:2] for test in tests]]
    cheap = chance @ OUTCOMES[:, :N]
    assert belief.positive(0)[0, untested] == pytest.approx(cheap[untested], abs=1e-12)


@pytest.mark.parametrize("tests", HISTORIES)
def test_what_a_test_would_tell_is_what_it_tells(tests: tuple[tuple[int, int, int], ...]) -> None:
    belief, bought = believed(*tests), [test[:2] for test in tests]
    for item, fidelity in itertools.product(range(N), (0, 1)):
        if (item, fidelity) in bought or (item, 1) in bought:
            continue
        told = belief.given_test(np.array([[item]]), fidelity)
        for label in (0, 1):
            want = posterior(*tests, (item, fidelity, label)) @ OUTCOMES[:, N:]
            assert told[label][0, 0] == pytest.approx(want, abs=1e-6)


def test_the_order_of_tests_does_not_matter_and_an_episode_is_forgotten() -> None:
    belief = believed(*HISTORIES[-1])
    chance = belief.chance()
    for order in itertools.permutations(HISTORIES[-1]):
        assert (believed(*order).chance() == chance).all()
    belief.update(observed(), np.ones(1, np.bool_))
    assert (belief.chance() == believed().chance()).all()


def test_draws_have_the_posterior_law() -> None:
    tests = HISTORIES[1]
    draws = believed(*tests).sample(20_000, KeyedRandom(np.zeros(1, np.uint64)))[0]
    cells = draws @ (1, 2, 4)
    want = np.bincount(OUTCOMES[:, N:] @ (1, 2, 4), posterior(*tests), 8)
    found = np.bincount(cells.astype(int), minlength=8) / len(cells)
    assert found == pytest.approx(want, abs=4 * (0.25 / len(cells)) ** 0.5)
