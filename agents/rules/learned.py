r"""A learned rule: a small network that all items share, on top of Bayes-UCB.

With m labels left let t lie between the m-th and the next posterior mean of the legal items, and let
s be the root mean square of the standard deviations of the best m. Item x then has

    u = (mean - t) / s, within [-4, 4],              min(u, 0),
    v = std / s,                                     E[max(t - f(x), 0)] / s, within [0, 4],
    g = (share of the variance that a label of x is expected to take from the items around t)^(1/2),

and the pool has the context s / (s + spread of the means), m / n, log(1 + m), and the mean of g. None of
these depends on the unit of the label, on the order of the items or on their number. The score is

    mean / s + width std / s + a . z + b . tanh(W z + c),    z = (u, min(u, 0), v, ..., context).

Training starts from a = b = 0, which is Bayes-UCB. That the threshold t matters can be seen from the
last labels: whichever of the best m items comes first, all of them are labelled in the end, so that
among them what a label tells, and how sure their place is, should decide.

Sources: Zaheer et al., "Deep Sets", NeurIPS 2017 (a shared network with pooled context); Salimans et
al., "Evolution Strategies as a Scalable Alternative to Reinforcement Learning" (2017), by which
`experiments/training_pools.py` trains it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ...envs.core import InputError
from ...envs.core.checks import real
from .rule import Rule, best

Array = NDArray[np.float64]

FORMAT = 1
INPUTS = 9
"""Five features of the item, four of the pool."""
FAR = 4.0
"""Where u and the shortfall are cut off."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network, once for all episodes or once for each: P is 1 or B.

    Args:
        width: Number of standard deviations that are added to the mean.
        direct: Weights a of the inputs, ``(P, INPUTS)``.
        inner: Weights W of the hidden layer, ``(P, INPUTS, hidden)``.
        bias: Its biases c, ``(P, hidden)``.
        outer: Weights b of its outputs, ``(P, hidden)``.
        about: Where the weights come from; any JSON.
    """

    width: float
    direct: NDArray[np.float32]
    inner: NDArray[np.float32]
    bias: NDArray[np.float32]
    outer: NDArray[np.float32]
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        real("width", self.width, low=0)
        count, hidden = self.outer.shape
        shapes = {
            "direct": (count, INPUTS), "inner": (count, INPUTS, hidden), "bias": (count, hidden),
            "outer": (count, hidden),
        }  # fmt: skip
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite and of shape {shape}, not {array.shape}")

    @classmethod
    def new(cls, width: float, hidden: int, random: np.random.Generator) -> Network:
        """Return a network that is Bayes-UCB before it is trained."""
        inner = random.standard_normal((1, INPUTS, hidden)) / INPUTS**0.5
        zero = np.zeros((1, hidden), np.float32)
        direct = np.zeros((1, INPUTS), np.float32)
        return cls(
            width=width, direct=direct, inner=inner.astype(np.float32), bias=zero, outer=zero
        )

    @property
    def vector(self) -> NDArray[np.float32]:
        """All that is trained, ``(P, weights)``."""
        parts = (self.direct, self.inner, self.bias, self.outer)
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)

    def with_vector(self, vector: NDArray[Any]) -> Network:
        """Return a network of the same width with other weights, ``(P, weights)``."""
        hidden, rest = divmod(vector.shape[1] - INPUTS, INPUTS + 2)
        if hidden < 1 or rest:
            raise ValueError(f"{vector.shape[1]} weights make no network")
        direct, inner, bias, outer = np.split(
            vector.astype(np.float32), np.cumsum([INPUTS, INPUTS * hidden, hidden]), axis=1
        )
        inner = inner.reshape(-1, INPUTS, hidden)
        return Network(width=self.width, direct=direct, inner=inner, bias=bias, outer=outer)

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is added to the index of every item, ``(B, n)``, from ``(B, n, INPUTS)``."""
        hidden = np.tanh(inputs @ self.inner + self.bias[:, None])
        added = inputs @ self.direct[..., None] + hidden @ self.outer[..., None]
        return np.asarray(added[..., 0])

    def to_json(self) -> str:
        """Return the content of a file that `load` reads."""
        weights = [round(float(weight), 6) for weight in self.vector[0]]
        content = {"format": FORMAT, "about": self.about, "width": self.width, "weights": weights}
        return json.dumps(content) + "\n"

    @classmethod
    def load(cls, path: str | Path | None = None) -> Network:
        """Read a network, or the one that the package brings; nothing in a file is executed.

        Raises:
            InputError: If there is no such file, or if it is not a network.
        """
        file = resources.files(__package__) / "learned.json" if path is None else Path(path)
        if not file.is_file():
            raise InputError(
                f"There is no file {file}; leave weights out for those of the package, or train some: "
                "python -m discovery_gym.experiments.training_pools FOLDER."
            )
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}, not {FORMAT}")
            new = cls.new(content["width"], 1, np.random.default_rng(0))
            network = new.with_vector(np.array(content["weights"], np.float32).reshape(1, -1))
            network.about.update(content["about"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"{file} is not a file of weights of the rule learned, or it is damaged "
                f"({type(error).__name__}: {error}); name the weights.json of a training."
            ) from None
        return network


class Learned(Rule):
    """A trained rule for pools of any size: Bayes-UCB plus a small network that all items share.

    It weighs how sure it is that an item belongs to the best that the labels left allow, and what
    its label tells about the items for which that is open. The weights that the package brings
    were trained on linear pools and star graphs where labels are 6 to 20 % of the items. They play
    every pool with every belief, but not always better than Bayes-UCB: the guide has numbers. The
    file of weights is plain JSON, and nothing in it is executed.

    Args:
        weights: A file of weights, or the `Network` itself; None takes those of the package.
    """

    def __init__(self, weights: str | Network | None = None) -> None:
        if weights is not None and not isinstance(weights, str | Network):
            raise InputError(f"weights must be the name of a file or None, got {weights!r}.")
        self.network = weights if isinstance(weights, Network) else Network.load(weights)

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        index, inputs = look(belief, mask, random)
        mean, std = index
        return best(mean + self.network.width * std + self.network(inputs), mask, random)


def look(
    belief: Any, mask: NDArray[np.int8] | None, random: np.random.Generator
) -> tuple[tuple[Array, Array], NDArray[np.float32]]:
    """Return what the rule looks at.

    Args:
        belief: A `Belief` over n items in B episodes.
        mask: 1 where an item may be chosen, ``(B, n)``; None: everywhere.
        random: The agent's generator; used where only draws can tell what a label takes away.

    Returns:
        mean / s and std / s, ``(B, n)`` each, and the inputs z of the network, ``(B, n, INPUTS)``.
    """
    mean, std = belief.mean(), belief.std()
    b, n = mean.shape
    legal = np.ones((b, n), np.bool_) if mask is None else mask > 0
    count = legal.sum(1)
    left = np.ones(b, np.int64) if belief.left is None else belief.left
    left = np.clip(left, 1, np.maximum(count - 1, 1))
    threshold = between(np.where(legal, mean, -np.inf), left)[:, None]
    inside = legal & (mean >= threshold)
    scale = np.sqrt((std**2 * inside).sum(1) / np.maximum(inside.sum(1), 1))[:, None]
    scale = np.where(scale > 0, scale, 1.0)
    centre = np.where(legal, mean, 0.0).sum(1, keepdims=True) / count[:, None]
    spread = np.sqrt(
        (np.where(legal, mean - centre, 0.0) ** 2).sum(1, keepdims=True) / count[:, None]
    )

    gap, v = (mean - threshold) / scale, std / scale
    z = np.clip(gap / np.maximum(v, 1e-6), -30.0, 30.0)
    density = np.exp(-0.5 * z * z)
    shortfall = v * density / np.sqrt(2 * np.pi) - gap * ndtr(-z)
    open_ = np.where(legal, density, 0.0)
    all_ = np.maximum((open_ * std**2).sum(1, keepdims=True), 1e-300)
    told = np.sqrt(np.clip(belief.reduction(open_, random) / all_, 0.0, 1.0))
    told = np.where(legal, told, 0.0)

    inputs = np.empty((b, n, INPUTS), np.float32)
    inputs[..., 0] = np.clip(gap, -FAR, FAR)
    inputs[..., 1] = np.clip(gap, -FAR, 0.0)
    inputs[..., 2] = np.minimum(v, FAR)
    inputs[..., 3] = np.clip(shortfall, 0.0, FAR)
    inputs[..., 4] = told
    inputs[..., 5] = scale / (scale + spread)
    inputs[..., 6] = (left / n)[:, None]
    inputs[..., 7] = np.log1p(left)[:, None] / 5
    inputs[..., 8] = told.sum(1, keepdims=True) / count[:, None]
    return (mean / scale, v), inputs


def between(values: Array, count: NDArray[np.int64]) -> Array:
    """Return the middle between the ``count``-th highest value and the next one, ``(B,)``.

    Where there is no next one, it is the ``count``-th itself.

    Args:
        values: Values ``(B, n)``; -inf for what does not count.
        count: At least 1, ``(B,)``.
    """
    n, out = values.shape[1], np.empty(len(values))
    for k in np.unique(count).tolist():
        rows = count == k
        below = max(n - k - 1, 0)
        ordered = np.partition(values[rows], (below, n - k), axis=1)
        low, high = ordered[:, below], ordered[:, n - k]
        out[rows] = np.where(np.isfinite(low), (low + high) / 2, high)
    return out
