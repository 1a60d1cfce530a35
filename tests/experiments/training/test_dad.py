"""Deep adaptive design: likelihoods, gradient, network and resume of the training."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.envs.design.information import sequential_bounds

torch = pytest.importorskip("torch", reason="the extra 'learn' is not installed")
from discovery_gym.experiments.training import dad_episodes as simulated  # noqa: E402
from discovery_gym.experiments.training import train  # noqa: E402
from discovery_gym.experiments.training.dad import DAD, DADRun, objective, play  # noqa: E402

DISCOUNTING = "discovery/TemporalDiscounting-v0"
SOURCES = "discovery/LocationFinding-v0"
QUICK = DAD(
    env_id=DISCOUNTING,
    env_kwargs={"horizon": 3},
    iterations=4,
    myopic=2,
    batch=8,
    contrasts=64,
    hidden=8,
    encoding=4,
    every=2,
    episodes=8,
)


def model(env_id: str, **kwargs: Any) -> Any:
    return gym.make(env_id, **kwargs).unwrapped.model  # type: ignore[attr-defined]


def test_offers_are_taken_as_in_the_environment() -> None:
    random, env = np.random.default_rng(0), model(DISCOUNTING, slip=0.02)
    settings = random.uniform([0, 0], [100, 9], (5, 2))
    log_k, alpha = random.normal(-4, 1.5, 7), random.uniform(0.1, 4, 3)
    theta = np.stack(np.meshgrid(log_k, alpha, indexing="ij"), -1).reshape(-1, 2)
    setting, *others = map(torch.tensor, (settings, np.tile(log_k, (5, 1)), alpha))
    take, entropy = simulated.Takes.apply(setting, *others, 0.02)
    expected = env.takes(theta, settings)
    np.testing.assert_allclose(take.reshape(5, -1), expected, rtol=1e-6)
    binary = -expected * np.log(expected) - (1 - expected) * np.log(1 - expected)
    np.testing.assert_allclose(entropy.reshape(5, -1), binary, rtol=1e-6)
    setting.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: simulated.Takes.apply(x, *others, 0.02), setting)


class Repeated:
    """Plays given settings, the same in every episode."""

    code = 1

    def __init__(self, settings: Any) -> None:
        self.settings = torch.tensor(settings, dtype=torch.float32, requires_grad=True)

    def __call__(self, codes: Any, left: int, belief: Any) -> Any:
        row = self.settings[len(self.settings) - left]
        return row.expand(len(codes), -1)

    def encode(self, setting: Any, outcome: Any) -> Any:
        return torch.zeros(len(setting), 1)


def test_gradient_of_the_information_in_answers_against_differences() -> None:
    """Three answers, all eight sequences."""
    env, count = model(DISCOUNTING), 20_000
    settings = np.array([[40.0, 4.0], [60.0, 4.5], [30.0, 5.0]])

    log_k, alpha = (np.arange(400) + 0.5) / 400, (np.arange(8) + 0.5) / 8
    theta = env.prior(np.stack(np.meshgrid(log_k, alpha, indexing="ij"), -1).reshape(-1, 2))

    def information(settings: Any) -> float:
        """Return H(answers) - H(answers | truth)."""
        take = env.takes(theta, settings)
        total = 0.0
        for answers in itertools.product([0, 1], repeat=3):
            law = np.prod([p if y else 1 - p for y, p in zip(answers, take, strict=True)], 0)
            total += (law * np.log(law)).mean() - law.mean() * np.log(law.mean())
        return total

    expected, step = np.zeros((3, 2)), np.array([1e-3, 1e-4])
    for i, j in np.ndindex(3, 2):
        shift = np.zeros((3, 2))
        shift[i, j] = step[j]
        expected[i, j] = information(settings + shift) - information(settings - shift)
    expected /= 2 * step
    found = []
    gained = []
    for part in range(8):
        network = Repeated(settings)
        many = simulated.Discounting(env, count // 8, 512, np.random.default_rng(part))
        gains, logs = play(network, many, 3)
        objective(gains, logs).backward()  # type: ignore[no-untyped-call]
        found.append(network.settings.grad.numpy())
        gained.append(float(gains.detach().sum(0).mean()))
    error = np.std(found, axis=0, ddof=1) / 8**0.5
    assert (error < np.abs(expected).max(0) / 20).all()
    np.testing.assert_array_less(np.abs(np.mean(found, 0) - expected), 5 * error + 1e-5)
    assert abs(np.mean(gained) - information(settings)) < 0.01


def test_contrasts_near_the_truth_give_the_information_of_measurements() -> None:
    """Against many draws from the prior, where these are enough."""
    env, random = model(SOURCES, horizon=3), np.random.default_rng(0)
    settings = np.array([[0.0, 0.0], [1.0, -0.5], [-0.5, 1.0]])
    episodes = simulated.Sources(env, 500, 400, random)
    theta = episodes.theta.numpy().transpose(2, 3, 0, 1).reshape(500, 400, 4)
    response = env.response(theta, np.tile(settings[1], (500, 1)))
    np.testing.assert_allclose(
        simulated.Response.apply(
            torch.tensor(settings[1:2], dtype=torch.float32).expand(500, 2),
            episodes.theta,
            env.background,
            env.softening,
        ),
        response,
        rtol=1e-3,
        atol=1e-6,
    )
    places = torch.tensor(settings, requires_grad=True)
    few = episodes.theta[:, :, :3, :5].double()
    assert torch.autograd.gradcheck(lambda x: simulated.Response.apply(x, few, 0.1, 0.01), places)
    # The weights make draws from the prior of them.
    weight = episodes.total.exp().mean(1)
    assert abs(float(weight.mean()) - 1) < 5 * float(weight.std()) / 500**0.5
    network = Repeated(settings)
    gains, logs = play(network, episodes, 3)
    assert not logs.any()
    found = gains.detach().sum(0).numpy()
    truth = random.standard_normal((500, 4))
    seen = np.stack([env.sample(truth, np.tile(row, (500, 1)), random) for row in settings], 1)
    lower, upper = sequential_bounds(env, truth, np.tile(settings, (500, 1, 1)), seen, 4000, random)
    error = ((found.var() + lower.var()) / 500) ** 0.5
    assert lower.mean() - 4 * error < found.mean() < upper.mean() + 4 * error
    # Its derivative, the noise held.
    objective(gains, logs).backward()  # type: ignore[no-untyped-call]
    for i, j in ((0, 0), (1, 1), (2, 0)):
        ends = []
        for sign in (-1, 1):
            near = settings.copy()
            near[i, j] += sign * 0.002
            again = simulated.Sources(env, 500, 400, np.random.default_rng(0))
            ends.append(float(play(Repeated(near), again, 3)[0].detach().sum(0).mean()))
        slope = (ends[1] - ends[0]) / 0.004
        assert network.settings.grad[i, j] == pytest.approx(slope, abs=0.02)


@pytest.mark.parametrize("env_id", [DISCOUNTING, SOURCES])
def test_a_policy_plays_as_the_network_does(env_id: str, tmp_path: Path) -> None:
    training = replace(QUICK, env_id=env_id)
    run = DADRun(training, tmp_path)
    torch.nn.init.normal_(run.network.path.weight, std=0.1, generator=torch.Generator())
    policy = run.network.policy({})
    small = {"grid_size": (16, 8)} if env_id == DISCOUNTING else {"num_particles": 10}
    vector = gym.make_vec(env_id, num_envs=5, horizon=3, reward="kl", **small)
    seen, codes = vector.reset(seed=0)[0], torch.zeros(5, 4)
    random = np.random.default_rng(0)
    for left in (3, 2, 1):
        belief = torch.tensor(seen["belief"]) if "belief" in run.episodes.parts else None
        setting = run.network(codes, left, belief).detach().numpy()
        action = np.clip(policy(seen), -1, 1)
        np.testing.assert_allclose(run.model.setting(action), setting, rtol=1e-4, atol=1e-5)
        seen = vector.step(random.uniform(-1, 1, (5, 2)).astype("f4"))[0]
        codes = codes + run.network.encode(
            torch.tensor(seen["settings"][:, :2]), torch.tensor(seen["outcomes"][:, :1])
        )


@pytest.mark.parametrize(("env_id", "gain"), [(DISCOUNTING, 0.05), (SOURCES, 0.3)])
def test_training_improves(env_id: str, gain: float, tmp_path: Path) -> None:
    training = replace(
        QUICK, env_id=env_id, iterations=100, myopic=30, batch=32, hidden=32, rate=5e-3
    )
    curve = train(replace(training, every=100, episodes=500), tmp_path)
    assert curve[-1]["return"] > curve[0]["return"] + gain


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no likelihood in torch for discovery/Weinberg-v0"):
        train(DAD(env_id="Weinberg"), tmp_path)
    for name, value in [
        ("batch", 0), ("batch", "x"), ("rate", float("nan")), ("rate", 1e300), ("seed", -1),
        ("contrasts", 0), ("myopic", -1), ("episodes", 1), ("hidden", 10**9),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=f"{name} must be"):
            replace(QUICK, **{name: value})
