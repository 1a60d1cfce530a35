"""discovery-gym show: what a record says, and an episode of it replayed, to its picture."""

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

import discovery_gym
from discovery_gym.experiments import cli, evaluate
from discovery_gym.experiments.runs.fingerprints import hashed
from discovery_gym.experiments.runs.record import leave
from discovery_gym.experiments.runs.record_file import to_bytes, to_table
from discovery_gym.experiments.runs.records import (
    find_record,
    open_folder,
    read_record,
    record_path,
    write_record,
)
from discovery_gym.experiments.runs.walk import walk
from discovery_gym.experiments.suites.task import plan

ENTRY = {"name": "mine", "digest": "ab" * 32, "status": "confirmed", "flags": ["[red]\x1b[2Jodd"],
         "card": {"who": "Ann"}}  # fmt: skip


def show(*words):
    """Return what the command prints, line by line, its cells apart."""
    done = CliRunner().invoke(cli.app, ["show", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done, [line.split("\t") for line in done.stdout.splitlines()]


@pytest.fixture
def files(played, tiny):
    """The records of the tiny suite, by agent and task."""
    return {(spec.name, spec.task): record_path(played / "records", spec.id) for spec in plan(tiny)}


def test_a_run_is_shown_with_its_curve(files, played):
    path = files["greedy", "Tiny pool"]
    record = read_record(path)
    for word in (path, played / record.id[:9], played / "records" / record.id):
        done, lines = show(word)
        assert done.exit_code == 0
        said = {line[0]: line[1] for line in lines if len(line) == 2}
        assert said["run"] == record.id
        assert said["agent"] == "greedy: greedy"
        assert said["machine"] == record.machine
        assert said["blas"] == record.platform["blas"]
        after = record.evaluation.after
        rows = {line[0]: line for line in lines if len(line) == 4}
        assert list(rows)[1:] == ["1", "2", "3"]
        assert rows["decisions"] == ["decisions", "episodes", "regret", "best so far"]
        mean, _, error = rows["2"][2].split()
        assert float(mean) == pytest.approx(after[:, 1].mean(), abs=float(error) / 5)


def test_a_failed_run_is_shown_with_its_error(files):
    done, lines = show(files["broken", "Tiny ladder <&>"])
    assert done.exit_code == 0
    assert lines[-1] == [
        "discovery_gym.envs.core.errors.InputError: batch_size must be one of 1, 8, got 7."
    ]


@pytest.mark.parametrize("episode", [17, 1_000_017])
def test_an_episode_is_replayed_to_its_picture(files, tmp_path, episode):
    path, picture = files["random", "Tiny ladder <&>"], tmp_path / "episode.png"
    record = read_record(path)
    done, lines = show(path, "--episode", episode, "--picture", picture)
    assert done.exit_code == 0
    rows = [line for line in lines if len(line) == 5]
    assert rows[0] == ["decision", "action", "reward", "spent", "then"]
    env = gym.make(record.spec.env_id, **record.spec.env_kwargs, render_mode="rgb_array")
    env.reset(seed=1_000_017)
    actions = record.evaluation.actions.of([17]).parts[0]
    assert len(actions) == len(rows) - 1
    for i, (action, row) in enumerate(zip(actions, rows[1:], strict=True), 1):
        observation, reward, *_ = env.step(action)
        assert row[:2] == [str(i), f"batch_size={record.spec.env_kwargs['batch_sizes'][action]}"]
        assert float(row[2]) == pytest.approx(reward, abs=1e-3)
        assert row[4].startswith(f"x = {observation[0]:g} of 4")
    seen = (imread(picture)[..., :3] * 255).round().astype(np.uint8)
    np.testing.assert_array_equal(seen, env.render())


def test_an_entry_is_shown_and_its_words_do_nothing(files, tmp_path):
    record = read_record(files["random", "Tiny pool"])
    records = open_folder(tmp_path)
    known = {"fingerprint": "0" * 16, "entry": ENTRY}
    assert not write_record(records, record.spec, record.evaluation, **known)
    (path,) = records.iterdir()
    assert read_record(path).entry == ENTRY
    assert read_record(path).fingerprint == "0" * 16
    done, lines = show(path)
    said = {line[0]: line[1] for line in lines if len(line) == 2}
    assert said["entry"] == f"mine, confirmed, {'ab' * 8}"
    assert said["card"] == "who: 'Ann'"
    assert "[red]" in said["flag"]
    assert "\x1b" not in done.output


def test_a_record_that_does_not_tell_the_truth_is_told_of(files, tmp_path):
    record = read_record(files["random", "Tiny pool"])
    returns = record.evaluation.returns.copy()
    returns[3] += 1
    result = dataclasses.replace(record.evaluation, returns=returns)
    records = open_folder(tmp_path)
    assert not write_record(records, record.spec, result)
    path = record_path(records, record.id)
    assert show(path, "--episode", 2)[0].exit_code == 0
    done, _ = show(path, "--episode", 3)
    assert done.exit_code == 1
    assert "does not tell the truth: episode 1000003 earns" in done.stderr.replace("\n", " ")


REFUSED = {
    "no such run": (lambda path: [path.parent / "zz"], "There is no record .*zz: name its file"),
    "no folder": (lambda path: ["nowhere/a3f"], "Cannot read nowhere: No such file"),
    "no record": (lambda path: [__file__], r"test_show\.py is no record, which ends in \.parquet"),
    "no such episode": (lambda path: [path, "--episode", 40],
                        r"--episode must be a number in 0..39 or a seed in 1000000..1000039, got 40"),
    "a picture of nothing": (lambda path: [path, "--picture", "x.png"], "--picture is of an episode"),
    "a picture nowhere": (lambda path: [path, "--episode", 0, "--picture", "/nowhere/x.png"],
                          "Cannot write a picture to /nowhere: No such file"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_shown_is_refused_in_words(kind, files):
    words, reason = REFUSED[kind]
    words = map(str, words(files["random", "Tiny pool"]))
    done = CliRunner().invoke(cli.app, ["show", *words])
    assert isinstance(done.exception, discovery_gym.InputError)
    assert re.search(reason, str(done.exception))
    assert done.stdout == "" or kind == "a picture nowhere"


def test_records_that_begin_alike_are_named(tmp_path):
    for name in ("a3f1", "a3f2", "b"):
        (tmp_path / f"{name}.parquet").touch()
    with pytest.raises(
        discovery_gym.InputError, match=r"2 records .* as a3f1 and a3f2; write more"
    ):
        find_record(str(tmp_path / "a3"))
    assert find_record(str(tmp_path / "b")).stem == "b"


def test_a_record_without_actions_is_played_anew_by_its_agent(tmp_path):
    """One of an earlier version, too; where the agent earns something else now, that is said."""
    fixtures = Path(__file__).parents[1] / "fixtures"
    folder = shutil.copytree(fixtures / "acdb1bd" / "runs", tmp_path / "runs")
    path = next(iter((folder / "records").glob("dd*")))
    done, _ = show(path, "--episode", 0)
    assert "of 2 rounds left" in done.stdout
    result = evaluate(
        "LinearPool", "thompson", episodes=3, env_kwargs={"num_items": 9, "horizon": 4}
    )
    bare = dataclasses.replace(result, actions=None)
    assert walk(bare, 2) == walk(result, 2)
    with pytest.raises(discovery_gym.InputError, match=r"has no actions, and .* has changed since"):
        walk(dataclasses.replace(bare, returns=result.returns + 1), 2)


@pytest.mark.parametrize(
    "names",
    [
        {"env_id": "evil_module:lab/Pool-v0", "env_kwargs": {}},
        {"env_id": "discovery/SimulatorDesign-v0", "env_kwargs": {"simulator": ["touch", "evil"]}},
        {"env_id": "discovery/SimulatorDesign-v0", "env_kwargs": {"price": "evil_module:price"}},
    ],
)
def test_code_that_a_record_names_does_not_run_unasked(names, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil_module.py").write_text("open('evil', 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    record = read_record(files["random", "Tiny pool"])
    spec = dataclasses.replace(record.spec, **names)
    columns, about = leave(spec, record.evaluation, None, fingerprint="0" * 16)
    path = tmp_path / f"{hashed(spec.text, '0' * 16)}.parquet"
    path.write_bytes(to_bytes(to_table(columns), json.dumps(about)))
    assert show(path)[0].exit_code == 0
    with pytest.raises(discovery_gym.InputError, match=r"names code of others.*add --trust"):
        show(path, "--episode", 0)
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "evil").exists()


CUPS = """
import gymnasium as gym
class Cups(gym.Env):
    observation_space, action_space = gym.spaces.Box(0, 1, (1,)), gym.spaces.Discrete(3)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.low.copy(), {}
    def step(self, action):
        return self.observation_space.low.copy(), float(action), True, False, {}
gym.register("shown/Cups-v0", Cups)
"""


def test_an_environment_that_draws_nothing_is_shown_without_a_picture(tmp_path, monkeypatch):
    (tmp_path / "shown_cups.py").write_text(CUPS)
    monkeypatch.syspath_prepend(tmp_path)
    played = evaluate("shown_cups:shown/Cups-v0", "random", episodes=3)
    (moment,), picture = walk(played, 1)
    assert picture is None
    assert moment.action == str(int(moment.reward))
    with pytest.raises(discovery_gym.InputError, match=r"draws no picture.*Leave --picture out"):
        walk(played, 1, "rgb_array")
