"""Wrappers for masks: under the names that a library reads, and exact within a batch."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from .core import DiscoveryEnv, DiscoveryVectorEnv, InputError, box, shown
from .core.arrays import Flags, Whole


class NamedParts(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Two parts under given names: what is to be seen, as one float32 vector, and the legal actions.

    RLlib's masking module reads ``observations`` and ``action_mask``; Tianshou's Q-learning reads
    ``obs`` and ``mask``. The vector joins all parts of the observation, the mask as well if it is one
    of them, in the order of the space.

    Args:
        env: A single environment of this package, wrapped or not, with finitely many actions.
        rest: Name of what is to be seen.
        mask: Name of the legal actions, int8 of shape ``(n,)``.
    """

    def __init__(
        self, env: gym.Env[Any, Any], rest: str = "observations", mask: str = "action_mask"
    ) -> None:
        if rest == mask or not all(isinstance(name, str) for name in (rest, mask)):
            raise InputError(
                f"rest and mask must be two different names, got {shown(rest)} and {shown(mask)}."
            )
        actions = _actions(self, env, DiscoveryEnv, spaces.Discrete | spaces.MultiDiscrete)
        RecordConstructorArgs.__init__(self, rest=rest, mask=mask)
        super().__init__(env)
        self._names = rest, mask
        flat = spaces.flatten_space(env.observation_space)
        assert isinstance(flat, spaces.Box)
        size = int(actions.n if isinstance(actions, spaces.Discrete) else actions.nvec.sum())
        seen = spaces.Box(flat.low.astype(np.float32), flat.high.astype(np.float32))
        self.observation_space = spaces.Dict({rest: seen, mask: box(0, 1, (size,), np.int8)})

    def observation(self, observation: Any) -> dict[str, NDArray[Any]]:
        """Return the two parts of an ``observation``, of shape ``(k,)`` and ``(n,)``."""
        flat = np.asarray(spaces.flatten(self.env.observation_space, observation), np.float32)
        masks = self.env.get_wrapper_attr("action_masks")()
        parts = dict(zip(self._names, (flat, masks.astype(np.int8)), strict=True))
        return {key: parts[key] for key in sorted(parts)}  # the order of the space


class OneByOne(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """A pool that labels N items at once, played as N choices of one item each.

    A mask for a whole batch cannot forbid that an item stands in it twice. Here the mask is exact: it
    leaves out what the batch holds already. Nothing else of the observation changes until the batch is
    whole: then its labels are seen and its reward is paid. With ``illegal="raise"`` an item that is
    chosen again raises at once.

    Args:
        env: A pool made with ``batch_size`` above 1.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        _actions(self, env, DiscoveryEnv, spaces.MultiDiscrete)
        self._batch = _Batch(env.unwrapped, (), env.observation_space)
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.action_space = spaces.Discrete(self._batch.num_actions)
        self._ended = True

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start a new episode with an empty batch."""
        self._ended = False
        return self._batch.begin(*self.env.reset(**kwargs))

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Put an item into the batch; the last one plays it."""
        if self._ended:
            raise gym.error.ResetNeeded("The episode has not begun or has ended; call reset().")
        if (batch := self._batch.add(action)) is None:
            observation, info = self._batch.look()
            return observation, 0.0, False, False, info
        observation, reward, terminated, truncated, info = self.env.step(batch)
        self._ended = terminated or truncated
        observation, info = self._batch.begin(observation, info)
        return observation, float(reward), terminated, truncated, info

    def action_masks(self) -> Flags:
        """Return the legal items as booleans, ``(n,)``."""
        return self._batch.mask.astype(np.bool_)


class VectorOneByOne(VectorWrapper):  # not generic before Gymnasium 1.4
    """`OneByOne` for a native vector environment, whose episodes all choose at once.

    Args:
        env: Pools made by ``gym.make_vec(..., batch_size=N, autoreset_mode="SameStep")``.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        _actions(self, env, DiscoveryVectorEnv, spaces.MultiDiscrete)
        super().__init__(env)
        mode = env.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise InputError(
                f"VectorOneByOne needs episodes that restart in the step that ends them, got "
                f"autoreset_mode={getattr(mode, 'value', mode)!r}; make the environment with "
                "gym.make_vec(..., autoreset_mode='SameStep')."
            )
        self.autoreset_mode = mode  # where TorchRL looks for it
        self._batch = _Batch(env.unwrapped, (env.num_envs,), env.single_observation_space)
        self.single_action_space = spaces.Discrete(self._batch.num_actions)
        self.action_space = spaces.MultiDiscrete(np.full(env.num_envs, self._batch.num_actions))

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Start all episodes with empty batches: they choose in step."""
        if isinstance(options, dict) and "reset_mask" in options:
            raise InputError("VectorOneByOne resets all episodes at once; leave reset_mask out.")
        return self._batch.begin(*self.env.reset(seed=seed, options=options))

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Put an item into each batch; the last one plays them."""
        if (batch := self._batch.add(actions)) is None:
            observation, info = self._batch.look()
            reward, none = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
            return observation, reward, none, none.copy(), info
        observation, reward, terminated, truncated, info = self.env.step(batch)
        observation, info = self._batch.begin(observation, info)
        return observation, reward, terminated, truncated, info

    def action_masks(self) -> Flags:
        """Return the legal items as booleans, ``(B, n)``."""
        return self._batch.mask.astype(np.bool_)


class _Batch:
    """The items that one episode, or each of B, has chosen so far, and what is seen meanwhile.

    Args:
        env: The pool, without wrappers.
        shape: ``()`` or ``(B,)``.
        space: The observation of an episode, which must hold the pool's own mask.
    """

    def __init__(self, env: Any, shape: tuple[int, ...], space: gym.Space[Any]) -> None:
        self.pool, self.shape, self.size = env.model, shape, env.model.batch_size
        self.num_actions = self.pool.num_items * self.pool.num_tests
        self.strict = self.pool.illegal == "raise"
        self.observation: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self.chosen: list[Whole] = []
        part = space.spaces.get("action_mask") if isinstance(space, spaces.Dict) else None
        money = self.pool.shop is None or "money_left" in getattr(space, "spaces", ())
        what = "items" if self.pool.num_tests == 1 else "tests"
        if part is None or part.shape != (self.num_actions,) or not money:
            raise InputError(
                "Choices one by one need the pool's own observation, with an action_mask of "
                f"{self.num_actions} {what}, got {shown(space)}; wrap the pool in this first."
            )

    @property
    def mask(self) -> NDArray[np.int8]:
        """The items that may be chosen, ``(n,)`` or ``(B, n)``."""
        if not self.observation:
            raise gym.error.ResetNeeded("There is nothing to choose from yet; call reset() first.")
        return np.asarray(self.observation["action_mask"])

    def _mask_within(self) -> NDArray[np.int8]:
        """Return what the batch may still take, ``(n,)`` or ``(B, n)``."""
        keys = self.observation.keys() & {"money_left", "price"}
        seen = {"action_mask": self.whole, **{key: self.observation[key] for key in keys}}
        chosen = np.concatenate(self.chosen, axis=-1)
        if self.shape:
            return np.asarray(self.pool.mask_within(seen, chosen))
        one = {key: part[None] for key, part in seen.items()}
        return np.asarray(self.pool.mask_within(one, chosen[None])[0])

    def begin(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Start an empty batch; return what was handed in."""
        self.chosen, self.observation = [], _own(observation)
        self.whole = self.mask
        # The end of an episode is reported once.
        ends = ("episode", "final_obs", "final_info")
        self.info = _own({key: x for key, x in info.items() if key.lstrip("_") not in ends})
        return observation, info

    def look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the observation and the information, with the mask of the batch so far."""
        return _own(self.observation), _own(self.info)

    def add(self, action: Any) -> Whole | None:
        """Choose an item; return the batch, ``(N,)`` or ``(B, N)``, when it is whole."""
        try:
            items = np.asarray(action)
        except Exception:  # ragged, or an object that is no array
            items = np.array(None)
        fits = items.shape == self.shape and items.dtype.kind in "iu"
        if not fits or ((items < 0) | (items >= self.num_actions)).any():
            raise InputError(
                f"{shown(action)} is not a choice of items; allowed are whole numbers in "
                f"0..{self.num_actions - 1}, of shape {self.shape}."
            )
        chosen = items.astype(np.int64)[..., None]
        if self.strict and not np.take_along_axis(self.mask, chosen, -1).all():
            raise InputError(f"{shown(action)} was chosen already; choose by the mask.")
        if len(self.chosen) == self.size - 1:
            return np.concatenate([*self.chosen, chosen], axis=-1)
        self.chosen.append(chosen)
        mask = self._mask_within()
        self.observation["action_mask"] = self.info["action_mask"] = mask
        return None


def _own(parts: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of all parts but those that nobody can write to, such as features."""
    return {
        key: part.copy() if isinstance(part, np.ndarray) and part.flags.writeable else part
        for key, part in parts.items()
    }


def _actions(wrapper: Any, env: Any, base: type[Any], kinds: Any) -> Any:
    """Return the actions of one episode, if the environment is one that a wrapper takes."""
    space = None
    if isinstance(getattr(env, "unwrapped", None), base):
        space = getattr(env, "single_action_space", env.action_space)
    if not isinstance(space, kinds):
        batches = kinds is spaces.MultiDiscrete
        what = "a batch_size above 1" if batches else "finitely many actions"
        one = "single" if base is DiscoveryEnv else "vector"
        raise InputError(
            f"{type(wrapper).__name__} takes a {one} environment of this package with {what}, "
            f"got {shown(env)}."
        )
    return space
