"""Training of the rule meta_ucb: it improves, and a killed training ends where it would have."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.agents.rules.meta_ucb import Network
from discovery_gym.experiments.training.evolution import GRAPH, LINEAR, Training, play, train
from discovery_gym.experiments.training.folder import CHECKPOINT

TINY = {
    # Hubs tell of everything, which Bayes-UCB does not look at.
    "star": (
        GRAPH,
        {"topology": "star", "num_items": 60, "edge_prob": 0.0, "hub_fraction": 0.1, "horizon": 8},
    ),
    "linear": (LINEAR, {"num_items": 30, "num_features": 3, "horizon": 6}),
}
QUICK = Training(tasks=("star", "linear"), iterations=4, pairs=8, every=2, episodes=16)


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole = train(QUICK, tmp_path / "whole", TINY)
    train(QUICK, tmp_path / "parts", TINY, stop=2)
    parts = train(QUICK, tmp_path / "parts", TINY)
    np.testing.assert_array_equal(whole.weights, parts.weights)
    curves = []
    for name in ("whole", "parts"):
        saved = Network.load(tmp_path / name / "weights.safetensors")
        np.testing.assert_array_equal(saved.weights, whole.weights)
        with (tmp_path / name / "curve.csv").open() as file:
            rows = list(csv.DictReader(file))
        curves.append([row | {"cpu_seconds": ""} for row in rows])
    assert curves[0] == curves[1]
    assert [row["iteration"] for row in curves[0]] == ["0", "0", "2", "2", "4", "4"]


@pytest.mark.parametrize("name", ["weights.safetensors", "curve.csv"])
def test_a_finished_training_mends_its_files(name: str, tmp_path: Path) -> None:
    network = train(QUICK, tmp_path, TINY)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-9])
    np.testing.assert_array_equal(train(QUICK, tmp_path, TINY).weights, network.weights)
    assert (tmp_path / name).read_bytes() == whole
    (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:-9])
    with pytest.raises(InputError, match="is not a checkpoint of this training, or it is damaged"):
        train(QUICK, tmp_path, TINY)


def test_other_settings_do_not_resume(tmp_path: Path) -> None:
    train(QUICK, tmp_path, TINY, stop=0)
    with pytest.raises(InputError, match="another training: seed 0 instead of 1"):
        train(replace(QUICK, seed=1), tmp_path, TINY)


def test_settings_that_make_no_sense_are_refused() -> None:
    for name, value in [
        ("pairs", 0), ("iterations", "x"), ("sigma", float("nan")), ("sigma", 0), ("rate", 1e300),
        ("width", -1), ("seed", -1), ("every", 0), ("episodes", 1),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=f"{name} must be"):
            Training(**{name: value})
    with pytest.raises(InputError, match="seeds of training"):
        Training(iterations=10**6)


def test_training_improves(tmp_path: Path) -> None:
    training = Training(
        tasks=("star",), iterations=30, pairs=64, width=0.0, rate=0.1, every=30, episodes=2
    )
    network = train(training, tmp_path, TINY)
    start = Network.new(0.0)
    seeds = list(range(700_000, 700_400))
    before, after = (play(*TINY["star"], one, seeds, 0) for one in (start, network))
    difference = before - after
    assert difference.mean() > 3 * difference.std() / 20
