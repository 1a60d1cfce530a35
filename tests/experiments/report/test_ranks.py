"""Ranks, pairs and what episodes tell, against enumeration, other programs and simulation."""

import itertools
import math

import numpy as np
import pytest
from rank_coverage import coverage
from scipy.stats import nct, t, ttest_1samp

from discovery_gym import InputError
from discovery_gym.experiments.report import ranks


def by_hand(x):
    """Return t of the mean of some numbers, with Hall's correction for their skewness."""
    count, mean = len(x), sum(x) / len(x)
    error = math.sqrt(sum((one - mean) ** 2 for one in x) / (count - 1) / count)
    third = count * sum((one - mean) ** 3 for one in x) / (count - 1) / (count - 2)
    skew = third / count**2 / error**3
    value = mean / error
    return value + skew * value**2 / 3 + skew**2 * value**3 / 27 + skew / 6


def by_enumeration(scores):
    """Return the rank sets of one task by all signs, and how near a decision was to the level."""
    agents, count = scores.shape
    pairs = list(itertools.combinations(range(agents), 2))
    played = {(i, j): by_hand(scores[i] - scores[j]) for i, j in pairs}
    flips = [
        {(i, j): abs(by_hand(signs * (scores[i] - scores[j]))) for i, j in pairs}
        for signs in map(np.array, itertools.product((1, -1), repeat=count))
    ]
    left, told, nearest = set(pairs), [], 1.0
    while left:
        largest = [max(flip[pair] for pair in left) for flip in flips]
        p = {
            pair: np.mean([one >= abs(played[pair]) * (1 - 1e-9) for one in largest])
            for pair in left
        }
        nearest = min(nearest, *(abs(one - 0.05) for one in p.values()))
        new = [pair for pair in left if p[pair] <= 0.05]
        if not new:
            break
        told += [(i, j) if played[i, j] > 0 else (j, i) for i, j in new]
        left -= set(new)
    low = [1 + sum(worse == one for _, worse in told) for one in range(agents)]
    high = [agents - sum(better == one for better, _ in told) for one in range(agents)]
    return (low, high), nearest


def test_rank_sets_are_those_of_all_signs():
    random, seen = np.random.default_rng(3), set()
    for shift in (0.0, 0.5, 1.0, 2.0, 3.0) * 2:
        scores = random.exponential(size=(3, 8)) + shift * np.arange(3)[:, None]
        expected, nearest = by_enumeration(scores)
        if nearest > 0.015:  # else drawn signs may fall on the other side
            low, high = ranks.rank_sets([scores], draws=4000)
            assert (low.tolist(), high.tolist()) == expected
            seen.add(str(expected))
    assert len(seen) >= 3


@pytest.mark.parametrize(
    ("shape", "law", "tasks"),
    [
        ("all equal", "normal", 1),
        ("all equal", "one in ten fails", 1),
        ("all equal", "skewed both ways", 1),
        ("seven equal, one ahead", "skewed, unlike widths", 2),
    ],
)
def test_all_ranks_are_covered_95_times_in_100(shape, law, tasks):
    """At 16 episodes; with normal noise in place of signs the skewed ones are at .83 and .81."""
    boards = 300
    expected, error = 0.95, (0.95 * 0.05 / boards) ** 0.5
    assert abs(coverage(shape, law, tasks, 16, boards) - expected) < 0.02 + 3 * error


def test_ranks_tell_what_is_far_apart_and_not_what_is_equal():
    random = np.random.default_rng(0)
    scores = [random.normal(size=(5, 40)) + np.array([0, 9, 9, 20, -9])[:, None] for _ in range(3)]
    low, high = ranks.rank_sets(scores)
    assert low.tolist() == [4, 2, 2, 1, 5]
    assert high.tolist() == [4, 3, 3, 1, 5]


def test_ranks_do_not_depend_on_unit_order_or_shared_luck():
    random = np.random.default_rng(5)
    scores = [random.exponential(size=(4, 30)) + np.array([[0], [0.5], [1], [1]]) for _ in range(2)]
    low, high = ranks.rank_sets(scores)
    assert (low < high).any()
    assert (low > 1).any()
    order = [2, 0, 3, 1]
    luck = random.integers(0, 1000, size=30)
    for changed, at in (
        ([task * 2.0**300 for task in scores], slice(None)),
        ([task * 2.0**-300 for task in scores], slice(None)),
        ([task[order] for task in scores], order),
        ([task + luck for task in scores], slice(None)),
    ):
        again = ranks.rank_sets(changed)
        assert again[0].tolist() == low[at].tolist()
        assert again[1].tolist() == high[at].tolist()
    assert [x.tolist() for x in ranks.rank_sets(scores)] == [low.tolist(), high.tolist()]


def test_tasks_weigh_the_same_whatever_their_episodes():
    """An agent far ahead on one task of 20 episodes, little behind on one of 1000, is ahead."""
    random = np.random.default_rng(1)
    few, many = 0.1 * random.normal(size=(2, 20)), 0.1 * random.normal(size=(2, 1000))
    few[0] += 1
    many[1] += 0.5
    low, high = ranks.rank_sets([few, many])
    assert (low.tolist(), high.tolist()) == ([1, 2], [1, 2])


def test_where_nothing_varies_ranks_are_of_equal_or_certain_agents():
    luck = np.random.default_rng(0).normal(size=16)
    for scores, expected in (
        ([[luck, luck, luck + 1]], ([2, 2, 1], [3, 3, 1])),
        ([[luck, luck * (1 + 1e-15)]], ([1, 1], [2, 2])),
        ([np.zeros((3, 16))], ([1, 1, 1], [3, 3, 3])),
        ([[[0.1] * 16, [0.2] * 16], [[0.2] * 16, [0.1] * 16]], ([1, 1], [2, 2])),
        ([[[0.1] * 16, [0.2] * 16], [[0.3] * 16, [0.1] * 16]], ([1, 2], [1, 2])),
        ([[[0.1] * 3, [0.2] * 3]], ([1, 1], [2, 2])),  # three episodes prove nothing
        ([[[0.0], [5.0]]], ([1, 1], [2, 2])),
        ([[[0.0, 1.0], [5.0, 6.5]]], ([1, 1], [2, 2])),
        ([[[1e100] * 16, [-1e100] * 16]], ([1, 2], [1, 2])),
        ([[luck]], ([1], [1])),
    ):
        low, high = ranks.rank_sets(scores)
        assert (low.tolist(), high.tolist()) == expected


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([], "an array .agents, episodes. for each task"),
        ([[1.0, 2.0]], "got shapes"),
        ([np.zeros((2, 9)), np.zeros((3, 9))], "did not play all tasks"),
        ([[[np.nan, 1.0], [0.0, 1.0]]], "must be finite"),
    ],
)
def test_what_cannot_be_ranked_is_refused(scores, reason):
    with pytest.raises(InputError, match=reason):
        ranks.rank_sets(scores)


# ---- pairs


def test_holm_is_the_closure_of_bonferroni():
    """A hypothesis falls if every set that holds it falls by Bonferroni."""
    random = np.random.default_rng(0)
    for size in (1, 2, 5, 6):
        p = random.random(size) ** 3
        p[-1] = p[0]
        expected = [
            max(
                min(1, len(some) * min(p[list(some)]))
                for count in range(1, size + 1)
                for some in itertools.combinations(range(size), count)
                if one in some
            )
            for one in range(size)
        ]
        np.testing.assert_allclose(ranks.holm(p), expected)
    found = ranks.holm([[0.01, np.nan], [0.03, 0.9]])
    np.testing.assert_allclose(found, [[0.03, np.nan], [0.06, 0.9]])
    assert ranks.holm([]).shape == (0,)


def test_p_values_are_those_of_students_t():
    for size in (2, 7, 400):
        x = np.random.default_rng(size).normal(0.3, 1, size=size)
        assert ranks.p_value(x) == pytest.approx(ttest_1samp(x, 0).pvalue)
    assert ranks.p_value([1.0, 1.0, 1.0]) == 0.25
    assert ranks.p_value([0.0, 0.0]) == 1
    assert math.isnan(ranks.p_value([2.0]))


def test_differences_of_rounding_are_none():
    luck = np.random.default_rng(0).normal(size=9)
    assert ranks.paired(luck * (1 + 1e-15), luck).tolist() == [0.0] * 9
    assert ranks.paired([3.0, 1.0], [1.0, 1.5]).tolist() == [2.0, -0.5]


# ---- what episodes tell


@pytest.mark.parametrize("count", [4, 8, 16, 1000])
def test_a_detectable_difference_is_told_four_times_in_five(count):
    """By the exact power of the test, whose t is noncentral."""
    x = np.random.default_rng(count).normal(size=count)
    shift = ranks.detectable(x) / (x.std(ddof=1) / count**0.5)
    critical = t.ppf(0.975, count - 1)
    power = nct.sf(critical, count - 1, shift) + nct.cdf(-critical, count - 1, shift)
    assert power == pytest.approx(0.8, abs=0.025 if count > 4 else 0.08)
    if count == 1000:
        assert shift == pytest.approx(2.80, abs=0.01)


def test_episodes_to_tell_are_the_first_number_that_does():
    x = np.random.default_rng(0).normal(size=50)
    deviation = x.std(ddof=1)

    def detectable(count):
        return (t.ppf(0.975, count - 1) + t.ppf(0.8, count - 1)) * deviation / count**0.5

    for size in (5.0, 1.0, 0.3, 0.1):
        first = next(count for count in itertools.count(2) if detectable(count) <= size)
        assert ranks.episodes_to_tell(x, size) == first
    assert ranks.episodes_to_tell(x, ranks.detectable(x) * (1 + 1e-12)) == 50


def test_nothing_is_told_of_a_single_episode_or_of_none_that_vary():
    assert math.isnan(ranks.detectable([3.0]))
    assert ranks.detectable([3.0, 3.0]) == 0
    assert ranks.episodes_to_tell([3.0], 1) is None
    assert ranks.episodes_to_tell([3.0, 3.0], 1) is None
    assert ranks.episodes_to_tell([3.0, 4.0], 0) is None
