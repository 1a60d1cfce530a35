"""The state of a pool, the labels in its observations, and the best that there could be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Array, Flags, Whole
from .late import Late
from .purse import Purse
from .shown import Shown

ANY_LABEL = float(np.finfo(np.float32).max)
"""Bound of the labels in the observation space: tighter ones would tell how good the best item is.

It is that of single precision, so that squares and fourth powers of labels are finite numbers."""


@dataclass(kw_only=True, eq=False)
class Labels:
    """State of a pool."""

    values: Array  # (B, n) mean label f(x) of every item
    best: Array  # (B, T + 1) sum of the best 0, 1, ..., T values, or by money spent
    legal: NDArray[np.int8]  # (B, n) 1 for items that were not chosen yet; else see `purse`
    labelled: Whole  # (B, T) items chosen so far, in order; -1 behind the last
    labels: NDArray[np.floating]  # (B, T) their labels; 0 behind the last
    count: Whole  # (B,) number of items chosen
    left: Whole  # (B,) steps left
    found: Array  # (B,) sum of the values of the items chosen
    first_item: Whole  # (B N,) index of the episode's first item in the flat `legal`
    first_slot: Whole  # (B N,) index of its first slot in the flat `labelled`
    arrived: Whole  # (B,) number of labels that have arrived; `count` without a delay
    late: Late | None = None  # when labels come, where they are waited for
    purse: Purse | None = None  # money and tests, where labels are paid

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickle, also of one made before rows were `Shown` and labels `Late`."""
        for name in {"features", "hubs", "edges"} & {*state}:
            if not isinstance(state[name], Shown):
                state[name] = Shown(state[name])
        counts = state.pop("counts", None)
        if counts is not None and counts.shape[1]:
            horizon = state["labelled"].shape[1]
            clock = horizon // (len(state["first_item"]) // len(counts)) - state["left"]
            state["late"] = Late.of_counts(counts, clock, horizon)
        self.__dict__.update(state)


@dataclass(kw_only=True, eq=False)
class FeatureLabels(Labels):
    """State of a pool whose items have features."""

    features: Shown  # (B, n d) float32; may be given as an array

    def __post_init__(self) -> None:
        given: Any = self.features
        if not isinstance(given, Shown):
            self.features = Shown(given)


def labels_arrived(observation: dict[str, NDArray[Any]]) -> Whole:
    """Return how many labels an observation holds, or each of B observations, ``()`` or ``(B,)``.

    The items behind them in ``labelled`` are in flight.
    """
    if "arrived" in observation:
        return np.asarray(observation["arrived"])[..., 0]
    return np.asarray((observation["labelled"] >= 0).sum(-1))


def labels_lost(observation: dict[str, NDArray[Any]]) -> Whole | None:
    """Return how many of the items chosen last will never have a label, ``()`` or ``(B,)``.

    They stand behind those in flight. None where no label is ever lost.
    """
    return np.asarray(observation["lost"])[..., 0] if "lost" in observation else None


def best_sums(values: Array, horizon: int) -> Array:
    """Return the sums of the best 0, 1, ..., T values, shape ``(..., T + 1)``."""
    top = -np.sort(-np.partition(values, -horizon, axis=-1)[..., -horizon:], axis=-1)
    sums = np.zeros((*values.shape[:-1], horizon + 1))
    np.cumsum(top, axis=-1, out=sums[..., 1:])
    return sums


def first_time(action: Whole) -> Flags:
    """Return which choices of a batch ``(B, N)`` do not repeat an earlier one of it, ``(B N,)``."""
    order = action.argsort(1, kind="stable")
    again = np.zeros(action.shape, np.bool_)
    again[:, 1:] = np.diff(np.take_along_axis(action, order, 1), axis=1) == 0
    first = np.empty(action.shape, np.bool_)
    np.put_along_axis(first, order, ~again, 1)
    return first.reshape(-1)
