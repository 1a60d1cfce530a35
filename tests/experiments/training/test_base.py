"""What all trainings share: the same numbers as before, kill and resume, commands, refusals."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import golden
import numpy as np
import pytest
from pages import command_of_today
from typer.testing import CliRunner

from discovery_gym import InputError
from discovery_gym.agents.learned.policy import shipped
from discovery_gym.envs.core import Streams
from discovery_gym.experiments import cli
from discovery_gym.experiments import training as module
from discovery_gym.experiments.runs.evaluation import EVALUATION_SEED
from discovery_gym.experiments.training import ALGORITHMS, evolution, train, training
from discovery_gym.experiments.training.base import CURVE, VALIDATION_SEED, Training
from discovery_gym.experiments.training.folder import CHECKPOINT, MARK, Folder

BEFORE = Path(__file__).parent / "before"
"""Trainings of some steps by the code before the algorithms shared theirs: their numbers, and folders
of some that were killed behind the third point of the curve."""
EXPECTED = json.loads((BEFORE / "expected.json").read_text())
CASES: dict[str, Any] = EXPECTED["trainings"]


@pytest.fixture(autouse=True)
def two_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = {name: evolution.TASKS[name] for name in ("linear", "plates")}
    monkeypatch.setattr(evolution, "TASKS", tasks)


def case(name: str, **changes: Any) -> Training:
    """Return one of the trainings; skip where the extra is missing that it needs."""
    algorithm = name.partition(",")[0]
    if algorithm != "es":
        pytest.importorskip("torch", reason="the extra 'learn' is not installed")
        pytest.importorskip("sb3_contrib", reason="the extra 'learn' is not installed")
    return training(algorithm, CASES[name]["options"] | changes, CASES[name]["settings"])


def content(folder: Path) -> dict[str, Any]:
    """Return what the files say that does not depend on the time: the curve, the numbers learned."""
    (path,) = folder.glob("*.safetensors")
    learned = path.read_bytes()
    head = 8 + int.from_bytes(learned[:8], "little")
    with (folder / CURVE).open() as file:
        rows = [
            [value for name, value in row.items() if "seconds" not in name]
            for row in csv.DictReader(file)
        ]
    return {"policy": hashlib.sha256(learned[head:]).hexdigest(), "curve": rows}


def killed(training: Training, folder: Path, points: int = 3) -> None:
    """Train up to a point of the curve, and be killed right behind its checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        save, left = Folder.save, [points]

        def saved(*given: Any) -> None:
            save(*given)
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        patch.setattr(Folder, "save", saved)
        with pytest.raises(KeyboardInterrupt):
            train(training, folder)


def same_rounding() -> bool:
    """Return whether results here are those of the expected numbers, bit for bit."""
    versions = EXPECTED["versions"]
    try:
        found = {name: importlib.metadata.version(name) for name in versions}
    except importlib.metadata.PackageNotFoundError:
        return False
    return found == versions and [golden.rounding(), learning()] == EXPECTED["rounding"]


def learning() -> str:
    """Return a digest of how torch rounds here when networks like those of trainings learn."""
    import torch

    random, digest = torch.Generator().manual_seed(0), hashlib.sha256()
    for rows, inputs, width in ((1, 3, 64), (64, 12, 64), (100, 8, 400), (256, 40, 256)):
        sizes = ((inputs, width), (width, width), (width, 2))
        weights = [(torch.randn(size, generator=random) / 8).requires_grad_() for size in sizes]
        steps = torch.optim.Adam(weights)
        for _ in range(3):
            x = torch.randn((rows, inputs), generator=random)
            told = torch.relu(torch.tanh(x @ weights[0]) @ weights[1]) @ weights[2]
            torch.log_softmax(told, 1)[:, 0].mean().backward()
            steps.step()
        for weight in weights:
            digest.update(weight.detach().numpy().tobytes())
    return digest.hexdigest()[:16]


# ---- the same numbers as before


@pytest.mark.parametrize("name", CASES)
def test_a_training_has_the_numbers_of_before(name: str, tmp_path: Path) -> None:
    asked = case(name)
    if not same_rounding():
        pytest.skip("this processor, or torch, rounds otherwise than what wrote the numbers")
    train(asked, tmp_path / "run")
    assert content(tmp_path / "run") == CASES[name]["whole"]


@pytest.mark.parametrize("name", [name for name in CASES if (BEFORE / name).exists()])
def test_a_folder_of_before_is_gone_on_from(name: str, tmp_path: Path) -> None:
    """It ends where the code that began it ended, after a kill in the middle."""
    shutil.copytree(BEFORE / name, tmp_path / "run")
    asked = case(name)
    begun = content(tmp_path / "run")["curve"]
    train(asked, tmp_path / "run")
    ended = content(tmp_path / "run")
    assert ended["curve"][: len(begun)] == begun == CASES[name]["resumed"]["curve"][: len(begun)]
    assert len(ended["curve"]) == len(CASES[name]["resumed"]["curve"])
    if same_rounding():
        assert ended == CASES[name]["resumed"]


# ---- kill and resume


@pytest.mark.parametrize("name", ["dad", "dad, location", "es"])
def test_a_resumed_training_ends_where_an_uninterrupted_one_does(name: str, tmp_path: Path) -> None:
    asked = case(name)
    train(asked, tmp_path / "whole")
    killed(asked, tmp_path / "parts", points=2)
    killed(asked, tmp_path / "parts", points=1)
    train(asked, tmp_path / "parts")
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


@pytest.mark.parametrize("name", ["ppo", "dad", "es"])
def test_other_settings_and_damage_are_refused_and_files_mended(name: str, tmp_path: Path) -> None:
    asked, folder = case(name), tmp_path / "run"
    killed(asked, folder, points=1)
    with pytest.raises(InputError, match="another training: seed 0 instead of 1"):
        train(case(name, seed=1), folder)
    train(asked, folder)
    whole = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert {path.name for path in whole} == {
        MARK, CHECKPOINT, CURVE, "weights.safetensors" if name == "es" else "policy.safetensors",
    }  # fmt: skip
    for path in whole.keys() - {folder / MARK, folder / CHECKPOINT}:
        path.write_bytes(whole[path][:-9])
    train(asked, folder)  # read, not trained again
    assert {path: path.read_bytes() for path in whole} == whole
    (folder / CHECKPOINT).write_bytes(whole[folder / CHECKPOINT][:-9])
    with pytest.raises(InputError, match="is not a checkpoint of this training, or it is damaged"):
        train(asked, folder)


# ---- what is asked for


@pytest.mark.parametrize("name", CASES)
def test_a_file_names_the_command_that_made_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command asks for the same training."""
    asked: list[Any] = []
    monkeypatch.setattr(module, "train", lambda *given: asked.append(given) or 1 / 0)
    result = CliRunner().invoke(cli.app, shlex.split(case(name).command)[1:])
    assert isinstance(result.exception, ZeroDivisionError), result.output
    assert asked == [(case(name), Path("FOLDER"))]


@pytest.mark.parametrize("name", shipped())
def test_pages_show_commands_that_train_what_the_package_brings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today's command has every setting that the command in the head of the file has."""
    case("dad")
    about, asked = shipped()[name].about, list[Any]()
    then = about["command"]
    monkeypatch.setattr(module, "train", lambda *given: asked.append(given) or 1 / 0)
    result = CliRunner().invoke(cli.app, shlex.split(command_of_today(then))[1:])
    assert isinstance(result.exception, ZeroDivisionError), result.output
    mark = asked[0][0].mark()
    assert mark["env_id"] == about["env_id"]
    if "discovery-gym train" in then:  # some were written before there were `parts`
        assert {key: about.get(key, []) for key in mark} == json.loads(json.dumps(mark))
        return
    given = dict(re.findall(r"--(\w+) (\S+)", then))
    assert len(given) == 11
    assert {key: float(value) for key, value in given.items()} == {key: mark[key] for key in given}


@pytest.mark.parametrize("name", ["dqn", "dad", "es"])
def test_evaluation_seeds_are_never_played(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()
    begin = Streams.begin

    def spy(streams: Streams, index: Any) -> None:
        seen.update(np.array(streams.generators.seeds, object)[index])
        begin(streams, index)

    monkeypatch.setattr(Streams, "begin", spy)
    asked = case(name, seed=12_345_678)
    train(asked, tmp_path)
    if name == "dad":  # it draws its episodes itself
        assert not seen
        return
    assert 0 <= min(seen) <= max(seen) < EVALUATION_SEED
    curve = {seed for seed in seen if seed >= VALIDATION_SEED}
    assert curve == set(range(VALIDATION_SEED, VALIDATION_SEED + asked.episodes))


@pytest.mark.parametrize("name", ["ppo", "dad", "es"])
def test_the_command_trains_and_says_how_to_play_what_was_learned(
    name: str, tmp_path: Path
) -> None:
    words = [str(tmp_path / "run") if w == "FOLDER" else w for w in shlex.split(case(name).command)]
    result = CliRunner().invoke(cli.app, words[1:])
    assert result.exit_code == 0, result.output
    assert ("regret" if name == "es" else "Best after") in result.stdout
    again = result.stderr.partition("Now: ")[2]
    assert "--seed 1000000" in again
    played = CliRunner().invoke(cli.app, [*shlex.split(again)[1:], "--episodes", "2"])
    assert played.exit_code == 0, played.output


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_an_algorithm_does_not_know_is_refused(algorithm: str) -> None:
    known = {"env_id": "TemporalDiscounting"} if algorithm == "dad" else {}
    case("es" if algorithm == "es" else "dad")
    with pytest.raises(InputError, match=f"{algorithm} has no setting 'rat'.*It takes.*rate"):
        training(algorithm, {"env_id": "LinearPool"} | known, {"rat": 1})
    with pytest.raises(InputError, match=r"Unknown algorithm.*Known are maskable-ppo.*dad, es"):
        training(algorithm + "o", {}, {})
    with pytest.raises(InputError, match="did you mean 'LinearPool'"):
        training(algorithm, {"env_id": "LinaerPool"}, {})
    if algorithm in ("dad", "es"):
        with pytest.raises(InputError, match=r"has no setting 'steps'.*It takes.*iterations"):
            training(algorithm, {"env_id": "LinearPool", "steps": 3}, {})
    if algorithm != "es":
        with pytest.raises(InputError, match="There is no environment ''"):
            training(algorithm, {}, {})
