"""Honest entries pass, whoever played them, and whatever played beside them."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import entries
import numpy as np
import pytest
from entries import FILLED, TASKS, Draft, Trace, enter, play

from discovery_gym.experiments.entries.verify import verify
from discovery_gym.experiments.runs.platforms import platform_here
from discovery_gym.experiments.runs.records import read_folder

PLAYS = """
import sys
from pathlib import Path
import entries
suite = entries.suite_in(Path(sys.argv[1]))
entries.play(suite, Path(sys.argv[1]) / "results", entries.TASKS, agent=sys.argv[2])
from discovery_gym.experiments.runs.platforms import platform_here
print(platform_here())
"""


def vectors():
    """Instructions that NumPy can do without."""
    found = (np.show_config(mode="dicts") or {}).get("SIMD Extensions", {}).get("found", [])
    return " ".join(found)


ELSEWHERE = {
    "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    "another kernel": {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": vectors()},
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_of_another_process(where, tmp_path, suite):
    """What was decided there is played again here, and not decided again."""
    path = os.pathsep.join([str(Path(entries.__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", PLAYS, str(tmp_path), "random"],
        env=os.environ | {"PYTHONPATH": path} | ELSEWHERE[where],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = verify(enter(suite, tmp_path / "results", tmp_path / "entry"), suite=suite)
    assert [record.spec.task for record in found.records] == list(TASKS)
    if where == "another kernel":
        assert done.stdout.strip() != str(platform_here())
        assert found.rounded  # else nothing was tested


@pytest.mark.parametrize("chunk", [1, 7, 24, 1024])
def test_of_other_widths(chunk, tmp_path, suite):
    results = play(suite, tmp_path / "results", TASKS, chunk=chunk)
    found = verify(enter(suite, results, tmp_path / "entry"), suite=suite)
    assert {record.spec.chunk for record in found.records} == {chunk}


PLAYED = {"Ladder": "fixed(batch_size=8)", "Step": "optimal", "Items": "bayes_ucb(width=1)",
          "Hubs": "greedy", "Patients": "linucb", "Projections": "greedy_eig"}  # fmt: skip


@pytest.mark.parametrize("task", ["Items", "Step", "Projections"])
def test_of_better_agents(task, tmp_path, suite):
    wing = next(tasks for tasks in entries.WINGS.values() if task in tasks)
    results = play(suite, tmp_path / "results", wing, agent=PLAYED[task])
    card = FILLED.replace('agent = "random"', f'agent = "{PLAYED[task]}"')
    found = verify(enter(suite, results, tmp_path / "entry", card=card), suite=suite)
    assert not found.rounded
    assert found.flags == []


def later(draft):
    """The clock of another machine, somewhat ahead, and its words."""
    for path in sorted((draft.folder / "traces").iterdir()):
        trace = Trace(draft, path)
        trace.about |= {"created": time.time() + 60, "machine": "Plan 9, 1 core"}
        trace.about["versions"] = {"discovery-gym": "0.0.9", "python": "3.99"}
        trace.about["platform"] = {"numpy": "9.9"}
        trace.write()


def slower(draft):
    for path in sorted((draft.folder / "traces").iterdir()):
        trace = Trace(draft, path)
        trace.about["decision_seconds"] = dict.fromkeys(trace.about["decision_seconds"], 7.0)
        trace.write()


def accents(draft):
    draft.swap("Ada Lovelace", "Åda Løvelace 学")


def short(draft):
    """Only what is required."""
    optional = ("organisation", "commit", "cores", "hours", "references", "kwargs")
    lines = draft.card.read_text().splitlines()
    draft.card.write_text("\n".join(x for x in lines if not x.startswith(optional)))
    draft.seal()


def policies(draft):
    (draft.folder / "policies").mkdir()
    (draft.folder / "policies" / "weights.safetensors").write_bytes(b"\0" * 100)
    draft.seal()


def read_only(draft):
    for path in draft.folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)


def packed(draft):
    shutil.make_archive(str(draft.folder), "zip", draft.folder)
    shutil.rmtree(draft.folder)
    shutil.unpack_archive(f"{draft.folder}.zip", draft.folder)


def touched(draft):
    for number, path in enumerate(sorted(draft.folder.rglob("*"), reverse=True)):
        os.utime(path, (number, number))


def windows(draft):
    """Lines of the card that end as on Windows."""
    draft.card.write_bytes(draft.card.read_bytes().replace(b"\n", b"\r\n"))
    draft.seal()


def disclosed(draft):
    draft.swap("runs_discarded = 0", "runs_discarded = 12")
    draft.swap("tuned_on_evaluation_seeds = false", "tuned_on_evaluation_seeds = true")


@pytest.mark.parametrize(
    "change",
    [later, slower, accents, short, policies, read_only, packed, touched, windows, disclosed],
)
def test_with_other_circumstances(change, board, suite, tmp_path):
    draft = Draft.of(board / "honest" / "pool", tmp_path / "entry")
    change(draft)
    found = verify(draft.folder, suite=suite)
    assert [record.spec.task for record in found.records] == ["Items", "Hubs"]


def test_through_a_link_to_the_folder(board, suite, tmp_path):
    (tmp_path / "link").symlink_to(board / "honest" / "design")
    assert verify(tmp_path / "link", suite=suite).records


def test_numbers_are_those_of_the_replay(board, suite):
    """What the verified record holds is computed here: the same as playing it here."""
    results = board / "results" / "pool"
    found = verify(board / "honest" / "pool", suite=suite)
    own = {one.spec.task: one.evaluation for one in read_folder(results).records}
    for record in found.records:
        for name in ("returns", "regret", "lengths", "after", "best_after"):
            np.testing.assert_array_equal(
                getattr(record.evaluation, name), getattr(own[record.spec.task], name)
            )
        assert record.evaluation.optimal_value == own[record.spec.task].optimal_value
        assert json.dumps(record.entry)
