"""The checks of a belief: a function of the labels that have come, and consistent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import itemgetter
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ..agents import Arrivals, Belief, make
from ..envs.core import Knowledge, resolve
from ..envs.core.arrays import Array
from ..envs.pools import Pool
from .checks import ERRORS, hold

AnyBelief = str | Callable[[Knowledge, int], Belief]


def check_belief(
    belief: AnyBelief, env_id: str, /, *, within: float = 1e-5, **parameters: Any
) -> None:
    """Hold that a belief is a function of the labels that have come, and that it is consistent.

    It learns the same label by label and from the history, in any order, for one episode and for many,
    and forgets where one starts. Draws have its moments. Looking ahead makes nothing less certain.

    Args:
        belief: A text such as ``"linear(noise_std=0.1)"``, a class, or what makes one as a class does.
        env_id: The id of an environment that it is about.
        within: How far moments of the same labels may be apart, in units of the largest standard
            deviation before the first label. Beliefs that are made of draws need more.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If something does not hold.
    """
    vector: Any = gym.make_vec(resolve(env_id), num_envs=3, **parameters)
    new = partial(belief, vector.unwrapped.model.public()) if callable(belief) else None
    learnt = partial(_learnt, new or make(f"greedy(belief={belief})", vector).new_belief)  # type: ignore[attr-defined]
    history, (*_, other) = _played(vector, 3), _played(vector, 33)
    prior, last = learnt(history[0]), learnt(history[-1])
    near = within * float(prior.std().max())
    change = np.abs(last.mean() - prior.mean()).max()
    hold(change > near, "labels", f"that they change the mean by {change}", f"more than {near}")
    _check_episodes(learnt, history, other, near)
    for seed in range(2 if isinstance(vector.unwrapped.model, Pool) else 0):
        shuffled = learnt(_shuffled(history[-1], np.random.default_rng(seed)))
        _hold_near("labels in another order", shuffled, _moments(last), near)
    for one in (prior, last):
        _check_draws(one, near)
        _check_look_ahead(one, near)


def _check_episodes(learnt: Any, history: list[Any], other: Any, near: float) -> None:
    """Hold that episodes are followed step by step, each for itself, and one that starts anew."""
    grown, last = learnt(history[0]), _moments(learnt(history[-1]))
    for observation in history[1:]:
        grown.update(observation, np.zeros(3, np.bool_))
        now = _moments(learnt(observation))
        _hold_near("label by label against all at once", grown, now, near)
    for i in range(3):
        row = slice(i, i + 1)
        alone = learnt(_each(itemgetter(row), history[-1]), i)
        _hold_near("one episode alone", alone, [part[row] for part in last], near)
    grown.update(_each(_first_of, other, history[-1]), np.array([True, False, False]))
    anew = map(_first_of, _moments(learnt(other)), last)
    _hold_near("an episode that starts beside others", grown, anew, near)


def _played(vector: Any, seed: int) -> list[Any]:
    """Return the observations of some decisions at random."""
    agent, history, ended = make("random", vector), [vector.reset(seed=seed)[0]], np.zeros(1)
    while len(history) < 7 and not ended.any():
        observation, _, ended, _, _ = vector.step(agent.predict(history[-1])[0])
        history.append(observation)
    return history


def _learnt(new: Callable[[int], Belief], observation: Any, first: int = 0) -> Belief:
    """Return a new belief that has taken in one observation of each episode, numbered from the first."""
    count = len(next(iter(observation.values())) if isinstance(observation, dict) else observation)
    belief = new(count)
    belief.take_keys(np.arange(first, first + count, dtype=np.uint64) << np.uint64(40))
    belief.update(observation, np.ones(count, np.bool_))
    return belief


def _each(function: Callable[..., Any], *observations: Any) -> Any:
    """Apply a function to the parts of observations."""
    if not isinstance(observations[0], dict):
        return function(*observations)
    return {key: function(*(one[key] for one in observations)) for key in observations[0]}


def _first_of(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the first row of one array and the others of another."""
    return np.concatenate([one[:1], other[1:]])


def _shuffled(observation: Any, random: np.random.Generator) -> Any:
    """Return the labels that have come as if they had come in another order."""
    order = np.tile(np.arange(observation["labelled"].shape[1]), (len(observation["labelled"]), 1))
    for row, count in zip(order, Arrivals.of(observation).count, strict=True):
        row[:count] = random.permutation(count)
    parts = [key for key in ("labelled", "labels", "fidelity") if key in observation]
    moved = {key: np.take_along_axis(observation[key], order, 1) for key in parts}
    return {**observation, **moved}


def _moments(belief: Belief) -> tuple[Array, Array]:
    return belief.mean().copy(), belief.std().copy()


def _hold_near(what: str, belief: Belief, expected: Iterable[Any], near: float) -> None:
    """Hold that the moments of a belief are the expected ones, up to rounding."""
    for name, one, two in zip(("means", "deviations"), _moments(belief), expected, strict=True):
        apart = np.abs(one - two).max()
        hold(apart <= near, what, f"{name} that are {apart} apart", f"{near} at most")


def _check_draws(belief: Belief, near: float) -> None:
    """Hold that draws have the mean and the standard deviation, within some standard errors."""
    (mean, std), random = _moments(belief), np.random.default_rng(1)
    draws = np.concatenate([belief.sample(100, random) for _ in range(40)], 1).astype(np.float64)
    expected = (len(mean), 4000, mean.shape[1])
    hold(draws.shape == expected, "the shape of draws", draws.shape, expected)
    squares = (draws - mean[:, None]) ** 2
    # Draws of one call may share an approximation, and tails may be too rare to be drawn.
    unit = np.maximum(std, 0.2 * std.max(1, keepdims=True)) / 20
    # How squares vary where one draw in thousands is far.
    rare = 2 * std * std.max(1, keepdims=True)
    for what, sample, truth, slack, spread in (
        ("mean", draws, mean, unit, std),
        ("variance", squares, std**2, 2 * unit * std, rare),
    ):
        allowed = ERRORS * np.maximum(sample.std(1), spread) / 4000**0.5 + slack + near
        error = np.abs(sample.mean(1) - truth)
        worst = np.unravel_index((error / allowed).argmax(), error.shape)
        item = f"the {what} of 4000 draws of item {worst[1]}"
        times = error[worst] / allowed[worst]
        found = f"{sample.mean(1)[worst]:.4g}, {times:.3g} times too far off"
        hold(error[worst] <= allowed[worst], item, found, f"{truth[worst]:.4g}")


def _check_look_ahead(belief: Belief, near: float) -> None:
    """Hold that looking ahead changes nothing here, and leaves less uncertainty there."""
    before, draws = _moments(belief), belief.sample(3, np.random.default_rng(2)).copy()
    items = np.tile([0, 1, -1], (len(draws), 1))
    ahead = belief.look_ahead(items)
    ahead.look_ahead(items + 2)
    _hold_near("a belief that has looked ahead", belief, before, 0.0)
    same = (belief.sample(3, np.random.default_rng(2)) == draws).all()
    hold(same, "draws of a belief that has looked ahead", "others", "the same")
    more = (ahead.std() - before[1]).max()
    hold(more <= near, "looking ahead", f"deviations that grow by {more}", f"{near} at most")
