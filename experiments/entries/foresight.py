r"""Whether actions show knowledge of labels before they could be seen: a martingale test.

Whatever an agent does with what it has seen, the next label is drawn from its law given the past. With
y_t what luck brings in decision t, m_t and v_t its mean and variance given all that came before,

    M = sum_t (y_t - m_t),    V = sum_t v_t,    E[M] = 0,  Var[M] = E[V],

for every agent that does not see labels beforehand: good or bad, random or adaptive. One that does
chooses what turns out well, and M grows with every such choice. The test is one-sided,

    z = M / sqrt(V + b M / 3),    b the largest y_t - m_t,

so that by Freedman's inequality an honest M reaches z with a probability of about exp(-z^2 / 2) at most
however skewed the laws are, and at any time during the play. `FLAG` = 5 makes that 4e-6 a run, a few in
a million runs of honest agents; typical ones reach it with the 3e-7 of a normal law.

What y is: on pools the label. All earlier labels count as the past, those in flight too: the choice
knew less of the world than they tell, so that the next label given all of them is still drawn from its
law, and batches and delays need no covariances. On campaigns y is what an epoch adds to `achieved`:
the reward itself would not do, for without a prize it is minus the cost, whatever luck brings.

Sources: D. Freedman, "On tail probabilities for martingales", Annals of Probability 3 (1975) 100; A.
Dawid, "Present position and potential developments: the prequential approach", JRSS A 147 (1984) 278.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...envs.core import resolve
from ..runs.episodes import vector_env
from .luck import WATCHES, Decision, Luck, Watch, objection

FLAG = 5.0
"""Runs with a larger z are flagged."""
WIDTH = 256
"""Episodes that are played again side by side."""


class Actions(Protocol):
    """The actions of E episodes, one after the other."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of decisions of each episode, ``(E,)``."""

    @property
    def parts(self) -> Sequence[NDArray[Any]]:
        """Each number of an action, over all decisions of all episodes, ``(sum of lengths,)``."""


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """What a test of foresight found.

    Args:
        z: How far chance was exceeded, in standard deviations; 0 where there is no test.
        episodes: Number of episodes.
        exact: Whether the law of what comes next is known exactly; else there is no test.
        reason: In words what was tested, or why there is no test.
    """

    z: float
    episodes: int
    exact: bool
    reason: str

    @property
    def flagged(self) -> bool:
        """Whether the actions show foresight."""
        return self.z > FLAG


def foresight(
    env_id: str, env_kwargs: Mapping[str, Any], seeds: Sequence[int], actions: Actions
) -> Foresight:
    """Play episodes again and return whether their actions show foresight.

    Args:
        env_id: The environment.
        env_kwargs: Its parameters.
        seeds: The seed of each of E episodes.
        actions: Their actions, which a replay has found legal.
    """
    count = len(seeds)
    venv = vector_env(resolve(env_id), min(WIDTH, max(count, 1)), env_kwargs)
    try:
        model = getattr(venv.unwrapped, "model", None)
        why_not = objection(model)
        if why_not is not None:
            return Foresight(z=0.0, episodes=count, exact=False, reason=f"No test: {why_not}.")
        watch, luck = WATCHES[type(model)], Luck()
        for first in range(0, count, venv.num_envs):
            _watched(venv, watch, luck, seeds, actions, first)
    finally:
        venv.close()
    words = _words(watch.about, luck.z, count)
    return Foresight(z=luck.z, episodes=count, exact=True, reason=words)


def _words(about: str, z: float, count: int) -> str:
    """Return what was found, in words."""
    found = "shows knowledge of what could not be known" if z > FLAG else "shows no foresight"
    return (
        f"In {count:,} episodes {about} exceeds its expectation by {z:.1f} standard deviations, "
        f"which {found} (flagged above {FLAG:g})."
    )


def _watched(
    venv: Any,
    new_watch: type[Watch],
    luck: Luck,
    seeds: Sequence[int],
    actions: Actions,
    first: int,
) -> None:
    """Play the episodes from number ``first`` on, as many as the environment has rows."""
    rows = first + np.arange(venv.num_envs)
    number = np.minimum(rows, len(seeds) - 1)  # rows behind the last play it too, and do not count
    length = actions.lengths[number]
    start = np.cumsum(actions.lengths)[number] - length
    before, _ = venv.reset(seed=[int(seeds[i]) for i in number])
    watch = new_watch(venv.unwrapped, luck)
    for t in range(int(length.max(initial=0))):
        playing = (t < length) & (rows < len(seeds))
        place = start + np.minimum(t, length - 1)  # of an episode that begins anew anything will do
        action = _taken(actions, place, venv.single_action_space)
        watch.ask(before, action)
        now, reward, ended, _, info = venv.step(action)
        after = _with_last(now, info, ended)
        watch.see(
            Decision(before=before, action=action, reward=reward, after=after, playing=playing)
        )
        before = now
    watch.end()


def _taken(actions: Actions, place: NDArray[np.int64], space: spaces.Space[Any]) -> NDArray[Any]:
    """Return the actions at some places, ``(B, ...)`` as the space has them."""
    columns = [part[place] for part in actions.parts]
    if isinstance(space, spaces.Discrete):
        return np.asarray(columns[0])
    return np.stack(columns, 1)


def _with_last(now: Any, info: Mapping[str, Any], ended: NDArray[np.bool_]) -> Any:
    """Return observations in which those that ended an episode stand in the place of the new ones."""
    index = ended.nonzero()[0]
    if not len(index):
        return now
    last = info["final_obs"]
    if not isinstance(now, dict):
        whole = now.copy()
        whole[index] = np.stack(list(last[index]))
        return whole
    return {
        key: _replaced(value, index, [last[i][key] for i in index]) for key, value in now.items()
    }


def _replaced(values: NDArray[Any], index: NDArray[np.int64], rows: list[Any]) -> NDArray[Any]:
    whole = np.stack(rows) if len(index) == len(values) else values.copy()
    if len(index) < len(values):
        whole[index] = np.stack(rows)
    return whole
