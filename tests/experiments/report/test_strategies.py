"""What cannot be told apart: variances against simulation and closed forms, sets among equals."""

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.experiments.report.strategies import Difference, Replays, chosen, verdict

ROWS, SPLITS, F, E = 80, 8, 8, 64


def board(random, effects, noise=0.5):
    """Return replays whose scores are the mean effect of their rows ``(p, n)``, and noise."""
    p, n = effects.shape

    def episodes(rows, count):
        pools = random.permuted(np.tile(rows, (count, 1)), axis=1)[:, : int(0.8 * len(rows))]
        return effects[:, pools].mean(-1) + noise * random.standard_normal((p, count))

    halves = np.empty((SPLITS, 2, p, F))
    for split in halves:
        order = random.permutation(n)
        split[0], split[1] = (episodes(part, F) for part in (order[: n // 2], order[n // 2 :]))
    names = tuple(f"s{i}" for i in range(p))
    whole, placebo = episodes(np.arange(n), E), noise * random.standard_normal((p, E))
    return Replays(names=names, whole=whole, halves=halves, placebo=placebo)


def test_the_error_is_that_of_tables_of_other_rows():
    """A difference varies from table to table as it says, where episodes alone say far less."""
    random = np.random.default_rng(1)
    found = []
    for _ in range(200):
        effects = random.standard_normal((4, ROWS)) * 2
        found.append(verdict(board(random, effects)).ahead[0][1])
    truth = 4 * 2 / ROWS + 2 * 0.5**2 / E  # of the rows, and of the episodes' own noise
    assert np.var([one.mean for one in found]) == pytest.approx(truth, rel=0.2)
    assert np.mean([one.error**2 for one in found]) == pytest.approx(truth, rel=0.1)
    assert np.mean([one.replays for one in found]) < truth / 5


def test_rows_that_say_nothing_have_no_variance():
    random = np.random.default_rng(2)
    boards = [verdict(board(random, np.zeros((4, ROWS)))) for _ in range(100)]
    replays = np.mean([one.ahead[0][1].replays for one in boards])
    assert np.median([one.ahead[0][1].rows for one in boards]) < 2 * replays


def test_among_equals_all_stay_and_a_clear_winner_is_found():
    random = np.random.default_rng(3)
    equal = [verdict(board(random, random.standard_normal((6, ROWS)))) for _ in range(150)]
    assert np.mean([one.stays.all() for one in equal]) >= 0.9

    mean = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 3.0])[:, None]
    found = [verdict(board(random, mean + random.standard_normal((6, ROWS)))) for _ in range(20)]
    assert all(one.set == ["s5"] for one in found)
    assert all(one.beats_random and one.names[one.order[0]] == "s5" for one in found)


def test_the_set_holds_what_wins_on_other_rows():
    """Two tables of one law: the winner of one is in the set of the other, and the set is small."""
    random = np.random.default_rng(7)
    mean = np.array([1.0, 1.1, 1.2, 1.3, 0.2, 0.3])[:, None]
    sizes, held = [], []
    for _ in range(150):
        one, other = (board(random, mean + random.standard_normal((6, ROWS))) for _ in "ab")
        found = verdict(one)
        sizes.append(found.stays.mean())
        held.append(found.stays[other.whole.mean(1).argmax()])
        assert found.wins.sum() == pytest.approx(1, abs=0.01)
    assert 0.86 <= np.mean(held) <= 0.99
    assert np.mean(sizes) < 0.5


def test_what_was_chosen_on_a_half_is_no_better_than_it_is():
    """Among equals the best of a half is above 0 there, and at 0 on the other half."""
    random = np.random.default_rng(4)
    boards = [board(random, random.standard_normal((6, ROWS))) for _ in range(100)]
    there = np.mean([one.halves.mean(-1).max(-1).mean() for one in boards])
    other = [chosen(one) for one in boards]
    error = np.std([one.mean for one in other]) / len(other) ** 0.5
    assert abs(np.mean([one.mean for one in other])) < 4 * error < there / 3
    same = Replays(
        names=("a", "b"),
        whole=np.zeros((2, 4)),
        halves=np.broadcast_to(np.array([1.0, 0.0])[:, None], (SPLITS, 2, 2, F)),
        placebo=np.zeros((2, 4)),
    )
    assert (chosen(same).mean, chosen(same, "b").mean, chosen(same, "a").mean) == (1, 1, 0)


def test_so_many_rows_or_episodes_see_a_difference():
    """What it says is seen: with these rows, or these episodes, it is just detectable."""
    one = Difference(mean=0.1, rows=0.01, replays=0.004, freedom=10**6)
    assert one.detectable == pytest.approx((1.959964 + 0.841621) * 0.014**0.5, rel=1e-5)
    rows = one.rows_to_see(0.1, 200)
    assert rows == np.ceil(200 * 0.01 * ((1.959964 + 0.841621) / 0.1) ** 2)
    endless = Difference(mean=0, rows=0.01 * 200 / rows, replays=0, freedom=10**6)
    assert endless.detectable == pytest.approx(0.1, rel=0.01)
    assert one.episodes_to_see(0.1, 64) is None  # the rows alone hide it
    episodes = one.episodes_to_see(0.3, 64)
    more = Difference(mean=0, rows=0.01, replays=0.004 * 64 / episodes, freedom=10**6)
    assert more.detectable == pytest.approx(0.3, rel=0.05)


def test_strategies_that_choose_alike_are_not_told_apart():
    random = np.random.default_rng(5)
    one = board(random, random.standard_normal((1, ROWS)) + 2)
    twice = {name: np.concatenate([getattr(one, name)] * 2, -2) for name in ("whole", "halves")}
    twice["whole"][1] *= 1 + 1e-16  # rounding is no difference
    twice["whole"][1, 0] += 1e-15
    found = verdict(Replays(names=("a", "b"), placebo=np.tile(one.placebo, (2, 1)), **twice))
    assert found.set == ["a", "b"]
    assert found.ahead[0][1].error == 0
    assert found.ahead[0][1].p_value == 1
    assert found.wins.tolist() == [1, 1, 0]


def test_advice_is_the_default_unless_something_is_surely_better():
    random = np.random.default_rng(6)
    mean = np.array([0.0, 2.0, 2.0])[:, None]
    found = verdict(board(random, mean + 0.1 * random.standard_normal((3, ROWS))))
    assert found.advice("s1") == "s1"
    assert found.advice("s2") == "s2"
    assert found.advice("s0") == found.names[found.best] != "s0"
    equal = verdict(board(random, np.zeros((3, ROWS))))
    assert not equal.beats_random
    assert equal.advice("s0") == "s0"


@pytest.mark.parametrize(
    "change", [{"whole": np.zeros((3, 9))}, {"placebo": np.zeros((2, 1))}, {"names": ("a",)}]
)
def test_scores_that_do_not_fit_are_refused(change):
    good = {
        "names": ("a", "b"),
        "whole": np.zeros((2, 9)),
        "halves": np.zeros((4, 2, 2, 3)),
        "placebo": np.zeros((2, 9)),
    }
    Replays(**good)
    with pytest.raises(InputError):
        Replays(**good | change)
