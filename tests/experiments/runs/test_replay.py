"""Replay: the numbers of a run follow from its seeds and actions; what does not follow is refused."""

import dataclasses
import json
import os
import subprocess
import sys

import earlier
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.experiments.runs import chunks
from discovery_gym.experiments.runs.chunks import chunks_of, joined, play_chunk
from discovery_gym.experiments.runs.evaluation import evaluate
from discovery_gym.experiments.runs.platforms import platform_here
from discovery_gym.experiments.runs.records import (
    open_folder,
    read_record,
    record_path,
    write_record,
)
from discovery_gym.experiments.runs.replay import Mismatch, compare, curves, replay
from discovery_gym.experiments.runs.spec import RunSpec
from discovery_gym.experiments.runs.trace import Actions

SEED = 1_000_003
SMALL = {name: dict(kwargs) for name, kwargs in earlier.SETTINGS.items()}
SMALL["KnowledgeLadder"] = {"target": 6, "p_scale": 20.0, "horizon": 50}
SMALL["GaussianStep"] |= {"target": 9.0, "horizon": 50}
SMALL["BinomialDiscovery"] |= {"horizon": 6}
SMALL["LocationFinding"] |= {"horizon": 5}
SMALL["ConstantElasticity"] |= {"horizon": 3}
"""Every environment, small."""


def run(name, episodes=11, chunk=4, **kwargs):
    """Return a run of a random agent, in chunks of 4."""
    kwargs = {**SMALL.get(name, {}), **kwargs}
    named = {"suite": "s", "version": 1, "task": name, "about": "", "name": "random"}
    return RunSpec(**named, agent="random", env_id=f"discovery/{name}-v0", env_kwargs=kwargs,
                   episodes=episodes, seed=SEED, chunk=chunk)  # fmt: skip


def played(spec):
    return joined(spec, [play_chunk(spec, index) for index in range(chunks_of(spec))])


def again(spec, result, **how):
    seeds = range(result.seed, result.seed + len(result.returns))
    return replay(spec, seeds, result.actions, **how)


@pytest.mark.parametrize("name", SMALL)
def test_a_record_replays_bit_for_bit_in_any_width(name, tmp_path):
    """Of each of the 18 environments, as it is read from its file."""
    spec, records = run(name), open_folder(tmp_path)
    assert not write_record(records, spec, played(spec))
    result = read_record(record_path(records, spec.id)).evaluation
    compare(result, again(spec, result, width=5), exact=True)
    some = [7, 2, 9]  # and of some episodes, in any order
    found = replay(spec, [SEED + i for i in some], result.actions.of(some), width=2)
    np.testing.assert_array_equal(found.returns, result.returns[some])
    np.testing.assert_array_equal(found.after, result.after[some])


def test_all_environments_are_replayed():
    assert len(SMALL) == 18


def test_metrics_and_the_truth_are_computed_again():
    spec = dataclasses.replace(run("LinearGaussianDesign", horizon=3),
                               metrics=("information_bounds(contrasts=10)",))  # fmt: skip
    result = played(spec)
    found = again(spec, result, width=3)
    compare(result, found, exact=True)
    assert found.optimal_value == result.optimal_value is not None
    some = [7, 2, 9]
    found = replay(spec, [SEED + i for i in some], result.actions.of(some))
    bounds = result.metrics["information_bounds"][some]
    np.testing.assert_array_equal(found.metrics["information_bounds"], bounds)


def test_a_foreign_environment_is_replayed():
    spec = dataclasses.replace(run("KnowledgeLadder"), env_id="CartPole-v1", env_kwargs={})
    result = evaluate("CartPole-v1", lambda seen, random: int(seen[2] > 0), episodes=5, seed=SEED)
    compare(result, again(spec, result, width=2), exact=True)


def test_the_curve_of_all_decisions_is_in_the_actions():
    result = played(run("KnowledgeLadder"))
    found = curves(result, width=3)
    assert found.shape == (11, result.lengths.max())
    there = result.points <= result.lengths.max()
    np.testing.assert_array_equal(found[:, result.points[there] - 1], result.after[:, there])
    np.testing.assert_array_equal((~np.isnan(found)).sum(1), result.lengths)


# ---- what is refused


def changed(result, row, step, value):
    """Return actions of which one is another."""
    parts = [part.copy() for part in result.actions.parts]
    parts[0][int(result.actions.starts[row]) + step - 1] = value
    return dataclasses.replace(result.actions, parts=parts)


def cut(result, row, steps):
    """Return actions of which one episode has some more or fewer."""
    rows = [result.actions.of([i]).parts[0] for i in range(len(result.lengths))]
    rows[row] = rows[row][:steps] if steps < 0 else np.append(rows[row], rows[row][:steps])
    lengths = np.array([len(one) for one in rows])
    return Actions(lengths=lengths, parts=[np.concatenate(rows)])


def dropped(result, row, step):
    """Return actions of which one is missing, and the last one of its episode comes twice."""
    parts, start = [part.copy() for part in result.actions.parts], int(result.actions.starts[row])
    end = start + int(result.lengths[row])
    parts[0][start + step - 1 : end - 1] = parts[0][start + step : end].copy()
    return dataclasses.replace(result.actions, parts=parts)


def typed(result, kind):
    parts = [part.astype(kind) for part in result.actions.parts]
    return dataclasses.replace(result.actions, parts=parts)


CASES = {
    "beyond the items": ("LinearPool", lambda r: changed(r, 3, 5, 20),
                         f"episode {SEED + 3}, decision 5: 20 is outside of 0 to 19"),
    "below the items": ("LinearPool", lambda r: changed(r, 0, 1, -1),
                        f"episode {SEED}, decision 1: -1 is outside of 0 to 19"),
    "NaN": ("LocationFinding", lambda r: changed(r, 10, 2, np.nan),
            f"episode {SEED + 10}, decision 2: nan is outside of -1.0 to 1.0"),
    "infinite": ("LocationFinding", lambda r: changed(r, 4, 5, np.inf),
                 f"episode {SEED + 4}, decision 5: inf is outside"),
    "outside of the box": ("LocationFinding", lambda r: changed(r, 4, 5, 1.5),
                           f"episode {SEED + 4}, decision 5: 1.5 is outside"),
    "double precision": ("LocationFinding", lambda r: typed(r, np.float64),
                         "a0 holds float64 where the space holds float32"),
    "small integers": ("LinearPool", lambda r: typed(r, np.int8),
                       "a0 holds int8 where the space holds int64"),
    "a part less": ("LocationFinding", lambda r: Actions(lengths=r.lengths, parts=r.actions.parts[:1]),
                    "an action has 1 numbers where the space has 2"),
    "a step dropped": ("LinearPool", lambda r: cut(r, 6, -1),
                       f"episode {SEED + 6} goes on after the 11 decisions that it has"),
    "a step appended": ("LinearPool", lambda r: cut(r, 6, 1),
                        f"episode {SEED + 6} ends after 12 decisions, but has 13"),
    "the end of a campaign moved": ("KnowledgeLadder", lambda r: cut(r, 2, 2),
                                    f"episode {SEED + 2} ends after .* decisions, but has"),
    "an episode less": ("LinearPool", lambda r: r.actions.of(range(10)),
                        "there are 11 seeds for 10 episodes"),
    "numbers that are too few": (
        "LinearPool", lambda r: Actions(lengths=r.lengths, parts=[r.actions.parts[0][:-1]]),
        "a0 has 131 numbers for 132 decisions"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_wrong_actions_are_refused_by_episode_and_decision(kind):
    name, change, reason = CASES[kind]
    spec = run(name, delay=0) if name == "LinearPool" else run(name)
    result = played(spec)
    for width in (4, 64):
        with pytest.raises(Mismatch, match=reason):
            replay(spec, range(SEED, SEED + 11), change(result), width=width)


def test_an_item_chosen_again_is_refused_where_the_environment_refuses_it():
    spec = run("LinearPool", delay=0, illegal="raise")
    result = played(spec)
    repeated = changed(result, 5, 3, result.actions.of([5]).parts[0][0])
    for width in (1, 4, 64):
        with pytest.raises(
            Mismatch, match=f"episode {SEED + 5}, decision 3: the environment refuses"
        ):
            replay(spec, range(SEED, SEED + 11), repeated, width=width)
    compare(result, again(spec, result, width=3), exact=True)


@pytest.mark.parametrize("name", ["LinearPool", "GraphPool", "TablePool"])
def test_an_item_chosen_again_replays_where_it_has_a_price(name):
    spec = run(name, illegal_reward=-3.0)
    same = np.zeros(3, np.int64) if name == "GraphPool" else 0
    result = evaluate(
        spec.env_id, lambda seen, random: same, episodes=4, seed=SEED, env_kwargs=spec.env_kwargs
    )
    assert (result.returns < -10).all()
    compare(result, again(spec, result, width=3), exact=True)


def test_a_wrong_metric_or_environment_is_no_mismatch():
    result = played(run("LinearPool"))
    for change in ({"metrics": ("information_bounds",)}, {"env_kwargs": {"num_item": 20}},
                   {"env_id": "discovery/Nothing-v0"}):  # fmt: skip
        with pytest.raises(InputError):
            again(dataclasses.replace(run("LinearPool"), **change), result)


# ---- what a record says against what its actions give


EDITS = {
    "returns": (lambda r: bump(r, "returns", 3), f"episode {SEED + 3}: its return is"),
    "regret": (lambda r: bump(r, "regret", 3), f"episode {SEED + 3}: its regret is"),
    "lengths": (lambda r: bump(r, "lengths", 3), f"episode {SEED + 3}: its length is 13, but"),
    "after": (lambda r: bump(r, "after", (4, 7)), f"episode {SEED + 4}: its regret after decision 8 is"),
    "best": (lambda r: bump(r, "best_after", (4, 7)), f"episode {SEED + 4}: its best after decision 8"),
    "no best": (lambda r: dataclasses.replace(r, best_after=None), "it has no best_after, unlike"),
    "spent": (lambda r: dataclasses.replace(r, spent=r.returns), "it has spent, unlike its replay"),
    "points": (lambda r: dataclasses.replace(r, points=r.points + 1), "its points are"),
    "optimum": (lambda r: dataclasses.replace(r, optimal_value=r.optimal_value + 1), "optimal_value is"),
    "metrics": (lambda r: dataclasses.replace(r, metrics={"won": r.returns}), "its metrics are"),
}  # fmt: skip


def bump(result, name, at, by=1e-6):
    values = getattr(result, name).copy()
    values[at] += 1 if name == "lengths" else by
    return dataclasses.replace(result, **{name: values})


@pytest.mark.parametrize("kind", EDITS)
def test_an_edited_number_is_named(kind):
    spec = run("LinearPool")
    result = played(spec)
    found = again(spec, result)
    change, reason = EDITS[kind]
    for exact in (True, False):
        with pytest.raises(Mismatch, match=reason):
            compare(change(result), found, exact)


def test_rounding_is_allowed_on_another_platform_only():
    spec = run("LinearPool")
    result = played(spec)
    found, near = again(spec, result), bump(result, "returns", 3, 1e-12)
    compare(near, found, exact=False)
    with pytest.raises(Mismatch, match="its return is"):
        compare(near, found, exact=True)


@pytest.mark.parametrize("name", ["random_value", "optimal_value"])
def test_rounding_of_exact_values_is_allowed_everywhere(name):
    """Two processes of one machine sum them in two orders: by chance, an honest entry was refused."""
    spec = run("LinearPool")
    result = played(spec)
    found = again(spec, result)
    near = np.nextafter(getattr(result, name), np.inf)
    compare(dataclasses.replace(result, **{name: near}), found, exact=True)
    with pytest.raises(Mismatch, match=f"its {name} is"):
        compare(dataclasses.replace(result, **{name: near + 1e-6}), found, exact=True)


OTHER = """
import json, sys
from discovery_gym.experiments.runs.platforms import platform_here
from discovery_gym.experiments.runs.records import read_record, find_record
from discovery_gym.experiments.runs.replay import Mismatch, compare, replay
for path in sys.argv[1:]:
    record = read_record(find_record(path))
    result = record.evaluation
    seeds = range(result.seed, result.seed + len(result.returns))
    found = replay(record.spec, seeds, result.actions, width=3)
    compare(result, found, exact=False)
    try:
        compare(result, found, exact=True)
        print("same")
    except Mismatch:
        print("rounded")
print(json.dumps(platform_here()))
"""


def test_another_kernel_differs_by_rounding_and_is_told(tmp_path):
    """In a real process, with an old kernel of OpenBLAS and without numpy's vector instructions."""
    records, paths = open_folder(tmp_path), []
    for name in ("KnowledgeLadder", "LinearPool", "LocationFinding", "LogisticPool", "WeinbergToy"):
        spec = run(name)
        assert not write_record(records, spec, played(spec))
        paths.append(str(record_path(records, spec.id)))
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    other = {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": " ".join(found)}
    done = subprocess.run([sys.executable, "-c", OTHER, *paths], capture_output=True, text=True,
                          check=True, env=os.environ | other)  # fmt: skip
    *words, there = done.stdout.splitlines()
    assert words[0] == "same"  # campaigns are integers and one uniform number
    assert set(words) <= {"same", "rounded"}
    assert len(words) == 5
    blas = "openblas" in platform_here()["blas"]
    assert (json.loads(there) != platform_here()) is (blas or bool(found))


def test_a_replay_leaves_nothing_behind_for_the_next_run():
    """The environments that a process keeps for a task are as good as new ones."""
    spec = run("LinearPool")
    before = played(spec)
    again(spec, before, width=7)
    chunks._stages.clear()
    compare(before, played(spec), exact=True)
