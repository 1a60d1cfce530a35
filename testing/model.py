"""The checks of an environment: contract, one as many, truth against simulation."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from ..agents import make
from ..envs.core import TruthUnknown, resolve
from ..envs.core.arrays import Array
from ..envs.pools import Pool
from .checks import ERRORS, CheckFailed, hold, hold_same
from .hidden import hold_hidden

B = 5
BLOCKS, RESTARTS = 100, 20
"""Steps (many blocks of noise, looked at in one mode), and restarts, after which play stays the same."""


def check_model(
    env_id: str, /, *, episodes: int = 2000, agents: Iterable[str] | None = None, **parameters: Any
) -> None:
    """Hold that an environment keeps every contract, and that what its model declares is true.

    Copies, pickles and JSON specs go on as it does. A vector environment equals single ones bit for bit.
    Simulation confirms its exact values. Agents reach nothing that is hidden.

    Args:
        env_id: The id of a registered environment, also of one of your own.
        episodes: Number of episodes by which truths are judged.
        agents: The agents that are looked at, by default all that can play it.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If something does not hold.
    """
    env_id = resolve(env_id)
    new = partial(gym.make, env_id, **parameters)
    vectors = partial(gym.make_vec, env_id, **parameters)
    _check_contract(new().unwrapped)
    _check_steps(vectors(num_envs=B))
    for env, remake in ((new(), gym.make), (vectors(num_envs=B), gym.make_vec)):
        _check_copies(env, remake)
    for mode, reveal in itertools.product(AutoresetMode, (False, True)):
        singles = SyncVectorEnv([partial(new, reveal=reveal)] * B, autoreset_mode=mode)
        many = vectors(num_envs=B, autoreset_mode=mode, reveal=reveal)
        # Hidden things are in the information alone: without them some steps are enough.
        _check_same_play(many, singles, mode.value, 330 if reveal else 40)
    _check_truth(vectors(num_envs=episodes, reveal=True))
    hold_hidden(vectors(num_envs=2), vectors(num_envs=2), agents)


def _check_contract(env: gym.Env[Any, Any]) -> None:
    """Hold that Gymnasium's own checker finds nothing, and warns of nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(env)
    except Exception as error:
        raise CheckFailed(f"Gymnasium's checker: found {error!r}, expected nothing.") from error


def _check_steps(vector: Any) -> None:
    """Hold that all that a vector environment returns is of the kind that it declares."""
    observation, info = vector.reset(seed=0)
    agent, hidden = make("random", vector), set(vector.unwrapped.hidden())
    kinds = ("float64", (B,)), ("bool", (B,)), ("bool", (B,))
    for _ in range(60):
        hold(not hidden & set(info), "info", sorted(hidden & set(info)), "nothing hidden")
        space = vector.observation_space
        hold(space.contains(observation), "an observation", observation, f"one in {space}")
        mask = info.get("action_mask", np.ones((B, 1), np.int8))
        hold(mask.dtype == np.int8 and mask.any(1).all(), "the mask", mask, "a legal action")
        seen = observation.get("action_mask", mask) if isinstance(observation, dict) else mask
        hold_same("the mask of the observation and that of info", seen, mask)
        observation, *signals, info = vector.step(agent.predict(observation)[0])
        found = tuple((str(part.dtype), part.shape) for part in signals)
        hold(found == kinds, "reward, terminated, truncated", found, kinds)


def _check_copies(env: Any, remake: Any) -> None:
    """Hold that a seed and a spec tell an episode, and that copies and pickles go on as it does."""
    episode, written = env.reset(seed=3), env.spec.to_json()
    hold_same("two resets with the same seed", env.reset(seed=3), episode)
    again = remake(EnvSpec.from_json(written))
    hold_same(f"an environment made of the JSON {written}", again.reset(seed=3), episode)
    env.action_space.seed(0)
    first, second = (env.action_space.sample() for _ in range(2))
    if not np.any(env.step(first)[2]):
        try:
            twins = [copy.deepcopy(env.unwrapped), pickle.loads(pickle.dumps(env.unwrapped))]
        except Exception as error:
            raise CheckFailed(f"pickle: found {error!r}, expected none.") from error
        step = env.unwrapped.step(second)
        for twin in twins:
            hold_same("a copy in the middle of an episode", twin.step(second), step)


def _check_same_play(vector: Any, singles: Any, mode: str, steps: int) -> None:
    """Hold that two vector environments show the same, seed by seed.

    Actions are drawn without the mask, so that illegal ones are among them.
    """

    def both(method: str, *args: Any, **kwargs: Any) -> Any:
        ours, theirs = (getattr(env, method)(*args, **kwargs) for env in (vector, singles))
        hold_same(f"{B} episodes at once and one by one, {mode}, {method}", ours, theirs)
        return ours

    for name in ("single_observation_space", "action_space"):
        hold_same(f"{name} of many", getattr(vector, name), getattr(singles, name))
    both("reset", seed=7)
    vector.action_space.seed(3)
    random, restarts = np.random.default_rng(5), 0
    least = BLOCKS if mode == AutoresetMode.NEXT_STEP.value else 0
    for step in range(steps):
        if step >= least and restarts >= RESTARTS:
            break
        ended = both("step", vector.action_space.sample())[2]
        restarts += int(ended.sum())
        if mode == AutoresetMode.DISABLED.value and ended.any():
            # Some episodes that still run are reset along with those that ended.
            both("reset", options={"reset_mask": ended | (random.random(B) < 0.2)})
    both("reset", seed=[11, None, 13, None, 15])  # those without a seed go on with their stream
    for _ in range(5):
        if both("step", vector.action_space.sample())[2].any():
            break


def _check_truth(vector: Any) -> None:
    """Hold that what a model declares of itself is true, by simulation."""
    model: Any = vector.unwrapped.model
    value, best = _known(model.random_value), _known(model.optimal_value)
    if value is None and best is None and "regret" not in vector.reset(seed=0)[1]:
        return
    returns = _returns(vector, make("random", vector))
    if value is not None:
        _check_mean(returns, value, "random_value()")
    if best is not None:
        _check_mean(returns, best, "the return of random play", most=True)
        pool = isinstance(model, Pool) and _known(model.optimal_policy) is None
        if pool or _known(model.optimal_policy):
            agent = make("oracle" if pool else "optimal", vector)
            # At several prices the best for all of the money need not be that for a part of it.
            exact = pool and (model.shop is None or model.one_price)
            _check_mean(_returns(vector, agent, 1e-5 if exact else np.inf), best, "optimal_value()")


def _known(truth: Callable[[], Any]) -> Any:
    """Return a truth; None: the model does not know it."""
    try:
        return truth()
    except TruthUnknown:
        return None


def _returns(vector: Any, agent: Any, most: float = np.inf) -> Array:
    """Play an episode in each row; return what they are paid. Regret lies between 0 and the most."""
    observation, info = vector.reset(seed=1000)
    returns, running = np.zeros(vector.num_envs), np.ones(vector.num_envs, np.bool_)
    while running.any():
        observation, reward, ended, _, info = vector.step(agent.predict(observation)[0])
        returns += reward * running
        regret = info.get("regret", returns * 0)[running]
        # Values are shown in single precision: probabilities near 1 that differ by less look equal.
        allowed = (regret > -1e-5) & (regret < most)
        hold(allowed.all(), f"regret of {agent.text}", regret[~allowed], f"0 to {most}")
        running &= ~ended
    return returns


def _check_mean(sample: Array, truth: float, what: str, most: bool = False) -> None:
    """Hold that the mean of a sample is the truth, or that at most, within some standard errors."""
    error = ERRORS * sample.std(ddof=1) / len(sample) ** 0.5 + 1e-9 * abs(truth)
    off = sample.mean() - truth
    found = f"{truth} declared and {sample.mean()} +- {error} played"
    hold(off <= error and (most or off >= -error), what, found, "no more" if most else "the same")
