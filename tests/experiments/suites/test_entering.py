"""Agents of the command line, and code that a suite's file names: what runs, and what never does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from outsiders import working_folder

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.runs.records import read_folder
from discovery_gym.experiments.suites import catalogue, trust
from discovery_gym.experiments.suites.entering import chosen
from discovery_gym.experiments.suites.task import plan

AGENT = '''
"""An agent in ten lines: the item whose features are the longest."""
import numpy as np

def longest(observation, width=1.0):
    features = observation["features"].reshape(len(observation["action_mask"]), -1)
    length = width * (features**2).sum(1)
    return int(np.argmax(np.where(observation["action_mask"], length, -np.inf)))
'''
CAMPAIGNER = '''
"""An agent in ten lines: bold where little is left to climb, and sometimes anyway."""

def later_bold(observation, random):
    left = observation[0]
    return 8 if left < 5 or random.random() < 0.1 else 4
'''
LAB = '''
from pathlib import Path
import gymnasium as gym
import numpy as np

Path("imported").touch()

class Line(gym.Env):
    """Walk to the right."""
    observation_space = gym.spaces.Box(-9, 9, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = 0.0
        return np.full(1, self.x, np.float32), {}

    def step(self, action):
        self.x += 1 if action else -1
        return np.full(1, self.x, np.float32), float(action), abs(self.x) >= 4, False, {}

def right(observation):
    return 1

def left(observation):
    return 0

gym.register("lab/Line-v0", entry_point="lab:Line")
'''
HEAD = 'format = 1\nname = "mine"\nversion = 1\nabout = "a test"\nepisodes = 6\n'
POOL = """
[[task]]
name = "Small pool"
about = "Choose."
env = "LinearPool"
kwargs = { num_items = 20, horizon = 4 }
[task.agents]
random = "random"
greedy = "greedy"
"""
LADDER = POOL.replace("Small pool", "Ladder").replace("LinearPool", "KnowledgeLadder")
LADDER = LADDER.replace("{ num_items = 20, horizon = 4 }", "{ target = 4 }").replace(
    'greedy = "greedy"', 'small = "fixed(batch_size=1)"'
)
CODE = POOL + 'mine = "./mine.py:longest(width=2)"\n'
FOREIGN = """
[[task]]
name = "Line"
about = "Walk."
env = "lab/Line-v0"
module = "lab"
[task.agents]
random = "random"
right = { call = "lab:right" }
left = { call = "lab:left" }
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with an agent and a module, which say when they are imported."""
    with working_folder(tmp_path, monkeypatch):
        Path("mine.py").write_text(f"from pathlib import Path\nPath('imported').touch()\n{AGENT}")
        Path("lab.py").write_text(LAB)
        yield tmp_path


def write(*parts: str) -> str:
    Path("mine.toml").write_text(HEAD + "".join(parts))
    return "mine.toml"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, in this folder."""
    line = (sys.executable, "-m", "discovery_gym.experiments", *words)
    return subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ})


def entered(suite: str, *agents: str, **more: Any) -> tuple[dict[str, list[str]], list[str]]:
    """Return which agents play each task, and what was said."""
    said: list[str] = []
    found = chosen(suite, agents=agents, say=said.append, **more)
    return {task.name: list(task.agents) for task in found.tasks}, said


# ---- --agent


def test_an_agent_joins_every_task_that_it_fits(here: Path) -> None:
    write(POOL, LADDER)
    tasks, said = entered("mine.toml", "me=./mine.py:longest(width=3)", "wide=bayes_ucb(width=9)")
    assert tasks == {
        "Small pool": ["random", "greedy", "me", "wide"],
        "Ladder": ["random", "small"],
    }
    assert len(said) == 2
    assert "me does not fit Ladder, which it leaves out: IndexError" in said[0]
    assert "wide does not fit Ladder" in said[1]


def test_an_agent_that_fits_nothing_is_refused_with_the_reason(here: Path) -> None:
    write(LADDER)
    with pytest.raises(InputError, match=r"me fits no task of mine: on Ladder: Agent 'greedy'"):
        entered("mine.toml", "me=greedy")
    with pytest.raises(InputError, match=r"no file './absent\.py'"):
        entered("mine.toml", "me=./absent.py:Agent")
    here.joinpath("wrong.py").write_text("def act(observation):\n    return [][3]\n")
    with pytest.raises(InputError, match=r"IndexError: list index out of range \(.*wrong\.py:2\)"):
        entered("mine.toml", "me=./wrong.py:act")


@pytest.mark.parametrize("entry", ["greedy", "=greedy", "me=", "bayes_ucb(width=2)"])
def test_an_agent_needs_a_name(entry: str) -> None:
    with pytest.raises(InputError, match=r"--agent is NAME=AGENT, such as mine=\./mine\.py:Agent"):
        entered("smoke", entry)


def test_a_name_on_the_board_is_not_taken_by_another_text(here: Path) -> None:
    write(POOL, LADDER)
    with pytest.raises(
        InputError, match="mine has an agent 'greedy' already, 'greedy'; give yours"
    ):
        entered("mine.toml", "greedy=./mine.py:longest")
    with pytest.raises(InputError, match="'small' already"):  # also of another task
        entered("mine.toml", "small=./mine.py:longest")
    assert not Path("imported").exists()
    tasks, _ = entered("mine.toml", "greedy=greedy")
    assert tasks["Small pool"] == ["random", "greedy"]
    with pytest.raises(InputError, match="printable"):
        entered("mine.toml", "a\x1b[31m=greedy")


def test_the_shipped_runs_stay_what_they_are(here: Path) -> None:
    """An agent that joins changes no other run, and its own differ by name and text alone."""
    before = plan(catalogue.suite("smoke"))
    said: list[str] = []
    after = plan(chosen("smoke", agents=["me=./mine.py:longest"], say=said.append))
    assert [spec for spec in after if spec.name != "me"] == before
    mine = {spec.task for spec in after if spec.name == "me"}
    assert {"Small linear pool", "Small logistic pool"} <= mine
    assert "Small ladder" not in mine
    assert len(said) == len(catalogue.suite("smoke").tasks) - len(mine)


def test_a_part_of_a_suite(here: Path) -> None:
    tasks, _ = entered("quick", tasks=["Gaussian step, deadline", "Ladder, priced"])
    assert list(tasks) == ["Ladder, priced", "Gaussian step, deadline"]
    with pytest.raises(InputError, match="no task 'Ladder, prized'; did you mean 'Ladder, priced'"):
        entered("quick", tasks=["Ladder, prized"])


def test_an_agent_in_ten_lines_enters_quick_by_one_command(here: Path) -> None:
    """A campaign, whose other agents are quick; the agent of the guide is tested on every task."""
    Path("mine.py").write_text(CAMPAIGNER)
    assert len([one for one in CAMPAIGNER.splitlines() if one.strip()]) <= 10
    task = ("--task", "Gaussian step, deadline")
    done = command("run", "quick", "--agent", "mine=./mine.py:later_bold", *task, "--out", "out",
                   "--workers", "2")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout
    records = {one.spec.name: one for one in read_folder(Path("out")).records}
    suite = catalogue.suite("quick")
    (step,) = (task for task in suite.tasks if task.name == "Gaussian step, deadline")
    assert set(records) == {*step.agents, "mine"}
    mine = records["mine"]
    assert (mine.spec.suite, mine.spec.version) == ("quick", suite.version)
    assert mine.spec.agent == "./mine.py:later_bold"
    assert mine.evaluation is not None
    assert len(mine.evaluation.returns) == 1000
    played = evaluate(
        "GaussianStep", "./mine.py:later_bold", episodes=3, env_kwargs=step.env_kwargs
    )
    np.testing.assert_array_equal(mine.evaluation.returns[:3], played.returns)


# ---- --trust


def test_no_suite_of_ours_names_code() -> None:
    assert [one.name for one in catalogue.SUITES.values() if trust.code(one)] == []


NAMING = {
    "agent in a file": (CODE, "./mine.py:longest", "mine.py"),
    "agent in a module": (POOL + 'x = "lab:right"', "lab:right", "lab.py"),
    "agent in parts": (POOL + 'x = { call = "./mine.py:longest" }', "./mine.py:longest", "mine.py"),
    "belief": (POOL + 'x = "greedy(belief=./mine.py:Mine)"', "./mine.py:Mine", "mine.py"),
    "candidate": (POOL + 'x = ["greedy", "lab:right"]', "lab:right", "lab.py"),
    "code of ours": (
        POOL + 'x = "discovery_gym.experiments.cli:main"',
        "discovery_gym.experiments.cli:main",
        "__init__.py",
    ),
    "the library": (POOL + 'x = "os:system"', "os:system", "of Python itself"),
    "nothing": (POOL + 'x = "absent.place:X"', "absent.place:X", "found nowhere"),
    "pickle": (POOL + 'x = { sb3 = "ppo.zip" }', "ppo.zip", "a pickle, which can do anything"),
    "environment": (FOREIGN, "lab:lab/Line-v0", "lab.py"),
    "registered environment": (
        POOL.replace("LinearPool", "CartPole-v1"),
        "CartPole-v1",
        "another package",
    ),
    "ours of another module": (
        POOL.replace('"LinearPool"', '"discovery/LinearPool-v0"\nmodule = "lab"'),
        "lab:discovery/LinearPool-v0",
        "lab.py",
    ),
    "simulator": (
        POOL.replace("LinearPool", "SimulatorDesign").replace("num_items = 20", 'simulator = "ls"'),
        "'ls'",
        "a simulator",
    ),
    "summary": (
        POOL.replace("LinearPool", "SimulatorDesign").replace(
            "num_items = 20", 'summarise = "a:b"'
        ),
        "'a:b'",
        "a function, summarise of a simulator",
    ),
    "price": (
        POOL.replace("LinearPool", "SimulatorDesign").replace("num_items = 20", 'price = "a:b"'),
        "'a:b'",
        "a function, price of a simulator",
    ),
    "folder": (
        POOL.replace("LinearPool", "SimulatorDesign").replace("num_items = 20", 'cache = "/etc"'),
        "'/etc'",
        "writes into",
    ),
}


@pytest.mark.parametrize("kind", NAMING)
def test_a_file_that_names_code_is_refused_without_trust(kind: str, here: Path) -> None:
    text, what, where = NAMING[kind]
    write(text)
    found = trust.code(catalogue.suite("mine.toml"))
    assert what in found
    with pytest.raises(InputError) as error:
        entered("mine.toml")
    words = str(error.value)
    assert "mine.toml names code of others, which would run with all your rights" in words
    assert "add --trust" in words
    assert what in words
    assert where in words
    assert not Path("imported").exists()


def test_trust_first_says_what_runs(here: Path) -> None:
    write(CODE, FOREIGN)
    there: list[tuple[str, bool]] = []
    chosen(
        "mine.toml", trusted=True, say=lambda line: there.append((line, Path("imported").exists()))
    )
    assert [line for line, _ in there] == [
        f"--trust lets this run: ./mine.py:longest ({here / 'mine.py'})",
        f"--trust lets this run: lab:left ({here / 'lab.py'})",
        f"--trust lets this run: lab:right ({here / 'lab.py'})",
        f"--trust lets this run: lab:lab/Line-v0 ({here / 'lab.py'})",
    ]
    assert not any(imported for _, imported in there)
    assert Path("imported").exists()


AUDIT = """
import json, sys
loaded, started, opened = [], [], []
def hook(event, given):
    if event == "import":
        loaded.append(given[0])
    elif event == "open" and str(given[0]).endswith((".py", ".zip")):
        opened += [str(given[0])] if str(given[0]).startswith(FOLDER) else []
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.fork", "socket.connect"):
        started.append(event)
import os
FOLDER = os.getcwd()
from discovery_gym.experiments.cli import main
import discovery_gym.experiments.report.leaderboard, discovery_gym.experiments.suites.entering
sys.addaudithook(hook)
sys.argv = ["discovery-gym", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps([code, loaded, started, opened]))
"""


@pytest.mark.parametrize("words", [["run", "mine.toml"], ["tune", "mine.toml"]])
def test_without_trust_nothing_is_imported_opened_or_started(here: Path, words: list[str]) -> None:
    Path("ppo.zip").write_bytes(b"")
    write(CODE, 'x = { sb3 = "ppo.zip" }\ny = ["lab:right", "greedy"]\n', FOREIGN)
    line = (sys.executable, "-c", AUDIT, *words, "--out", "out")
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    code, loaded, started, opened = json.loads(done.stdout.splitlines()[-1])
    assert code == 2, done.stderr
    assert "add --trust" in done.stderr
    assert not {"lab", "mine", "stable_baselines3", "torch"} & {
        name.split(".")[0] for name in loaded
    }
    assert not [name for name in loaded if name.startswith("mine_")]
    assert (started, opened) == ([], [])
    assert not Path("imported").exists()
    assert not Path("out").exists()


def test_with_trust_it_plays_and_ranks(here: Path) -> None:
    """By two workers, which are handed texts; an environment of others is ranked by its returns."""
    write(CODE, FOREIGN)
    done = command("run", "mine.toml", "--out", "out", "--trust", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.index("--trust lets this run: ./mine.py:longest") < done.stderr.index("Now:")
    played = {(one.spec.task, one.spec.name): one for one in read_folder(Path("out")).records}
    assert {name for task, name in played if task == "Line"} == {"random", "right", "left"}
    right = played["Line", "right"].evaluation
    assert right is not None
    assert right.returns.tolist() == [4.0] * 6
    assert right.optimal_value is None
    chance = played["Line", "random"].evaluation
    assert chance is not None
    assert chance.role == "random"
    Path("imported").unlink()
    done = command("leaderboard", "out")
    assert done.returncode == 0, done.stderr
    (line,) = (one for one in Path("out/LEADERBOARD.md").read_text().split("### Line")[1:])
    assert "| 1 | right |" in line
    assert "| – | random |" in line  # the end of the scale, there too
    assert not Path("imported").exists()


def test_an_agent_of_a_file_that_cannot_play_is_told_before_anything_is_played(here: Path) -> None:
    write(POOL.replace('greedy = "greedy"', 'x = "look_ahead_eig"'))
    with pytest.raises(
        InputError, match=r"mine\.toml, task 'Small pool', 'x': Agent 'look_ahead_eig'"
    ):
        entered("mine.toml")
    write(POOL.replace("num_items", "num_itmes"))
    with pytest.raises(InputError, match=r"mine\.toml, task 'Small pool', 'random': .*num_itmes"):
        entered("mine.toml")


# ---- data, and files of stable-baselines3


def test_data_decides_a_run_and_is_not_handed_to_the_code(here: Path) -> None:
    Path("weights.bin").write_bytes(b"1")
    write(POOL + 'x = { call = "./mine.py:longest", data = ["weights.bin"] }\n')
    suite = chosen("mine.toml", trusted=True, say=lambda line: None)
    (spec,) = (one for one in plan(suite) if one.name == "x")
    before = spec.look()
    Path("weights.bin").write_bytes(b"2")
    assert spec.look() != before
    Path("weights.bin").write_bytes(b"1")
    assert spec.look() == before
    Path("weights.bin").unlink()
    with pytest.raises(InputError, match=r"names the data 'weights\.bin', which is no file"):
        make(spec.agent, gym.make(spec.env_id, **spec.env_kwargs))


@pytest.mark.parametrize("algorithm", ["PPO", "DQN", "SAC", "MaskablePPO"])
def test_a_file_of_stable_baselines3_plays(algorithm: str, here: Path) -> None:
    """As the library itself plays what it has loaded."""
    sb3 = pytest.importorskip("stable_baselines3")
    contrib = pytest.importorskip("sb3_contrib")
    learner = getattr(contrib if algorithm == "MaskablePPO" else sb3, algorithm)
    env_id = {"SAC": "discovery/DeathProcess-v0", "MaskablePPO": "discovery/LinearPool-v0"}.get(
        algorithm, "discovery/KnowledgeLadder-v0"
    )
    kwargs = {"target": 4} if "Ladder" in env_id else {}
    env = gym.make(env_id, **kwargs)
    policy = (
        "MultiInputPolicy" if isinstance(env.observation_space, gym.spaces.Dict) else "MlpPolicy"
    )
    learner(policy, env, seed=1).save("model.zip")
    text = "discovery_gym.agents.learned.sb3_file:SB3File(path='model.zip')"
    ours: Any = make(text, env)
    theirs = learner.load("model.zip")
    observation, _ = env.reset(seed=5)
    masks = {"action_masks": env.unwrapped.action_masks()} if "Mask" in algorithm else {}  # type: ignore[attr-defined]
    action, _ = ours.predict(observation, **masks)
    np.testing.assert_array_equal(
        action, theirs.predict(observation, deterministic=True, **masks)[0]
    )
    one, two = (evaluate(env_id, text, episodes=5, env_kwargs=kwargs).returns for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"no zip"])
def test_what_is_no_such_file_is_told(content: bytes | None, here: Path) -> None:
    pytest.importorskip("stable_baselines3")
    if content is not None:
        Path("model.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.zip"):
        make("discovery_gym.agents.learned.sb3_file:SB3File(path='model.zip')",
             gym.make("discovery/KnowledgeLadder-v0"))  # fmt: skip
