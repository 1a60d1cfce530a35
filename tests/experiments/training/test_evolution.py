"""Training of the learned rule: it improves."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery_gym import InputError
from discovery_gym.agents.rules.meta_ucb import Network
from discovery_gym.experiments.training import train
from discovery_gym.experiments.training.evolution import ES, GRAPH, play

# Hubs tell of everything, which Bayes-UCB does not look at.
STAR = {"topology": "star", "num_items": 60, "edge_prob": 0.0, "hub_fraction": 0.1, "horizon": 8}


def test_settings_that_make_no_sense_are_refused() -> None:
    for name, value in [
        ("pairs", 0), ("iterations", "x"), ("sigma", float("nan")), ("sigma", 0), ("rate", 1e300),
        ("width", -1), ("seed", -1), ("every", 0), ("episodes", 1),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=f"{name} must be"):
            ES(**{name: value})
    with pytest.raises(InputError, match="seeds of training"):
        ES(iterations=10**6)


def test_training_improves(tmp_path: Path) -> None:
    """On a pool of one's own."""
    training = ES(
        env_id="GraphPool",
        env_kwargs=STAR,
        iterations=30,
        pairs=64,
        width=0.0,
        rate=0.1,
        every=30,
        episodes=2,
    )
    train(training, tmp_path)
    start, learned = Network.new(0.0), Network.load(tmp_path / "weights.safetensors")
    seeds = list(range(700_000, 700_400))
    before, after = (play(GRAPH, STAR, one, seeds, 0) for one in (start, learned))
    difference = before - after
    assert difference.mean() > 3 * difference.std() / 20


def test_parameters_need_an_environment() -> None:
    with pytest.raises(InputError, match=r"Name the pool that has the parameters \{'horizon': 9\}"):
        ES(env_kwargs={"horizon": 9})
