"""Suites as files: what is in one is what is played, and what is wrong in one is told in words."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from discovery_gym import InputError
from discovery_gym.agents.making import files as files_of
from discovery_gym.envs.core import registered
from discovery_gym.experiments.suites import catalogue, files, tuning
from discovery_gym.experiments.suites.task import KINDS, kind_of, plan

HEAD = 'format = 1\nname = "mine"\nversion = 1\nabout = "a test"\nepisodes = 6\n'
TASK = (
    '[[task]]\nname = "Small"\nabout = "Choose."\nenv = "LinearPool"\nkwargs = { num_items = 20 }\n'
)
AGENTS = '[task.agents]\nrandom = "random"\n'


def read(text: str, folder: Path) -> files.Suite:
    """Return the suite in a file with this text."""
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return files.read(path)


def refused(text: str, folder: Path) -> str:
    """Return the words with which a file is refused: one short printable line that names it."""
    with pytest.raises(InputError) as error:
        read(text, folder)
    words = str(error.value)
    assert words.isprintable(), words
    assert "mine.toml" in words
    assert len(words) < 900
    return words


# ---- what is in a file is what is played


def test_a_file_gives_the_runs_that_it_says(tmp_path: Path) -> None:
    suite = read(
        """
        format = 1
        name = "mine"
        version = 3
        about = "a test"
        episodes = 6
        seed = 1_000_100
        chunk = 4

        [groups.ends]
        random = "random"

        [groups.learners]
        greedy = "greedy"
        Bayes-UCB = ["bayes_ucb(width=0.5)", "bayes_ucb(width=2)"]

        [[task]]
        name = "Small"
        about = "Choose."
        env = "LinearPool"
        kwargs = { num_items = 20, noise_std = 0.5 }
        tuned_on = [{ num_items = 30 }, {}]
        groups = ["ends", "learners"]
        episodes = 9

        [[task]]
        name = "Design"
        about = "Measure."
        env = "DeathProcess"
        metrics = ["information_bounds(contrasts=10)"]
        [task.agents]
        random = "random"
        """,
        tmp_path,
    )
    small, design = suite.tasks
    assert [(one.task, one.name, one.agent, one.episodes) for one in plan(suite)] == [
        ("Small", "random", "random", 9),
        ("Small", "greedy", "greedy", 9),
        ("Small", "Bayes-UCB", "bayes_ucb(width=0.5)", 9),
        ("Design", "random", "random", 6),
    ]
    assert {(one.suite, one.version, one.seed, one.chunk) for one in plan(suite)} == {
        ("mine", 3, 1_000_100, 4)
    }
    assert small.env_id == "discovery/LinearPool-v0"
    assert small.env_kwargs == {"num_items": 20, "noise_std": 0.5}
    assert small.tuned_on == (
        {"num_items": 30, "noise_std": 0.5},
        {"num_items": 20, "noise_std": 0.5},
    )
    assert small.search == {"Bayes-UCB": ("bayes_ucb(width=0.5)", "bayes_ucb(width=2)")}
    assert (small.kind, design.kind) == ("pool", "design")
    assert design.metrics == ("information_bounds(contrasts=10)",)


def test_kinds_are_those_of_the_families() -> None:
    found = {env_id: kind_of(env_id, {}) for env_id in registered()}
    assert set(found.values()) == set(KINDS) - {"other"}
    assert found["discovery/TablePool-v0"] == "table"
    assert found["discovery/LinearPool-v0"] == "pool"
    assert (
        kind_of("mylab:lab/Squares-v0", {"dataset": "x"}) == kind_of("CartPole-v1", {}) == "other"
    )
    assert kind_of("discovery/GeneralConditions-v0", {"dataset": "cncci"}) == "table"
    for suite in catalogue.SUITES.values():
        for task in suite.tasks:
            assert (task.kind == "table") == ("dataset" in task.env_kwargs)


@pytest.mark.parametrize("env", ["TablePool", "discovery/TablePool-v0"])
def test_a_table_cannot_call_itself_a_pool(env: str, tmp_path: Path) -> None:
    text = HEAD + TASK.replace("LinearPool", env) + 'kind = "pool"\n' + AGENTS
    assert "kind must be one of 'table', got 'pool'" in refused(text, tmp_path)


def test_what_others_wrote_may_say_its_kind(tmp_path: Path) -> None:
    task = TASK.replace('"LinearPool"', '"lab/Squares-v0"\nmodule = "mylab"\nkind = "pool"')
    (one,) = read(HEAD + task + AGENTS, tmp_path).tasks
    assert (one.env_id, one.kind) == ("mylab:lab/Squares-v0", "pool")


def test_agents_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.bin").write_bytes(b"1")
    parts = """
        mine = { call = "./mine.py:Agent", kwargs = { width = 2, n = ["a"] }, data = ["weights.bin"] }
        plain = { call = "lab.rules:Top" }
        ppo = { sb3 = "ppo.zip" }
    """
    (one,) = read(HEAD + TASK + AGENTS + parts, tmp_path).tasks
    assert one.agents == {
        "random": "random",
        "mine": "./mine.py:Agent(width=2, n=['a'], data=['weights.bin'])",
        "plain": "lab.rules:Top",
        "ppo": f"{files.SB3}(path='ppo.zip')",
    }
    assert Path("weights.bin") in files_of(one.agents["mine"])
    assert files_of(one.agents["ppo"]) == [Path("ppo.zip")]


def test_those_of_the_package_are_all_there_are() -> None:
    folder = Path(files.__file__).parent
    assert {path.stem for path in folder.glob("*.toml")} == set(catalogue.NAMES)
    for name in catalogue.NAMES:
        one = catalogue.suite(name)
        assert one.name == name
        again = files.read(folder / f"{name}.toml")
        assert [replace(task, agents={}) for task in one.tasks] == [
            replace(task, agents={}) for task in again.tasks
        ]


# ---- where it is found


def test_a_file_is_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(HEAD + TASK + AGENTS, tmp_path)
    assert catalogue.suite(str(tmp_path / "mine.toml")).name == "mine"
    monkeypatch.chdir(tmp_path)
    assert catalogue.suite("mine.toml").name == "mine"
    with pytest.raises(InputError, match=r"no suite 'quik'; did you mean 'quick'\?.*mine\.toml"):
        catalogue.suite("quik")
    with pytest.raises(InputError, match=r"Cannot read the suite 'absent\.toml': No such file"):
        catalogue.suite("absent.toml")


def test_nobody_takes_the_name_of_a_suite_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((HEAD + TASK + AGENTS).replace('"mine"', '"quick"'))
    with pytest.raises(InputError, match="has the name of a suite of this package"):
        catalogue.suite(str(path))


def test_tuned_settings_lie_beside_a_users_file(tmp_path: Path) -> None:
    text = HEAD + TASK + AGENTS + 'ucb = ["bayes_ucb(width=1)", "bayes_ucb(width=2)"]\n'
    suite = read(text, tmp_path)
    path = tuning.path(suite, tmp_path / "out")
    assert path == tmp_path / "mine.tuned.json"
    chosen = {"version": 1, "tasks": {"Small": {"ucb": {"agent": "bayes_ucb(width=2)"}}}}
    tuning.write(chosen, path)
    played = catalogue.suite(str(tmp_path / "mine.toml"))
    assert played.tasks[0].agents == {"random": "random", "ucb": "bayes_ucb(width=2)"}
    ours = tuning.path(catalogue.suite("pools"), tmp_path / "out")
    assert ours == tmp_path / "out" / "pools.json"


# ---- what is refused

OK = HEAD + TASK + AGENTS
REFUSALS: dict[str, tuple[str, str]] = {
    "no format": (OK.replace("format = 1", ""), "format must be 1, got None"),
    "format 2": (OK.replace("format = 1", "format = 2"), "format must be 1, got 2"),
    "unknown key": (OK.replace("episodes", "epsiodes"), "'epsiodes'; did you mean 'episodes'?"),
    "missing key": (HEAD.replace("version = 1", "") + TASK + AGENTS, "version is missing"),
    "version": (OK.replace("version = 1", 'version = "1"'), "version must be an integer"),
    "name with a path": (OK.replace('"mine"', '"../mine"'), "name must be of letters"),
    "name with an escape": (OK.replace('"mine"', '"\\u001b[31m"'), "printable"),
    "empty name": (OK.replace('"mine"', '""'), "name must be a text of 1 to 60"),
    "about in lines": (OK.replace('"a test"', '"a\\ntest"'), "about must be a text"),
    "no episodes": (OK.replace("= 6", "= 0"), "episodes must be an integer of at least 1, got 0"),
    "many episodes": (OK.replace("= 6", "= 1_000_001"), "episodes must be"),
    "half an episode": (OK.replace("= 6", "= 6.5"), "got 6.5"),
    "endless episodes": (OK.replace("= 6", "= inf"), "neither a text nor a finite number"),
    "tuning seed": (OK.replace("= 6", "= 6\nseed = 0"), "seed must be an integer of at least 1000000"),
    "large chunk": (OK.replace("= 6", "= 6\nchunk = 2000"), "chunk must be"),
    "date": (OK.replace("= 6", "= 2026-01-01"), "neither a text nor a finite number"),
    "no task": (HEAD, "task is missing"),
    "empty tasks": (HEAD + "task = []", "at least one task"),
    "a task as a text": (HEAD + 'task = ["x"]', "task 1 must be a table"),
    "task is a table": (HEAD + '[task]\nname = "x"', "task must be a list"),
    "task without a name": (OK.replace('name = "Small"', ""), "task 1: name is missing"),
    "task of one name": (OK + TASK + AGENTS, "two tasks are named 'Small'"),
    "bidi": (OK.replace("Small", "Small\\u202e"), "printable letters"),
    "unknown key of a task": (OK.replace("kwargs", "kwarg"), "'kwarg'; did you mean 'kwargs'?"),
    "environment": (OK.replace('"LinearPool"', '"LinearPol"'), "did you mean"),
    "environment, number": (OK.replace('"LinearPool"', "3"), "env must be a text"),
    "environment, file": (OK.replace('"LinearPool"', '"./x.py:lab/A-v0"'), "'lab/Squares-v0' with"),
    "kwargs": (OK.replace("{ num_items = 20 }", "3"), "kwargs must be a table"),
    "kwargs without end": (OK.replace("num_items = 20", "x = nan"), "neither a text nor a finite"),
    "kwargs with a time": (OK.replace("num_items = 20", "x = 10:00:00"), "neither a text nor"),
    "no agents": (HEAD + TASK, "1 to 100 agents, got 0"),
    "agents, text": (HEAD + TASK + 'agents = "random"', "agents must be a table"),
    "agent unknown": (OK.replace('"random"', '"randm"'), "Unknown agent 'randm'"),
    "agent, number": (OK.replace('"random"', "3"), "3 does not describe an agent"),
    "agent, empty list": (OK.replace('"random"', "[]"), "candidates are agents"),
    "agent twice": (OK.replace('"random"', '["greedy", "greedy"]'), "each another one"),
    "agent, table": (OK.replace('"random"', "{ cal = 'a:B' }"), "'cal'; did you mean 'call'?"),
    "agent, code": (OK.replace('"random"', '"__import__(\'os\')"'), "does not describe an agent"),
    "agent, long": (OK.replace('"random"', f'"greedy(x={"1" * 1000})"'), "at most 1000"),
    "name of an agent": (OK.replace("random =", '"a\\u0000" ='), "the name of an agent must be"),
    "data": (OK.replace('"random"', "{ call = 'a:B', data = ['absent'] }"), "no file 'absent'"),
    "data, text": (OK.replace('"random"', "{ call = 'a:B', data = 'x' }"), "data must be a list"),
    "sb3 and more": (OK.replace('"random"', "{ sb3 = 'a.zip', kwargs = {} }"), "no key 'kwargs'"),
    "group": (HEAD + TASK + 'groups = ["ends"]\n' + AGENTS, "no group 'ends'"),
    "group, table": (HEAD + TASK + "groups = [{}]\n" + AGENTS, "no group {}"),
    "group as a text": (OK.replace("= 6", '= 6\ngroups = "x"'), "groups must be a table"),
    "one agent of two": (
        HEAD + '[groups.a]\nrandom = "random"\n' + TASK + 'groups = ["a"]\n' + AGENTS,
        "two agents are named 'random'",
    ),
    "metric": (HEAD + TASK + 'metrics = ["bounds"]\n' + AGENTS, "no metric 'bounds'"),
    "metrics, text": (HEAD + TASK + 'metrics = "x"\n' + AGENTS, "metrics must be a list"),
    "kind": (HEAD + TASK + 'kind = "poool"\n' + AGENTS, "kind must be one of"),
    "tuned_on": (HEAD + TASK + "tuned_on = { a = 1 }\n" + AGENTS, "tuned_on must be a list"),
    "too many candidates": (
        HEAD + TASK + f"tuned_on = [{'{}, ' * 90}]\n" + AGENTS + 'x = ["greedy", "ids", "linucb"]',
        "3 candidates, too many for the 240 episodes",
    ),
    "no TOML": ("format = ", "is no TOML file"),
    "a key twice": (HEAD + HEAD, "is no TOML file"),
    "bytes": ("\udcff", ""),
    "nested lists": (HEAD + "x = " + "[" * 3000 + "]" * 900, ""),
    "nested tables": (HEAD + "[" + ".".join("a" * 2000) + "]\nb = 1", ""),
    "deep kwargs": (OK.replace("num_items = 20", ".".join("a" * 100) + " = 1"), "8 deep"),
    "many digits": (OK.replace("= 6", "= " + "9" * 3900), "episodes must be"),
    "many digits of 16": (OK.replace("= 6", "= 0x" + "f" * 3900), "episodes must be"),
    "many digits in kwargs": (OK.replace("= 20", "= 0x" + "f" * 3900), "env_kwargs must be"),
    "a long line": (OK.replace("= 6", "= " + "9" * 5000), "too large for a suite"),
    "a long key": (HEAD + ".".join("a" * 100_000) + " = 1", "too large for a suite"),
    "many tasks": (HEAD + (TASK + AGENTS) * 201, "at most 200"),
    "many agents": (OK + "".join(f'a{i} = "greedy"\n' for i in range(100)), "1 to 100 agents"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_file_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    text, words = REFUSALS[kind]
    if kind == "bytes":
        path = tmp_path / "mine.toml"
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(InputError, match=r"mine\.toml is no TOML file"):
            files.read(path)
    else:
        assert words in refused(text, tmp_path)


def test_what_is_refused_differs_by_one_thing_from_what_is_read(tmp_path: Path) -> None:
    assert len(plan(read(OK, tmp_path))) == 1


def test_an_error_names_the_file_the_task_and_the_agent(tmp_path: Path) -> None:
    text = OK.replace('"random"', '"greedy("')
    assert refused(text, tmp_path).startswith("mine.toml, task 'Small', agents, 'random': ")


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/stdin", "pipe", "folder", "loop", "large"])
def test_what_is_no_small_file_is_not_read(target: str, tmp_path: Path) -> None:
    path: Any = tmp_path / "mine.toml"
    if target == "pipe":
        os.mkfifo(path)
    elif target == "folder":
        path.mkdir()
    elif target == "loop":
        path.symlink_to(path)
    elif target == "large":
        with path.open("wb") as file:
            file.truncate(2**30)  # a hole that takes no room
    else:
        path.symlink_to(target)
    with pytest.raises(InputError, match=r"mine\.toml"):
        catalogue.suite(str(path))
