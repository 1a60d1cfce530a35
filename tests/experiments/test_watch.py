"""watch: the episode that evaluate plays, before your eyes and as a picture."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from terminals import CLI, ESCAPE, on_terminal
from typer.testing import CliRunner

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.thoughts import with_thoughts
from discovery_gym.envs.rendering import draw
from discovery_gym.experiments import cli, evaluate
from discovery_gym.experiments.runs import moving

SMALL = ["--set", "num_items=30", "--set", "horizon=6"]
KWARGS = {"num_items": 30, "horizon": 6}


def watch(*words: Any) -> tuple[list[list[str]], str]:
    """Return the cells of stdout, and stderr."""
    done = CliRunner().invoke(cli.app, ["watch", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    return [line.split("\t") for line in done.stdout.splitlines()], done.stderr


def by_hand(seed: int, agent: str) -> tuple[Any, Any, list[Any]]:
    """Play an episode step by step; return its model, its player, and its moments."""
    env: Any = gym.make("discovery/LinearPool-v0", **KWARGS).unwrapped
    player, state = make(agent, env, episode=seed), None
    observation, _ = env.reset(seed=seed)
    trace, ended = [(None, 0.0, observation)], False
    while not ended:
        action, state = player.predict(observation, state)
        observation, reward, ended, _, _ = env.step(action)
        trace.append((action, reward, observation))
    return env.model, player, trace


@pytest.mark.parametrize("seed", [1_000_000, 7])
def test_lines_are_those_of_the_episode(seed: int) -> None:
    rows, said = watch("LinearPool", "thompson", *SMALL, "--seed", seed)
    assert rows[0] == ["decision", "action", "reward", "regret", "best", "then"]
    _, _, trace = by_hand(seed, "thompson")
    assert [row[1] for row in rows[1:]] == [f"item {action}" for action, _, _ in trace[1:]]
    assert [float(row[2]) for row in rows[1:]] == pytest.approx(
        [reward for _, reward, _ in trace[1:]], abs=6e-4
    )
    played = evaluate("LinearPool", "thompson", episodes=1, seed=seed, env_kwargs=KWARGS)
    assert played.regret is not None
    assert float(rows[-1][3]) == pytest.approx(played.regret[0], rel=1e-3)
    words = shlex.split(said.splitlines()[-1].removeprefix("Now: "))
    assert words[:4] == ["discovery-gym", "evaluate", "discovery/LinearPool-v0", "thompson"]
    assert words[words.index("--seed") + 1] == str(seed)


def test_frames_in_a_pipe() -> None:
    done = CliRunner().invoke(cli.app, ["watch", "LinearPool", "random", *SMALL, "--frames"])
    frames = done.stdout.strip().split("\n\n")
    assert len(frames) == 6
    model, _, trace = by_hand(1_000_000, "random")
    assert frames == [draw(model, trace[: i + 2], "ansi") for i in range(6)]


def test_a_picture_that_moves(tmp_path: Path) -> None:
    path = tmp_path / "episode.gif"
    _, said = watch("LinearPool", "bayes_ucb", *SMALL, "--picture", path)
    assert said.splitlines()[-1] == f"picture: {path}"
    model, player, trace = by_hand(1_000_000, "bayes_ucb")
    with Image.open(path) as image:
        assert (image.size, image.n_frames) == ((640, 480), 7)  # type: ignore[attr-defined]
        frames = []
        for i in range(7):
            image.seek(i)
            frames.append(np.asarray(image.convert("RGB"), np.float64))
    np.testing.assert_array_equal(frames[0], frames[-1])  # a still shows the end
    for i, frame in enumerate(frames[1:], 1):
        seen = trace[: i + 1]
        believed = with_thoughts(model.picture(seen), player, seen)
        plain, drawn = (
            draw(model, seen, "rgb_array", compact=True, picture=one) for one in (None, believed)
        )
        assert abs(frame - drawn).mean() < 5  # 64 colours
        told = (plain != drawn).any(2)
        assert abs(frame - drawn)[told].mean() < 0.5 * abs(frame - plain)[told].mean()
    watch("LinearPool", "bayes_ucb", *SMALL, "--picture", path.with_suffix(".PNG"))
    with Image.open(path.with_suffix(".PNG")) as image:
        assert abs(np.asarray(image.convert("RGB"), np.float64) - drawn).mean() < 5


def test_which_moments_are_drawn() -> None:
    assert moving.ends(6, 32) == [1, 2, 3, 4, 5, 6]
    assert moving.ends(1, 32) == [1]
    assert moving.ends(50, 1) == [50]
    some = moving.ends(1000, 32)
    assert (len(some), some[0], some[-1]) == (32, 1, 1000)
    assert np.ptp(np.diff(some)) <= 1


def test_environments_of_others() -> None:
    rows, _ = watch("CartPole-v1", "random", "--seed", 3)
    played = evaluate("CartPole-v1", "random", episodes=1, seed=3)
    assert len(rows) - 1 == played.lengths[0]
    assert rows[0] == ["decision", "action", "reward", "then"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["LinearPool", "random", "--picture", "x.jpg"], "must end in .gif or .png, got 'x.jpg'"),
        (["CartPole-v1", "random", "--picture", "x.gif"], "leave --picture out"),
        (["CartPole-v1", "random", "--frames"], "leave --frames out"),
        (["LinearPool", "random", "--set", "horzon=3"], "did you mean 'horizon'"),
        (["LinearPool", "optimal"], "cannot play LinearPool"),
        (["LinearPool", "random", *SMALL, "--picture", "no/x.gif"], "Cannot write a picture to no"),
    ],
)
def test_what_cannot_be_watched(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        watch(*words)


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "x.gif"
    path.mkdir()
    with pytest.raises(InputError, match=r"must be a file, and .*x\.gif is a folder"):
        watch("LinearPool", "random", *SMALL, "--picture", path)


def test_what_draws_may_be_asked_for(tmp_path: Path) -> None:
    """What is watched is drawn as that needs, whatever `evaluate` would be given."""
    path = tmp_path / "e\x1b[31m.png"
    drawn, said = watch(
        *("LinearPool", "random", *SMALL, "--set", "render_mode=rgb_array", "--frames"),
        *("--picture", path),
    )
    assert drawn[0][0].startswith("LinearPool: 1 of 6 labels")
    assert said.splitlines()[-1] == f"picture: {tmp_path}/e\\x1b[31m.png"
    assert path.is_file()
    done = CliRunner().invoke(cli.app, ["watch", "LinearPool", "random", "--pace", "inf"])
    assert done.exit_code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
def test_on_a_terminal_it_moves() -> None:
    words = [*CLI, "watch", "KnowledgeLadder", "random", "--set", "horizon=4", "--pace", "0"]
    status, text = on_terminal(words, TERM="xterm", COLUMNS="90")
    assert status == 0
    assert f"{ESCAPE}[1A" in text  # back to the first line of the frame
    for i in range(1, 5):
        assert f"{i} of 4" in text
    status, text = on_terminal(words, TERM="xterm", NO_COLOR="1")
    assert status == 0
    assert ESCAPE not in text
    assert re.search(r"^ +4  batch_size=\d+ +−1\.000", text, re.M)
