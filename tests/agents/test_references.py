"""Code from outside: found by where it is, played as what it is, and refused by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.agents import make, outside, register_agent, register_belief, register_rule
from discovery_gym.agents.making import full_text, references
from discovery_gym.agents.texts import parse, written
from discovery_gym.experiments import evaluate

POOL = {"num_items": 20, "num_features": 3, "horizon": 4}
MINE = """
import numpy as np
import helper
from discovery_gym.agents import Agent
from discovery_gym.agents.beliefs import Belief, Linear
from discovery_gym.agents.rules import Greedy, Rule
from discovery_gym.agents.rules.rule import best

def first(observation):
    return int(np.flatnonzero(observation["action_mask"])[0])

def drawn(observation, random, width=1):
    return int(random.choice(np.flatnonzero(observation["action_mask"])[::width]))

def two(observation, other):
    return 0

def none():
    return 0

def nothing(observation):
    return None

def by_object(env, seed, step=1):
    return Known(env, seed, step)

def by_function(env, seed, width=1):
    n = env.action_space.n
    return lambda observation, random: drawn(observation, random, width) if seed else n - 1

def by_rule(env):
    return Wide(env.num_features)

def again(env, seed):
    return again

def number_of(env):
    return 3

def class_of(env):
    return Known

def told(observation, seed, text="x"):
    return first(observation)

class Über(Rule):
    def __init__(self, width):
        self.width = width
    choose = Greedy.choose

class Wide(Rule):
    def __init__(self, width=2.0):
        self.width = width
    def choose(self, belief, decision, random):
        score = belief.mean() + helper.ONE * self.width * belief.std()
        return best(score, getattr(decision, "mask", decision), random)

class Flat(Linear):
    pass

class Half(Rule):
    pass

class Vague(Belief):
    def update(self, observation, start):
        pass
    def mean(self):
        pass

class Last(Agent):
    text = "last"
    @classmethod
    def fits(cls, model):
        return hasattr(model, "num_items")
    def act(self, observation, state, start):
        n = observation["action_mask"].shape[1]
        return n - 1 - observation["action_mask"][:, ::-1].argmax(1), ()

class Wants:
    def __init__(self, env): pass
    def predict(self, observation, state=None, **other): return 0, state

class Known:
    def __init__(self, model, seed, step=1):
        self.model, self.seed, self.step = model, seed, step
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return observation["action_mask"].argmax(1), state

greedy = Greedy()
known = Known(None, 0)
number = 3
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A file of somebody's own in the working folder, beside a module that it imports."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "helper.py").write_text("ONE = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outside, "_names", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(tmp_path) in f"{getattr(module, '__file__', '')} {getattr(module, '__path__', '')}":
            del sys.modules[name]


def play(agent: Any, **options: Any) -> Any:
    return evaluate("LinearPool", agent, episodes=5, env_kwargs=POOL, truth=False, **options)


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("./mine.py:Name", "./mine.py:Name", {}),
        ("lab.mine:Name(width=2)", "lab.mine:Name", {"width": 2}),
        ("/a b/c.d/x-1.py:N (a='x.py:N')", "/a b/c.d/x-1.py:N", {"a": "x.py:N"}),
        ("C:\\x\\mine.py:N(a=(1, 2))", "C:\\x\\mine.py:N", {"a": (1, 2)}),
        ("größe.ä1:Über(width=2)", "größe.ä1:Über", {"width": 2}),
        ("greedy(belief=./my.py:B)", "greedy", {"belief": "./my.py:B"}),
        ("greedy(belief= ../my.py:B(k=1))", "greedy", {"belief": ("../my.py:B", {"k": 1})}),
        ("fixed(x={'a': 1, 2: True})", "fixed", {"x": {"a": 1, 2: True}}),
        ("policy('a=b:c')", "policy", {"path": "a=b:c"}),
    ],
)
def test_texts_with_references(text: str, name: str, settings: dict[str, Any]) -> None:
    assert parse(text) == (name, settings)
    assert parse(written(parse(text))) == (name, settings)


@pytest.mark.parametrize(
    "text", ["mine:", ":N", "./mine.py", "./mine.py:N()x", "a:b:c", "a:1", "a/b:N"]
)
def test_texts_that_name_nothing(text: str) -> None:
    with pytest.raises(InputError, match="does not describe an agent"):
        parse(text)


@pytest.mark.parametrize("where", ["./mine.py", "mine"])
def test_every_kind_plays(mine: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(mine))
    first = play(f"{where}:first")
    assert first.agent == f"{where}:first"
    for same in (f"{where}:Known", f"{where}:Known(step=2)", f"{where}:known"):
        np.testing.assert_array_equal(play(same).returns, first.returns)
    for same in (f"{where}:by_object", f"{where}:by_object(step=2)"):
        np.testing.assert_array_equal(play(same).returns, first.returns)
    drawn = play(f"{where}:drawn(width=2)", agent_seed=1).returns
    np.testing.assert_array_equal(
        play(f"{where}:by_function(width=2)", agent_seed=1).returns, drawn
    )
    told = play(f"{where}:told(seed=3, text='y')")
    np.testing.assert_array_equal(told.returns, first.returns)
    assert not np.array_equal(play(f"{where}:Last").returns, first.returns)
    ucb = play("bayes_ucb(width=2)").returns
    np.testing.assert_array_equal(play(f"{where}:Wide").returns, ucb)
    np.testing.assert_array_equal(play(f"{where}:Wide(belief={where}:Flat)").returns, ucb)
    np.testing.assert_array_equal(play(f"bayes_ucb(width=2, belief={where}:Flat())").returns, ucb)
    np.testing.assert_array_equal(
        play(f"{where}:by_rule").returns, play("bayes_ucb(width=3)").returns
    )
    np.testing.assert_array_equal(play(f"{where}:greedy").returns, play("greedy").returns)
    np.testing.assert_array_equal(play(outside.load(f"{where}:Wide")(2)).returns, ucb)
    made: Any = make(f"{where}:Wide(width=3)", gym.make("discovery/LinearPool-v0"), seed=1)
    assert made.rule.width == 3
    assert made.text == f"{where}:Wide(width=3)"


def test_what_a_function_draws_is_of_the_episode(mine: Path) -> None:
    """Wherever the evaluation begins, whatever is played beside it, and by the agent's seed."""
    whole = play("./mine.py:drawn(width=2)", seed=100).returns
    part = evaluate(
        "LinearPool", "./mine.py:drawn(width=2)", episodes=2, env_kwargs=POOL, seed=102
    ).returns
    np.testing.assert_array_equal(part, whole[2:4])
    assert not np.array_equal(
        play("./mine.py:drawn(width=2)", seed=100, agent_seed=1).returns, whole
    )


class Dice:
    """What draws from a generator of its own, as anybody would write it."""

    def __init__(self, seed: Any) -> None:
        self.random = np.random.default_rng(seed)

    def predict(self, observation: Any, state: Any = None, *_: Any) -> Any:
        return self.random.random(observation["action_mask"].shape).argmax(1), state


def dice(env: Any, seed: Any) -> Dice:
    return Dice(seed)


@pytest.mark.parametrize("text", [f"{__name__}:Dice", f"{__name__}:dice"])
def test_two_chunks_of_episodes_do_not_share_their_draws(text: str) -> None:
    """They were seeded alike, so that errors of means over chunks were too small."""
    env = gym.make_vec("discovery/LinearPool-v0", num_envs=64)
    seen = env.reset(seed=0)[0]
    for seed in (3, np.random.SeedSequence(3)):
        made = [make(text, env, seed=seed, episode=first) for first in (0, 64, 128, 128)]
        first, second, third, again = (agent.predict(seen)[0] for agent in made)
        np.testing.assert_array_equal(Dice(seed).predict(seen)[0], first)
        np.testing.assert_array_equal(third, again)
        for ours, theirs in ((first, second), (second, third)):
            assert (ours == theirs).mean() < 0.2


def test_functions_are_played_by_themselves(mine: Path) -> None:
    function = outside.load("./mine.py:first")
    result = play(function)
    np.testing.assert_array_equal(result.returns, play("./mine.py:first").returns)
    assert result.agent == f"{mine / 'mine.py'}:first"
    assert play(lambda observation: observation["action_mask"].argmax()).agent == "<lambda>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("./mne.py:first", r"There is no file './mne.py' \(looked for .*did you mean 'mine.py'"),
        ("nowhere.mine:first", "There is no module 'nowhere.mine' in this folder or installed"),
        ("./mine.py:firs", r"There is no firs in ./mine.py; did you mean 'first'\?"),
        ("json:nothing", "There is no nothing in json"),
        ("./mine.py:number", "number is 3; an agent is an Agent class, a Rule, an object or"),
        ("./mine.py:Flat", r"a belief is named inside a rule: greedy\(belief=./mine.py:Flat\)"),
        ("greedy(belief=./mine.py:Wide)", "mine.py:Wide is .* not a class of beliefs"),
        ("greedy(belief=./mine.py:Flat(x=1))", "Flat has no setting 'x'.*It takes: "),
        ("./mine.py:Wide(wide=1)", "Wide has no setting 'wide'; did you mean 'width'.*width"),
        ("./mine.py:Known(stp=1)", "Known has no setting 'stp'; did you mean 'step'"),
        ("./mine.py:known(step=1)", "known has no setting 'step'.*It takes: none"),
        ("./mine.py:first(x=1)", "first has no setting 'x'.*It takes: none"),
        ("./mine.py:first(observation=1)", "first has no setting 'observation'"),
        ("./mine.py:Über", r"Über needs width; give it: ./mine.py:Über\(width=...\)"),
        ("./mine.py:told", "told needs seed, which .* may take observation and random. Or"),
        (
            "./mine.py:Wants",
            "Wants needs env, which .* may take model and seed. Or write a function",
        ),
        (
            "./mine.py:again",
            r"again returned <function again.*returns an object with predict or a fun",
        ),
        (
            "./mine.py:class_of",
            r"class_of returned .*Known.*returns an object with predict or a func",
        ),
        (
            "./mine.py:number_of",
            "What ./mine.py:number_of returns is 3; an agent is an Agent class",
        ),
        ("./mine.py:by_object(stp=1)", "by_object has no setting 'stp'; did you mean 'step'"),
        ("./mine.py:by_object(seed=1)", "by_object has no setting 'seed'.*It takes: step"),
        ("./mine.py:two", "two needs other; give it"),
        ("./mine.py:none", r"none takes \(\); as an agent it is called with one observation"),
        ("./mine.py:nothing", "None"),
        ("./mine.py:Half", "Half lacks choose; write it"),
        ("greedy(belief=./mine.py:Vague)", "Vague lacks sample, std; write it"),
        (
            "greedy(belief=nodes)",
            "No belief 'nodes' fits LinearPool and the rule",
        ),
        ("gp", r"gp is a belief; name it in a rule, such as greedy\(belief=gp\)"),
        ("first", "Unknown agent 'first'.*one of your own is named by .*: ./mine.py:Name"),
    ],
)
def test_what_is_wrong_is_named(mine: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        play(text)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = x / 0\n", r"ZeroDivisionError: division by zero \(.*bad.py:2\)"),
        ("def f(:\n", r"SyntaxError: .*\(.*bad.py:1\)"),
        ("import no_such_thing\n", r"ModuleNotFoundError: No module named .*\(.*bad.py:1\)"),
        ("import sys\n\nsys.exit(3)\n", r"SystemExit: 3 \(.*bad.py:3\)"),
    ],
)
def test_an_import_that_raises_says_where(
    mine: Path, source: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine / "bad.py").write_text(source)
    monkeypatch.syspath_prepend(str(mine))
    for where in ("./bad.py", "bad"):
        with pytest.raises(InputError, match=f"{where} cannot be imported: {message}"):
            play(f"{where}:f")
    (mine / "bad.py").write_text("def f(observation): return 0\n")
    make("./bad.py:f", gym.make("discovery/LinearPool-v0"))


def test_a_file_and_the_module_in_it_are_one(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(mine)
    assert outside.load("mine:Flat") is outside.load("./mine.py:Flat")


def test_a_file_is_loaded_once_and_never_an_old_one(mine: Path) -> None:
    with (mine / "mine.py").open("a") as file:
        file.write("with open('loaded', 'a') as file: file.write('x')\n")
    play("./mine.py:first")
    play(f"{mine}/mine.py:Wide")
    assert (mine / "loaded").read_text() == "x"
    with (mine / "mine.py").open("a") as file:
        file.write("# more\n")
    with pytest.raises(InputError, match="has changed since it was loaded; start again"):
        play("./mine.py:first")


def test_two_modules_of_one_name_are_not_taken_for_each_other(mine: Path) -> None:
    other = mine / "other"
    other.mkdir()
    (other / "mine.py").write_text(MINE)
    (other / "helper.py").write_text("ONE = 1\n")
    (other / "alone.py").write_text("def first(observation):\n    return 1\n")
    play("./mine.py:first")
    with pytest.raises(InputError, match="imports helper, which lies beside it, but Python has an"):
        play("./other/mine.py:first")
    play("./other/alone.py:first")


def test_a_module_beside_is_found_by_any_way_to_its_folder(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine / "way").symlink_to(mine)
    monkeypatch.syspath_prepend(str(mine / "way"))
    play("./way/mine.py:first")


def test_folders_of_one_name_without_init_are_not_taken_for_each_other(mine: Path) -> None:
    for place in ("one", "two"):
        (mine / place / "parts").mkdir(parents=True)
        (mine / place / "parts" / "pick.py").write_text("def first(observation): return 0\n")
        (mine / place / "agent.py").write_text("from parts.pick import first\n")
        (mine / place / "numpy").mkdir()  # gives way to the one that is installed
        (mine / place / "lone.py").write_text("import numpy\ndef first(observation): return 0\n")
    play("./one/lone.py:first")
    play("./one/agent.py:first")
    with pytest.raises(InputError, match="imports parts, which lies beside it, but Python has an"):
        play("./two/agent.py:first")


def test_a_factory_sees_what_is_public_and_no_environment(mine: Path) -> None:
    """Of a table, not its labels; of an environment of others, its spaces."""
    seen: list[Any] = []

    def factory(env: Any, seed: int) -> Any:
        seen.append(env)
        return lambda observation: env.action_space.n - 1

    for env_id in ("discovery/TablePool-v0", "CartPole-v1"):
        env = gym.make(env_id)
        agent: Any = make(factory, env, seed=2)
        observation, _ = env.reset(seed=1)
        assert agent.predict(observation)[0] == env.action_space.n - 1
    table, spaces = seen
    assert not isinstance(table, gym.Env)
    assert not hasattr(table, "table")
    assert (vars(spaces).keys()) == {"observation_space", "action_space"}


def test_short_names(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register_agent("one", "./mine.py:first")
    register_rule("wide", outside.load("./mine.py:Wide"))
    register_belief("flat", "./mine.py:Flat")
    np.testing.assert_array_equal(play("one").returns, play("./mine.py:first").returns)
    ucb = play("bayes_ucb(width=3)").returns
    np.testing.assert_array_equal(play("wide(width=3, belief=flat)").returns, ucb)
    wide = f"{mine}/mine.py:Wide"
    assert full_text("wide(width=3, belief=flat)") == f"{wide}(width=3, belief=./mine.py:Flat)"
    assert full_text("bayes_ucb( width=3)") == "bayes_ucb( width=3)"
    assert references(full_text("wide(belief=flat(a=1))")) == (wide, "./mine.py:Flat")
    assert references("greedy(belief=linear)") == references("greedy((") == ()


@pytest.mark.parametrize(
    ("register", "name", "thing", "message"),
    [
        (register_agent, "random", "m:N", "'random' is a name of this package"),
        (register_agent, "greedy", "m:N", "'greedy' is a name of this package"),
        (register_rule, "learned", "m:N", "'learned' is a name of this package"),
        (register_belief, "linear", "m:N", "'linear' is a name of this package"),
        (register_agent, "a b", "m:N", "A short name is a word such as 'mine', got 'a b'"),
        (register_agent, "mine", "N", "must stand for a class, a function or a text"),
        (register_agent, "mine", lambda observation: 0, "must stand for a class, a function or"),
    ],
)
def test_short_names_that_are_refused(
    register: Any, name: str, thing: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "_names", {})
    with pytest.raises(InputError, match=message):
        register(name, thing)


def test_installed_packages_give_short_names(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked up only when a name is not ours, and replace none of ours."""
    monkeypatch.syspath_prepend(str(mine))
    info = mine / "lab-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[discovery_gym.agents]\none = mine:first\nwide = mine : Wide [lab]\nrandom = mine:first\n"
    )
    np.testing.assert_array_equal(play("one").returns, play("./mine.py:first").returns)
    assert full_text("wide(width=1)") == "mine:Wide(width=1)"
    monkeypatch.setattr(outside.metadata, "entry_points", None)
    play("random")
    play("greedy(belief=linear)")
