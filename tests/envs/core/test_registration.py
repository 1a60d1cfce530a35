"""A model of an outside package: its environments by one line, its id by another, its page."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import registered
from discovery_gym.envs import (
    DiscoveryEnv,
    DiscoveryVectorEnv,
    environments,
    register,
)
from discovery_gym.envs.pools.unstructured_pool import UnstructuredPool

SQUARES = '''
from dataclasses import dataclass

from discovery_gym.envs import environments
from discovery_gym.envs.pools.unstructured_pool import UnstructuredPool


@dataclass(frozen=True, kw_only=True, eq=False)
class Squares(UnstructuredPool):
    """Label squares.

    ## Arguments
    - `side`: length of a side.
    - `delay`: days until a label comes.

    ## Rewards
    Nothing.
    """

    side: float = 2.0
    delay: int = 1


SquaresEnv, SquaresVectorEnv = environments(Squares)
'''


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a model, which is registered by name and not imported."""
    (tmp_path / "lab_squares.py").write_text(SQUARES)
    monkeypatch.syspath_prepend(tmp_path)
    register("lab/Squares-v3", "lab_squares:Squares")
    assert "lab_squares" not in sys.modules
    yield "lab/Squares-v3"
    gym.registry.pop("lab/Squares-v3")
    sys.modules.pop("lab_squares", None)


def test_an_outside_model(lab: str) -> None:
    """Both classes are made, pickled and written as JSON, and tell the page of the model."""
    env, vector = gym.make(lab, side=3).unwrapped, gym.make_vec(lab, num_envs=2, side=3)
    assert isinstance(env, DiscoveryEnv)
    assert isinstance(vector, DiscoveryVectorEnv)
    module = sys.modules["lab_squares"]
    assert (type(env), type(vector)) == (module.SquaresEnv, module.SquaresVectorEnv)
    for made in (env, vector):
        first = made.reset(seed=0)[0]["labelled"]
        again = pickle.loads(pickle.dumps(made))
        assert type(again) is type(made)
        assert again.model.side == 3
        np.testing.assert_array_equal(again.reset(seed=0)[0]["labelled"], first)
        assert type(made).__doc__ == module.Squares.__doc__
    for name, spec in (("make", gym.make(lab, side=3).spec), ("make_vec", vector.spec)):
        assert spec is not None
        written = gym.envs.registration.EnvSpec.from_json(spec.to_json())
        assert getattr(gym, name)(written).unwrapped.model.side == 3


def test_a_page_is_joined(lab: str) -> None:
    """Sections and entries of a class replace those of its family; the rest is the family's."""
    gym.make(lab)
    page, family = sys.modules["lab_squares"].Squares.__doc__, UnstructuredPool.__doc__
    assert family is not None
    assert page.startswith("Label squares.\n\n## Description\nThe lower bound")
    assert "## Rewards\nNothing.\n\n## Starting state" in page
    assert "- `side` (2.0): length of a side." in page
    assert "- `delay` (1): days until a label comes.\n- `loss`" in page
    assert page.count("`delay` (") == family.count("`delay` (") == 1
    assert "- `delay` (0): number of steps" in family
    assert page.count("\n- `") == family.count("\n- `") + 1


def test_a_class_is_registered_by_where_it_stands() -> None:
    """A spec holds text alone, whichever way the model was named."""
    register("lab/Unstructured-v0", UnstructuredPool)
    try:
        ours, theirs = gym.spec("discovery/UnstructuredPool-v0"), gym.spec("lab/Unstructured-v0")
        assert theirs.entry_point == ours.entry_point
        assert theirs.vector_entry_point == ours.vector_entry_point
    finally:
        gym.registry.pop("lab/Unstructured-v0")


def test_the_two_classes_are_named_after_the_model() -> None:
    single, many = environments(UnstructuredPool)
    assert (single.__name__, many.__name__) == ("UnstructuredPoolEnv", "UnstructuredPoolVectorEnv")
    assert single.__module__ == many.__module__ == UnstructuredPool.__module__


def test_what_another_package_registers_wrongly_does_no_harm() -> None:
    """Its module may lack the class, or be in the middle of its import."""
    ids = registered()
    register("lab/Nothing-v0", f"{UnstructuredPool.__module__}:Nothing")
    try:
        assert registered() == ids
    finally:
        gym.registry.pop("lab/Nothing-v0")


def test_rewards_and_ends_are_plain_numbers_whatever_a_model_counts_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = gym.make("discovery/UnstructuredPool-v0", num_items=5, horizon=1).unwrapped
    model = type(env.model)
    step = model.step

    def counted(*given: Any) -> Any:
        reward, ended = step(*given)
        return reward.astype(np.int64), ended.astype(np.int8)

    monkeypatch.setattr(model, "step", counted)
    env.reset(seed=0)
    _, reward, terminated, *_ = env.step(0)
    assert type(reward) is float
    assert terminated is True
