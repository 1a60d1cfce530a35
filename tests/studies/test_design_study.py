"""Studies of designs: the choices of `evaluate`, whatever comes late, own settings, the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.envs.core import InputError
from discovery_gym.envs.design.linear_gaussian import LinearGaussianDesign
from discovery_gym.envs.design.simulator_design import SimulatorDesign
from discovery_gym.envs.design.weinberg_toy import WeinbergToy
from discovery_gym.experiments import evaluate
from discovery_gym.studies.design_study import DesignStudy
from discovery_gym.studies.status import Status

TOY = {"num_events": 20, "horizon": 4}
SMALL = {"grid_size": 8, "settings": 3, "simulated_events": 500, "horizon": 4}
PLAYED: list[tuple[str, dict[str, Any], str]] = [
    ("LinearGaussianDesign", {"horizon": 5}, "greedy_eig"),
    ("LinearGaussianDesign", {"horizon": 4, "settings": 3}, "thompson_eig(draws=3)"),
    ("LinearGaussianDesign", {"horizon": 4}, "random"),
    ("WeinbergToy", TOY, "greedy_eig"),
    ("WeinbergToy", TOY, "look_ahead_eig(first=2, draws=2, candidates=8)"),
    ("WeinbergToy", {**TOY, "settings": 5}, "bayes_opt_eig"),
    ("WeinbergToy", TOY, "random"),
    ("SimulatorDesign", SMALL, "greedy_eig"),
    ("SimulatorDesign", SMALL, "thompson_eig"),
]


def toy(**parameters: Any) -> DesignStudy:
    """A study of the toy, in memory."""
    return DesignStudy.begin(WeinbergToy(**{**TOY, **parameters}))


def events(study: DesignStudy, phi: float, theta: float, n: int, seed: int) -> Any:
    """Cosines of the toy's law, from its bins."""
    model = study.model
    assert isinstance(model, WeinbergToy)
    random = np.random.default_rng(seed)
    law = model.rates(np.array([[theta]]), np.array([[phi]]))[0]
    edges = np.linspace(-1, 1, model.num_bins + 1)
    return random.permutation(
        np.repeat((edges[1:] + edges[:-1]) / 2, random.multinomial(n, law / law.sum()))
    )


# ---- as on the board


@pytest.mark.parametrize("seed", [1_000_000, 1_000_017])
@pytest.mark.parametrize(("env_id", "parameters", "agent"), PLAYED)
def test_a_finished_study_is_an_episode_of_evaluate_bit_for_bit(
    env_id: str, parameters: dict[str, Any], agent: str, seed: int
) -> None:
    found = evaluate(
        env_id, agent, episodes=1, seed=seed, env_kwargs=parameters, agent_seed=3, truth=False
    )
    env = gym.make_vec(f"discovery/{env_id}-v0", 1, **parameters)
    model: Any = env.unwrapped.model  # type: ignore[attr-defined]
    assert found.actions is not None
    actions = found.actions.shaped(env.unwrapped.single_action_space)
    study = DesignStudy.begin(model, agent=agent, seed=3, episode=seed)
    width, paid = len(model.outcome_range[0]), 0.0
    seen, _ = env.reset(seed=seed)
    for action in actions:
        for name, part in study.episode.observation().items():
            np.testing.assert_array_equal(part, seen[name])
        (next_one,) = study.ask()
        setting = model.setting(action[None])[0]
        assert study.course.experiments[next_one.id].setting == tuple(setting.tolist())
        seen, reward, *_ = env.step(action[None])
        paid += reward[0]
        # The last observation is that of a new episode; the data are told by the ones before.
        data = model_data(model, env, seen, width)
        if isinstance(model, LinearGaussianDesign):
            study.tell(next_one.id, data)
        else:
            study.tell(next_one.id, data, counts=True)
    assert paid == found.returns[0]
    assert study.left == 0
    with pytest.raises(InputError, match="--budget 5|--budget 6"):
        study.ask()


def model_data(model: Any, env: Any, seen: Any, width: int) -> Any:
    """The newest data of an episode."""
    return env.unwrapped._state.outcomes[0, :width]
