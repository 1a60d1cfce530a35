r"""Whether actions show knowledge of labels before they could be seen: a martingale test.

Whatever an agent does with what it has seen, the next label is drawn from its law given the past. With
y_t what luck brings in decision t, m_t and v_t its mean and variance given all that came before,

    M = sum_t (y_t - m_t),    V = sum_t v_t,    E[M] = 0,  Var[M] = E[V],

for every agent that does not see labels beforehand: good or bad, random or adaptive. One that does
chooses what turns out well, and M grows with every such choice. The test is one-sided,

    z = M / sqrt(V + b M / 3),    b the largest y_t - m_t,

so that by Freedman's inequality an honest M reaches z with a probability of about exp(-z^2 / 2) at most,
however skewed the laws are and at any time during the play. `FLAG` = 4.4 makes that 6e-5 a run: of 1,000
entries of ten runs, 0.6 at most, whatever they do. An honest agent that does not play for it reaches 4.4
with the 5e-6 of a normal law.

What y is: on pools the label, on campaigns what an epoch achieves, in experimental design what an
experiment tells; see `luck`. Most of V is luck that comes to every choice alike. So a second sum takes
from y what the best choice, as far as was known, would have brought by the same luck: on graphs the node
of the highest mean, on campaigns the optimal policy. Whoever plays nearly as well as that has next to no
variance in it, and reading in one step of twenty is seen at once. The larger z of the two counts.

Sources: D. Freedman, "On tail probabilities for martingales", Annals of Probability 3 (1975) 100; A.
Dawid, "Present position and potential developments: the prequential approach", JRSS A 147 (1984) 278.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...envs.core import DiscoveryVectorEnv
from ...envs.core.arrays import Flags
from ..runs.chunks import stage
from ..runs.replay import Recorded
from ..runs.trace import Actions, Ended, Envs, model_of
from .luck import WATCHES, Decision, Luck, Watch, objection

FLAG = 4.4
"""Runs with a larger z are flagged."""
WIDTH = 256
"""Episodes that are played again side by side."""


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
        actions: Their actions, which `replay` has found legal.
    """
    count, luck = len(seeds), Luck()
    with stage(env_id, env_kwargs, min(WIDTH, count)) as venv:
        model = model_of(venv)
        why_not = objection(model)
        if why_not is not None:
            return Foresight(z=0.0, episodes=count, exact=False, reason=f"No test: {why_not}.")
        new_watch = WATCHES[type(model)]
        for first in range(0, count, venv.num_envs):
            rows = range(first, min(first + venv.num_envs, count))
            _follow(venv, new_watch, luck, [seeds[i] for i in rows], actions.of(rows))
    return Foresight(
        z=luck.z, episodes=count, exact=True, reason=_words(new_watch.about, luck.z, count)
    )


def _words(about: str, z: float, count: int) -> str:
    """Return what was found, in words."""
    found = "shows knowledge of what could not be known" if z > FLAG else "shows no foresight"
    return (
        f"In {count:,} episodes {about} exceeds its expectation by {z:.1f} standard deviations, "
        f"which {found} (flagged above {FLAG:g})."
    )


def _follow(
    venv: Envs,
    new_watch: type[Watch],
    luck: Luck,
    seeds: Sequence[int],
    actions: Actions,
) -> None:
    """Watch as many episodes as there are rows, or fewer; the last one fills the others."""
    row = np.minimum(np.arange(venv.num_envs), len(seeds) - 1)
    lengths, real = actions.lengths[row], np.arange(venv.num_envs) < len(seeds)
    player, start = Recorded(venv, seeds, actions), np.ones(venv.num_envs, np.bool_)
    env = cast(DiscoveryVectorEnv[Any], venv.unwrapped)
    before, _ = venv.reset(seed=[seeds[i] for i in row])  # type: ignore[arg-type]
    watch = new_watch(env, luck)
    for step in range(int(lengths.max())):
        action, _ = player.predict(before, episode_start=start)
        watch.ask(before, action)
        now, reward, start, _, info = venv.step(action)
        watch.see(
            Decision(
                before=before,
                action=action,
                reward=reward,
                after=_with_last(now, info, start),
                playing=real & (step < lengths),
            )
        )
        before = now
    watch.end()


def _with_last(now: Any, info: Mapping[str, Any], ended: Flags) -> Any:
    """Return observations in which the last one of an episode stands in the place of a new first one."""
    if not ended.any():
        return now
    last = info["final_obs"][ended]
    if not isinstance(now, dict):
        return _replaced(now, ended, np.stack(last))
    return {key: _replaced(value, ended, Ended(last)[key]) for key, value in now.items()}


def _replaced(values: NDArray[Any], some: Flags, rows: NDArray[Any]) -> NDArray[Any]:
    """Return values ``(B, ...)`` with other rows in some places."""
    whole = values.copy()
    whole[some] = rows
    return whole
