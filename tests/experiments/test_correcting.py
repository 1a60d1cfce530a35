"""What is typed wrong: its exit status, where it is told, and the command that would work."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
import typer

from discovery_gym.experiments import cli
from discovery_gym.experiments.cli.correcting import EXAMPLES

COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


@pytest.fixture
def type_it(monkeypatch, capsys, tmp_path):
    """Type a command in an empty folder; return its status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def type_it(line):
        monkeypatch.setattr(sys, "argv", ["discovery-gym", *shlex.split(line)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, *capsys.readouterr()

    return type_it


PUT_RIGHT = {
    "evaluate GausianStep random": "evaluate GaussianStep random",
    "evaluate GaussianStep optmal --episodes 3": "evaluate GaussianStep optimal --episodes 3",
    "evaluate GaussianStep random --set horzon=3": "evaluate GaussianStep random --set horizon=3",
    "evaluate LinearPool 'bayes_ucb(wdth=2)'": "evaluate LinearPool 'bayes_ucb(width=2)'",
    "evaluate GaussianStep bayes_ucb": "evaluate GaussianStep optimal",
    "evaluate GaussianStep nobody": "list",
    "watch LinearPol random": "watch LinearPool random",
    "show bayes_ubc": "show bayes_ucb",
    "run smok --out results": "run smoke --out results",
    "run nothing --out results": "list",
    "reproduce high-throghput --out x": "reproduce high-throughput --out x",
    "train KnowledgeLadder --out x --algo pp": "train KnowledgeLadder --out x --algo ppo",
    "table diabets": "table diabetes",
    "ask plan.csw": "ask plan.csv",
    "ask plam.csv --target yield": "ask plan.csv --target yield",
    "show plam.toml": "show plan.toml",
    "compare plan.csv --set dorp=T": "compare plan.csv --set drop=T",
    "leaderboard result": "leaderboard results",
    "completion bsh": "completion bash",
}


@pytest.mark.parametrize("line", PUT_RIGHT)
def test_it_ends_with_the_command_that_would_work(line, type_it):
    for name in ("plan.csv", "plan.toml"):
        Path(name).write_text("T,yield\n1,2\n2,\n3,4\n")
    Path("results").mkdir()
    status, out, err = type_it(line)
    if line == "ask plan.csw":  # of which nobody knows what it is
        assert err.endswith("name a file that ends in .csv, .parquet or .toml.\n")
        return
    assert (status, out) == (2, "")
    (told,) = err.splitlines()
    assert told.endswith(f" Type: discovery-gym {PUT_RIGHT[line]}") or (
        PUT_RIGHT[line] == "completion bash" and "discovery-gym completion bash" in told
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_what_cannot_be_read_is_told_with_an_example(name, type_it):
    status, out, err = type_it(f"{name} --nonsense")
    assert (status, out) == (2, "")
    assert "No such option: --nonsense" in err
    assert err.splitlines()[-1] == f"Such as: {EXAMPLES[name]}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_read(name):
    """By the library that reads them when they are typed: no argument is missing, no option unknown."""
    _, command, *words = shlex.split(EXAMPLES[name])
    assert command == name
    COMMANDS[name].make_context(name, words)


def test_a_command_that_is_not_there(type_it):
    status, out, err = type_it("evalute LinearPool random")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == "Such as: discovery-gym evaluate LinearPool random"
    status, out, err = type_it("xyzzy")
    assert (status, out) == (2, "")
    assert "No such command 'xyzzy'" in err
    assert "Such as" not in err


def test_help_is_a_result(type_it):
    for line in ("--help", "evaluate --help"):
        status, out, err = type_it(line)
        assert (status, err) == (0, "")
        assert "Usage: " in out
    assert "Example: discovery-gym evaluate LinearPool bayes_ucb" in " ".join(out.split())


CODES = {
    "list": (0, "environment\t"),
    "show LinearPool": (0, "environment\t"),
    "watch KnowledgeLadder random --set horizon=2": (0, "decision\t"),
    "evaluate KnowledgeLadder random --episodes 2": (0, "discovery/KnowledgeLadder-v0"),
    "table diabetes": (0, "diabetes"),
    "completion bash": (0, "_discovery_gym"),
    "ask plan.csv --budget 5": (0, "id\t"),
    "tell plan.csv 2=5": (0, "id\t"),
    "show plan.csv": (0, "study\t"),
    "tell plan.csv 2=5 3=x": (2, ""),
    "submit results --agent nobody --out entry": (2, ""),
    "leaderboard nowhere": (2, ""),
    "verify entry": (1, ""),  # refused: the answer is no
    "show results/a3f": (2, ""),
    "tune smoke --out tuned": (2, ""),
}


def test_exit_statuses_and_where_results_go(type_it):
    """0: it is done, and stdout has the result. 1: the answer is no. 2: it was typed wrong."""
    Path("plan.csv").write_text("T,yield\n1,2\n2,\n3,4\n5,1\n8,\n")
    Path("entry").mkdir()
    for line, (wanted, begins) in CODES.items():
        status, out, err = type_it(line)
        assert status == wanted, (line, err)
        assert out.startswith(begins), line
        assert bool(out) == (status == 0), line
        assert "Traceback" not in err
