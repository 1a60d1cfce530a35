"""One episode of a model as a Gymnasium environment."""

from __future__ import annotations

import operator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from .arrays import Flags
from .checks import flag
from .episodes import RENDER_MODES, Episodes, ModelT

ODD = bool, np.ma.MaskedArray
"""What counts as a whole number for Python, but not here."""


class DiscoveryEnv(Episodes[ModelT], gym.Env[Any, Any]):
    """One episode of a model, as a `gymnasium.Env`.

    Args:
        render_mode: ``None``, ``"ansi"`` (a text) or ``"rgb_array"`` (a picture).
        render_size: ``"full"``, or ``"card"`` for a picture that is shown small, with large letters.
        reveal: Put the hidden truth (parameters, regret) into ``info``.
        copy: Give every observation its own copy of what is constant within an episode, such as
            the features of a pool, as Gymnasium's checker demands. With ``False`` these stand in
            the observation as read-only views, which costs nothing however large the pool is.
        **parameters: The parameters of the model; unknown or impossible ones raise `InputError`.
    """

    _only_mask = False  # whether the information is the mask in the observation
    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        /,
        *,
        render_mode: str | None = None,
        render_size: str = "full",
        reveal: bool = False,
        copy: bool = True,
        **parameters: Any,
    ) -> None:
        self._build(1, render_mode, render_size, reveal, parameters)
        self._copy = flag("copy", copy)
        self.observation_space = self.model.observation_space
        self.action_space = self.model.action_space
        self._action_shape = self.action_space.shape or ()
        self._all = np.zeros(1, np.int64)
        self._ended = False
        self._trace: list[tuple[Any, float, Any]] = []
        if self._info_is_fixed():
            self._fixed_info = self._info(np.empty(0))
        space: Any = self.observation_space
        parts = space.spaces if isinstance(space, spaces.Dict) else ()
        self._only_mask = "action_mask" in parts and not self._tells_more()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start a new episode; a seed starts a new random stream as well."""
        super().reset(seed=seed)
        self._streams.generators.adopt(0, self.np_random)
        if self._state is None:
            self._state = self.model.new_state(1)
        self._begin(self._all)
        self._ended = False
        observation, info = self._look()
        if self.render_mode is not None:
            self._trace = [(None, 0.0, observation)]
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one action; episodes end by ``terminated`` only, their budget is part of them."""
        if self._state is None or self._ended:
            self._require_reset()
            raise gym.error.ResetNeeded(
                f"The episode of {type(self).__name__} has ended; call reset()."
            )
        played = self._batch(action)
        reward, terminated = self.model.step(self._state, played, self._streams)
        self._streams.next_step()
        paid, self._ended = float(reward.item()), bool(terminated.item())
        observation, info = self._look()
        if self.render_mode is not None:
            self._trace.append((played[0], paid, observation))
        return observation, paid, self._ended, False, info

    def render(self) -> Any:
        """Return the episode so far as a text or as a picture, as the render mode says."""
        drawn = self._drawn([self._trace])
        return drawn and drawn[0]

    def action_masks(self) -> Flags:
        """Return the legal actions as booleans, ``(n,)``, N times over for a batch of N choices.

        This is the convention of sb3-contrib.
        """
        return np.asarray(self._masks()[0])

    def _batch(self, action: Any) -> NDArray[Any]:
        if self._num_actions is None or self._action_shape:
            return self._numbers(action)[None]
        try:
            number = operator.index(action)
        except Exception:  # no whole number
            number = -1
        odd = isinstance(action, ODD)
        if odd or not 0 <= number < self._num_actions:
            raise self._not_an_action(action)
        return np.array([number])

    def _look(self) -> tuple[Any, dict[str, Any]]:
        batch = self.model.observe(self._state)
        if not isinstance(batch, dict):
            return batch[0], self._own(self._fixed_info or self._info(batch))
        seen = self._own(batch)
        if self._only_mask:
            return seen, {"action_mask": seen["action_mask"]}
        return seen, self._own(self._info(batch))

    def _own(self, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the only row of each: a copy of what is constant, unless copies are switched off."""
        if not self._copy:
            return {key: value[0] for key, value in arrays.items()}
        return {
            key: value[0] if value.flags.writeable else value[0].copy()
            for key, value in arrays.items()
        }
