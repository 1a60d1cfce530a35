"""Policy files: read without running anything in them, and refused when they are not whole."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from safetensors import numpy as numpy_format

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.learned.policy import Policy, PolicyAgent
from discovery_gym.agents.making import files
from discovery_gym.agents.weights import KEY
from discovery_gym.envs.core import Model

LADDER = {"batch_sizes": (1, 4, 16), "horizon": 50}


def network(parts: Any, width: int, head: str = "scores", seed: int = 0) -> Policy:
    """Return a policy with one hidden layer and random weights."""
    random = np.random.default_rng(seed)
    inputs = sum(int(np.prod(shape)) for shape in parts.values())
    sizes = [inputs, 5, width]
    return Policy(
        parts=parts,
        scaling={
            key: (random.normal(size=shape), random.uniform(1, 2, shape))
            for key, shape in parts.items()
            if key != "action_mask"
        },
        layers=tuple(
            (random.normal(size=(b, a)).astype(np.float32), random.normal(size=b).astype("f4"))
            for a, b in itertools.pairwise(sizes)
        ),
        activation="tanh",
        head=head,
        about={"env_id": "discovery/Somewhere-v0"},
    )


DISCOUNTING = "discovery/TemporalDiscounting-v0"
HISTORY = {"outcomes": (6,), "rounds_left": (1,), "settings": (12,)}


def with_encoder(parts: Any = HISTORY, seed: int = 0) -> Policy:
    """Return a policy for six rounds of two settings and an outcome."""
    random = np.random.default_rng(seed)

    def layers(*sizes: int) -> Any:
        return tuple(
            (random.normal(size=(b, a)).astype("f4"), random.normal(size=b).astype("f4"))
            for a, b in itertools.pairwise(sizes)
        )

    return Policy(
        parts=parts,
        scaling={"settings": (np.tile([50.0, 4.5], 6), np.tile([50.0, 4.5], 6))},
        encoder=layers(3, 5, 4),
        layers=layers(1 + 4, 7, 2),
        activation="relu",
        head="tanh",
    )


def ladder() -> Any:
    return gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=6, **LADDER)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.safetensors"
    path.write_bytes(network({"": (2,)}, 3).to_bytes())
    return path


def test_a_file_holds_the_whole_policy(path: Path) -> None:
    """By the formula, from the stored numbers."""
    policy, vector = Policy.load(path), ladder()
    observation = vector.reset(seed=0)[0]
    agent = make(f"policy({str(path)!r})", vector)
    first, second = policy.layers
    mean, scale = policy.scaling[""]
    h = np.tanh(np.clip((observation - mean) / scale, -10, 10) @ first[0].T + first[1])
    scores = h @ second[0].T + second[1]
    np.testing.assert_allclose(policy(observation), scores, rtol=1e-5)
    np.testing.assert_array_equal(agent.predict(observation)[0], scores.argmax(1))
    assert agent.predict(observation[2])[0] == scores[2].argmax()
    named = make(f"policy(path={str(path)!r})", vector)
    np.testing.assert_array_equal(named.predict(observation)[0], scores.argmax(1))
    assert policy.to_bytes() == path.read_bytes()


def test_masks_hold_and_no_item_comes_twice() -> None:
    kwargs: dict[str, Any] = {"num_items": 9, "num_features": 2, "horizon": 6, "illegal": "raise"}
    for size in (1, 3):
        vector = gym.make_vec(
            "discovery/LinearPool-v0",
            num_envs=40,
            batch_size=size,
            autoreset_mode="Disabled",
            **kwargs,
        )
        parts = {key: box.shape for key, box in vector.single_observation_space.items()}
        agent = PolicyAgent(vector.unwrapped.model, path=network(parts, 9 * size))
        observation = vector.reset(seed=0)[0]
        for _ in range(6 // size):
            observation = vector.step(agent.predict(observation)[0])[0]
        assert all(len(set(row)) == 6 for row in observation["labelled"].tolist())


ITEMS = {"num_items": 6, "num_features": 2, "budget": 9}
MONEY: list[tuple[str, dict[str, Any]]] = [
    ("LinearPool", ITEMS | {"price": [1, 2, 3, 1, 2, 3]}),
    ("LinearPool", ITEMS | {"fidelities": ((1, 0, 0.5), (2, 0, 1))}),
    ("LogisticPool", ITEMS | {"fidelities": ((1, 0.9, 0.2), (3, 1, 0))}),
    ("ScreeningPool", {"num_items": 7, "budget": 21}),
]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("name", "kwargs"), MONEY)
def test_what_is_learned_buys_what_it_may(name: str, kwargs: dict[str, Any], size: int) -> None:
    """Any weights, and the rule: nothing is wasted as long as something can be bought."""
    vector = gym.make_vec(
        f"discovery/{name}-v0", num_envs=30, batch_size=size, illegal="raise",
        autoreset_mode="SameStep", **kwargs,
    )  # fmt: skip
    model = vector.unwrapped.model
    parts = {key: box.shape for key, box in vector.single_observation_space.items()}
    actions = model.num_items * model.num_tests
    agents: list[Any] = [PolicyAgent(model, path=network(parts, actions * size))]
    agents += [make("learned", vector)] if "learned" in available(vector) else []
    for agent in agents:
        observation, over, state = vector.reset(seed=0)[0], np.zeros(30, np.bool_), None
        while not over.all():
            action, state = agent.predict(observation, state)
            observation, _, ended, *_ = vector.step(action)
            over |= ended


@pytest.mark.parametrize("head", ["action", "tanh"])
def test_continuous_actions_stay_in_bounds(head: str) -> None:
    class Continuous:
        name = "Continuous"
        decisions = Model.decisions
        observation_space = gym.spaces.Box(-1, 1, (1,))
        action_space = gym.spaces.Box(np.array([-1.0, 2.0], "f4"), np.array([1.0, 5.0], "f4"))

    model: Any = Continuous()
    policy = network({"": (1,)}, 2, head)
    agent = PolicyAgent(model, path=policy)
    observation = np.linspace(-1, 1, 30, dtype=np.float32)[:, None]
    actions, output = agent.predict(observation)[0], policy(observation)
    low, high = model.action_space.low, model.action_space.high
    whole = low + (np.tanh(output) + 1) * (high - low) / 2 if head == "tanh" else output
    np.testing.assert_allclose(actions, np.clip(whole, low, high), rtol=1e-5)
    assert all(model.action_space.contains(action) for action in actions)


def history(rounds: int, seed: int = 1) -> Any:
    """Return three observations after a number of rounds, the newest first."""
    random = np.random.default_rng(seed)
    settings, outcomes = np.zeros((3, 6, 2), "f4"), np.zeros((3, 6, 1), "f4")
    settings[:, :rounds] = random.uniform(0, 9, (3, rounds, 2))
    outcomes[:, :rounds] = random.integers(2, size=(3, rounds, 1))
    left = np.full((3, 1), 6 - rounds, "f4")
    return {
        "settings": settings.reshape(3, -1),
        "outcomes": outcomes.reshape(3, -1),
        "rounds_left": left,
    }


@pytest.mark.parametrize("rounds", [0, 1, 4, 6])
def test_an_encoder_sums_over_the_rounds_there_are(rounds: int) -> None:
    """By the formula, round by round."""
    policy, seen = with_encoder(), history(rounds)
    (u, a), (v, b) = policy.encoder
    (w, c), (x, d) = policy.layers
    for i in range(3):
        code = np.zeros(4)
        for t in range(rounds):
            setting = (seen["settings"][i, 2 * t : 2 * t + 2] - [50, 4.5]) / [50, 4.5]
            code += v @ np.maximum(u @ [*setting, seen["outcomes"][i, t]] + a, 0) + b
        out = x @ np.maximum(w @ np.concatenate([[6 - rounds], code]) + c, 0) + d
        np.testing.assert_allclose(policy(seen)[i], out, rtol=1e-4)


def test_the_order_of_rounds_does_not_matter_but_the_rounds_do() -> None:
    policy, seen = with_encoder(), history(4)
    order = np.array([2, 0, 3, 1, 4, 5])
    other = seen | {
        key: seen[key].reshape(3, 6, -1)[:, order].reshape(3, -1)
        for key in ("settings", "outcomes")
    }
    np.testing.assert_allclose(policy(other), policy(seen), rtol=1e-4)
    swapped = seen | {"outcomes": other["outcomes"]}
    assert np.abs(policy(swapped) - policy(seen)).max() > 0.01
    unused = seen | {"settings": seen["settings"] + np.repeat([0, 0, 0, 0, 3, 3], 2)}
    np.testing.assert_array_equal(policy(unused), policy(seen))


def test_a_policy_with_an_encoder_plays_from_its_file(tmp_path: Path) -> None:
    path, policy = tmp_path / "policy.safetensors", with_encoder()
    path.write_bytes(policy.to_bytes())
    again = Policy.load(path)
    assert again.to_bytes() == policy.to_bytes()
    np.testing.assert_array_equal(again(history(3)), policy(history(3)))
    vector = gym.make_vec(DISCOUNTING, num_envs=4, horizon=6, grid_size=(8, 4))
    agent, seen = make(f'policy("{path}")', vector), vector.reset(seed=0)[0]
    for _ in range(5):
        action = agent.predict(seen)[0]
        np.testing.assert_allclose(action, np.tanh(policy(seen)), rtol=1e-5)
        seen = vector.step(action)[0]
    with pytest.raises(InputError, match="trained on observations"):
        make(f'policy("{path}")', gym.make(DISCOUNTING, horizon=7))


@pytest.mark.parametrize(
    ("parts", "encoder"),
    [
        ({"settings": (12,), "outcomes": (6,)}, None),  # no rounds left
        ({"settings": (12,), "rounds_left": (1,)}, None),  # no outcomes
        (HISTORY | {"outcomes": (7,)}, None),  # seven outcomes of six settings
        (HISTORY, np.ones((5, 0), "f4")),
        (HISTORY, np.ones((5, 4), "f4")),
        (HISTORY, np.ones((5, 99), "f4")),
        (HISTORY, np.ones((4, 3), "f4")),
        (HISTORY, np.ones((), "f4")),
        (HISTORY, np.full((5, 3), np.inf, "f4")),
    ],
)
def test_an_encoder_that_does_not_fit_is_refused(parts: Any, encoder: Any, tmp_path: Path) -> None:
    policy, bad = with_encoder(), tmp_path / "bad.safetensors"
    # Past the checks of the constructor, as a damaged file would be.
    object.__setattr__(policy, "parts", parts)
    if encoder is not None:
        (_, bias), last = policy.encoder
        object.__setattr__(policy, "encoder", ((encoder, bias), last))
    bad.write_bytes(policy.to_bytes())
    with pytest.raises(InputError, match=r"bad\.safetensors is not a policy"):
        Policy.load(bad)


class Hostile:
    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.place),)

    def __init__(self, place: Path) -> None:
        self.place = str(place)


def header(content: Any) -> bytes:
    arrays = {"layers.0.weight": np.ones((3, 2), "f4"), "layers.0.bias": np.ones(3, "f4")}
    text = content if isinstance(content, str) else json.dumps(content)
    return numpy_format.save(arrays, {KEY: text})


WHOLE = {
    "format": 1,
    "parts": [["", [2]]],
    "scaled": [],
    "layers": 1,
    "activation": "tanh",
    "head": "scores",
    "about": {},
}


@pytest.mark.parametrize(
    "kind",
    ["pickle", "truncated", "headless", "empty", "zeros", "json", "format", "layers", "shape",
     "scaled", "activation", "parts", "deep", "nan", "folder"],
)  # fmt: skip
def test_what_is_no_policy_is_refused_and_not_run(kind: str, path: Path, tmp_path: Path) -> None:
    mark, content = tmp_path / "was-run", path.read_bytes()
    nan = {"layers.0.weight": np.full((3, 2), np.nan, "f4"), "layers.0.bias": np.ones(3, "f4")}
    contents = {
        "pickle": pickle.dumps(Hostile(mark)),
        "truncated": content[: len(content) // 2],
        "headless": content[8:],
        "empty": b"",
        "zeros": bytes(1000),
        "json": header("{"),
        "format": header(WHOLE | {"format": 2}),
        "layers": header(WHOLE | {"layers": 2}),
        "shape": header(WHOLE | {"parts": [["", [3]]]}),
        "scaled": header(WHOLE | {"scaled": [""]}),
        "activation": header(WHOLE | {"activation": "eval"}),
        "parts": header(WHOLE | {"parts": 7}),
        "deep": header("[" * 100_000),
        "nan": numpy_format.save(nan, {KEY: json.dumps(WHOLE)}),
    }
    bad = tmp_path / "bad.safetensors"
    if kind == "folder":
        bad.mkdir()
    else:
        bad.write_bytes(contents[kind])
    with pytest.raises(InputError, match=r"bad\.safetensors"):
        make(f'policy("{bad}")', ladder())
    assert not mark.exists()
    assert Policy.load(path)  # the whole one is still fine
    path.write_bytes(header(WHOLE))
    assert Policy.load(path).width == 3


def test_the_hostile_file_would_run_if_it_were_unpickled(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Hostile(tmp_path / "was-run")))
    assert (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policy", "policy needs a file"),
        ("policy(3)", "policy needs a file"),
        ('policy("nowhere")', "There is no file 'nowhere'"),
        ('policy("a", "b")', "does not describe an agent"),
        ('policy(file="a")', "policy has no setting 'file'.*It takes: path"),
        ('greedy("a")', "does not describe an agent"),
    ],
)
def test_texts_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(text, ladder())


def test_a_policy_of_another_environment_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match=r"trained on observations .*discovery/Somewhere-v0"):
        make(f'policy("{path}")', gym.make("discovery/TablePool-v0"))
    path.write_bytes(network({"": (2,)}, 2).to_bytes())
    with pytest.raises(InputError, match=r"gives 2 numbers .*Discrete\(3\)"):
        make(f'policy("{path}")', ladder())
    path.write_bytes(network({"": (2,)}, 3, "tanh").to_bytes())
    with pytest.raises(InputError, match=r"gives 3 numbers \(tanh\)"):
        make(f'policy("{path}")', ladder())


def test_it_is_made_of_its_file_and_not_offered_without() -> None:
    assert files('policy("a/b.safetensors")') == [Path("a/b.safetensors")]
    assert files("greedy") == files("policy") == files("greedy(((") == []
    assert "policy" not in available(ladder())
