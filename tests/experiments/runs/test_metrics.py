"""Metrics of pools: episodes made by hand, random play in the mean, and what a replay makes of them."""

import dataclasses
import itertools

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.runs import record
from discovery_gym.experiments.runs.chunks import chunks_of, joined, play_chunk
from discovery_gym.experiments.runs.metrics import METRICS, described
from discovery_gym.experiments.runs.records import (
    open_folder,
    read_record,
    record_path,
    write_record,
)
from discovery_gym.experiments.runs.replay import Mismatch, compare, replay
from discovery_gym.experiments.runs.spec import RunSpec

LABELS = [3.0, 9.0, 1.0, 9.0, 5.0, 0.0, 8.0, 4.0, 2.0, 7.0]
ALL = ("top(share=0.2)", "found(share=0.2)", "simple_regret()", "area()")


def by_hand(*choices, labels=LABELS, metrics=ALL, **kwargs):
    """Return the metrics of one episode in which these items are chosen, by name."""
    n, plates = len(labels), iter(choices)

    def next_one(observation):
        return next(plates)

    kwargs = {"features": np.eye(n)[:, 1:], "labels": labels, **kwargs}
    kwargs["horizon"] = np.size(choices)
    played = evaluate("TablePool", next_one, episodes=1, env_kwargs=kwargs, metrics=metrics)
    return {name: values[0].tolist() for name, values in played.metrics.items()}


def test_an_episode_made_by_hand():
    """The best fifth of ten items are two: 9 and 9; the mean label is 4.8."""
    found = by_hand(4, 7, 6, 3)  # 5, 4, 8, 9
    assert found["top"] == [4, 11 / 3, 1]
    assert found["found"] == pytest.approx([0, 0, 0, 0.5, 0.1, 0.2, 0.3, 0.4])
    gaps, chance = np.split(np.array(found["simple_regret"]), 2)
    assert gaps.tolist() == [4, 4, 1, 0]
    orders = list(itertools.permutations(LABELS, 4))
    mean = 9 - np.maximum.accumulate(orders, axis=1).mean(0)
    np.testing.assert_allclose(chance, mean, rtol=1e-12)
    assert found["area"] == pytest.approx([1 - 9 / 4 / 4.2, 1 - mean.mean() / 4.2], rel=1e-12)


def test_where_none_was_found_chance_goes_on():
    """Two of the six items that are left are best: 7 / 3 more in the mean, by every order of them."""
    found = by_hand(0, 2, 4, 5)
    first = [order.index(9.0) for order in itertools.permutations([9.0, 9.0, 8.0, 4.0, 2.0, 7.0])]
    assert found["top"] == pytest.approx([4 + np.mean(first) + 1, 11 / 3, 0])


@pytest.mark.parametrize(
    ("share", "best"),
    [(0.001, 2), (0.1, 2), (0.2, 2), (0.21, 3), (0.5, 5), (1.0, 10)],
)
def test_a_share_is_rounded_up_and_has_all_ties(share, best):
    found = by_hand(5, metrics=[f"top(share={share})"])
    assert found["top"][1] == 11 / (best + 1)


def test_a_share_of_seven_in_a_hundred_is_seven_items():
    found = by_hand(0, labels=list(range(100)), metrics=["top(share=0.07)"])
    assert found["top"][1] == 101 / 8


def test_wasted_choices_count_as_experiments():
    found = by_hand(4, 4, 3, 3)
    assert found["top"][0] == 3
    assert found["found"][:4] == [0, 0, 0.5, 0.5]
    assert found["simple_regret"][:4] == [4, 4, 0, 0]
    none = by_hand(4, 4, 4, 4)  # nine items are left, two of them best
    assert none["top"][::2] == pytest.approx([4 + 10 / 3, 0])


@pytest.mark.parametrize("delay", [0, 1])
def test_experiments_of_a_plate_count_one_by_one_when_they_are_chosen(delay):
    found = by_hand([4, 7], [6, 3], batch_size=2, delay=delay)
    assert found["top"] == [4, 11 / 3, 1]
    assert found["simple_regret"][:2] == [4, 0]  # after each plate
    assert found["area"] == by_hand(4, 7, 6, 3)["area"]


def test_equal_items_are_all_best():
    found = by_hand(1, 2, labels=[0.1] * 4)
    assert found == {
        "top": [1, 1, 1],
        "found": [0.25, 0.5] * 2,
        "simple_regret": [0] * 4,
        "area": [1, 1],
    }


@pytest.mark.parametrize("factor", [0.01, 1.0, 1e4])
def test_units_of_labels_do_not_matter(factor):
    labels = factor * np.array(LABELS) + 300 * factor
    mine, plain = by_hand(4, 7, 6, labels=labels), by_hand(4, 7, 6)
    assert mine["top"] == plain["top"]
    assert mine["area"] == pytest.approx(plain["area"], rel=1e-9)
    assert mine["simple_regret"] == pytest.approx(
        factor * np.array(plain["simple_regret"]), rel=1e-9
    )


PLAYED = {
    "rows": ("TablePool", {"rows": 0.1, "horizon": 9}),
    "plates": ("TablePool", {"horizon": 24, "batch_size": 6, "delay": 1}),
    "lost": ("TablePool", {"horizon": 24, "delay": ["lognormal", 2, 1], "loss": 0.2}),
    "noise": ("LinearPool", {"num_items": 40, "num_features": 3, "noise_std": 1.0, "horizon": 8}),
    "ties": ("GraphPool", {"num_items": 30, "horizon": 6}),
    "coins": ("LogisticPool", {"num_items": 30, "num_features": 3, "horizon": 30}),
}


@pytest.mark.parametrize("name", PLAYED)
def test_random_play_is_in_the_mean_what_is_said_of_it(name):
    env_id, kwargs = PLAYED[name]
    found = evaluate(env_id, "random", episodes=1500, env_kwargs=kwargs, metrics=ALL, truth=False)
    gaps, chance = np.split(found.metrics["simple_regret"], 2, axis=1)
    top, area = found.metrics["top"], found.metrics["area"]
    pairs = [(top[:, 0], top[:, 1]), (area[:, 0], area[:, 1])]
    pairs += [(gaps[:, k], chance[:, k]) for k in range(len(found.points))]
    shares, chance = np.split(found.metrics["found"], 2, axis=1)
    pairs += [(shares[:, k], chance[:, k]) for k in range(len(found.points))]
    for ours, exact in pairs:
        difference = ours - exact
        if np.ptp(difference):
            assert abs(difference.mean()) < 4.5 * difference.std() / 1500**0.5
        else:
            assert difference == pytest.approx(0, abs=1e-9)


def run(name, episodes=11):
    env_id, kwargs = PLAYED[name]
    named = {"suite": "s", "version": 1, "task": name, "about": "", "name": "random"}
    return RunSpec(
        **named, agent="random", env_id=f"discovery/{env_id}-v0", env_kwargs=kwargs, metrics=ALL,
        episodes=episodes, seed=1_000_003, chunk=4,
    )  # fmt: skip


def played(spec):
    return joined(spec, [play_chunk(spec, index) for index in range(chunks_of(spec))])


@pytest.mark.parametrize("name", PLAYED)
def test_a_record_keeps_them_and_a_replay_finds_the_same_bits(name, tmp_path):
    spec, records = run(name), open_folder(tmp_path)
    assert not write_record(records, spec, played(spec))
    result = read_record(record_path(records, spec.id)).evaluation
    assert result.metrics.keys() == {"top", "found", "simple_regret", "area"}
    for width in (1, 5):
        compare(result, replay(spec, range(spec.seed, spec.seed + 11), result.actions, width), True)
    for metric in result.metrics:
        edited = {k: v.copy() for k, v in result.metrics.items()}
        edited[metric][3, -1] += 1e-6
        with pytest.raises(Mismatch, match=f"episode {spec.seed + 3}: its {metric} is"):
            compare(
                dataclasses.replace(result, metrics=edited),
                replay(spec, range(spec.seed, spec.seed + 11), result.actions),
                exact=False,
            )


@pytest.mark.parametrize("name", ["top", "found", "simple_regret", "area"])
@pytest.mark.parametrize("kind", ["nan", "infinite", "narrow"])
def test_a_record_with_other_metrics_is_none(name, kind):
    spec = run("rows")
    columns, about = record.leave(spec, played(spec), None)
    record.check(spec, columns, about)
    wrong = columns[name].copy()
    if kind == "narrow":
        wrong = wrong[:, 1:]
    else:
        wrong[2, 0] = np.nan if kind == "nan" else np.inf
    with pytest.raises(ValueError, match=f"the {name} of an episode"):
        record.check(spec, {**columns, name: wrong}, about)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("top(share=0)", "share must be a finite number > 0 and <= 1, got 0"),
        ("top(share=1.5)", "share must be"),
        ("top(n=3)", "top has no setting 'n'. It takes: share"),
        ("tops", "did you mean 'top'"),
        ("top(", "does not describe a metric; write a name such as 'top'"),
    ],
)
def test_what_is_no_metric_is_refused(text, reason):
    with pytest.raises(InputError, match=reason.replace("(", r"\(").replace(".", r"\.")):
        described(text)


def test_metrics_of_other_models_are_refused():
    for name in ("top", "found", "simple_regret", "area"):
        with pytest.raises(InputError, match=f"{name} is a metric of Pool"):
            evaluate("KnowledgeLadder", "random", episodes=1, metrics=[name])


def test_each_metric_has_the_width_that_it_says():
    for name in METRICS:
        pool = name != "information_bounds"
        env_id = "LinearPool" if pool else "LinearGaussianDesign"
        kwargs = {"horizon": 3} | ({"num_items": 9, "num_features": 2} if pool else {})
        found = evaluate(env_id, "random", episodes=2, env_kwargs=kwargs, metrics=[name])
        assert found.metrics[name].shape == (2, METRICS[name].width(len(found.points)))
