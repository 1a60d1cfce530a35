"""The policies that the package brings: where they come from, whom they fit, how they play."""

from __future__ import annotations

import csv
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError, registered
from discovery_gym.agents import available, make
from discovery_gym.agents.learned import shipped as module
from discovery_gym.agents.learned.policy import Policy
from discovery_gym.agents.learned.shipped import ShippedAgent, shipped
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.runs.scores import normalised

FOLDER = module.resources.files(module.__package__) / "weights"
NAMES = sorted(file.name.removesuffix(".csv") for file in FOLDER.iterdir() if ".csv" in file.name)


def made(name: str, **more: Any) -> Any:
    about = shipped()[name].about
    return gym.make(about["env_id"], **{**about["env_kwargs"], **more}).unwrapped.model


def test_every_policy_has_its_curve_and_the_other_way_round() -> None:
    assert list(shipped()) == NAMES
    assert len(NAMES) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_where_it_comes_from(name: str) -> None:
    about = shipped()[name].about
    assert name.startswith(gym.spec(about["env_id"]).name + "-")
    assert about["env_id"] in registered()
    assert about["seed"] >= 0
    assert gym.spec(about["env_id"]).name in about["command"]
    assert 0 < about["cpu_seconds"] < 2 * 30 * 60  # two cores for half an hour
    with (FOLDER / f"{name}.csv").open() as file:
        rows = list(csv.reader(file))
    assert len(rows) > 5
    assert about["trained"] in [int(row[0]) for row in rows[1:]]


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_what_it_was_trained_for_and_no_other_environment(name: str) -> None:
    model = made(name)
    assert ShippedAgent.fits(model)
    assert "learned" in available(model)
    assert make(f"learned(weights={name!r})", model).policy is shipped()[name]  # type: ignore[attr-defined]
    other = next(one for one in NAMES if not one.startswith(type(model).__name__))
    with pytest.raises(InputError, match=rf"gives|trained on.*{shipped()[other].about['env_id']}"):
        make(f"learned(weights={other!r})", model)


def test_it_plays_exactly_where_it_says() -> None:
    for env_id in registered():
        env = gym.make(env_id)
        model = env.unwrapped.model  # type: ignore[attr-defined]
        if "learned" not in available(env):
            assert not ShippedAgent.fits(model)
            with pytest.raises(InputError, match="brings none"):
                make("learned", env)
            continue
        agent = make("learned", env)
        assert isinstance(agent, ShippedAgent) is (
            ".pools." not in str(gym.spec(env_id).entry_point)
        )
        action, _ = agent.predict(env.reset(seed=0)[0])
        env.step(action)


def test_other_shapes_are_not_offered() -> None:
    model = made("KnowledgeLadder-ppo", batch_sizes=(1, 2))
    assert "learned" not in available(model)
    with pytest.raises(InputError, match=r"brings none.*KnowledgeLadder-ppo for .*p_scale"):
        ShippedAgent(model)


def test_a_file_of_ones_own_is_taken_by_its_name(tmp_path: Any) -> None:
    model = made("KnowledgeLadder-ppo", batch_sizes=(1, 2))
    first = shipped()["KnowledgeLadder-ppo"].layers[0]
    own = Policy(
        parts={"": (2,)},
        scaling={},
        layers=(first, (np.ones((2, len(first[0])), "f4"), np.array([0, 1], "f4"))),
        activation="tanh",
        head="scores",
    )
    path = tmp_path / "own.safetensors"
    path.write_bytes(own.to_bytes())
    assert make(f'learned(weights="{path}")', model).predict(np.zeros(2))[0] == 1
    with pytest.raises(InputError, match="no policy 'KnowledgeLader-ppo'; did you mean 'Know"):
        make('learned(weights="KnowledgeLader-ppo")', model)
    with pytest.raises(InputError, match=r"There is no file 'x\.safetensors'"):
        make('learned(weights="x.safetensors")', model)
    with pytest.raises(InputError, match="weights=3"):
        make("learned(weights=3)", model)


def test_playing_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.split('.')[0] in ('torch', 'stable_baselines3', 'sb3_contrib'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from discovery_gym.experiments import cli\n"
        "sys.argv = 'discovery-gym evaluate KnowledgeLadder learned --episodes 2'.split()\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "learned" in done.stdout


@pytest.mark.parametrize("name", ["KnowledgeLadder-ppo", "GaussianStep-ppo"])
def test_campaigns_are_played_nearly_as_well_as_possible(name: str) -> None:
    """Beside the optimal agent, on the same tuning seeds; a score of 1 is the exact optimum."""
    about, scores = shipped()[name].about, []
    for agent in ("learned", "optimal"):
        result = evaluate(
            about["env_id"], agent, episodes=100, seed=400_000, env_kwargs=about["env_kwargs"]
        )
        assert result.random_value is not None
        assert result.optimal_value is not None
        scores.append(normalised(result.returns, result.random_value, result.optimal_value))
    loss = scores[1] - scores[0]
    assert loss.mean() < 0.02 + 3 * loss.std() / 10
    assert loss.std() < 0.2  # the test sees a loss of a few hundredths


def test_the_design_policy_finds_better_settings_than_any_fixed_one() -> None:
    """On tuning seeds, paired; the greedy agent is 0.8 nats ahead of the fixed one."""
    returns = [
        evaluate("Weinberg", agent, episodes=256, seed=400_000).returns
        for agent in ("learned", "fixed(sqrt_s=90, P_minus=0.8, P_plus=-0.3)")
    ]
    ahead = returns[0] - returns[1]
    assert ahead.mean() > 0.7 - 3 * ahead.std() / 16
    assert ahead.std() < 2  # else the test would see nothing


def test_designs_by_the_gradient_of_the_information_are_ahead() -> None:
    """On tuning seeds, of an offer repeated, and of places drawn from the prior."""
    few = {"num_particles": 10, "num_moves": 1}
    for env_id, kwargs, other, gain in (
        ("TemporalDiscounting", {"grid_size": (128, 16)}, "fixed(reward_now=50)", 2.0),
        ("LocationFinding", few, "random(std=1)", 0.0),
    ):
        bounds = []
        for agent in ("learned", other):
            result = evaluate(
                env_id,
                agent,
                episodes=64,
                seed=400_000,
                env_kwargs=kwargs,
                metrics=["information_bounds(contrasts=10000)"],
            )
            bounds.append(result.metrics["information_bounds"][:, 0])
        ahead = bounds[0] - bounds[1]
        assert ahead.mean() - 3 * ahead.std() / 8 > gain
