"""Many episodes of a model at once as a Gymnasium vector environment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from .arrays import Array, Flags, Whole
from .checks import choice, integer, sequence
from .episodes import RENDER_MODES, Episodes, ModelT
from .errors import InputError, shown
from .knowledge import Observation
from .spaces import batched


class DiscoveryVectorEnv(Episodes[ModelT], VectorEnv[Any, Any, Any]):
    """B episodes of a model, stepped natively, as a `gymnasium.vector.VectorEnv`.

    What is constant within an episode stands in the observation as a read-only view.

    Args:
        num_envs: The number B of episodes.
        autoreset_mode: ``"NextStep"``, ``"SameStep"`` or ``"Disabled"`` (or the `AutoresetMode`).
        render_mode: ``None``, ``"ansi"`` or ``"rgb_array"``; `render` gives one frame per episode.
        render_size: ``"full"``, or ``"card"`` for a picture that is shown small, with large letters.
        reveal: Put the hidden truth (parameters, regret) into ``info``.
        **parameters: The parameters of the model, the same for all episodes.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        /,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        render_size: str = "full",
        reveal: bool = False,
        **parameters: Any,
    ) -> None:
        if not isinstance(autoreset_mode, AutoresetMode):
            modes = [mode.value for mode in AutoresetMode]
            autoreset_mode = AutoresetMode(choice("autoreset_mode", autoreset_mode, modes))
        self.autoreset_mode = autoreset_mode
        self.num_envs = integer("num_envs", num_envs, low=1)
        self._build(self.num_envs, render_mode, render_size, reveal, parameters)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = self.model.observation_space
        self.single_action_space = self.model.action_space
        self.observation_space = batched(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._action_shape = self.action_space.shape or ()
        self._seeded = False
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._every = np.ones(self.num_envs, np.bool_)
        self._every.flags.writeable = False
        self._traces: list[list[tuple[Any, float, Any]]] = [[] for _ in range(self.num_envs)]
        if self._info_is_fixed():
            self._fixed_info = self._masked_info(self._info(np.empty(0)))

    # ---- randomness

    @property  # type: ignore[override]
    def np_random(self) -> tuple[np.random.Generator, ...]:
        """The generator of every episode; others may be set, one for each."""
        return tuple(self._streams.generators)

    @np_random.setter  # type: ignore[override]
    def np_random(self, value: Sequence[np.random.Generator]) -> None:
        for i, generator in zip(range(self.num_envs), value, strict=True):
            self._streams.generators.adopt(i, generator)
        self._seeded = True

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of every episode; -1 where a generator was set."""
        return self._streams.generators.seeds

    def _seed(self, index: Whole, seed: int | Sequence[int | None] | None) -> None:
        """Seed new generators, episode i with seed + i; episodes without a seed keep theirs."""
        if seed is None and self._seeded:
            return
        if seed is None:
            seed = np.random.SeedSequence().entropy  # fresh, from the operating system
            assert isinstance(seed, int)
        generators = self._streams.generators
        if isinstance(seed, list | tuple | range | np.ndarray):
            seeds = sequence("seed", seed, _checked_seed)
            if len(seeds) != self.num_envs:
                raise InputError(
                    f"seed must be one integer or a sequence of {self.num_envs}, one per episode, "
                    f"got {len(seeds)} of them."
                )
            given = {i: one for i in index.tolist() if (one := seeds[i]) is not None}
            if not self._seeded:
                self._seed(index, None)
            generators.reseed(list(given), list(given.values()))
        else:
            first = _checked_seed("seed", seed)
            assert first is not None
            if len(index) == self.num_envs:
                generators.reseed(range(self.num_envs), range(first, first + self.num_envs))
            else:
                generators.reseed(index.tolist(), [first + i for i in index.tolist()])
        self._seeded = True

    # ---- Gymnasium's calls

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Start new episodes: all of them, or those of ``options["reset_mask"]``.

        Args:
            seed: An integer s seeds episode i with s + i; a sequence gives one seed per episode.
            options: ``reset_mask``, a bool array of shape ``(B,)``, names the episodes to reset;
                the others stay where they are.
        """
        chosen = None
        if options is not None and not isinstance(options, dict):
            raise InputError(f"options must be a dict or None, got {shown(options)}.")
        if options is not None and "reset_mask" in options:
            chosen = options["reset_mask"]
            wrong = not isinstance(chosen, np.ndarray) or chosen.dtype != np.bool_
            if wrong or chosen.shape != (self.num_envs,) or not chosen.any():
                raise InputError(
                    f"options['reset_mask'] must be a bool array of shape ({self.num_envs},) with "
                    f"at least one True, got {shown(chosen)}."
                )
            if self._state is None and not chosen.all():
                raise InputError("The first reset must reset every episode; leave reset_mask out.")
        index = np.arange(self.num_envs) if chosen is None else chosen.nonzero()[0]
        chosen = None if chosen is None else chosen.copy()
        self._seed(index, seed)
        if self._state is None:
            self._state = self.model.new_state(self.num_envs)
        self._begin(index)
        self._ended[index] = False
        observation = self.model.observe(self._state)
        if self.render_mode is not None:
            for i in index.tolist():
                self._traces[i] = [(None, 0.0, _pick(observation, i))]
        return observation, self._masked_info(self._info(observation), chosen, index)

    def step(self, actions: Any) -> tuple[Any, Array, Flags, Flags, dict[str, Any]]:
        """Play one action in every episode.

        Ended episodes restart as the autoreset mode says: at the next step, whose action is
        ignored and pays 0; in the same step, with the last observation in
        ``info["final_obs"]``; or never, then only `reset` revives them.

        Args:
            actions: An action for each episode, ``(B, ...)``.

        Returns:
            Observations ``(B, ...)``, rewards in the unit of the environment ``(B,)``, which episodes
            terminated and which were truncated, none, both ``(B,)``, and information ``(B, ...)``.
        """
        self._require_reset()
        actions = self._numbers(actions)
        ended = self._ended
        resting = np.count_nonzero(ended)
        if resting and self.autoreset_mode is AutoresetMode.DISABLED:
            raise gym.error.ResetNeeded(
                f"Episodes {ended.nonzero()[0].tolist()} have ended and autoreset is disabled; "
                "call reset(options={'reset_mask': ...}) first."
            )
        done = ended if resting else None
        reward, terminated = self.model.step(self._state, actions, self._streams, done)
        self._streams.next_step()
        final: dict[str, Any] = {}
        if resting:
            index = ended.nonzero()[0]
            self._begin(index)
            reward[index] = 0.0
            terminated[index] = False
        elif self.autoreset_mode is AutoresetMode.SAME_STEP and len(
            index := terminated.nonzero()[0]
        ):
            final = self._finish(terminated.copy(), index)
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            self._ended = terminated.copy()
        observation = self.model.observe(self._state)
        info = final | (self._fixed_info or self._masked_info(self._info(observation)))
        if self.render_mode is not None:
            self._record(actions, reward, observation, ended | (terminated & bool(final)))
        return observation, reward, terminated, np.zeros(self.num_envs, np.bool_), info

    def would(self, actions: Any) -> tuple[Any, Array]:
        """Return what ``actions`` would bring, without playing them.

        That is observations ``(B, ...)`` and rewards in the unit of the environment ``(B,)``.
        It tells what agents must not know, for those who test whether they do. Episodes that have
        ended are not restarted; what is returned for them means nothing.
        """
        self._require_reset()
        state, streams = deepcopy((self._state, self._streams))
        reward, _ = self.model.step(state, self._numbers(actions), streams, self._ended)
        return self.model.observe(state), reward

    def render(self) -> tuple[Any, ...] | None:
        """Return one text or picture per episode, as the render mode says."""
        drawn = self._drawn(self._traces)
        return drawn if drawn is None else tuple(drawn)

    def action_masks(self) -> Flags:
        """Return the legal actions as booleans, ``(B, n)``, N times over for a batch of N choices."""
        return self._masks()

    # ---- parts of a step

    def _finish(self, ended: Flags, index: Whole) -> dict[str, Any]:
        """Reset the episodes that just ended; return their last observation and info."""
        observation = self.model.observe(self._state)
        info = self._masked_info(self._info(observation), ended, index)
        last = np.empty(self.num_envs, object)  # of None
        last[index] = np.fromiter(_rows(observation, index), object, len(index))
        self._begin(index)
        return {"final_obs": last, "final_info": info, "_final_obs": ended, "_final_info": ended}

    def _masked_info(
        self,
        info: dict[str, NDArray[Any]],
        chosen: Flags | None = None,
        index: Whole | None = None,
    ) -> dict[str, Any]:
        """Add Gymnasium's ``_key`` masks: the episodes for which ``key`` holds something."""
        out: dict[str, Any] = {}
        for key, value in info.items():
            if chosen is not None and index is not None:
                some = np.zeros(value.shape, value.dtype)
                some[index] = value.take(index, 0)
                value = some
            out[key], out[f"_{key}"] = value, self._every if chosen is None else chosen
        return out

    def _record(
        self,
        actions: NDArray[Any],
        reward: Array,
        observation: Observation,
        restarted: Flags,
    ) -> None:
        for i, trace in enumerate(self._traces):
            if restarted[i]:
                trace[:] = [(None, 0.0, _pick(observation, i))]
            else:
                trace.append((actions[i], float(reward[i]), _pick(observation, i)))


def _checked_seed(name: str, seed: Any) -> int | None:
    if seed is None:
        return None
    if not isinstance(seed, int | np.integer):
        raise InputError(f"{name} must be an integer of at least 0, got {shown(seed)}.")
    return integer(name, seed, low=0, high=math.inf)


def _pick(observation: Observation, i: int) -> Any:
    if isinstance(observation, dict):
        return {key: value[i].copy() for key, value in observation.items()}
    return observation[i].copy()


def _rows(observation: Observation, index: Whole) -> Iterable[Any]:
    """Return the observations of some episodes, copied from arrays that others share."""
    if not isinstance(observation, dict):
        return observation.take(index, 0)
    columns = [(key, _some(value, index)) for key, value in observation.items()]
    return [{key: column[row] for key, column in columns} for row in range(len(index))]


def _some(value: NDArray[Any], index: Whole) -> Sequence[NDArray[Any]] | NDArray[Any]:
    """Return some rows of an array, ``(E, ...)``: new ones, or a view of what all have in common."""
    if value.flags.writeable:
        return value if len(index) == len(value) else value.take(index, 0)
    return value.take(index, 0) if value.strides[0] else [value[0]] * len(index)
