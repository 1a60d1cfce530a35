"""What earlier versions wrote is read today, and gives what it gave: the files in `fixtures`.

`support/earlier.py` has made them, by the code of that time, with the values to compare. `v0.1.0` is
that version. `951fcc0` is a later commit, before modules moved; no number has changed since.
"""

from __future__ import annotations

import importlib
import json
import lzma
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import earlier
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from discovery_gym import InputError, registered
from discovery_gym.agents import make
from discovery_gym.agents.rules.meta_ucb import Network
from discovery_gym.envs.core import moved
from discovery_gym.experiments.runs.records import read_folder

FIXTURES = Path(__file__).with_name("fixtures")
OLD, SAME = "v0.1.0", "951fcc0"
VERSIONS = (OLD, SAME)
EXPECTED: dict[str, dict[str, Any]] = {
    version: json.loads(lzma.decompress((FIXTURES / version / "expected.json.xz").read_bytes()))
    for version in VERSIONS
}
PICKLES: dict[str, dict[str, bytes]] = {
    version: pickle.loads(
        lzma.decompress((FIXTURES / version / "environments.pickle.xz").read_bytes())
    )
    for version in VERSIONS
}
NAMES = sorted(EXPECTED[SAME]["environments"])
versions = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def folder(version: str, tmp_path: Path) -> Path:
    """A copy of the files of a version."""
    return Path(shutil.copytree(FIXTURES / version, tmp_path / version))


def assert_same(found: Any, wanted: Any) -> None:
    """Hold that numbers are the same, up to what another processor may round."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            assert_same(found[key], value)
    elif isinstance(wanted, list) and any(isinstance(part, dict | list) for part in wanted):
        for part, other in zip(found, wanted, strict=True):
            assert_same(part, other)
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what is in every file of a folder, and when it was written."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# ---- environments


def test_every_environment_of_then_is_here_and_every_one_of_now_is_tried() -> None:
    for version in VERSIONS:
        since = {
            "discovery/FidelityLadder-v0",
            "discovery/GeneralConditions-v0",
            "discovery/ScreeningPool-v0",
        }
        assert {*EXPECTED[version]["specs"]} == {*registered()} - since
        assert {name.split()[0] for name in PICKLES[version]} == set(earlier.SETTINGS)
        assert sorted(PICKLES[version]) == NAMES


@versions
@pytest.mark.parametrize("env_id", sorted(EXPECTED[SAME]["specs"]))
def test_a_spec_makes_the_environment_of_its_id_and_is_written_as_then(
    version: str, env_id: str
) -> None:
    text = EXPECTED[version]["specs"][env_id]
    settings = earlier.SETTINGS[env_id[len("discovery/") : -len("-v0")]]
    old: Any = gym.make(EnvSpec.from_json(text))
    new: Any = gym.make(env_id, **settings)
    assert type(old.unwrapped) is type(new.unwrapped)
    assert json.loads(new.spec.to_json()) == json.loads(text)
    for env in (old, new):
        env.reset(seed=3)
    assert earlier.played(old, 2) == earlier.played(new, 2)


# Of no release, and two of them keep what has another form today: a posterior's noise, a grid's cells.
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name[:12] not in ("LinearGaussi", "SimulatorDes")]
)
def test_a_pickled_environment_goes_on_as_it_would_have(name: str) -> None:
    env = pickle.loads(PICKLES[SAME][name])
    wanted = EXPECTED[SAME]["environments"][name]
    assert_same(earlier.plain(env.unwrapped.hidden()), wanted["hidden"])
    assert_same(earlier.played(env, len(wanted["after"])), wanted["after"])


@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_with_the_random_numbers_of_0_1_0_is_refused_with_the_remedy(name: str) -> None:
    """All its modules are found: the streams have changed since, on purpose."""
    with pytest.raises(InputError, match=r"pickled by version 0\.1\.0.* Make a new one") as error:
        pickle.loads(PICKLES[OLD][name])
    env, kind = name.split()
    call = str(error.value).partition("gym.")[2]
    assert call.startswith(f"{'make' if kind == 'single' else 'make_vec'}('discovery/{env}-v0'")
    for key, value in earlier.SETTINGS[env].items():
        assert f", {key}={value!r}" in call


# ---- modules that have moved


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the modules that only the table knows."""
    for old in moved.MOVED:
        monkeypatch.delitem(sys.modules, moved.PACKAGE + old, raising=False)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("old", [old for old in moved.MOVED if ":" not in old])
def test_a_module_of_the_table_is_gone_and_gives_the_names_of_the_new_one(old: str) -> None:
    root = Path(earlier.__file__).parents[2]
    assert not root.joinpath(*old.split(".")).with_suffix(".py").exists()
    module = importlib.import_module(moved.PACKAGE + old)
    new = importlib.import_module(moved.PACKAGE + moved.MOVED[old])
    names = [name for name in vars(new) if not name.startswith("__")]
    assert names
    for name in names:
        assert getattr(module, name) is getattr(new, name)
    with pytest.raises(AttributeError):
        _ = module.nothing_of_this_name


def test_a_name_of_the_table_is_found_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for old, new in moved.MOVED.items():
        if ":" in old:
            module, _, name = old.partition(":")
            place, _, other = new.partition(":")
            there = importlib.import_module(moved.PACKAGE + module)
            assert name not in vars(there)
            found = getattr(importlib.import_module(moved.PACKAGE + place), other)
            assert getattr(there, name) is found
    monkeypatch.setitem(moved.MOVED, "envs.pools.pool:Refused", "envs.core.errors:InputError")
    assert moved.former(moved.PACKAGE + "envs.pools.pool")("Refused") is InputError


@pytest.mark.usefixtures("fresh")
def test_without_the_table_a_pickle_finds_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a module that moves, and is not in the table, fails above."""
    monkeypatch.setattr(moved, "MOVED", {})
    for version in VERSIONS:
        with pytest.raises(ModuleNotFoundError, match=r"envs\.design\.simulation"):
            pickle.loads(PICKLES[version]["SimulatorDesign single"])


def test_other_modules_that_do_not_exist_are_not_found() -> None:
    for name in ("envs.design.simulations", "envs.nothing", "simulation"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(moved.PACKAGE + name)


# ---- policies and rules


def replayed(agent: str, wanted: dict[str, Any]) -> None:
    """Hold that an agent chooses what it chose then, from what it saw then."""
    env: Any = gym.make(f"discovery/{wanted['env']}-v0", **wanted["settings"])
    player, state, space = make(agent, env), None, env.observation_space
    for step, (seen, action) in enumerate(wanted["episode"]):
        if isinstance(space, gym.spaces.Dict):
            observation: Any = {key: np.array(seen[key], space[key].dtype) for key in space}
        else:
            observation = np.array(seen, space.dtype)
        chosen, state = player.predict(observation, state, np.array([step == 0]))
        assert_same(earlier.plain(chosen), action)


@versions
@pytest.mark.filterwarnings("ignore::FutureWarning:discovery_gym")
def test_a_policy_chooses_what_it_chose(version: str) -> None:
    path = FIXTURES / version / "training" / "policy.safetensors"
    replayed(f"sb3({json.dumps(str(path))})", EXPECTED[version]["training"])


@versions
@pytest.mark.filterwarnings("ignore::FutureWarning:discovery_gym")
def test_the_weights_of_a_rule_add_what_they_added(version: str) -> None:
    path, wanted = FIXTURES / version / "rule.safetensors", EXPECTED[version]["rule"]
    inputs = [np.array(one, np.float32) for one in wanted["inputs"]]
    np.testing.assert_allclose(Network.load(path)(*inputs), wanted["output"], rtol=1e-5, atol=1e-6)
    replayed(f"learned(weights={json.dumps(str(path))})", wanted)


# ---- folders


@versions
def test_a_training_is_resumed_or_refused_and_never_overwritten(folder: Path, version: str) -> None:
    """That of 0.1.0 has no checksums, and is refused; the other one is finished."""
    pytest.importorskip("stable_baselines3")
    training = folder / "training"
    before, about = snapshot(training), json.loads((training / "training.json").read_text())
    options = ("steps", "envs", "evaluations", "episodes")
    command = [sys.executable, "-m", "discovery_gym.experiments", "train", about["env_id"]]
    command += ["--out", str(training), "--kwargs", json.dumps(about["env_kwargs"])]
    for name in options:
        command += [f"--{name}", str(about[name])]
    for name, value in about["settings"].items():
        command += ["--hyper", f"{name}={json.dumps(value)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = " ".join(done.stderr.split())
    if version == OLD:
        assert done.returncode == 2
        assert "holds another training: format" in said
        assert "name another folder" in said
    else:
        assert done.returncode == 0, said
    assert snapshot(training) == before


@versions
@pytest.mark.parametrize("name", EXPECTED[SAME]["cache"])
def test_a_cache_has_the_runs_of_a_simulator(folder: Path, version: str, name: str) -> None:
    wanted = EXPECTED[version]["cache"][name]
    before = snapshot(folder / "cache")
    settings = {**wanted["settings"], "cache": str(folder / "cache")}
    env: Any = gym.make("discovery/SimulatorDesign-v0", **settings)
    job_of = importlib.import_module(moved.PACKAGE + "envs.design.black_box").Job
    jobs = [job_of(tuple(theta), tuple(phi), *rest) for theta, phi, *rest, _ in wanted["runs"]]
    found = dict(env.unwrapped.model.simulations.run(jobs))
    assert_same([found[job].tolist() for job in jobs], [run[-1] for run in wanted["runs"]])
    assert snapshot(folder / "cache") == before  # nothing was run again


@versions
def test_records_are_read_and_shown_and_never_resumed(folder: Path, version: str) -> None:
    runs = folder / "runs"
    before = snapshot(runs)
    results = read_folder(runs)
    assert results.left_out == {}
    wanted = EXPECTED[version]["records"]
    assert {record.spec.name: record.id for record in results.records} == {
        name: run.pop("id") for name, run in wanted.items()
    }
    for record in results.records:
        assert record.spec.id != record.id  # by the code of today it is another run
        for key, values in wanted[record.spec.name].items():
            numbers: Any = record.evaluation
            name = {"curve": "after"}.get(key, key)
            (found,) = numbers.metrics.values() if key == "bounds" else [getattr(numbers, name)]
            np.testing.assert_array_equal(found, values)
        assert (record.error is None) == (record.spec.name != "failed")
    assert snapshot(runs) == before
    done = subprocess.run(
        [sys.executable, "-m", "discovery_gym.experiments", "leaderboard", str(runs)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    board = (runs / "LEADERBOARD.md").read_text(encoding="utf-8")
    for record in results.records:
        assert record.spec.name in board
    assert {path: file for path, file in snapshot(runs).items() if path in before} == before
