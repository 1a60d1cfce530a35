"""Files of a policy or of a rule's weights that somebody has changed: named, and never played."""

import json
import os
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from safetensors import numpy as numpy_format

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.learned.policy import Policy
from discovery_gym.agents.rules.meta_ucb import CONTEXT, FEATURES, FORMAT, Network
from discovery_gym.agents.weights import KEY, MOST_BYTES, MOST_HEAD, save

LAYERS = {"layers.0.weight": np.ones((3, 2), "f4"), "layers.0.bias": np.ones(3, "f4")}
SCALED = LAYERS | {"mean.": np.zeros(2), "scale.": np.ones(2)}
HEAD = {
    "format": 1,
    "parts": [["", [2]]],
    "scaled": [],
    "layers": 1,
    "activation": "tanh",
    "head": "scores",
    "about": {},
}
NETWORK = {"weights": np.zeros((1, FEATURES, CONTEXT), "f4")}
RULE = {"format": FORMAT, "width": 0.1, "about": {}}


def policy(tensors: Any = LAYERS, **changes: Any) -> bytes:
    return save(tensors, HEAD | changes)


def scaled(**changes: Any) -> bytes:
    return save(SCALED | changes, HEAD | {"scaled": [""]})


def rule(tensors: Any = NETWORK, **changes: Any) -> bytes:
    return save(tensors, RULE | changes)


def layer(weight: Any) -> dict[str, Any]:
    return LAYERS | {"layers.0.weight": np.asarray(weight)}


POLICIES = {
    "whole numbers": policy(layer(np.ones((3, 2), "i4"))),
    "half precision": policy(layer(np.ones((3, 2), "f2"))),
    "infinite weight": policy(layer(np.full((3, 2), np.inf, "f4"))),
    "division by 0": scaled(**{"scale.": np.zeros(2)}),
    "negative scale": scaled(**{"scale.": -np.ones(2)}),
    "scale that is not a number": scaled(**{"scale.": np.full(2, np.nan)}),
    "scale of another shape": scaled(**{"scale.": np.ones(3)}),
    "no scale": save(LAYERS, HEAD | {"scaled": [""]}),
    "endless shape": policy(parts=[["", [float("inf")]]]),
    "negative shape": policy(parts=[["", [-2]]]),
    "layers without end": policy(layers=10**12),
    "layers in words": policy(layers="one"),
    "unhashable activation": policy(activation=["tanh"]),
    "unhashable head": policy(head={}),
    "a long name": policy(scaled=["x" * 100_000]),
    "a name that hides": policy(scaled=["\x1b[2J\n\u202e"]),
    "a list for a head": save(LAYERS, [1]),  # type: ignore[arg-type]
    "a number for a head": numpy_format.save(LAYERS, {KEY: "3"}),
    "a head without end": numpy_format.save(LAYERS, {KEY: json.dumps("x" * MOST_HEAD)}),
    "weights of a rule": rule(),
}
RULES = {
    "whole numbers": rule({"weights": np.zeros((1, FEATURES, CONTEXT), "i4")}),
    "width in words": rule(width="wide"),
    "endless width": rule(width=float("inf")),
    "width of 400 digits": rule(width=10**400),
    "a list for a head": save(NETWORK, [1]),  # type: ignore[arg-type]
    "about: a number": rule(about=3),
    "a head without end": numpy_format.save(NETWORK, {KEY: json.dumps("x" * MOST_HEAD)}),
    "a policy": policy(),
}


def refused(path: Path) -> None:
    """Hold the message of both readers to one line of a sensible length that names the file."""
    for load in (Policy.load, Network.load):
        with pytest.raises(InputError, match=path.name) as error:
            load(path)
        assert str(error.value).isprintable()
        assert len(str(error.value).replace(str(path), "")) < 400


@pytest.mark.parametrize("kind", POLICIES)
def test_a_tampered_policy_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(POLICIES[kind])
    with pytest.raises(InputError, match=r"bad\.safetensors"):
        Policy.load(path)
    if kind != "weights of a rule":
        refused(path)


@pytest.mark.parametrize("kind", RULES)
def test_tampered_weights_of_a_rule_are_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(RULES[kind])
    with pytest.raises(InputError, match="is not a file of weights") as error:
        make(f"meta_ucb(weights={str(path)!r})", gym.make("discovery/LinearPool-v0"))
    assert str(error.value).isprintable()
    assert len(str(error.value).replace(str(path), "")) < 400


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "nothing", "huge"])
def test_what_is_no_file_of_weights_is_never_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(MOST_BYTES + 1)
    elif kind != "nothing":
        path.symlink_to({"device": "/dev/zero", "loop": path.name}[kind])
    refused(path)


def test_the_untampered_ones_are_read(tmp_path: Path) -> None:
    path = tmp_path / "good.safetensors"
    for content in (policy(), scaled()):
        path.write_bytes(content)
        assert Policy.load(path).width == 3
    path.write_bytes(rule())
    assert Network.load(path).width == 0.1
