"""Code from outside in runs: the same in every process, and known by the record; reading runs none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError, registered
from discovery_gym.agents import available, make, outside, register_agent
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.runs import fingerprints
from discovery_gym.experiments.runs.board import missing
from discovery_gym.experiments.runs.engine import play
from discovery_gym.experiments.runs.records import read_folder
from discovery_gym.experiments.suites.task import Suite, Task, plan

PICK = '''
import numpy as np

SIZES = 16


def pick(observation, random):
    """Try a batch of any size."""
    return random.integers(2)
'''
LAB = '''
import dataclasses

import gymnasium as gym
import numpy as np

from discovery_gym.envs.core import DiscoveryVectorEnv, DiscoveryEnv
from discovery_gym.envs.pools.linear_pool import LinearPool

class Reef(LinearPool):
    """Items under water."""

class ReefEnv(DiscoveryEnv[Reef]):
    model_class = Reef

class ReefVectorEnv(DiscoveryVectorEnv[Reef]):
    model_class = Reef

gym.register("sea/Reef-v0", "lab:ReefEnv", vector_entry_point="lab:ReefVectorEnv")
'''
SMALL = {"num_items": 12, "num_features": 3, "horizon": 3}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A working folder with files of somebody's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(outside, "_names", {})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.environ.get("PYTHONPATH", "")]))
    before, known = set(sys.modules), set(gym.registry)
    forget()
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    for env_id in set(gym.registry) - known:
        del gym.registry[env_id]
    forget()


def forget() -> None:
    for cached in (fingerprints._root, fingerprints._file, fingerprints._distribution):
        cached.cache_clear()


def suite(env_id: str = "discovery/KnowledgeLadder-v0", **agents: str) -> Suite:
    task = Task(name="T", about="", env_id=env_id, env_kwargs={}, agents=agents)
    return Suite(name="t", version=1, about="", episodes=3, seed=0, tasks=(task,))


def run(where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=where, capture_output=True, text=True, check=False)


CLI = (sys.executable, "-m", "discovery_gym.experiments")


def test_a_function_of_ten_lines_plays_from_the_command_line(folder: Path) -> None:
    assert len(PICK.strip().splitlines()) <= 10
    (folder / "mine.py").write_text(PICK)
    words = ("evaluate", "GaussianStep", "./mine.py:pick", "--episodes", "3")
    done = run(folder, *CLI, *words, "--set", "batch_sizes=[1, 8]", "--set", "horizon=5")
    assert done.returncode == 0, done.stderr
    assert "./mine.py:pick" in done.stdout
    wrong = run(folder, *CLI, "evaluate", "GaussianStep", "./mine.py:pik")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "There is no pik in ./mine.py; did you mean 'pick'?" in wrong.stderr


def test_modules_of_the_working_folder_play_from_the_command_line(folder: Path) -> None:
    (folder / "lab.py").write_text(LAB)
    (folder / "mine.py").write_text(
        "def first(observation):\n    return observation['action_mask'].argmax()\n"
    )
    words = ("evaluate", "lab:sea/Reef-v0", "mine:first", "--episodes", "3")
    done = run(folder, *CLI, *words, "--kwargs", '{"num_items": 12, "horizon": 3}')
    assert done.returncode == 0, done.stderr
    assert "regret" in done.stdout
    assert "exact optimum" in done.stdout


def test_main_plays_in_evaluate_and_is_refused_in_a_run(folder: Path) -> None:
    code = (
        "from discovery_gym.agents import register_agent\n"
        "from discovery_gym.experiments import evaluate\n"
        "def up(observation): return 0\n"
        "register_agent('mine', up)\n"
        "for agent in ('__main__:up', 'mine', up):\n"
        "    print(evaluate('KnowledgeLadder', agent, episodes=2, truth=False).agent)\n"
    )
    (folder / "script.py").write_text(code)
    for words in (("-c", code), ("script.py",)):
        done = run(folder, sys.executable, *words)
        assert done.stdout.split() == ["__main__:up", "mine", "__main__:up"], done.stderr
    with pytest.raises(
        InputError, match=r"__main__ .* not found by the processes of a run; put it into a"
    ):
        missing(plan(suite(mine="__main__:up")), folder / "out")


def test_two_workers_play_what_a_file_a_module_and_a_short_name_stand_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte changed in the file, or in the module beside it, makes the records stale, and no others."""
    helper = folder / "own" / "helper.py"
    helper.parent.mkdir()
    (folder / "own" / "mine.py").write_text(
        "def pick(observation, random):\n    import helper\n    return helper.pick(random)\n"
    )
    helper.write_text("def pick(random):\n    return random.integers(2)\n")
    (folder / "lone.py").write_text(
        "class Agent:\n    def predict(self, observation, **more):\n"
        "        return [0] * len(observation), None\n"
    )
    monkeypatch.syspath_prepend(folder)
    register_agent("short", "lone:Agent")
    specs = plan(suite(own="./own/mine.py:pick", short="short", ours="random"))
    assert [spec.agent for spec in specs] == ["./own/mine.py:pick", "lone:Agent", "random"]
    play(missing(specs, folder / "out"), folder / "out", workers=2)
    here = evaluate("KnowledgeLadder", "./own/mine.py:pick", episodes=3, seed=0)
    records = {one.spec.name: one for one in read_folder(folder / "out").records}
    assert "lone" not in sys.modules
    assert {name: one.error for name, one in records.items()} == dict.fromkeys(records)
    assert records.keys() == {"own", "short", "ours"}
    returns = records["own"].evaluation.returns
    np.testing.assert_array_equal(returns, here.returns)

    def stale() -> list[str]:
        return [one.name for one in specs if one.look() != records[one.name].fingerprint]

    assert stale() == []
    for path, name in (
        (helper, "own"),
        (folder / "own" / "mine.py", "own"),
        (folder / "lone.py", "short"),
    ):
        text = path.read_text()
        path.write_text(text + "#")
        assert stale() == [name], path
        path.write_text(text)
    assert stale() == []
    (folder / "own" / "unrelated.py").write_text("")
    assert stale() == []
    (folder / "lone.py").unlink()
    forget()
    with pytest.raises(InputError, match="code of 'lone' cannot be found"):
        stale()


def test_reading_and_drawing_a_record_imports_nothing_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "traced.py").write_text(
        "with open('imported', 'a') as file: file.write('x')\n"
        + LAB.replace("lab:", "traced:")
        + "def first(observation):\n    return observation['action_mask'].argmax()\n"
    )
    monkeypatch.syspath_prepend(folder)
    agents = {"file": "./traced.py:first", "module": "traced:first", "random": "random"}
    specs = plan(suite("traced:sea/Reef-v0", **agents))
    play(missing(specs, folder / "out"), folder / "out", workers=2)
    (folder / "imported").unlink()
    for name in [name for name in sys.modules if name.startswith("traced")]:
        del sys.modules[name]
    del gym.registry["sea/Reef-v0"]
    assert [one.error for one in read_folder(folder / "out").records] == [None] * 3
    paths, left_out = write_leaderboard(folder / "out")
    assert left_out == []
    shown = [path.read_text("utf-8") for path in (folder / "out" / "data").iterdir()]
    assert any("traced:first" in text for text in (paths[0].read_text("utf-8"), *shown))
    assert not (folder / "imported").exists()
    assert "traced" not in sys.modules


def test_an_environment_on_our_model_is_ours_in_every_respect(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lab.py").write_text(LAB)
    monkeypatch.syspath_prepend(folder)
    assert "sea/Reef-v0" not in registered()
    result = evaluate("lab:sea/Reef-v0", "thompson", episodes=4, env_kwargs=SMALL)
    ours = evaluate("LinearPool", "thompson", episodes=4, env_kwargs=SMALL)
    for name in ("returns", "regret", "after", "best_after", "random_value", "optimal_value"):
        np.testing.assert_array_equal(getattr(result, name), getattr(ours, name))
    assert "sea/Reef-v0" in registered()
    assert "thompson" in available(gym.make("sea/Reef-v0"))
    assert evaluate("sea/Reef-v0", "oracle", episodes=2, env_kwargs=SMALL).regret.sum() == 0
    before = fingerprints.fingerprint("lab:sea/Reef-v0", {})
    (folder / "lab.py").write_text(LAB + "#")
    assert fingerprints.fingerprint("lab:sea/Reef-v0", {}) != before
    for wrong, message in (
        ("lab:sea/Ref-v0", "no environment 'sea/Ref-v0'; did you mean 'sea/Reef-v0'"),
        ("lap:sea/Reef-v0", "The module 'lap' of .* cannot be imported.*in this folder"),
        ("Reef", "There is no environment 'Reef'.*module:Namespace/Id-v0"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate(wrong, "random", episodes=2)


class Odd(gym.Env[Any, Any]):
    """Shows nested things, and ends after three steps; in ``info`` it allows the odd actions alone."""

    observation_space = gym.spaces.Dict(
        {"deep": gym.spaces.Dict({"a": gym.spaces.Box(0, 1, (2,))}), "word": gym.spaces.Text(5)}
    )

    def __init__(self, action_space: gym.Space[Any], masked: bool = False) -> None:
        self.action_space, self.masked, self.steps = action_space, masked, 0

    def look(self) -> tuple[Any, dict[str, Any]]:
        mask = {"action_mask": np.array([0, 1, 0, 1], np.int8)} if self.masked else {}
        return {"deep": {"a": np.full(2, self.steps / 4, np.float32)}, "word": "abc"}, mask

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self.look()

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action), action
        assert not self.masked or action % 2
        self.steps += 1
        observation, info = self.look()
        flat = gym.spaces.flatten(self.action_space, action)
        return observation, float(flat @ np.arange(len(flat))), self.steps == 3, False, info


ODD = {
    "numbers": gym.spaces.Discrete(4, start=3),
    "several": gym.spaces.MultiDiscrete([2, 3]),
    "box": gym.spaces.Box(-np.inf, np.inf, (2,)),
    "nested": gym.spaces.Dict({"a": gym.spaces.Discrete(2), "b": gym.spaces.MultiBinary(3)}),
    "pair": gym.spaces.Tuple([gym.spaces.Discrete(2), gym.spaces.Box(0, 1, (1,))]),
}


@pytest.fixture
def odd() -> Any:
    gym.register("odd/Odd-v0", Odd)
    yield
    del gym.registry["odd/Odd-v0"]


@pytest.mark.parametrize("name", ODD)
def test_any_environment_plays(odd: Any, name: str) -> None:
    kwargs = {"action_space": ODD[name]}
    whole = evaluate("odd/Odd-v0", "random", episodes=6, seed=10, env_kwargs=kwargs)
    part = evaluate("odd/Odd-v0", "random", episodes=2, seed=13, env_kwargs=kwargs)
    assert (whole.lengths == 3).all()
    assert whole.regret is whole.optimal_value is None
    np.testing.assert_array_equal(part.returns, whole.returns[3:5])
    assert len({*whole.returns.tolist()}) > 1
    seen = []

    def look(observation: Any, random: Any) -> Any:
        seen.append(observation)
        space = ODD[name]
        space.seed(int(random.integers(1000)))
        return space.sample()

    assert evaluate("odd/Odd-v0", look, episodes=2, env_kwargs=kwargs).lengths.tolist() == [3, 3]
    assert seen[-1]["word"] == "abc"
    assert seen[-1]["deep"]["a"].tolist() == [0.5, 0.5]
    with pytest.raises(InputError, match="greedy plays the environments of this package; others"):
        evaluate("odd/Odd-v0", "greedy", episodes=1, env_kwargs=kwargs)


def test_random_keeps_to_a_mask_in_info(odd: Any) -> None:
    kwargs = {"action_space": gym.spaces.Discrete(4), "masked": True}
    result = evaluate("odd/Odd-v0", "random", episodes=200, env_kwargs=kwargs)
    assert (result.lengths == 3).all()  # the environment itself refuses other actions
    with pytest.raises(InputError, match=r"action_mask .* is not one that Discrete\(3\) takes"):
        evaluate(
            "odd/Odd-v0",
            "random",
            episodes=1,
            env_kwargs=kwargs | {"action_space": gym.spaces.Discrete(3)},
        )


def test_without_a_mask_all_is_legal(odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment may tell a mask in some decisions only, here in half of them."""
    free, step, look = [], Odd.step, Odd.look

    def sometimes(self: Odd) -> Any:
        self.masked = self.np_random.random() < 0.5
        return look(self)

    def told(self: Odd, action: Any) -> Any:
        free.extend([] if self.masked else [int(action)])
        return step(self, action)

    monkeypatch.setattr(Odd, "look", sometimes)
    monkeypatch.setattr(Odd, "step", told)
    kwargs = {"action_space": gym.spaces.Discrete(4)}
    evaluate("odd/Odd-v0", "random", episodes=60, env_kwargs=kwargs)
    assert {*free} == {0, 1, 2, 3}


def test_random_is_uniform_on_environments_of_others() -> None:
    agent = make("random", gym.make_vec("CartPole-v1", num_envs=4000))
    actions, _ = agent.predict(np.zeros((4000, 4), np.float32))
    assert abs(actions.mean() - 0.5) < 4 * 0.5 / 4000**0.5


def test_a_function_that_answers_no_action_is_named(odd: Any) -> None:
    kwargs = {"action_space": ODD["nested"]}
    with pytest.raises(InputError, match=r"wrong chose 7, which is no action of Dict"):
        evaluate("odd/Odd-v0", wrong, episodes=1, env_kwargs=kwargs)


def wrong(observation: Any) -> int:
    return 7
