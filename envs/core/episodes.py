"""What one episode and many share as Gymnasium environments: the model behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ..rendering.picture import Trace
from . import moved
from .arrays import Flags, Whole
from .checks import choice, flag
from .errors import InputError, shown
from .knowledge import Observation
from .model import Model
from .streams import Streams

ModelT = TypeVar("ModelT", bound=Model[Any])

RENDER_MODES = ("ansi", "rgb_array")
RENDER_SIZES = ("full", "card")


class Episodes(Generic[ModelT]):
    """What `DiscoveryEnv` and `DiscoveryVectorEnv` share: the model, checked actions, masks.

    Both step the same dynamics and give every episode its own random stream. A vector environment
    that is seeded with s plays bit for bit the episodes of single ones seeded with s, s + 1, ...
    """

    model_class: ClassVar[type[Model[Any]]]
    model: ModelT
    _action_shape: tuple[int, ...]
    _fixed_info: dict[str, Any] = {}  # noqa: RUF012  (what it always is; empty where it changes)

    def _build(
        self,
        num_episodes: int,
        render_mode: str | None,
        render_size: str,
        reveal: bool,
        parameters: dict[str, Any],
    ) -> None:
        if render_mode is not None:
            render_mode = choice("render_mode, if it is not None,", render_mode, RENDER_MODES)
        self.render_mode = render_mode
        self._compact = choice("render_size", render_size, RENDER_SIZES) == "card"
        self.model = cast(ModelT, self.model_class.build(**parameters))
        self.model.check_size(num_episodes)
        self._reveal = flag("reveal", reveal)
        self._state: Any = None
        space = self.model.action_space
        self._num_actions: int | None = None  # of each choice, where actions are finitely many
        self._num_choices = 1
        self._box = space if isinstance(space, spaces.Box) else None
        if isinstance(space, spaces.Discrete):
            self._num_actions = int(space.n)
        elif isinstance(space, spaces.MultiDiscrete):
            self._num_actions, self._num_choices = int(space.nvec[0]), len(space.nvec)
        self._all_legal: NDArray[np.int8] | None = None
        if self._num_actions is not None:
            self._all_legal = np.ones((num_episodes, self._num_actions), np.int8)
            self._all_legal.flags.writeable = False
        self._streams = Streams(num_episodes, self.model.uniforms)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickle or a copy; that of version 0.1.0 raises `InputError`."""
        moved.check_pickle(type(self).__name__, state)
        self.__dict__.update(state)

    def _begin(self, index: Whole) -> None:
        self.model.reset(self._state, index, self._streams)
        self._streams.begin(index)

    def _info_is_fixed(self) -> bool:
        """Return whether the information is always the same: no masks, nothing hidden, no facts."""
        return not (self._tells_more() or isinstance(self.model.observation_space, spaces.Dict))

    def _tells_more(self) -> bool:
        """Return whether the information holds more than masks."""
        return self._reveal or type(self.model).facts is not Model.facts

    def _info(self, observation: Observation) -> dict[str, NDArray[Any]]:
        """Return the information of all episodes, each array of shape ``(B, ...)``.

        The mask is the one of the observation; where every action is legal, it stands here only, as
        one read-only array of ones.
        """
        masks = observation if isinstance(observation, dict) else {}
        mask = masks.get("action_mask", self._all_legal)
        info: dict[str, NDArray[Any]] = {} if mask is None else {"action_mask": mask}
        if facts := self.model.facts(self._state):
            info |= facts
        if self._reveal:
            info |= self.model.hidden(self._state)
        return info

    def hidden(self) -> dict[str, NDArray[Any]]:
        """Return what an agent must not see, of the current episodes, each of shape ``(B, ...)``."""
        self._require_reset()
        return self.model.hidden(self._state)

    def _masks(self) -> Flags:
        self._require_reset()
        mask = self.model.action_mask(self._state)
        if mask is None:
            mask = self._all_legal
        if mask is None:
            raise InputError(f"{type(self).__name__} has no finite set of actions to mask.")
        return np.tile(mask.astype(np.bool_), self._num_choices)

    def _drawn(self, traces: Sequence[Trace]) -> list[Any] | None:
        """Return a text or a picture of each episode, as the render mode says."""
        self._require_reset()
        if self.render_mode is None:
            gym.logger.warn("render() was called without a render_mode; give one to gym.make().")
            return None
        from ..rendering import draw  # drawing is not part of stepping

        mode, compact = self.render_mode, self._compact
        return [draw(self.model, trace, mode, compact=compact) for trace in traces]

    def _require_reset(self) -> None:
        if self._state is None:
            raise gym.error.ResetNeeded(
                f"{type(self).__name__} was used before its first reset; call reset() first."
            )

    def _numbers(self, action: Any) -> NDArray[Any]:
        """Return an action that is an array, or one per episode, as a new array of checked numbers.

        Points of a box are clipped to it: a Gaussian policy steps outside, and so does rounding.
        """
        try:
            array = np.asarray(action)
        except Exception:  # ragged, or an object that is no array
            raise self._not_an_action(action) from None
        box = self._box
        kinds = "iu" if box is None else "fiu"
        odd = np.ma.isMaskedArray(action) or array.dtype.kind not in kinds
        odd = odd or array.shape != self._action_shape
        if odd or (box is not None and not np.isfinite(array).all()):
            raise self._not_an_action(action)
        if box is not None:
            return np.asarray(np.clip(array, box.low, box.high).astype(box.dtype, copy=False))
        assert self._num_actions is not None
        # All bits together bound every action from above, and are negative if one of them is.
        if not 0 <= np.bitwise_or.reduce(array, axis=None) < self._num_actions:
            wrong = (array < 0) | (array >= self._num_actions)
            if wrong.any():
                raise self._not_an_action(action, tuple(np.argwhere(wrong)[0]))
        return array.astype(np.int64)

    def _not_an_action(self, action: Any, index: tuple[int, ...] = ()) -> InputError:
        """Return the error: what was given, or the number at ``index`` of it, and what is taken."""
        what, least = shown(action), "finite" if self._box is not None else "whole"
        if index and isinstance(self, VectorEnv):
            what = f"{np.asarray(action)[index]}, of episode {index[0]},"
        elif isinstance(action, np.ndarray):
            what += f" ({action.dtype} of shape {action.shape})"
        limits = "" if self._num_actions is None else f" in 0..{self._num_actions - 1}"
        taken = (
            f"an array of {least} numbers{limits}, of shape {self._action_shape}"
            if self._action_shape
            else f"a whole number{limits}"
        )
        return InputError(f"{what} is not an action of {type(self).__name__}; it takes {taken}.")
