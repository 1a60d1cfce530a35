"""show ENV and show AGENT: what they say is what the code says."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shlex
from typing import Any

import gymnasium as gym
import pytest
from typer.testing import CliRunner

from discovery_gym import InputError, registered
from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import BELIEFS
from discovery_gym.agents.making import LEARNED, PLAIN, learned
from discovery_gym.agents.rules import RULES
from discovery_gym.envs.core import resolve
from discovery_gym.experiments import cli
from discovery_gym.experiments.cli import describing
from discovery_gym.experiments.runs import evaluation

AGENTS: dict[str, Any] = {**PLAIN, LEARNED: learned, **RULES, **BELIEFS}


def show(*words: str) -> tuple[str, str]:
    """Return stdout and stderr."""
    done = CliRunner().invoke(cli.app, ["show", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


@pytest.mark.parametrize("env_id", registered())
def test_an_environment(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "exact", lambda model, name: None)  # some take a second
    about = describing.environment(env_id, {})
    model: Any = gym.make(env_id).unwrapped.model  # type: ignore[attr-defined]
    parameters = {one["name"]: one for one in about["parameters"]}
    assert len(parameters) == len(about["parameters"])
    for field in dataclasses.fields(model):
        told = parameters.pop(field.name)
        default = field.default
        if default is dataclasses.MISSING:
            default = field.default_factory()  # type: ignore[misc]
        assert told["default"] == told["value"] == default
        assert len(told["about"]) > 8
    assert parameters == {}
    assert about["agents"] == available(model)
    assert about["action_space"] == str(model.action_space)
    space = model.observation_space
    spaces = space.spaces if isinstance(space, gym.spaces.Dict) else {"": space}
    assert [one["name"] for one in about["observation_space"]] == list(spaces)
    for one in about["observation_space"]:
        assert one["space"] == f"{spaces[one['name']].dtype}, {spaces[one['name']].shape}"
        assert one["about"], one
    assert all(about[name] for name in ("goal", "description", "decision", "truth", "about"))
    *_, env, agent = shlex.split(about["command"])
    assert resolve(env) == env_id
    make(agent, model)


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent(name: str) -> None:
    about = describing.agent(name)
    options = {one["name"]: one for one in about["options"]}
    for one in inspect.signature(AGENTS[name]).parameters.values():
        if one.name in ("model", "env", "num_episodes", "seed") or one.kind is one.VAR_KEYWORD:
            continue
        told = options.pop(one.name)
        assert told["default"] == (None if one.default is one.empty else one.default)
        assert len(told["about"]) > 8, one.name
    assert set(options) <= ({"belief"} if name in RULES else set())
    if about["plays"]:
        _, command, env, *agent = shlex.split(about["command"])
        assert resolve(env) in about["plays"]
        if command != "show" or name not in BELIEFS:  # some need other parameters
            make(agent[0], gym.make(resolve(env)))
    if name not in BELIEFS:
        played = [env for env in ("LinearPool", "WeinbergToy", "KnowledgeLadder") if name in
                  available(gym.make(resolve(env)))]  # fmt: skip
        assert {resolve(env) for env in played} <= set(about["plays"])


def test_every_option_of_a_rule_can_be_typed() -> None:
    (belief,) = (one for one in describing.agent("greedy")["options"] if one["name"] == "belief")
    for name in belief["about"].partition(": ")[2].partition(", each")[0].split(", "):
        assert name in BELIEFS
    model = gym.make("discovery/LinearPool-v0").unwrapped.model  # type: ignore[attr-defined]
    assert make("greedy(belief=gp)", model) is not None


def test_parameters_change_what_is_shown() -> None:
    words = ("LinearPool", "--set", "batch_size=2", "--set", "num_items=20", "--set", "horizon=4")
    shown, said = show(*words)
    rows = dict(line.split("\t")[:2] for line in shown.splitlines() if "\t" in line)
    assert rows["actions"] == "MultiDiscrete([20 20])"
    assert rows["batch_size"] == "2"
    model = gym.make("discovery/LinearPool-v0", batch_size=2, num_items=20, horizon=4)
    assert rows["played by"].split(", ") == available(model)
    assert "knowledge_gradient" in rows["played by"]
    assert json.loads(shlex.split(said)[-1]) == {"batch_size": 2, "num_items": 20, "horizon": 4}


def test_lines_in_pipes_are_whole() -> None:
    shown, said = show("LinearPool")
    parameters = {line.split("\t")[0]: line.split("\t") for line in shown.splitlines() if line}
    model = gym.make("discovery/LinearPool-v0").unwrapped.model  # type: ignore[attr-defined]
    assert {one.name for one in dataclasses.fields(model)} <= set(parameters)
    assert parameters["delay"][2].endswith("rounded down.")
    assert float(parameters["value of the optimum"][1]) == pytest.approx(model.optimal_value())
    assert said == "Now: discovery-gym evaluate LinearPool bayes_ucb\n"
    shown, _ = show("bayes_ucb(width=2)")
    assert "width\t2\tNumber of standard deviations." in shown


def test_settings_are_shown_as_they_are_given() -> None:
    text = "bayes_ucb(width=2, belief=linear(noise_std=0.5))"
    about = describing.agent(text)
    values = {one["name"]: (one["value"], one["default"]) for one in about["options"]}
    assert values["width"] == (2, 1.0)
    assert values["belief"] == ("linear(noise_std=0.5)", None)
    assert values["pending"] == (True, True)
    assert shlex.split(about["command"])[-1] == text
    linear = describing.agent("linear(noise_std=0.5)")
    assert shlex.split(linear["command"])[-1].endswith("(belief=linear(noise_std=0.5))")


MINE = """
from functools import partial
from discovery_gym.agents.rules import Rule

def pick(observation, random, width=2):
    \"\"\"Picks one.

    Args:
        width: How wide.
    \"\"\"

class Own(Rule):
    \"\"\"Ranks.\"\"\"

    def __init__(self, *, depth=3): pass
    def choose(self, decision, belief): pass

class Deep(Own):
    def __init__(self, depth): pass

class Idle(Rule): pass

part = partial(pick, width=3)
"""


def test_what_is_of_others(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    shown, said = show("./mine.py:pick(width=7)")
    assert shown.splitlines() == [
        *("agent\t./mine.py:pick", "what it is\tPicks one.", ""),
        *("option\tvalue\twhat it is", "width\t7\tHow wide.", ""),
    ]
    assert said == "Now: discovery-gym evaluate ENV './mine.py:pick(width=7)'\n"
    assert [one["name"] for one in describing.agent("./mine.py:part")["options"]] == ["width"]
    about = describing.agent("./mine.py:Own")
    assert about["role"] == "rule"
    assert [one["name"] for one in about["options"]] == ["depth", "belief"]
    assert "gp" in about["options"][1]["about"]
    for text, words in (
        ("pick(wide=1)", "'wide'; did you mean 'width'"),
        ("no", "There is no no"),
        ("Deep", "needs depth; give it"),
        ("Idle", "lacks choose; write it"),
    ):
        with pytest.raises(InputError, match=words):
            show(f"./mine.py:{text}")
    with pytest.raises(InputError, match=r"no study; an agent in it has a name: mine\.py:NAME"):
        show("mine.py")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["baes_ucb"], "no environment, agent or run 'baes_ucb'; did you mean 'bayes_ucb'"),
        (["GausianStep"], "did you mean 'GaussianStep'"),
        (["CartPole-v1"], "to play it: discovery-gym evaluate CartPole-v1 random"),
        (["LinearPool", "--set", "reveal=true"], "reveal is not for env_kwargs"),
        (["LinearPool", "--set", "id=3"], "id is not for env_kwargs"),
        (["LinearPool", "--set", "max_episode_steps=3"], "'max_episode_steps'. It takes: horizon"),
        (["bayes_ucb", "--set", "width=2"], "--set is of an environment"),
        (["bayes_ucb(wrong=1)"], "bayes_ucb has no setting 'wrong'. It takes: width"),
        (["bayes_ucb(width=-1)"], "width must be"),
        (["greedy(belief=gp(wrong=1))"], "gp has no setting 'wrong'"),
        (["greedy(belief=linaer)"], "no agent or belief 'linaer'; did you mean 'linear'"),
        (["learned(wrong=1)"], "learned has no setting 'wrong'"),
        (["LinearPool", "--page", "x.html"], "leave it out: discovery-gym show LinearPool"),
        (["LinearPool", "--set", "horzon=2"], "did you mean 'horizon'"),
        (["LinearPool", "--format", "xml"], "--format must be json"),
        (["nowhere:CartPole-v1"], "The module 'nowhere'"),
    ],
)
def test_what_cannot_be_shown(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        show(*words)


def test_a_file_of_that_name_is_not_hidden(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random").write_text("mine")
    with pytest.raises(InputError, match="random"):
        show("random")
    (tmp_path / "random").unlink()
    (tmp_path / "random").mkdir()
    assert show("random")[0].startswith("agent\trandom\n")
