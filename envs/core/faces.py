"""The two Gymnasium faces of a `Model`: one episode, and many at once.

Both step the same dynamics and give every episode its own random stream, so that a vector
environment seeded with s and B single environments seeded with s, s+1, ... show bit for bit the
same trajectories, in all three autoreset modes of Gymnasium.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from . import moved
from .checks import choice, flag, integer, sequence
from .errors import InputError, shown
from .knowledge import Observation
from .model import Model
from .spaces import batched
from .streams import Streams

ModelT = TypeVar("ModelT", bound=Model[Any])

RENDER_MODES = ("ansi", "rgb_array")


class _Face(Generic[ModelT]):
    """What both faces share: building the model, the spaces of one episode, the trace to draw."""

    model_class: ClassVar[type[Model[Any]]]
    model: ModelT
    _action_shape: tuple[int, ...]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "model_class" in cls.__dict__:  # Gymnasium's users look for the page on the class
            cls.__doc__ = cls.model_class.__doc__

    def _build(
        self, num_episodes: int, render_mode: str | None, reveal: bool, parameters: dict[str, Any]
    ) -> None:
        if render_mode is not None:
            render_mode = choice("render_mode, if it is not None,", render_mode, RENDER_MODES)
        self.render_mode = render_mode
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

    def _begin(self, index: NDArray[np.int64]) -> None:
        """Start new episodes at the places ``index``."""
        self.model.reset(self._state, index, self._streams)
        self._streams.begin(index)

    def _info(self, observation: Observation) -> dict[str, NDArray[Any]]:
        """Return the information of all episodes, each array of shape ``(B, ...)``.

        The mask is the one of the observation; where every action is legal, it stands here only, as
        one read-only array of ones.
        """
        masks = observation if isinstance(observation, dict) else {}
        mask = masks.get("action_mask", self._all_legal)
        info: dict[str, NDArray[Any]] = {} if mask is None else {"action_mask": mask}
        if self._reveal:
            info |= self.model.hidden(self._state)
        return info

    def hidden(self) -> dict[str, NDArray[Any]]:
        """Return what an agent must not see, of the current episodes, each of shape ``(B, ...)``."""
        self._require_reset()
        return self.model.hidden(self._state)

    def _masks(self) -> NDArray[np.bool_]:
        self._require_reset()
        mask = self.model.action_mask(self._state)
        if mask is None:
            mask = self._all_legal
        if mask is None:
            raise InputError(f"{type(self).__name__} has no finite set of actions to mask.")
        return np.tile(mask.astype(np.bool_), self._num_choices)

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
        if np.ma.isMaskedArray(action):
            raise self._not_an_action(action)
        if array.shape != self._action_shape or array.dtype.kind not in kinds:
            raise self._not_an_action(action)
        if box is not None:
            if not np.isfinite(array).all():
                raise self._not_an_action(action)
            return np.clip(array, box.low, box.high).astype(box.dtype, copy=False)
        assert self._num_actions is not None
        # All bits together bound every action from above, and are negative if one of them is.
        if not 0 <= np.bitwise_or.reduce(array, axis=None) < self._num_actions:
            wrong = (array < 0) | (array >= self._num_actions)
            if wrong.any():
                raise self._not_an_action(action, tuple(np.argwhere(wrong)[0]))
        return array.astype(np.int64)

    def _not_an_action(self, action: Any, place: tuple[int, ...] = ()) -> InputError:
        """Return the error: what was given, or the number at a place of it, and what is taken."""
        what, least = shown(action), "finite" if self._box is not None else "whole"
        if place and isinstance(self, VectorEnv):
            what = f"{np.asarray(action)[place]}, of episode {place[0]},"
        elif isinstance(action, np.ndarray):
            what += f" ({action.dtype} of shape {action.shape})"
        limits = "" if self._num_actions is None else f" in 0..{self._num_actions - 1}"
        taken = (
            f"an array of {least} numbers{limits}, of shape {self._action_shape}"
            if self._action_shape
            else f"a whole number{limits}"
        )
        return InputError(f"{what} is not an action of {type(self).__name__}; it takes {taken}.")


class DiscoveryEnv(_Face[ModelT], gym.Env[Any, Any]):
    """One episode of a model, as a `gymnasium.Env`.

    Args:
        render_mode: ``None``, ``"ansi"`` (a text) or ``"rgb_array"`` (a picture).
        reveal: Put the hidden truth (parameters, regret) into ``info``.
        copy: Give every observation its own copy of what is constant within an episode, such as
            the features of a pool, as Gymnasium's checker demands. With ``False`` these stand in
            the observation as read-only views, which costs nothing however large the pool is.
        **parameters: The parameters of the model; unknown or impossible ones raise `InputError`.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        /,
        *,
        render_mode: str | None = None,
        reveal: bool = False,
        copy: bool = True,
        **parameters: Any,
    ) -> None:
        self._build(1, render_mode, reveal, parameters)
        self._copy = flag("copy", copy)
        self.observation_space = self.model.observation_space
        self.action_space = self.model.action_space
        self._action_shape = self.action_space.shape or ()
        self._all = np.zeros(1, np.int64)
        self._ended = False
        self._trace: list[tuple[Any, float, Any]] = []

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
        self._ended = bool(terminated[0])
        observation, info = self._look()
        if self.render_mode is not None:
            self._trace.append((played[0], float(reward[0]), observation))
        return observation, float(reward[0]), self._ended, False, info

    def render(self) -> Any:
        """Return the episode so far as a text or as a picture, as the render mode says."""
        self._require_reset()
        if self.render_mode is None:
            gym.logger.warn("render() was called without a render_mode; pass one to gym.make().")
            return None
        from ..rendering import draw  # drawing is not part of stepping

        return draw(self.model, self._trace, self.render_mode)

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the legal actions as booleans, ``(n,)``, N times over for a batch of N choices.

        This is the convention of sb3-contrib.
        """
        return self._masks()[0]

    def _batch(self, action: Any) -> NDArray[Any]:
        """Return the action as the one of a batch."""
        if self._num_actions is None or self._action_shape:
            return self._numbers(action)[None]
        try:
            number = operator.index(action)
        except Exception:  # no whole number
            raise self._not_an_action(action) from None
        odd = isinstance(action, bool | np.ma.MaskedArray)
        if odd or not 0 <= number < self._num_actions:
            raise self._not_an_action(action)
        return np.array([number])

    def _look(self) -> tuple[Any, dict[str, Any]]:
        """Return the observation and the information of the episode."""
        batch = self.model.observe(self._state)
        info = {key: self._own(value) for key, value in self._info(batch).items()}
        if not isinstance(batch, dict):
            return batch[0], info
        return {key: self._own(value) for key, value in batch.items()}, info

    def _own(self, value: NDArray[Any]) -> NDArray[Any]:
        """Return the only row: a copy of what is constant, unless copies are switched off."""
        return value[0].copy() if self._copy and not value.flags.writeable else value[0]


class DiscoveryVectorEnv(_Face[ModelT], VectorEnv[Any, Any, Any]):
    """B episodes of a model, stepped natively, as a `gymnasium.vector.VectorEnv`.

    What is constant within an episode stands in the observation as a read-only view.

    Args:
        num_envs: The number B of episodes.
        autoreset_mode: ``"NextStep"``, ``"SameStep"`` or ``"Disabled"`` (or the `AutoresetMode`).
        render_mode: ``None``, ``"ansi"`` or ``"rgb_array"``; `render` gives one frame per episode.
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
        reveal: bool = False,
        **parameters: Any,
    ) -> None:
        if not isinstance(autoreset_mode, AutoresetMode):
            modes = [mode.value for mode in AutoresetMode]
            autoreset_mode = AutoresetMode(choice("autoreset_mode", autoreset_mode, modes))
        self.autoreset_mode = autoreset_mode
        self.num_envs = integer("num_envs", num_envs, low=1)
        self._build(self.num_envs, render_mode, reveal, parameters)
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
        # Where masks and hidden parameters play no part, the information is always the same.
        fixed = not reveal and not isinstance(self.single_observation_space, spaces.Dict)
        some: NDArray[Any] = np.empty(0)
        self._fixed_info = self._masked_info(self._info(some), None) if fixed else {}

    # ---- randomness

    @property  # type: ignore[override]
    def np_random(self) -> tuple[np.random.Generator, ...]:
        """The generator of every episode; others may be put in their place, one for each."""
        return tuple(self._streams.generators)

    @np_random.setter  # type: ignore[override]
    def np_random(self, value: Sequence[np.random.Generator]) -> None:
        for i, generator in zip(range(self.num_envs), value, strict=True):
            self._streams.generators.adopt(i, generator)
        self._seeded = True

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of every episode; -1 where a generator was put in its place."""
        return self._streams.generators.seeds

    def _seed(self, index: NDArray[np.int64], seed: int | Sequence[int | None] | None) -> None:
        """Seat new generators, episode i with seed + i; unseeded episodes keep theirs."""
        if seed is None and self._seeded:
            return
        if seed is None:
            seed = np.random.SeedSequence().entropy  # fresh, from the operating system
            assert isinstance(seed, int)
        seats = self._streams.generators
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
            seats.seat(list(given), list(given.values()))
        else:
            first = _checked_seed("seed", seed)
            assert first is not None
            if len(index) == self.num_envs:
                seats.seat(range(self.num_envs), range(first, first + self.num_envs))
            else:
                seats.seat(index.tolist(), [first + i for i in index.tolist()])
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
            if (
                not isinstance(chosen, np.ndarray)
                or chosen.shape != (self.num_envs,)
                or chosen.dtype != np.bool_
                or not chosen.any()
            ):
                raise InputError(
                    f"options['reset_mask'] must be a bool array of shape ({self.num_envs},) with "
                    f"at least one True, got {shown(chosen)}."
                )
            if self._state is None and not chosen.all():
                raise InputError("The first reset must reset every episode; leave reset_mask out.")
        index = np.arange(self.num_envs) if chosen is None else chosen.nonzero()[0]
        self._seed(index, seed)
        if self._state is None:
            self._state = self.model.new_state(self.num_envs)
        self._begin(index)
        self._ended[index] = False
        observation = self.model.observe(self._state)
        if self.render_mode is not None:
            for i in index.tolist():
                self._traces[i] = [(None, 0.0, _pick(observation, i))]
        return observation, self._masked_info(self._info(observation), chosen)

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Play one action in every episode.

        Ended episodes restart as the autoreset mode says: at the next step, whose action is
        ignored and pays 0; in the same step, with the last observation in
        ``info["final_obs"]``; or never, then only `reset` revives them.
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
        over = ended if resting else None
        reward, terminated = self.model.step(self._state, actions, self._streams, over)
        self._streams.next_step()
        final: dict[str, Any] = {}
        if resting:
            index = ended.nonzero()[0]
            self._begin(index)
            reward[index] = 0.0
            terminated[index] = False
        elif self.autoreset_mode is AutoresetMode.SAME_STEP and np.count_nonzero(terminated):
            final = self._finish(terminated)
        self._ended = (
            np.zeros_like(terminated)
            if self.autoreset_mode is AutoresetMode.SAME_STEP
            else terminated.copy()
        )
        observation = self.model.observe(self._state)
        info = final | (self._fixed_info or self._masked_info(self._info(observation), None))
        if self.render_mode is not None:
            self._record(actions, reward, observation, ended | (terminated & bool(final)))
        return observation, reward, terminated, np.zeros(self.num_envs, np.bool_), info

    def render(self) -> tuple[Any, ...] | None:
        """Return one text or picture per episode, as the render mode says."""
        self._require_reset()
        if self.render_mode is None:
            gym.logger.warn("render() was called without a render_mode; pass one to make_vec().")
            return None
        from ..rendering import draw  # drawing is not part of stepping

        return tuple(draw(self.model, trace, self.render_mode) for trace in self._traces)

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the legal actions as booleans, ``(B, n)``, N times over for a batch of N choices."""
        return self._masks()

    # ---- parts of a step

    def _finish(self, terminated: NDArray[np.bool_]) -> dict[str, Any]:
        """Reset the episodes that just ended; return their last observation and info."""
        index = terminated.nonzero()[0]
        observation = self.model.observe(self._state)
        info = self._masked_info(self._info(observation), terminated)
        last = np.full(self.num_envs, None, dtype=object)
        for i in index.tolist():
            last[i] = _pick(observation, i)
        self._begin(index)
        return {
            "final_obs": last,
            "_final_obs": terminated.copy(),
            "final_info": info,
            "_final_info": terminated.copy(),
        }

    def _masked_info(
        self, info: dict[str, NDArray[Any]], chosen: NDArray[np.bool_] | None
    ) -> dict[str, Any]:
        """Add Gymnasium's ``_key`` masks: the episodes for which ``key`` holds something."""
        out: dict[str, Any] = {}
        for key, value in info.items():
            if chosen is None:
                out[key], out[f"_{key}"] = value, self._every
            else:
                out[key] = np.zeros_like(value)
                out[key][chosen] = value[chosen]
                out[f"_{key}"] = chosen.copy()
        return out

    def _record(
        self,
        actions: NDArray[Any],
        reward: NDArray[np.float64],
        observation: Observation,
        restarted: NDArray[np.bool_],
    ) -> None:
        for i, trace in enumerate(self._traces):
            if restarted[i]:
                trace.clear()
                trace.append((None, 0.0, _pick(observation, i)))
            else:
                trace.append((actions[i], float(reward[i]), _pick(observation, i)))


def _checked_seed(name: str, seed: Any) -> int | None:
    """Return a seed as a number that is not negative; None stays None."""
    if seed is None:
        return None
    if not isinstance(seed, int | np.integer):
        raise InputError(f"{name} must be an integer of at least 0, got {shown(seed)}.")
    return integer(name, seed, low=0, high=math.inf)


def _pick(observation: Observation, i: int) -> Any:
    """Return a copy of the observation of episode ``i``."""
    if isinstance(observation, dict):
        return {key: value[i].copy() for key, value in observation.items()}
    return observation[i].copy()
