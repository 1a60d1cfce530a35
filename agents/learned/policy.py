"""A trained policy in one file, and the agent that plays it.

The policy is a multilayer perceptron on the normalised observation,

    h_0 = clip((o - mean) / scale, -10, 10),    h_l = f(W_l h_{l-1} + b_l),

whose last layer is linear: a score per action, of which the largest legal one is played, or the
continuous action itself. What it was trained with stands beside it: the normalisation is part of
the policy. This is the form of every ``MlpPolicy`` and ``MultiInputPolicy`` of stable-baselines3.

A policy of experimental design may have an encoder E, a perceptron that all rounds share. The rest
of the network then takes the sum over the t rounds so far,

    h_0 = (sum_(s<=t) E(xi_s, y_s), the other parts of the observation),

instead of the history itself, so that the order of the rounds does not matter (A. Foster et al.,
"Deep adaptive design", ICML 2021, equation 16).

The file is plain numbers with a JSON header (see `weights`), without the pickles of stable-baselines3.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...envs.core import InputError, Knowledge, closest, shown
from ...envs.core.arrays import Array, Flags, Single
from ...envs.core.products import by_rows
from .. import weights
from ..agent import Agent

FORMAT = 1
SUFFIX = ".safetensors"
CLIP = 10.0
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
}
HEADS = ("scores", "action", "tanh")
PERCEPTRONS = ("encoder", "layers")
HISTORY = ("settings", "outcomes")
"""The parts of an observation that an encoder takes, the newest round first."""
LEFT = "rounds_left"

Layer = tuple[Single, Single]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A perceptron from observations to scores of actions, or to a continuous action.

    Args:
        parts: Shape of each part of the observation, by its key, in the order in which the first
            layer takes them; the key of an observation that is one array is ``""``.
        scaling: Mean and scale of the parts that are normalised, each of the shape of the part.
        layers: Weights ``(out, in)`` and biases ``(out,)`` of each layer.
        activation: ``"tanh"`` or ``"relu"``, between the layers.
        head: What the last layer gives: ``"scores"`` of actions, the continuous ``"action"``, or the
            same before a ``"tanh"`` that maps onto the bounds of the action.
        about: Where it comes from; any JSON.
        encoder: Weights and biases of each layer of the encoder; none: the layers take all parts.
    """

    parts: Mapping[str, tuple[int, ...]]
    scaling: Mapping[str, tuple[Array, Array]]
    layers: tuple[Layer, ...]
    activation: str
    head: str
    about: Mapping[str, Any] = field(default_factory=dict)
    encoder: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        sizes = {key: int(np.prod(shape)) for key, shape in self.parts.items()}
        if self.encoder:
            width = sum(self.encoder[0][0].shape[1:])
            history = [sizes.pop(key) for key in HISTORY]
            horizon = max(sum(history) // max(width, 1), 1)
            if sizes.get(LEFT) != 1 or history != [n // horizon * horizon for n in history]:
                raise ValueError(f"an encoder of {width} numbers does not fit {self.parts}")
            sizes["encoder"] = _width("encoder", self.encoder, sum(history) // horizon)
        _width("layers", self.layers, sum(sizes.values()))
        for key, pair in self.scaling.items():
            if any(array.shape != self.parts[key] for array in pair) or not (pair[1] > 0).all():
                raise ValueError(f"the scaling of {key!r} has not its shape, or divides by 0")
        arrays: list[NDArray[Any]] = [a for pair in self.encoder + self.layers for a in pair]
        arrays += [a for pair in self.scaling.values() for a in pair]
        if not self.layers or not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("there is no layer, or a weight is not finite")
        if self.activation not in ACTIVATIONS or self.head not in HEADS:
            raise ValueError(f"unknown activation {self.activation!r} or head {self.head!r}")

    @property
    def width(self) -> int:
        """How many numbers it gives."""
        return len(self.layers[-1][0])

    def __call__(self, observation: Any) -> Single:
        """Return the output of the last layer for B observations, ``(B, width)``."""
        inputs = {}
        for key, shape in self.parts.items():
            part = observation[key] if key else observation
            if key in self.scaling:
                mean, scale = self.scaling[key]
                part = np.clip((part - mean) / scale, -CLIP, CLIP)
            inputs[key] = np.asarray(part, np.float32).reshape(-1, int(np.prod(shape)))
        if self.encoder:
            history, left = [inputs.pop(key) for key in HISTORY], observation[LEFT]
            horizon = sum(part.shape[1] for part in history) // self.encoder[0][0].shape[1]
            rounds = [part.reshape(len(part), horizon, -1) for part in history]
            encoded = self._through(self.encoder, np.concatenate(rounds, axis=2))
            past = np.arange(horizon)[:, None] < horizon - np.reshape(left, (-1, 1, 1))
            inputs["encoder"] = np.where(past, encoded, np.float32(0)).sum(1)
        return self._through(self.layers, np.concatenate(list(inputs.values()), axis=1))

    def _through(self, layers: tuple[Layer, ...], h: Any) -> Single:
        for i, (weight, bias) in enumerate(layers):
            h = by_rows(ACTIVATIONS[self.activation](h) if i else h, weight.T) + bias
        return np.asarray(h)

    def to_bytes(self) -> bytes:
        """Return the content of a file that `load` reads."""
        tensors: dict[str, NDArray[Any]] = {}
        for name in PERCEPTRONS:
            for i, (weight, bias) in enumerate(getattr(self, name)):
                tensors |= {f"{name}.{i}.weight": weight, f"{name}.{i}.bias": bias}
        for key, (mean, scale) in self.scaling.items():
            tensors |= {f"mean.{key}": mean, f"scale.{key}": scale}
        head = {
            "format": FORMAT,
            "parts": [[key, list(shape)] for key, shape in self.parts.items()],
            "scaled": list(self.scaling),
            "encoder": len(self.encoder),
            "layers": len(self.layers),
            "activation": self.activation,
            "head": self.head,
            "about": self.about,
        }
        return weights.save(tensors, head)

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """Read a policy; a file that holds none raises `InputError`, and nothing in it is run."""
        if not weights.exists(path):
            raise InputError(
                f"There is no file {shown(str(path))}; `discovery-gym train` writes policy.safetensors."
            )
        try:
            tensors, head = weights.load(Path(path), FORMAT)

            def perceptron(name: str) -> tuple[Layer, ...]:
                layers = (f"{name}.{i}" for i in range(head.get(name, 0)))
                return tuple((tensors[f"{at}.weight"], tensors[f"{at}.bias"]) for at in layers)

            scaled = map(str, head["scaled"])
            return cls(
                parts={str(key): tuple(map(int, shape)) for key, shape in head["parts"]},
                scaling={key: (tensors[f"mean.{key}"], tensors[f"scale.{key}"]) for key in scaled},
                activation=head["activation"],
                head=head["head"],
                about=head["about"],
                **{name: perceptron(name) for name in PERCEPTRONS},
            )
        except weights.DAMAGE as error:
            raise InputError(
                f"{path} is not a policy that `discovery-gym train` has written, or it is damaged "
                f"({weights.reason(error)}). Name its policy.safetensors."
            ) from None


def _width(name: str, layers: tuple[Layer, ...], width: int) -> int:
    """Return how many numbers the layers give; `ValueError` if they do not fit one another."""
    for i, (weight, bias) in enumerate(layers):
        if weight.ndim != 2 or weight.shape[1] != width or bias.shape != weight.shape[:1]:
            raise ValueError(
                f"{name} {i} has weights {weight.shape} and biases {bias.shape} behind {width} "
                "numbers"
            )
        width = len(weight)
    return width


def parts(space: spaces.Space[Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parts of an observation; `InputError` for one of other things."""
    boxes = dict(space.spaces) if isinstance(space, spaces.Dict) else {"": space}
    if not all(isinstance(box, spaces.Box) for box in boxes.values()):
        raise InputError(f"A learned policy takes observations made of boxes, not {space}.")
    return {key: tuple(box.shape or ()) for key, box in boxes.items()}


@lru_cache
def shipped() -> dict[str, Policy]:
    """Return the policies that the package brings, by name, sorted.

    Each says by itself where it comes from (`Policy.about`), and stands beside its learning curve.
    """
    with resources.as_file(resources.files(__package__) / "weights") as folder:
        return {path.stem: Policy.load(path) for path in sorted(folder.glob("*" + SUFFIX))}


def fitting(model: Knowledge) -> list[str]:
    """Return the names of those of a model's environment, with its observations and actions."""
    names = []
    for name, policy in shipped().items():
        env_id = policy.about["env_id"]
        if env_id in gym.registry and gym.spec(env_id).name == model.name:
            with contextlib.suppress(InputError):
                PolicyAgent(model, path=policy)
                names.append(name)
    return names


def trained_for(model: Knowledge) -> str | None:
    """Return the name of the first one that was trained for exactly a model's arguments."""
    for name in fitting(model):
        trained = type(model)(**shipped()[name].about["env_kwargs"])
        pairs = ((getattr(trained, one), getattr(model, one)) for one in model.parameters())
        if all(np.array_equal(*pair) for pair in pairs):
            return name
    return None


class PolicyAgent(Agent):
    """Plays a policy that `discovery-gym train` has written, by its likeliest legal action.

    ``policy("runs/ladder/policy.safetensors")``, or ``policy("KnowledgeLadder-ppo")`` for one that the
    package brings. A policy fits every environment whose observations and actions have the shapes
    that it was trained with. It is good for the parameters that it was trained for, and need not be
    for others: prices, for instance, are not observed. A batch of items is chosen one after the
    other, no item twice, as far as money pays. Nothing in the file is executed, and playing it needs
    no torch.

    Args:
        model: The model of the environment.
        path: A file, the name of a policy of the package, or the `Policy` itself; it cannot be left
            out.
        seed: Unused: there is nothing random.
    """

    text = "policy"

    def __init__(
        self, model: Knowledge, *, path: str | Path | Policy | None = None, seed: Any = 0
    ) -> None:
        super().__init__(model, seed=seed)
        self.policy = _policy(path)
        name, here = model.name, parts(model.observation_space)
        if any(here.get(key) != shape for key, shape in self.policy.parts.items()):
            raise InputError(
                f"The policy was trained on observations of the shapes {dict(self.policy.parts)}, "
                f"those of {name} are {here}. Train one for these parameters, or play the "
                f"environment it is from: {self.policy.about}."
            )
        space = model.action_space
        continuous = isinstance(space, spaces.Box)
        width = spaces.flatdim(space)
        if self.policy.width != width or continuous is (self.policy.head == "scores"):
            raise InputError(
                f"The policy gives {self.policy.width} numbers ({self.policy.head}), but the actions "
                f"of {name} are {space}; play the environment it is from: {self.policy.about}."
            )

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return False: without a policy it plays nothing."""
        return False

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        space, output = self.model.action_space, self.policy(observation)
        if isinstance(space, spaces.Box):
            output = output.reshape(-1, *space.shape)
            if self.policy.head == "tanh":
                output = space.low + (np.tanh(output) + 1) / 2 * (space.high - space.low)
            return np.clip(output, space.low, space.high).astype(space.dtype), ()
        choices = len(space.nvec) if isinstance(space, spaces.MultiDiscrete) else 1
        scores = output.reshape(len(output), choices, -1).copy()
        if isinstance(observation, dict) and "action_mask" in observation:
            illegal = observation["action_mask"][:, None] == 0
            scores[np.broadcast_to(illegal, scores.shape)] = -np.inf
        if choices == 1:
            return scores[:, 0].argmax(1), ()
        chosen = np.empty((len(scores), choices), np.int64)
        within = getattr(self.model, "mask_within", None)  # what money still pays, on pools
        for i in range(choices):
            if within is not None:
                scores[:, i][within(observation, chosen[:, :i]) == 0] = -np.inf
            chosen[:, i] = scores[:, i].argmax(1)
            np.put_along_axis(scores[:, i:], chosen[:, i, None, None], -np.inf, axis=2)
        return chosen, ()


def _policy(path: Any) -> Policy:
    """Return the policy in a file, or the one of the package with this name."""
    if isinstance(path, Policy):
        return path
    if not isinstance(path, str | Path):
        raise InputError(
            f"policy needs a file, such as policy('policy.safetensors'), or one of "
            f"{', '.join(map(repr, shipped()))}, got {shown(path)}."
        )
    if path in shipped():
        return shipped()[str(path)]
    if not str(path).endswith(SUFFIX) and not weights.exists(path):
        raise InputError(
            f"There is no file {shown(str(path))}, and the package has no policy of this name"
            f"{closest(str(path), shipped())} Known are {', '.join(shipped())}."
        )
    return Policy.load(path)
