"""The settings of an experiment, and the actions that stand for them."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import InputError, shown
from ..core.arrays import Array, Single
from ..core.checks import integer, real, sequence
from .prices import prices_of


class Settings(ABC):
    """What can be set: continuous knobs, or settings to choose from."""

    settings: Any
    max_step: Any
    step_norm: str
    move_budget: float | None
    price: Any
    budget: float | None
    start: Any
    overdraft: bool
    """See the arguments of `DesignModel`."""

    @property
    @abstractmethod
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The d numbers of a setting: name -> range."""

    @cached_property
    def action_space(self) -> spaces.Space[Any]:
        """The setting: a point of ``[-1, 1]^d``, or the index of a setting."""
        if self._choices is None:
            return spaces.Box(-1.0, 1.0, (len(self.knobs),))
        return spaces.Discrete(len(self._choices))

    def _checked_settings(self) -> int | tuple[tuple[float, ...], ...] | None:
        """Return `settings` as they are kept.

        Raises:
            InputError: They are more than a million, or one of them does not fit the knobs.
        """
        if self.settings is None:
            return None
        if isinstance(self.settings, numbers.Number):
            count = integer("settings", self.settings, low=2, high=1_000_000)
            if count ** len(self.knobs) > 1_000_000:
                raise InputError(
                    f"settings = {count} evenly spaced settings for each of "
                    f"{len(self.knobs)} knobs are more than a million; choose fewer."
                )
            return count
        rows = sequence("settings", self.settings, lambda n, v: sequence(n, v, real))
        for i, row in enumerate(rows):
            if len(row) != len(self.knobs):
                raise InputError(
                    f"settings[{i}] must hold one number for each knob "
                    f"({', '.join(self.knobs)}), got {shown(row)}."
                )
            for name, value in zip(self.knobs, row, strict=True):
                self._in_range(name, value)
        return rows

    @cached_property
    def ranges(self) -> tuple[Array, Array]:
        """Lowest and highest value of every knob, each ``(d,)``."""
        low, high = np.array(list(self.knobs.values()), np.float64).T
        return low, high

    @cached_property
    def _scale(self) -> tuple[Array, Array]:
        """Middle and half width of the range of every knob, each ``(d,)``."""
        low, high = self.ranges
        return (high + low) / 2, (high - low) / 2

    @cached_property
    def _choices(self) -> Single | None:
        """The settings to choose from, ``(A, d)``, or None if they are continuous."""
        if self.settings is None:
            return None
        if isinstance(self.settings, int):
            return self.evenly(self.settings).astype(np.float32)
        return np.array(self.settings, np.float32)

    @cached_property
    def _place(self) -> dict[tuple[float, ...], int]:
        """The index of every setting to choose from."""
        rows = [] if self._choices is None else self._choices.tolist()
        return {tuple(row): index for index, row in enumerate(rows)}

    @property
    def num_settings(self) -> int:
        """The number of settings to choose from, 0 if they are continuous."""
        return 0 if self._choices is None else len(self._choices)

    def evenly(self, count: int) -> Array:
        """Return ``count`` evenly spaced values per knob, all combinations, ``(count^d, d)``."""
        axes = [np.linspace(low, high, count) for low, high in self.knobs.values()]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))

    def setting(self, action: NDArray[Any]) -> Array:
        """Return the settings of actions ``(B,)`` or ``(B, d)`` in units of the knobs, ``(B, d)``.

        They are rounded to the float32 of the observation: an agent's posterior is the environment's.
        """
        if self._choices is not None:
            return np.asarray(self._choices[action].astype(np.float64))
        middle, half = self._scale
        exact = middle + half * np.asarray(action, np.float64)
        return exact.astype(np.float32).astype(np.float64)

    @cached_property
    def _prices(self) -> Array | None:
        """The price of every setting to choose from, ``(A,)``; None where nothing costs."""
        listed = self.price is not None and self._choices is not None
        return prices_of(self.price, self._choices) if listed else None  # type: ignore[arg-type]

    def costs(self, setting: Array) -> Array | None:
        """Return what experiments at settings ``(..., d)`` cost, ``(...)``; None: nothing costs.

        In a unit of their own, such as hours: rewards do not contain them.
        """
        if self.price is None:
            return None
        flat = setting.reshape(-1, setting.shape[-1]).astype(np.float32)
        if self._prices is None:
            return prices_of(self.price, flat).reshape(setting.shape[:-1])
        places = [self._place[tuple(row)] for row in flat.tolist()]
        return self._prices[places].reshape(setting.shape[:-1])

    def nearest_actions(self, settings: Array) -> Single:
        """Return the continuous actions nearest to settings, ``(..., d)``."""
        middle, half = self._scale
        return np.clip((settings - middle) / half, -1, 1).astype(np.float32)

    def action(self, **setting: float) -> Any:
        """Return the action with this setting, such as ``action(sqrt_s=91.2)``.

        Knobs left out stand in the middle of their range, or as the first setting that fits has them.

        Raises:
            InputError: An unknown knob, a setting outside its range, or not one of `settings`.
        """
        for name in setting:
            if name not in self.knobs:
                raise InputError(f"Unknown knob {name!r}; the knobs are {', '.join(self.knobs)}.")
        middle, half = self._scale
        values, given = middle.copy(), np.zeros(len(middle), np.bool_)
        for i, name in enumerate(self.knobs):
            if name in setting:
                values[i], given[i] = self._in_range(name, setting[name]), True
        if self._choices is None:
            return ((values - middle) / half).astype(np.float32)
        match = ((self._choices == values.astype(np.float32)) | ~given).all(1)
        if not match.any():
            many = f"the {len(match)} settings to choose from"
            raise InputError(f"{shown(setting)} is not one of {many}.")
        return int(match.argmax())

    def _in_range(self, name: str, value: Any) -> float:
        low, high = self.knobs[name]
        return real(name, value, low=low, high=high)

    def action_name(self, action: Any) -> str:
        """Return the setting in words."""
        values = self.setting(np.asarray(action)[None])[0]
        return ", ".join(f"{name}={v:.4g}" for name, v in zip(self.knobs, values, strict=True))


def interval(
    name: str, value: Any, low: float, high: float, *, closed: bool = False
) -> tuple[float, float]:
    """Return a pair of increasing numbers within ``(low, high)``, or ``[low, high]``."""
    pair = sequence(name, value, real)
    inside = len(pair) == 2 and pair[0] < pair[1]
    if inside:
        inside = low <= pair[0] and pair[1] <= high if closed else low < pair[0] and pair[1] < high
    if not inside:
        ends = f"[{low:g}, {high:g}]" if closed else f"({low:g}, {high:g})"
        wanted = f"two increasing numbers within {ends}"
        raise InputError(f"{name} must be {wanted}, got {shown(value)}.")
    return pair[0], pair[1]
