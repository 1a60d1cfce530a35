r"""Meta-learned UCB: Bayes-UCB, and a layer that all items share and that the pool as a whole sets.

With m labels left let t lie between the m-th and the next posterior mean of the legal items, and let
s be the root mean square of the standard deviations of the best m. Item x then has the features z

    u = (mean - t) / s, within [-4, 4],      min(u, 0),      v = std / s, at most 4,
    r = v phi(u / v) - |u| Phi(-|u| / v), the risk that x stands on the wrong side of t,
    g = (share of all risk that a label of x is expected to take away)^(1/2),

and the pool has the context c

    1,     s / (s + spread of the means),     R / (R + m) with R the sum of r,     2 (spread of g),

where a spread is a standard deviation over the legal items. None of these depends on the unit of the
label, on the order of the items or on their number, and all are bounded. The score is

    mean / s + width std / s + z' A c,

that is, a linear layer that all items share, whose weights A c depend on the pool. Training starts
from A = 0, which is Bayes-UCB. The threshold t matters because all of the best m items are labelled in
the end: among them, what a label tells and how sure their rank is should decide.

The risk of x is the expected loss, in units of s, of taking t for the border. Its derivative with
respect to the variance of x is phi(u / v) / (2 v), which weighs the falls of variances in g.

Sources: F. Maes, L. Wehenkel, D. Ernst, "Meta-learning of exploration/exploitation strategies"
(2012), where an index linear in features is trained on many problems; Zaheer et al., "Deep Sets",
NeurIPS 2017 (a shared layer with pooled context); Salimans et al., "Evolution Strategies as a
Scalable Alternative to Reinforcement Learning" (2017), by which `experiments/training/evolution.py`
trains it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ...envs.core import InputError, Random, shown
from ...envs.core.arrays import Array, Single, Whole
from ...envs.core.checks import LARGE, real
from .. import weights as files
from ..beliefs.belief import ROUNDING, Belief
from .decision import Decision
from .rule import Rule, best

FORMAT = 2
FEATURES, CONTEXT = 5, 4
FAR = 4.0
"""Where u and v are cut off."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """What is learned, once for all episodes or once for each: P is 1 or B.

    Args:
        width: Number of standard deviations that are added to the mean.
        weights: A, ``(P, FEATURES, CONTEXT)``.
        about: Where the weights come from; any JSON.
    """

    width: float
    weights: Single
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        real("width", self.width, low=0, high=LARGE)
        shape = self.weights.shape
        if shape[1:] != (FEATURES, CONTEXT) or not np.isfinite(self.weights).all():
            raise ValueError(f"weights must be finite and (P, {FEATURES}, {CONTEXT}), not {shape}")

    @classmethod
    def new(cls, width: float, weights: NDArray[Any] | float = 0.0) -> Network:
        """Return Bayes-UCB, or a network of the given weights, ``(P, FEATURES * CONTEXT)``."""
        if np.ndim(weights) == 0:
            weights = np.full((1, FEATURES * CONTEXT), weights)
        shaped = np.asarray(weights, np.float32).reshape(-1, FEATURES, CONTEXT)
        return cls(width=width, weights=shaped)

    def __call__(self, features: Single, context: Single) -> Single:
        """Return what is added to the index of every item, ``(B, n)``.

        Args:
            features: z of every item, ``(B, FEATURES, n)``.
            context: c of every pool, ``(B, CONTEXT)``.
        """
        layer = self.weights @ context[..., None]
        return np.asarray(np.matmul(layer.swapaxes(1, 2), features)[:, 0])

    def to_bytes(self) -> bytes:
        """Return the content of a file that `load` reads."""
        head = {"format": FORMAT, "width": self.width, "about": self.about}
        return files.save({"weights": self.weights}, head)

    @classmethod
    def load(cls, path: str | Path | None = None) -> Network:
        """Read a network, or the one that the package brings; nothing in a file is executed.

        Raises:
            InputError: If there is no such file, or if it is not a network.
        """
        if path is None:
            with resources.as_file(resources.files(__package__) / "meta_ucb.safetensors") as file:
                return cls.load(file)
        if not files.exists(path):
            raise InputError(
                f"There is no file {shown(str(path))}; leave weights out for those of the package, or "
                "train some: discovery-gym train --algo es --out FOLDER."
            )
        try:
            tensors, head = files.load(Path(path), FORMAT)
            if tensors["weights"].dtype != np.float32 or len(tensors["weights"]) != 1:
                raise ValueError("its weights are not those of one network in single precision")
            return cls(width=head["width"], weights=tensors["weights"], about=dict(head["about"]))
        except files.DAMAGE as error:
            raise InputError(
                f"{path} is not a file of weights of the rule meta_ucb, or it is damaged "
                f"({files.reason(error)}); name the weights.safetensors of a training."
            ) from None


class MetaUCB(Rule[Belief]):
    """A trained rule for pools of any size: Bayes-UCB plus a layer that all items share.

    It weighs how likely an item is among the best that the labels left allow, and what its label tells
    about the items for which that is open. The weights of the package were trained on linear pools and
    star graphs of 250 to 1000 items, with labels for 5 to 20 % of them. They play every pool with every
    belief, but not always better than Bayes-UCB: the guide has numbers. The file of weights is plain
    numbers, and nothing in it is executed.

    Args:
        weights: A file of weights, or the `Network` itself; None takes those of the package.
    """

    def __init__(self, weights: str | Network | None = None) -> None:
        if weights is not None and not isinstance(weights, str | Network):
            raise InputError(f"weights must be the name of a file or None, got {shown(weights)}.")
        self.network = weights if isinstance(weights, Network) else Network.load(weights)

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        (mean, std, rounding), features, context = look(belief, decision, random)
        index = mean + self.network.width * std
        # The layer works in single precision, on what is cut off at `FAR`.
        within = (1 + self.network.width) * rounding + ROUNDING * FAR
        return best(index + self.network(features, context), decision.mask, random, within)


def look(
    belief: Belief, decision: Decision, random: Random
) -> tuple[tuple[Array, Array, Array], Single, Single]:
    """Return what the rule looks at.

    Args:
        belief: What is believed about n items in B episodes.
        decision: What is to be decided.
        random: What is drawn from; used where only draws can tell what a label takes away.

    Returns:
        mean / s and std / s, ``(B, n)`` each, and their rounding, ``(B, 1)``; the features z of the
        items, ``(B, FEATURES, n)``, and the context c, ``(B, CONTEXT)``.
    """
    mean, std = belief.mean(), belief.std()
    b, n = mean.shape
    legal = decision.mask > 0
    left = np.clip(decision.left, 1, np.maximum(legal.sum(1) - 1, 1))
    threshold = between(np.where(legal, mean, -np.inf), left)[:, None]
    inside = legal & (mean >= threshold)
    square = np.einsum("bn,bn,bn->b", std, std, inside) / np.maximum(inside.sum(1), 1)
    scale = np.sqrt(np.where(square > 0, square, 1.0))[:, None]
    spread = mean.std(1, keepdims=True, where=legal)

    level, v64 = mean / scale, std / scale
    gap, v = (level - threshold / scale).astype(np.float32), v64.astype(np.float32)
    far = np.minimum(np.abs(gap) / np.maximum(v, 1e-6), 8.0)
    density = np.exp(-0.5 * far * far) / np.float32((2 * np.pi) ** 0.5)
    risk = np.where(legal, np.maximum(density - far * ndtr(-far), 0.0) * v, 0.0)
    weight = np.where(legal, density / (2 * np.maximum(v, 1e-6)), 0.0)
    all_ = np.einsum("bn,bn,bn->b", weight, v, v)[:, None]
    taken = belief.reduction(weight, random) / scale**2
    told = np.sqrt(np.clip(taken / np.maximum(all_, 1e-30), 0.0, 1.0)) * legal

    features = np.empty((b, FEATURES, n), np.float32)
    np.clip(gap, -FAR, FAR, out=features[:, 0])
    np.minimum(features[:, 0], 0.0, out=features[:, 1])
    np.minimum(v, FAR, out=features[:, 2])
    np.minimum(risk, FAR, out=features[:, 3])
    features[:, 4] = told
    context = np.ones((b, CONTEXT), np.float32)
    total = risk.sum(1, dtype=np.float64)
    context[:, 1] = (scale / (scale + spread))[:, 0]
    context[:, 2] = total / (total + left)
    context[:, 3] = 2 * told.std(1, where=legal)
    return (level, v64, belief.rounding() / scale), features, context


def between(values: Array, count: Whole) -> Array:
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
