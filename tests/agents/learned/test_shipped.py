"""The policies that the package brings: where they come from, whom they fit, how they play."""

from __future__ import annotations

import csv
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import CONDITIONS, POOLS

from discovery_gym import InputError, registered
from discovery_gym.agents import available, make
from discovery_gym.agents.learned import policy as module
from discovery_gym.agents.learned.policy import Policy, PolicyAgent, fitting, shipped, trained_for
from discovery_gym.agents.rules.meta_ucb import MetaUCB, Network
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
    assert name in fitting(model)
    assert "learned" in available(model)
    agent = make(f"policy({name!r})", model)
    assert isinstance(agent, PolicyAgent)
    assert agent.policy is shipped()[name]
    other = next(one for one in NAMES if not one.startswith(type(model).__name__))
    with pytest.raises(InputError, match=rf"gives|trained on.*{shipped()[other].about['env_id']}"):
        make(f"policy({other!r})", model)


@pytest.mark.parametrize("name", NAMES)
def test_learned_is_the_policy_of_exactly_these_parameters(name: str) -> None:
    about = shipped()[name].about
    exact = trained_for(made(name))
    assert exact is not None
    assert shipped()[exact].about["env_kwargs"] == about["env_kwargs"]
    assert make("learned", made(name)).text == f"policy({exact!r})"
    assert (
        evaluate(
            about["env_id"], "learned", episodes=1, env_kwargs=about["env_kwargs"], truth=False
        ).agent
        == f"policy({exact!r})"
    )


def test_two_policies_of_one_environment_are_told_apart_by_its_parameters() -> None:
    texts = {make("learned", made(f"TemporalDiscounting-{one}")).text for one in ("ppo", "dad")}
    assert texts == {"policy('TemporalDiscounting-ppo')", "policy('TemporalDiscounting-dad')"}


def test_else_it_is_the_rule_and_else_a_policy_that_fits() -> None:
    pool = gym.make("discovery/LinearPool-v0")
    assert make("learned", pool).text == "meta_ucb"
    asked = make("learned(belief=linear(noise_std=2))", pool)
    assert asked.text == "meta_ucb(belief=linear(noise_std=2))"
    dearer = made("KnowledgeLadder-ppo", cost_per_batch=40.0)
    assert trained_for(dearer) is None
    assert make("learned", dearer).text == "policy('KnowledgeLadder-ppo')"


def test_it_plays_exactly_where_it_says() -> None:
    for env_id in registered():
        env = gym.make(env_id)
        if "learned" not in available(env):
            with pytest.raises(InputError, match="brings none"):
                make("learned", env)
            continue
        agent = make("learned", env)
        assert isinstance(agent, PolicyAgent) is (env_id not in POOLS + CONDITIONS)
        action, _ = agent.predict(env.reset(seed=0)[0])
        env.step(action)


def test_other_shapes_are_not_offered() -> None:
    model = made("KnowledgeLadder-ppo", batch_sizes=(1, 2))
    assert "learned" not in available(model)
    with pytest.raises(InputError, match=r"brings none.*of the package: KnowledgeLadder-ppo\."):
        make("learned", model)


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
    assert make(f'policy("{path}")', model).predict(np.zeros(2))[0] == 1
    with pytest.raises(InputError, match="no policy of this name; did you mean 'KnowledgeL"):
        make('policy("KnowledgeLader-ppo")', model)
    with pytest.raises(InputError, match=r"There is no file 'x\.safetensors'"):
        make('policy("x.safetensors")', model)
    with pytest.raises(InputError, match=r"or one of .*, got 3"):
        make("policy(3)", model)


def test_texts_of_0_1_0_play_and_say_what_to_write(tmp_path: Any) -> None:
    name, ladder = "KnowledgeLadder-ppo", made("KnowledgeLadder-ppo")
    path = tmp_path / "own.safetensors"
    path.write_bytes(shipped()[name].to_bytes())
    for old, new in (
        (f"sb3('{path}')", f"policy('{path}')"),
        (f"sb3(path='{path}')", f"policy('{path}')"),
        (f"learned(weights={name!r})", f"policy({name!r})"),
        (f"learned(weights='{path}')", f"policy('{path}')"),
    ):
        with pytest.warns(FutureWarning) as told:
            agent = make(old, ladder)
        assert str(told[0].message).endswith(f" is now {new}.")
        assert agent.text == new
        assert isinstance(agent, PolicyAgent)
    network = tmp_path / "weights.safetensors"
    network.write_bytes(Network.load().to_bytes())
    with pytest.warns(FutureWarning, match=r"is now meta_ucb\(weights='"):
        old: Any = make(f"learned(weights='{network}')", gym.make("discovery/LinearPool-v0"))
    assert isinstance(old.rule, MetaUCB)


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
    assert "policy('KnowledgeLadder-ppo')" in done.stdout


@pytest.mark.parametrize("name", ["KnowledgeLadder-ppo", "GaussianStep-ppo", "FidelityLadder-ppo"])
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
