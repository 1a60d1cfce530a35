"""The checks for one's own environments, beliefs and rules find every planted fault, and name it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faulty
import gymnasium as gym
import pytest

from discovery_gym.envs.core import InputError, register
from discovery_gym.testing import CheckFailed, check_belief, check_model, check_rule

LINEAR = "discovery/LinearPool-v0"
SMALL = {"num_items": 20, "num_features": 3, "horizon": 8}
MODELS = {
    "Neighbourly": "at once and one by one, NextStep, step",
    "Boastful": r"optimal_value\(\): found .* declared and .* played, expected the same",
    "Unlucky": r"random_value\(\): found",
    "Leaky": "what random can reach: found .*values in a ndarray.* expected nothing hidden",
    "Transparent": "what the first observation can reach: found .*values in a ndarray",
    "Forgiving": "regret of random: found",
    "Blind": "Gymnasium's checker: found",
    "Restless": "Gymnasium's checker: found|with the same seed",
    "Unpickled": "pickle: found TypeError",
}
BELIEFS = {
    "Sticky": "an episode that starts beside others: found means",
    "Ordered": "labels in another order: found means",
    "Careless": "a belief that has looked ahead: found deviations",
    "Bold": "the variance of 4000 draws of item",
    "Sloppy": "label by label against all at once: found means",
    "Slow": "label by label against all at once: found means",
    "Sociable": "one episode alone: found means",
    "Deaf": "labels: found that they change the mean by 0.0, expected more",
}
RULES = {
    "Repeats": r"a batch of faulty:Repeats.*: found .* expected each item once",
    "First": "three equal rows: .*faulty:First.* chooses them: found .* expected each as often",
    "Illegal": "choices of faulty:Illegal.*: found .* expected some of",
    "Counting": "rows in another order|three equal rows",
    "Unseeded": "the same seed again: decision . of faulty:Unseeded",
    "Remembering": "an agent made anew for each decision",
    "Jealous": "other episodes beside it",
}


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """The environments, for these tests alone."""
    known = {*gym.registry}
    for model in (faulty.Sound, *faulty.MODELS):
        register(f"faulty/{model.__name__}-v0", model)
    yield
    for env_id in {*gym.registry} - known:
        del gym.registry[env_id]


def test_every_fault_is_looked_for() -> None:
    for faults, told in ((faulty.MODELS, MODELS), (faulty.BELIEFS, BELIEFS), (faulty.RULES, RULES)):
        assert [one.__name__ for one in faults] == list(told)


def test_what_is_sound_passes() -> None:
    check_model("faulty/Sound-v0")
    check_belief("linear", LINEAR, **SMALL)
    check_rule("greedy", LINEAR, belief="linear(noise_std=0.1)", **SMALL)


@pytest.mark.parametrize("name", MODELS)
def test_faults_of_models(name: str) -> None:
    with pytest.raises(CheckFailed, match=MODELS[name]):
        check_model(f"faulty/{name}-v0")


@pytest.mark.parametrize("late", [{}, {"delay": 2}])
@pytest.mark.parametrize("name", BELIEFS)
def test_faults_of_beliefs(name: str, late: dict[str, Any]) -> None:
    for belief in (f"faulty:{name}", getattr(faulty, name)):
        with pytest.raises(CheckFailed, match=BELIEFS[name]):
            check_belief(belief, LINEAR, **SMALL, **late)


@pytest.mark.parametrize("name", RULES)
def test_faults_of_rules(name: str) -> None:
    with pytest.raises(CheckFailed, match=RULES[name]):
        check_rule(f"faulty:{name}", LINEAR, belief="linear", **SMALL)


def test_a_class_that_no_text_can_name_is_refused() -> None:
    nameless = type("Nameless", (faulty.First,), {})
    with pytest.raises(InputError, match="finds a class by its name in a module"):
        check_rule(nameless, LINEAR, **SMALL)
