"""completion: what a shell offers, asked in the shells that are here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from discovery_gym import InputError, registered
from discovery_gym.agents.making import LEARNED, PLAIN
from discovery_gym.agents.rules import RULES
from discovery_gym.experiments import cli
from discovery_gym.experiments.cli import completing
from discovery_gym.experiments.runs.metrics import METRICS
from discovery_gym.experiments.suites.catalogue import SUITES
from discovery_gym.experiments.training import ALGORITHMS

SHORT = sorted(env_id.removeprefix("discovery/").removesuffix("-v0") for env_id in registered())
AGENTS = sorted([*PLAIN, LEARNED, *RULES])
COMMANDS: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


def options(command: str) -> list[str]:
    """Return all options of a command that its help shows."""
    found = ["--help"]
    for one in COMMANDS[command].params:
        if one.param_type_name == "option" and not one.hidden:
            found += [*one.opts, *one.secondary_opts]
    return found


TYPED: list[tuple[list[str], list[str]]] = [
    ([""], [*COMMANDS, "--help", "--version"]),
    (["ev"], ["evaluate"]),
    (["evaluate", ""], SHORT),
    (["evaluate", "LinearP"], ["LinearPool"]),
    (["evaluate", "LinearPool", ""], AGENTS),
    (["watch", "--seed", "3", "LinearPool", "bayes_u"], ["bayes_ucb"]),
    (["evaluate", "--set", "horizon", "=", "3", "LinearPool", "bayes_u"], ["bayes_ucb"]),
    (["evaluate", "lab", ":", "lab/Mine-v0", "bayes_u"], ["bayes_ucb"]),
    (["evaluate", "LinearPool", "random", ""], []),  # files
    (["evaluate", "--episodes", ""], []),
    (["show", ""], [*SHORT, *AGENTS]),
    (["run", ""], [*SUITES]),
    (["tune", "--workers", "2", "qu"], ["quick"]),
    (["train", "--algo", ""], [*ALGORITHMS]),
    (["train", "KnowledgeLadder", "--algo", "=", "es"], ["es"]),
    (["evaluate", "LinearPool", "random", "--metric", ""], [*METRICS]),
    (["leaderboard", "results", "--format", ""], ["md", "csv", "json", "latex"]),
    (["list", "--format", ""], ["json"]),
    (["tell", "my.csv", ""], []),
    (["completion", ""], ["bash", "zsh", "fish"]),
    *(([name, "--"], [one for one in options(name) if one.startswith("--")]) for name in COMMANDS),
]


def script(shell: str) -> str:
    done = CliRunner().invoke(cli.app, ["completion", shell])
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash(tmp_path: Path) -> None:
    """All in one process. The words are parted as bash parts them, at = and :."""
    lines = [script("bash")]
    for words, _ in TYPED:
        array = " ".join(f"'{word}'" for word in ["discovery-gym", *words])
        lines.append(f"COMP_WORDS=({array}); COMP_CWORD={len(words)}; _discovery_gym")
        lines.append('echo "${COMPREPLY[*]}"')
    file = tmp_path / "typed.sh"
    file.write_text("\n".join(lines))
    done = subprocess.run(["bash", str(file)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for (words, wanted), line in zip(TYPED, done.stdout.splitlines(), strict=True):
        assert sorted(line.split()) == sorted(wanted), words


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish(tmp_path: Path) -> None:
    (tmp_path / "typed.fish").write_text(script("fish"))
    for words, wanted in TYPED:
        if "=" in words or ":" in words or not wanted or words[-1] == "--":
            continue
        line = " ".join(["discovery-gym", *words])
        code = f"source {tmp_path / 'typed.fish'}; complete -C '{line}'"
        done = subprocess.run(["fish", "-c", code], capture_output=True, text=True, check=True)
        offered = {row.partition("\t")[0] for row in done.stdout.splitlines()}
        assert {one for one in wanted if not one.startswith("-")} <= offered, words


@pytest.mark.parametrize("shell", completing.SHELLS)
def test_a_script_knows_every_command_and_option(shell: str) -> None:
    text = script(shell)
    for command in COMMANDS:
        for option in options(command):
            if shell == "fish":
                flag = f"-l {option[2:]} " if option.startswith("--") else f"-s {option[1:]} "
                assert f"__fish_seen_subcommand_from {command}' {flag}" in text
            else:
                assert f" {command}) options=" in text
                assert option in text.partition(f" {command}) options=")[2].partition("\n")[0]
    assert "--shard" not in text  # hidden


def test_names_are_of_parameters_that_are_there() -> None:
    known = {f"{name}.{one.name}" for name, command in COMMANDS.items() for one in command.params}
    assert set(completing.names()) <= known
    told = {key for key in known if key.endswith((".env", ".suite", ".dataset", ".form"))}
    assert told - set(completing.names()) == {"submit.suite", "verify.suite"}  # files


def test_other_shells() -> None:
    done = CliRunner().invoke(cli.app, ["completion", "tcsh"])
    assert isinstance(done.exception, InputError)
    assert "no completion for 'tcsh'" in str(done.exception)
