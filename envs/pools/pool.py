r"""What all pools share: n items, T labels, no item labelled twice.

A pool holds items x with unknown mean labels f(x). Each step labels one item, y = f(x) + noise,
and pays the label; an item that has its label cannot be chosen again. The regret after T labels is

    R_T = max over T items of sum f(x) - sum_t f(X_t).

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, section 2,
equation (1).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from scipy.special import ndtri

from ..core import InputError, Model, Observation, Streams, UniformBox
from ..core.checks import choice, integer, real
from ..core.picture import Cloud, Curves, Picture, Series, Trace

ANY_LABEL = float(np.finfo(np.float32).max)
"""Bound of the labels in the observation space: tighter ones would tell how good the best item is."""


@dataclass(kw_only=True, eq=False)
class Labels:
    """State of a pool."""

    values: NDArray[np.float64]  # (B, n) mean label f(x) of every item
    best: NDArray[np.float64]  # (B, T + 1) sum of the best 0, 1, ..., T values
    legal: NDArray[np.int8]  # (B, n) 1 for items without a label
    labelled: NDArray[np.int64]  # (B, T) items labelled so far, in order; -1 behind the last
    labels: NDArray[np.float32]  # (B, T) their labels; 0 behind the last
    count: NDArray[np.int64]  # (B,) number of labels
    left: NDArray[np.int64]  # (B,) steps left
    found: NDArray[np.float64]  # (B,) sum of the values of the labelled items
    first_item: NDArray[np.int64]  # (B,) place of each episode's first item in the flat `legal`
    first_slot: NDArray[np.int64]  # (B,) place of each episode's first slot in the flat `labelled`


@dataclass(kw_only=True, eq=False)
class FeatureLabels(Labels):
    """State of a pool whose items have features."""

    features: NDArray[np.float32]  # (B, n d) read-only


StateT = TypeVar("StateT", bound=Labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Model[StateT], Generic[StateT]):
    """A pool of items, each of which may be labelled once.

    Args:
        horizon: Number T of labels, in steps.
        noise_std: Standard deviation of the label noise, in units of the label.
        illegal: What choosing a labelled item does: "penalise" pays `illegal_reward`, shows nothing
            and spends the step; "raise" raises `InputError`.
        illegal_reward: Reward of such a step.
    """

    horizon: int | None = None
    noise_std: float = 0.0
    illegal: str = "penalise"
    illegal_reward: float = 0.0

    def __post_init__(self) -> None:
        if self.horizon is None:
            horizon = int(0.2 * self.num_items) + 1
        else:
            horizon = integer("horizon", self.horizon, low=1)
        if horizon > self.num_items:
            raise InputError(
                f"horizon must not exceed the {self.num_items} items of the pool, got {horizon}."
            )
        self._set(
            horizon=horizon,
            noise_std=real("noise_std", self.noise_std, low=0),
            illegal=choice("illegal", self.illegal, ("penalise", "raise")),
            illegal_reward=real("illegal_reward", self.illegal_reward),
        )

    @property
    @abstractmethod
    def num_items(self) -> int:
        """The number n of items."""

    # ---- spaces

    @cached_property
    def action_space(self) -> spaces.Discrete:
        """The index of the item to label."""
        return spaces.Discrete(self.num_items)

    @cached_property
    def observation_space(self) -> spaces.Dict:
        """Legal items, history, steps left, and what else a pool shows."""
        return spaces.Dict(
            {
                "action_mask": UniformBox(0, 1, (self.num_items,), np.int8),
                "labelled": UniformBox(-1, self.num_items - 1, (self._horizon,), np.int64),
                "labels": UniformBox(-ANY_LABEL, ANY_LABEL, (self._horizon,)),
                "steps_left": UniformBox(0, self._horizon, (1,)),
                **self._more_spaces(),
            }
        )

    def _more_spaces(self) -> dict[str, UniformBox]:
        """Return the spaces of what this pool shows besides the history."""
        return {}

    @property
    def _horizon(self) -> int:
        assert self.horizon is not None  # set by __post_init__
        return self.horizon

    # ---- dynamics

    @property
    def uniforms(self) -> int:
        """One number of the tape per step, none if labels carry no noise."""
        return 1 if self.noise_std else 0

    def _common(
        self, values: NDArray[np.float64], best: NDArray[np.float64]
    ) -> dict[str, NDArray[Any]]:
        """Return the fields of `Labels` for B episodes.

        Args:
            values: Mean label of the items, ``(B, n)``.
            best: Sums of the best 0, 1, ..., T values, ``(B, T + 1)``.
        """
        count, t = len(values), self._horizon
        return {
            "values": values,
            "best": best,
            "legal": np.ones(values.shape, np.int8),
            "labelled": np.full((count, t), -1),
            "labels": np.zeros((count, t), np.float32),
            "count": np.zeros(count, np.int64),
            "left": np.zeros(count, np.int64),
            "found": np.zeros(count),
            "first_item": np.arange(count) * self.num_items,
            "first_slot": np.arange(count) * t,
        }

    def reset(self, state: StateT, index: NDArray[np.int64], streams: Streams) -> None:
        """Take all labels back. A pool that draws its values anew does so before it calls this."""
        state.legal[index] = 1
        state.labelled[index] = -1
        state.labels[index] = 0
        state.count[index] = 0
        state.left[index] = self._horizon
        state.found[index] = 0

    def step(
        self,
        state: StateT,
        action: NDArray[np.int64],
        streams: Streams,
        over: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Label one item per episode."""
        place = state.first_item + action
        legal = state.legal.reshape(-1)
        fresh = legal.take(place).view(np.bool_)
        all_fresh = np.count_nonzero(fresh) == len(fresh)
        if self.illegal == "raise" and not all_fresh:
            self._refuse(action, fresh, over)
        value = self._values_at(state, action)
        label = self._label(state, action, value, fresh, streams, over)
        legal[place] = 0
        # Only an episode that is about to be reset can have all its labels here.
        slot = np.minimum(state.count, self._horizon - 1)
        slot += state.first_slot
        state.left -= 1
        if all_fresh:
            state.labelled.reshape(-1)[slot] = action
            state.labels.reshape(-1)[slot] = label
            state.count += 1
            state.found += value
            reward = label.copy() if label is value else label
        else:
            state.labelled.reshape(-1)[slot[fresh]] = action[fresh]
            state.labels.reshape(-1)[slot[fresh]] = label[fresh]
            state.count += fresh
            state.found += np.where(fresh, value, 0.0)
            reward = np.where(fresh, label, self.illegal_reward)
        return reward, state.left <= 0

    def _values_at(self, state: StateT, action: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the mean labels of the chosen items, shape ``(B,)``."""
        return state.values[np.arange(len(action)), action]

    def _label(
        self,
        state: StateT,
        action: NDArray[np.int64],
        value: NDArray[np.float64],
        fresh: NDArray[np.bool_],
        streams: Streams,
        over: NDArray[np.bool_] | None,
    ) -> NDArray[np.float64]:
        """Return the labels of the chosen items, ``(B,)``; only those that are fresh count.

        Args:
            state: The state of B episodes.
            action: The chosen items.
            value: Their mean labels; returned as they are if labels carry no noise.
            fresh: Whether the chosen items have no label yet.
            streams: The random numbers of the B episodes.
            over: The episodes that have ended, as in `step`.
        """
        return value + self.noise_std * ndtri(streams.uniform()) if self.noise_std else value

    def _refuse(
        self,
        action: NDArray[np.int64],
        fresh: NDArray[np.bool_],
        over: NDArray[np.bool_] | None,
    ) -> None:
        wrong = ~fresh if over is None else ~fresh & ~over
        if wrong.any():
            episode = int(wrong.argmax())
            raise InputError(
                f"Item {action[episode]} of episode {episode} has its label already; choose among "
                "the items whose action_mask is 1, or make the pool with illegal='penalise'."
            )

    def observe(self, state: StateT) -> Observation:
        """Return the observations of B episodes; what is constant is a read-only view."""
        return {
            "action_mask": self.action_mask(state),
            "labelled": state.labelled.copy(),
            "labels": state.labels.copy(),
            "steps_left": state.left.astype(np.float32)[:, None],
            **self._more(state),
        }

    def _more(self, state: StateT) -> dict[str, NDArray[Any]]:
        """Return what this pool shows besides the history."""
        return {}

    def action_mask(self, state: StateT) -> NDArray[np.int8]:
        """Return the items without a label, ``(B, n)``; all items once the last one is labelled.

        Masks must leave something to choose, also in the observation that ends an episode.
        """
        mask = state.legal.copy()
        if self.horizon == self.num_items:
            mask[state.left <= 0] = 1
        return mask

    def hidden(self, state: StateT) -> dict[str, NDArray[Any]]:
        """Return the regret so far and the values of the items.

        Args:
            state: The state of B episodes.

        Returns:
            ``regret`` ``(B,)``: the best labels for the steps spent minus what was found, free of
            noise; ``values`` ``(B, n)``: the mean label of every item.
        """
        spent = self._horizon - state.left
        return {
            "regret": state.best[np.arange(len(spent)), spent] - state.found,
            "values": state.values.astype(np.float32),
        }

    # ---- words

    def action_name(self, action: Any) -> str:
        """Return the item in words."""
        return f"item {int(action)}"

    def picture(self, trace: Trace) -> Picture:
        """Return the labels in the order chosen, and their sum."""
        observation = trace[-1][2]
        labels = observation["labels"][observation["labelled"] >= 0].astype(float)
        return Picture(
            unit="label",
            length=self._horizon,
            panels=(
                Curves(
                    label="label",
                    series=(
                        Series(name="label", values=labels, style="points"),
                        Series(
                            name="best so far", values=np.maximum.accumulate(labels), style="steps"
                        ),
                    ),
                ),
                Curves(
                    label="sum of labels",
                    series=(Series(values=np.append(0.0, labels.cumsum()), style="steps"),),
                ),
            ),
        )

    def summary(self, observation: Observation) -> str:
        """Return where the episode stands, in words."""
        assert isinstance(observation, dict)
        known = np.asarray(observation["labelled"]) >= 0
        labels = np.asarray(observation["labels"])[known]
        best = f", best label {labels.max():.4g}, sum {labels.sum():.4g}" if len(labels) else ""
        return f"{known.sum()} of {self._horizon} labels{best}"


@dataclass(frozen=True, kw_only=True, eq=False)
class FeaturePool(Pool[FeatureLabels]):
    """A pool whose items have features, which stand in the observation."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """The number d of features of an item."""

    def feature_matrix(self, observation: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Return the features in observations of B episodes as a view of shape ``(B, n, d)``."""
        flat = observation["features"]
        return flat.reshape(*flat.shape[:-1], self.num_items, self.num_features)

    @property
    @abstractmethod
    def _feature_range(self) -> tuple[float, float]:
        """Finite bounds of the features."""

    def _blank(
        self,
        features: NDArray[np.float32],
        values: NDArray[np.float64],
        best: NDArray[np.float64],
    ) -> FeatureLabels:
        """Return the state of B episodes.

        Args:
            features: Features of the items, read-only, ``(B, n d)``.
            values: Mean label of the items, ``(B, n)``.
            best: Sums of the best 0, 1, ..., T values, ``(B, T + 1)``.
        """
        return FeatureLabels(features=features, **self._common(values, best))

    def _more_spaces(self) -> dict[str, UniformBox]:
        shape = (self.num_items * self.num_features,)
        return {"features": UniformBox(*self._feature_range, shape)}

    def _more(self, state: FeatureLabels) -> dict[str, NDArray[Any]]:
        view = state.features.view()
        view.flags.writeable = False  # the state of a copied environment has lost the flag
        return {"features": view}

    def picture(self, trace: Trace) -> Picture:
        """Return the labels in the order chosen, their sum, and where they lie among the items."""
        picture, observation = super().picture(trace), trace[-1][2]
        known = observation["labelled"] >= 0
        items, found = observation["labelled"][known], np.full(self.num_items, np.nan)
        found[items] = observation["labels"][known]
        cloud = Cloud(
            label="label",
            points=self.feature_matrix(observation),
            values=found,
            last=int(items[-1]) if len(items) else None,
        )
        return replace(picture, panels=(*picture.panels, cloud))


def best_sums(values: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """Return the sums of the best 0, 1, ..., T values, shape ``(..., T + 1)``."""
    top = -np.sort(-np.partition(values, -horizon, axis=-1)[..., -horizon:], axis=-1)
    sums = np.zeros((*values.shape[:-1], horizon + 1))
    np.cumsum(top, axis=-1, out=sums[..., 1:])
    return sums
