"""One episode, replayed decision by decision, for people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator

from ...envs.core import InputError, Knowledge, is_ours, shown, spec_of, told
from ...envs.rendering.picture import Trace
from .evaluation import Evaluation, evaluate
from .replay import TOLERANCE, Mismatch, check_actions
from .trace import Actions


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A decision, and where the episode stands after it.

    Args:
        action: What was done, in words.
        reward: What it earned.
        regret: Regret so far, None where unknown.
        best: Best label so far, None where there are no labels; NaN before the first one.
        spent: Money spent so far, None where nothing costs any.
        then: Where the episode stands, in words.
    """

    action: str
    reward: float
    regret: float | None
    best: float | None
    spent: float | None
    then: str


def walk(record: Evaluation, row: int, mode: str | None = None) -> tuple[list[Moment], Any]:
    """Replay one episode of a record; where it has no actions, its agent plays it anew.

    Args:
        record: What was recorded.
        row: Number of the episode, from 0.
        mode: ``"rgb_array"`` for its picture, ``"ansi"`` for a text, None for neither.

    Returns:
        Its decisions, and what the mode asks for.

    Raises:
        InputError: Its environment cannot draw itself so; or nobody knows its actions.
        Mismatch: Its actions do not give the episode that it tells of.
    """
    with replaying(record, row, mode) as (env, steps, _):
        moments = [*steps]
        return moments, None if mode is None else env.render()


@contextlib.contextmanager
def replaying(
    record: Evaluation, row: int, mode: str | None = None
) -> Iterator[tuple[gym.Env[Any, Any], Iterator[Moment], Trace]]:
    """Open one episode of a record as in `walk`, to go through it.

    Yields:
        Its environment; an iterator over its decisions, which plays them and raises `Mismatch` where
        `walk` does; and what was played so far, as `rendering.draw` takes it.
    """
    seed = record.seed + row
    actions = _anew(record, row) if record.actions is None else record.actions.of([row])
    if mode is not None:
        _check_draws(record.env_id, mode)
    drawn: dict[str, Any] = {} if mode is None else {"render_mode": mode}
    reveal = {"reveal": True} if is_ours(spec_of(record.env_id)) else {}
    env = gym.make(record.env_id, **{**record.env_kwargs, **drawn, **reveal})
    try:
        check_actions(env.action_space, [seed], actions)
        trace: list[tuple[Any, float, Any]] = []
        yield env, _played(env, seed, actions, float(record.returns[row]), trace), trace
    finally:
        env.close()


def _anew(record: Evaluation, row: int) -> Actions:
    """Return the actions of an episode whose record has none, played by its agent."""
    seed, said = record.seed + row, float(record.returns[row])
    how = {"env_kwargs": record.env_kwargs, "truth": False}
    played = evaluate(record.env_id, record.agent, episodes=1, seed=seed, **how)  # type: ignore[arg-type]
    if played.actions is None or played.returns[0] != said:
        raise InputError(
            f"This record has no actions, and {told(record.agent)} now earns {played.returns[0]:g} in "
            f"episode {seed}, not {said:g}: the code has changed since, or another machine played it."
        )
    return played.actions


def _check_draws(env_id: str, mode: str) -> None:
    """Refuse a mode that an environment does not have, before it is made with it."""
    entry = spec_of(env_id).entry_point
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    modes = getattr(creator, "metadata", {}).get("render_modes", ())
    if mode not in modes:
        known = ", ".join(map(shown, modes)) or "none"
        raise InputError(
            f"{env_id} draws no picture: of its render_modes ({known}) none is {shown(mode)}. Leave "
            "--picture out."
        )


def _played(
    env: gym.Env[Any, Any],
    seed: int,
    actions: Actions,
    said: float,
    trace: list[tuple[Any, float, Any]],
) -> Iterator[Moment]:
    """Play the actions of one episode, to its end and not beyond; it is said to earn so much."""
    model: Any = getattr(env.unwrapped, "model", None)
    model = model if isinstance(model, Knowledge) else None
    every, ended, earned = actions.shaped(env.action_space), False, 0.0
    first, _ = env.reset(seed=seed)
    trace.append((None, 0.0, first))
    if isinstance(first, Mapping):
        first = {key: part[None] for key, part in first.items()}
    prices = None if model is None else model.prices(every[None], first)
    spent = None if prices is None else np.cumsum(prices[0])
    for i, action in enumerate(every):
        if ended:
            raise Mismatch(f"episode {seed} ends after {i} decisions, but has {len(every)}")
        observation, reward, terminated, truncated, info = env.step(action)
        ended, earned = terminated or truncated, earned + float(reward)
        trace.append((action, float(reward), observation))
        yield _moment(model, trace[-1], info, None if spent is None else float(spent[i]))
    if not ended:
        raise Mismatch(f"episode {seed} goes on after the {len(every)} decisions that it has")
    if abs(earned - said) > TOLERANCE * max(1, abs(said)):
        raise Mismatch(f"episode {seed} earns {earned}, but the record says {said}")


def _moment(
    model: Any, played: tuple[Any, float, Any], info: Mapping[str, Any], spent: float | None
) -> Moment:
    action, reward, observation = played
    best = None if model is None else model.best(observation)
    plain = np.asarray(action).tolist()
    return Moment(
        action=shown(plain) if model is None else told(model.action_name(action)),
        reward=reward,
        regret=float(info["regret"]) if "regret" in info else None,
        best=None if best is None else float(best),
        spent=spent,
        then="" if model is None else told(model.summary(observation)),
    )
