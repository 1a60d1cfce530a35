"""Fresh seeds: who can choose them, and whether what was handed in holds on them."""

import hashlib
import hmac
from dataclasses import replace
from types import SimpleNamespace

import foresight_power as power
import numpy as np
import pytest
from scipy import stats

from discovery_gym.agents import make
from discovery_gym.envs.core import InputError
from discovery_gym.experiments.entries.fresh import _fall, commitment, confirm, fresh, seeds_of
from discovery_gym.experiments.runs.chunks import play_chunk, stage
from discovery_gym.experiments.runs.evaluation import evaluate, played
from discovery_gym.experiments.runs.spec import RunSpec

SECRET = b"as long as a key ought to be, 32"


def spec(task, env, agent="greedy", episodes=100, **kwargs):
    return RunSpec(
        suite="mine", version=1, task=task, about="", name="mine", env_id=f"discovery/{env}-v0",
        env_kwargs=kwargs, agent=agent, episodes=episodes, seed=1_000_000, chunk=64,
    )  # fmt: skip


POOL = spec("pool", "LinearPool", num_items=60, num_features=5, horizon=10, noise_std=1.0)
LADDER = spec(
    "ladder",
    "KnowledgeLadder",
    "optimal",
    target=10,
    p_scale=40.0,
    cost_per_experiment=1.0,
    horizon=100,
)


def entered(run, evaluation=None):
    """Return the verified run of an entry."""
    if evaluation is None:
        evaluation = evaluate(
            run.env_id, run.agent, episodes=run.episodes, env_kwargs=run.env_kwargs, truth=False
        )
    return SimpleNamespace(spec=run, evaluation=evaluation, entry={"digest": "d1"})


def test_seeds_follow_from_secret_and_digest_and_from_nothing_else():
    seeds = seeds_of(SECRET, "d1", 500)
    assert seeds == seeds_of(SECRET, "d1", 600)[:500]
    assert all(1_000_000 <= seed < 2**62 for seed in seeds)
    assert len({*seeds, *seeds_of(SECRET, "d2", 500), *seeds_of(SECRET[::-1], "d1", 500)}) == 1500
    code = hmac.new(SECRET, b"d1:7", hashlib.sha256).hexdigest()
    assert seeds[7] == 1_000_000 + int(code[:32], 16) % (2**62 - 1_000_000)
    assert commitment(SECRET) == hashlib.sha256(SECRET).hexdigest()
    for wrong in (b"short", "text that is long enough", None):
        with pytest.raises(InputError, match="secret must be at least 16 bytes"):
            seeds_of(wrong, "d1", 5)
    with pytest.raises(InputError, match="count"):
        seeds_of(SECRET, "d1", 1)


def test_the_episodes_are_those_of_the_seeds():
    """In whole chunks and a last one that is not, each as it is played alone."""
    found = fresh("greedy", POOL, 70, SECRET, "d1")
    assert found.returns.shape == (70,)
    for i in (0, 63, 64, 69):
        with stage(POOL.env_id, POOL.env_kwargs, 1) as venv:
            player = make("greedy", venv, seed=0, episode=i)
            alone = played(venv, player, [seeds_of(SECRET, "d1", 70)[i]])
        assert alone.returns[0] == pytest.approx(found.returns[i], abs=1e-6)


def test_an_honest_entry_is_confirmed_by_its_own_code():
    runs = [entered(POOL), entered(LADDER)]
    found = confirm(runs[:1], "greedy", 64, SECRET) + confirm(runs[1:], "optimal", 64, SECRET)
    for one in found:
        assert one.confirmed
        assert one.p > 1e-3 == one.level
        assert one.words.startswith(one.task)
        assert "which confirms it" in one.words
        regret = one.evaluation.regret
        said = one.evaluation.returns if regret is None else regret
        kind = "return" if regret is None else "regret"
        assert f": {kind} {said.mean():,.5g} on " in one.words
        assert one.episodes == 64 == len(one.evaluation.returns)
    assert found[0].public == -runs[0].evaluation.regret.mean()
    assert found[1].public == runs[1].evaluation.returns.mean()


@pytest.mark.parametrize("run", [POOL, LADDER])
def test_one_that_read_the_public_seeds_is_not(run):
    with stage(run.env_id, run.env_kwargs, 100) as venv:
        base = make(run.agent, venv, seed=0)
        cheat = power.Reader(venv.unwrapped, base, 1.0, 10.0, 0)
        read = played(venv, cheat, range(1_000_000, 1_000_100))
    read = replace(read, env_id=run.env_id, env_kwargs=run.env_kwargs)
    (one,) = confirm([entered(run, read)], run.agent, 100, SECRET)
    assert not one.confirmed
    assert "does NOT confirm" in one.words


def test_a_level_is_shared_and_kept():
    """Of 300 comparisons of equals about one in a thousand falls: none or a few, never many."""
    some = play_chunk(LADDER, 0)
    low = 0
    for i in range(300):
        public = replace(some, returns=np.random.default_rng(i).choice(some.returns, 64))
        again = np.random.default_rng(1000 + i).choice(some.returns, 64)
        low += _fall(public.returns, again) < 0.01
    assert low <= 11  # 3 expected
    runs = [entered(LADDER, some)] * 3
    assert {one.level for one in confirm(runs, "optimal", 8, SECRET)} == {0.001 / 3}


def test_where_nothing_varies_means_are_compared_as_they_are():
    assert _fall(np.full(9, -3.0), np.full(5, -3.0)) == 1
    assert _fall(np.full(9, -3.0), np.full(5, -4.0)) == 0
    assert _fall(np.full(9, -3.0), np.full(5, -2.0)) == 1
    # Otherwise Welch's formula.
    x, y = np.array([3.0, 5.0, 4.0]), np.array([1.0, 2.0, 0.0, 1.0])
    a, b = x.var(ddof=1) / 3, y.var(ddof=1) / 4
    t = (x.mean() - y.mean()) / (a + b) ** 0.5
    expected = stats.t.sf(t, (a + b) ** 2 / (a**2 / 2 + b**2 / 3))
    assert _fall(x, y) == pytest.approx(expected)
    # Also where one of the two does not vary, and without a warning.
    t = (x.mean() - 1) / a**0.5
    assert _fall(x, np.ones(9)) == pytest.approx(stats.t.sf(t, 2))
    with pytest.raises(InputError, match="two at least"):
        _fall(x[:1], y)


def test_only_verified_runs_of_entries_are_compared():
    with pytest.raises(InputError, match="'pool' is not a verified one"):
        confirm([SimpleNamespace(spec=POOL, evaluation=None, entry=None)], "greedy", 8, SECRET)
    with pytest.raises(InputError, match="greeedy"):
        confirm([entered(LADDER)], "greeedy", 8, SECRET)
