"""The statistics against closed forms and brute force."""

import itertools

import numpy as np
import pytest

from discovery_gym.experiments import stats as st

RNG = np.random.default_rng(7)


def test_normalised_puts_random_at_0_and_the_optimum_at_1():
    assert st.normalised([-30, -10, -20], -30, -10).tolist() == [0, 1, 0.5]
    assert np.isnan(st.normalised([1.0], 2, 2)).all()


def test_interval_of_a_mean_is_that_of_the_normal_law():
    values = RNG.exponential(size=4000)
    found = st.mean(values)
    half = 1.96 * values.std() / np.sqrt(values.size)
    assert found.value == values.mean()
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_intervals_cover_the_truth_as_often_as_they_say():
    covered = 0
    for _ in range(200):
        found = st.mean(RNG.normal(size=60))
        covered += found.low <= 0 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_intervals_are_repeatable_and_collapse_for_constant_values():
    values = RNG.normal(size=50)
    assert st.mean(values) == st.mean(values)
    assert st.mean([2.0] * 10) == (2.0, 2.0, 2.0)
    assert np.isnan(st.mean([2.0]).low)


def test_pairing_removes_shared_luck():
    luck = 10 * RNG.normal(size=300)
    ours, theirs = luck + RNG.normal(size=300) + 1, luck + RNG.normal(size=300)
    found = st.paired_difference(ours, theirs)
    by_hand = st.mean(ours - theirs)  # resampling pairs is resampling differences
    assert found.value == pytest.approx(by_hand.value)
    assert found.low == pytest.approx(by_hand.low, abs=0.03)
    assert found.high == pytest.approx(by_hand.high, abs=0.03)
    assert found.high - found.low < 0.5


def test_means_over_tasks_weigh_tasks_and_resample_within_them():
    tasks = [RNG.normal(k, 1, size=100 * (k + 1)) for k in range(8)]
    means = np.sort([task.mean() for task in tasks])
    found = st.mean_over_tasks(tasks)
    half = 1.96 / 8 * np.sqrt(sum(task.var() / task.size for task in tasks))
    assert found.value == pytest.approx(means.mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)
    assert st.interquartile_mean(tasks).value == pytest.approx(means[2:6].mean())


def test_probability_of_improvement_counts_pairs():
    ours, theirs = RNG.integers(0, 5, 30), RNG.integers(0, 6, 40)
    pairs = [(x > y) + (x == y) / 2 for x, y in itertools.product(ours, theirs)]
    assert st.probability_of_improvement(ours, theirs) == pytest.approx(np.mean(pairs))
    assert st.probability_of_improvement([1, 1], [1, 1]) == 0.5


def test_performance_profile_counts_episodes():
    tasks = [RNG.normal(size=20), RNG.normal(size=50)]
    levels = np.array([-1.0, 0.0, tasks[0][3]])
    brute = [np.mean([(task >= level).mean() for task in tasks]) for level in levels]
    np.testing.assert_allclose(st.performance_profile(tasks, levels), brute)


def test_ahead_is_told_from_chance():
    random = np.random.default_rng(0)
    noise = random.standard_normal(400)
    assert st.ahead(noise + 0.2, noise - 0.2 * random.random(400)) == 1
    assert st.ahead(noise, noise + 1) == 0
    assert st.ahead(noise, noise) == st.ahead([2.0], [1.0]) == 0.5
    even = [st.ahead(random.standard_normal(50), random.standard_normal(50)) for _ in range(1000)]
    assert 0.03 < np.mean(np.array(even) != 0.5) < 0.08  # 5 % by chance
