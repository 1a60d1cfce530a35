"""Our vector environments as a ``VecEnv`` of stable-baselines3.

Stable-baselines3 does not take Gymnasium's vector environments. `SB3Env` steps one of ours natively
in place of a list of single environments: the same episodes bit for bit, without a loop over them.
Only the episodes that have just ended get an information dictionary of their own, all others share
an empty one: building B dictionaries a step would cost as much as the step.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from ...envs.core import DiscoveryVectorEnv, InputError, closest, shown
from ...envs.core.arrays import Flags, Single
from . import learn_extra

with learn_extra():
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import VecEnv


class SB3Env(VecEnv):  # type: ignore[misc]
    """B episodes of a native vector environment, for any algorithm of stable-baselines3.

    An ended episode leaves its last information in ``infos[i]``, with its last observation as
    ``terminal_observation`` and its return, length and seconds since the reset as ``episode``, as
    `Monitor` does. Legal actions reach sb3-contrib's ``MaskablePPO`` by
    ``env_method("action_masks")``. With ``reveal=True`` the truth is among the last information, where
    ``VecMonitor(..., info_keywords=("regret",))`` finds it.

    Args:
        env: A vector environment of this package, made with ``autoreset_mode="SameStep"``, or such a
            one in wrappers.
        parts: Keys of the observation that are shown; none: all of them.
    """

    def __init__(self, env: Any, *, parts: Sequence[str] = ()) -> None:
        inner = getattr(env, "unwrapped", env)
        if not isinstance(inner, DiscoveryVectorEnv):
            raise InputError(
                f"SB3Env takes a vector environment of this package, got {shown(env)}; make one with "
                "gym.make_vec('discovery/...', num_envs=256, autoreset_mode='SameStep')."
            )
        if inner.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise InputError(
                "stable-baselines3 expects that an episode restarts in the step that ends it, got "
                f"autoreset_mode={inner.autoreset_mode.value!r}; make the environment with "
                "gym.make_vec(..., autoreset_mode='SameStep')."
            )
        self.env: VectorEnv[Any, Any, Any] = env
        space, self._parts = env.single_observation_space, tuple(parts)
        known = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
        for key in self._parts:
            if key not in known:
                raise InputError(
                    f"The observation has no part {key!r}{closest(key, known)} Its parts are "
                    f"{', '.join(known) or 'not named: it is one array'}."
                )
        if parts:
            space = spaces.Dict({key: known[key] for key in known if key in parts})
        super().__init__(env.num_envs, space, env.single_action_space)
        self._actions: Any = None
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)
        self._running: list[dict[str, Any]] = [{}] * self.num_envs
        self._began = time.time()

    def reset(self) -> Any:
        """Start B new episodes, with the seeds of the last call of ``seed``, if any."""
        observation, _ = self.env.reset(seed=self._seeds)
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = self._running
        self._returns[:], self._lengths[:] = 0.0, 0
        self._began = time.time()
        return _writable(self._seen(observation))

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep ``actions``, ``(B, ...)``, for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, Single, Flags, list[dict[str, Any]]]:
        """Play the actions.

        Returns:
            Observations ``(B, ...)``, rewards in the unit of the environment ``(B,)``, which episodes
            ended ``(B,)``, and B information dictionaries.
        """
        observation, reward, ended, _, info = self.env.step(self._actions)
        self._returns += reward
        self._lengths += 1
        infos = self._running
        index = ended.nonzero()[0]
        if len(index):
            infos, seconds = infos.copy(), round(time.time() - self._began, 6)
            last = info["final_info"]
            for i in index.tolist():
                total = float(self._returns[i])
                infos[i] = {
                    **{key: last[key][i] for key in last if not key.startswith("_")},
                    "terminal_observation": _writable(self._seen(info["final_obs"][i])),
                    "TimeLimit.truncated": False,
                    "episode": {"r": total, "l": int(self._lengths[i]), "t": seconds},
                }
            self._returns[index], self._lengths[index] = 0.0, 0
        return _writable(self._seen(observation)), reward.astype(np.float32), ended, infos

    def _seen(self, observation: Any) -> Any:
        return {key: observation[key] for key in self._parts} if self._parts else observation

    def close(self) -> None:
        """Close the vector environment."""
        self.env.close()

    def get_images(self) -> list[Any]:
        """Return one picture per episode."""
        return list(self.env.render() or [])

    # ---- one environment stands for all episodes

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the vector environment, once per episode asked for."""
        return [getattr(self._owner(attr_name), attr_name)] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector environment, which all episodes share."""
        if len(self._chosen(indices)) < self.num_envs:
            raise InputError(
                f"All episodes share one environment; set {attr_name!r} without indices."
            )
        setattr(self._owner(attr_name), attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Return the part of each episode in what a method of the vector environment returns.

        This is for ``action_masks`` and ``render``; episodes are stepped and reset together.
        """
        if method_name not in ("action_masks", "render"):
            raise InputError(
                f"env_method {method_name!r} is not one for single episodes; 'action_masks' and "
                "'render' are."
            )
        parts = getattr(self._owner(method_name), method_name)(*method_args, **method_kwargs)
        return [parts[i] for i in self._chosen(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Say yes to `Monitor` alone, whose statistics are kept here."""
        return [wrapper_class is Monitor] * len(self._chosen(indices))

    def _owner(self, name: str) -> Any:
        """Return the outermost wrapper that has an attribute, or else the environment itself."""
        env: Any = self.env
        while env is not env.unwrapped and not hasattr(env, name):
            env = env.env
        return env

    def _chosen(self, indices: int | Iterable[int] | None) -> list[int]:
        return list(self._get_indices(indices))


def _writable(observation: Any) -> Any:
    """Copy what is constant within an episode: torch warns of arrays that it may not write to."""
    if isinstance(observation, dict):
        return {key: _writable(value) for key, value in observation.items()}
    return observation if observation.flags.writeable else observation.copy()
