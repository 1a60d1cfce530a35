"""What play at random finds: the exact laws against every order of small pools, and by binomials."""

import itertools
from math import comb

import numpy as np
import pytest

from discovery_gym.envs.pools import order_statistics as law

POOLS = {
    "all different": [3.0, -1.0, 0.5, 7.0, 2.0, -3.0],
    "ties": [2.0, 2.0, -1.0, 7.0, 7.0, 2.0],
    "one value": [0.1] * 6,
    "two values": [0.0, 1.0, 0.0, 0.0, 1.0, 0.0],
    "one item": [5.0],
}


@pytest.mark.parametrize("name", POOLS)
def test_the_gap_of_random_play_against_every_order(name):
    values = np.array(POOLS[name])
    n, best = len(values), max(values)
    orders = np.array(list(itertools.permutations(values)))
    gaps = (best - np.maximum.accumulate(orders, axis=1)).mean(0)  # after 1, ..., n draws
    np.testing.assert_allclose(law.gap_drawn(values[None], range(1, n + 1))[0], gaps, atol=1e-14)
    for count in range(1, n + 1):
        mean = law.mean_gap_drawn(values[None], count)
        assert mean == pytest.approx([gaps[:count].mean()], abs=1e-13)


def test_draws_to_the_first_of_the_best_against_every_order():
    orders = np.array(list(itertools.permutations(range(7))))
    for best in range(1, 8):
        first = (orders < best).argmax(1) + 1
        assert law.draws_to_first(7, best) == pytest.approx(first.mean(), rel=1e-13)
        for count in range(1, 8):
            if best < 7:
                missed = (first > count).mean()
                assert law.missed(7, count)[best - 1] == pytest.approx(missed, abs=1e-14)


def test_the_laws_of_a_table_as_large_as_real_ones():
    """247 items with 14 best ones, as in the Suzuki table of Olympus: 16.533 draws in the mean."""
    n, best = 247, 14
    assert law.draws_to_first(n, best) == pytest.approx(16.533, abs=5e-4)
    for count in (1, 20, 200, 247):
        exact = [comb(n - j, count) / comb(n, count) for j in range(1, n)]
        np.testing.assert_allclose(law.missed(n, count), exact, rtol=1e-11, atol=1e-300)
    values = np.random.default_rng(3).lognormal(size=(2, n))
    down = -np.sort(-values, axis=1)
    for count in (1, 20, 247):  # by the law of the best itself, not by the steps between ranks
        weights = [comb(n - j, count - 1) / comb(n, count) for j in range(1, n + 1)]
        found = law.gap_drawn(values, [count])[:, 0]
        np.testing.assert_allclose(found, down[:, 0] - down @ weights, atol=1e-10)
    many = law.gap_drawn(values, range(1, n + 1))
    for count in (1, 50, 246, 247):
        mean = law.mean_gap_drawn(values, count)
        np.testing.assert_allclose(mean, many[:, :count].mean(1), rtol=1e-9)


def test_a_pool_has_the_same_bits_alone_and_among_others():
    values = np.random.default_rng(4).standard_normal((9, 333))
    for i in (0, 5):
        alone = law.gap_drawn(values[[i]], [1, 7, 60]), law.mean_gap_drawn(values[[i]], 60)
        among = law.gap_drawn(values, [1, 7, 60])[[i]], law.mean_gap_drawn(values, 60)[[i]]
        assert np.array_equal(alone[0], among[0])
        assert np.array_equal(alone[1], among[1])
