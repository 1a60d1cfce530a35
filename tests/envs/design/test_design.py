"""Experimental design: physics, posteriors, rewards and estimators against closed forms."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from information_bracket import assert_bracketed
from scipy import integrate, stats
from scipy.special import xlogy

from discovery_gym import InputError, agents
from discovery_gym.envs.core import TruthUnknown
from discovery_gym.envs.design import electroweak
from discovery_gym.envs.design.bracket import Bracket
from discovery_gym.envs.design.information import (
    Channel,
    ClosedForm,
    Exact,
    Prepared,
    best_estimator,
    sequential_bounds,
)
from discovery_gym.envs.design.laws import unit_noise
from discovery_gym.envs.design.linear_gaussian import LinearGaussianDesign
from discovery_gym.envs.design.location_finding import LocationFinding
from discovery_gym.envs.design.nested import Histogram, NestedMonteCarlo, PriorContrastive
from discovery_gym.envs.design.posteriors import Grid, Particles
from discovery_gym.envs.design.posteriors.tempering import likelihoods, log_sum
from discovery_gym.envs.design.weinberg import Weinberg
from discovery_gym.envs.design.weinberg_toy import WeinbergToy

LINEAR, TOY, WEINBERG = (
    f"discovery/{name}-v0" for name in ("LinearGaussianDesign", "WeinbergToy", "Weinberg")
)


def play(env_id: str, episodes: int, actions: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Play the same actions in many episodes; return the model, the returns and the last state."""
    vector = gym.make_vec(env_id, num_envs=episodes, autoreset_mode="Disabled", **kwargs)
    vector.reset(seed=0)
    total = np.zeros(episodes)
    for action in actions:
        total += vector.step(np.tile(action, (episodes, 1)))[1]
    return vector.model, total, vector.unwrapped._state


def assert_mean(sample: Any, truth: float, errors: float = 4.0) -> None:
    error = sample.std(ddof=1) / len(sample) ** 0.5
    assert abs(sample.mean() - truth) <= errors * error + 1e-9, (
        f"{sample.mean()} +- {error}, {truth}"
    )


def prior(model: Any, episodes: int = 1) -> Any:
    posterior = model.new_posterior(episodes)
    posterior.reset(np.arange(episodes), [np.random.default_rng(i) for i in range(episodes)])
    return posterior


class TestElectroweak:
    ENERGIES = np.array([34, 60, 70, 80, 88, 90, 91.19, 92, 94, 100, 200.0])

    def factors(self, energies: Any, minus: float = 0.0, plus: float = 0.0) -> tuple[Any, Any]:
        setting = np.stack(
            [energies, np.full_like(energies, minus), np.full_like(energies, plus)], 1
        )
        sin2 = np.array([electroweak.SIN2])
        first, second = electroweak.form_factors(electroweak.coupling(sin2), sin2, setting)
        return first[:, 0], second[:, 0]

    def test_published_values(self) -> None:
        first, second = self.factors(self.ENERGIES)
        np.testing.assert_allclose(
            electroweak.asymmetry(first, second),
            [-0.085, -0.374, -0.599, -0.726, -0.281, -0.094, 0.017, 0.090, 0.256, 0.588, 0.556],
            atol=5.5e-4,
        )
        np.testing.assert_allclose(
            electroweak.cross_section(first, self.ENERGIES),
            [0.0851, 0.0292, 0.0250, 0.0362, 0.263, 1.024, 1.982, 1.417, 0.347, 0.0525, 0.0030],
            rtol=2e-3, atol=5e-5,
        )  # fmt: skip

    def test_limits(self) -> None:
        """Far below the Z only the photon is left; on the pole A_FB = 3/4 A_e^2."""
        sigma = electroweak.cross_section(np.array(1.0), np.array(1.0), alpha=1 / 137.036)
        assert sigma == pytest.approx(86.854, abs=5e-4)
        v, a = -0.5 + 2 * electroweak.SIN2, -0.5
        a_e = 2 * v * a / (v**2 + a**2)
        assert a_e == pytest.approx(0.1496, abs=5e-5)
        pole = electroweak.asymmetry(*self.factors(np.array([electroweak.M_Z])))[0]
        assert 0.75 * a_e**2 == pytest.approx(0.0168, abs=5e-5)
        assert pole == pytest.approx(0.75 * a_e**2, abs=2e-4)  # photon exchange is the rest

    @pytest.mark.parametrize(("minus", "plus"), [(0.0, 0.0), (-0.8, 0.0), (0.8, -0.3), (1.0, -1.0)])
    def test_helicity_amplitudes(self, minus: float, plus: float) -> None:
        """The form factors against the four amplitudes in complex numbers."""
        s = self.ENERGIES**2
        chi = s / (s - electroweak.M_Z**2 + 1j * electroweak.M_Z * electroweak.GAMMA_Z)
        couplings = {"L": electroweak.SIN2 - 0.5, "R": electroweak.SIN2}
        kappa = 1 / (electroweak.SIN2 * (1 - electroweak.SIN2))
        weights = {"L": (1 - minus) * (1 + plus) / 4, "R": (1 + minus) * (1 - plus) / 4}
        square = {
            i + j: weights[i] * np.abs(1 + kappa * couplings[i] * couplings[j] * chi) ** 2
            for i in "LR" for j in "LR"
        }  # fmt: skip
        first, second = self.factors(self.ENERGIES, minus, plus)
        np.testing.assert_allclose(first, sum(square.values()), rtol=1e-12)
        difference = square["LL"] + square["RR"] - square["LR"] - square["RL"]
        np.testing.assert_allclose(second, difference, rtol=1e-9, atol=1e-12)

    def test_twin(self) -> None:
        """Without polarisation another s_W^2 gives the same asymmetry; polarised beams tell them."""
        sin2 = np.array([0.2312, 0.277])
        for minus, same in ((0.0, True), (-0.8, False)):
            setting = np.array([[80.0, minus, 0.0]])
            a = electroweak.asymmetry(
                *electroweak.form_factors(electroweak.coupling(sin2), sin2, setting)
            )[0]
            assert (abs(a[0] - a[1]) < 2e-3) == same

    def test_strengths_agree(self) -> None:
        """kappa from s_W^2 and from G_F are the same up to higher orders."""
        from_fermi = float(electroweak.coupling_of_fermi(np.array(1.0)))
        assert from_fermi == pytest.approx(float(electroweak.coupling(np.array(0.2312))), rel=2e-3)


class TestHistograms:
    @pytest.mark.parametrize("a", [0.0, 0.3, -0.7, 0.74999, 0.8, -0.9])
    def test_probabilities_against_quadrature(self, a: float) -> None:
        model = WeinbergToy(num_bins=8)

        def density(c: float) -> float:
            return max(0.375 * (1 + c * c) + a * c, 0.0)

        edges = np.linspace(-1, 1, 9)
        mass = [
            integrate.quad(density, x, y, epsabs=1e-12, limit=200)[0]
            for x, y in itertools.pairwise(edges)
        ]
        np.testing.assert_allclose(
            model.probabilities(np.array([a]))[0], np.array(mass) / sum(mass), atol=2e-7
        )

    @pytest.mark.parametrize(
        ("model", "setting"),
        [
            (Weinberg(), [80.0, -0.5, 0.2]),
            (Weinberg(num_events=50_000, electron_polarisation=(-1, 1)), [60.0, 1.0, 0.0]),
            (Weinberg(unknown="both", luminosity=0.5, grid_size=8), [90.0, 0.3, -0.1]),
            (WeinbergToy(), [43.0]),
        ],
    )
    def test_likelihood_against_its_definition(self, model: Any, setting: list[float]) -> None:
        random = np.random.default_rng(0)
        theta = model.sample_prior(6, random)
        where = np.tile(np.array(setting), (6, 1))
        y = model.sample(theta, where, random)
        law = model.probabilities(model.asymmetry(theta, where[:1])[0])
        direct = y @ np.log(law).T
        if getattr(model, "luminosity", None):
            expected = model.yields(model.form_factors(theta, where[:1])[0], where[:1])[0]
            direct = direct + y.sum(1)[:, None] * np.log(expected) - expected
            assert abs(y.sum(1).mean() - expected.mean()) < 4 * (expected.mean() / 6) ** 0.5
        ours = model.log_likelihood(y, theta, where)
        np.testing.assert_allclose(np.diag(ours), np.diag(direct), atol=3e-3)
        near = direct > np.diag(direct)[:, None] - 20
        np.testing.assert_allclose(ours[near], direct[near], atol=5e-3)
        # One set of parameters for all, or one for each, is the same.
        each = model.log_likelihood(y, np.tile(theta, (6, 1, 1)), where)
        np.testing.assert_allclose(each, ours, atol=1e-9)

    @pytest.mark.parametrize("luminosity", [None, 0.5])
    def test_grid_is_fine_enough(self, luminosity: Any) -> None:
        """Ten experiments where they tell most: eight times the nodes change little."""
        actions = [Weinberg().action(sqrt_s=90, P_minus=-0.8, P_plus=0.3)] * 10
        coarse, fine = (
            play(WEINBERG, 200, actions, luminosity=luminosity, reward="log_evidence", **size)[1]
            for size in ({}, {"grid_size": 1024})
        )
        assert abs((coarse - fine).mean()) < 2e-3
        assert np.abs(coarse - fine).max() < 0.1

    def test_environment_draws_from_the_law(self) -> None:
        vector = gym.make_vec(WEINBERG, num_envs=400, reveal=True, num_bins=10, luminosity=0.05)
        vector.reset(seed=0)
        action = vector.model.action(sqrt_s=90, P_minus=-0.5)
        observation, _, _, _, info = vector.step(np.tile(action, (400, 1)))
        where = vector.model.setting(action[None])
        counts = observation["outcomes"][:, :10]
        rates = vector.model.rates(info["theta"], np.tile(where, (400, 1)))
        chi2 = ((counts - rates) ** 2 / rates).sum()
        assert stats.chi2(4000).cdf(chi2) == pytest.approx(0.5, abs=0.4999)
        np.testing.assert_allclose(observation["settings"][:, :3], np.tile(where, (400, 1)))


class TestPosteriors:
    def test_grid_equals_gaussian(self) -> None:
        """The grid's moments, entropy and evidence against the closed form."""
        model = LinearGaussianDesign(num_parameters=2, noise_std=0.7)
        grid, exact = Grid(model, 3, (120, 120)), prior(model, 3)
        grid.reset(np.arange(3), [])
        random = np.random.default_rng(0)
        theta = model.sample_prior(3, random)
        start = grid.entropy - exact.entropy
        for _ in range(4):
            setting = random.uniform(-1, 1, (3, 2))
            outcome = model.sample(theta, setting, random)
            grid.update(outcome, setting)
            exact.update(outcome, setting)
            for name in ("mean", "std", "evidence", "divergence"):
                np.testing.assert_allclose(
                    getattr(grid, name), getattr(exact, name), atol=2e-4, err_msg=name
                )
            np.testing.assert_allclose(grid.entropy - exact.entropy, start, atol=1e-3)
        for posterior in (grid, exact):
            draws = posterior.sample(20_000, random)
            np.testing.assert_allclose(draws.mean(1), exact.mean, atol=0.03)
            np.testing.assert_allclose(draws.std(1), exact.std, rtol=0.04)

    @pytest.mark.parametrize("size", [50, 90, 110])
    def test_one_episode_is_rounded_as_many(self, size: int) -> None:
        """Bit for bit, also with more nodes than are added up at once."""
        model = LinearGaussianDesign(num_parameters=2)
        grids = [Grid(model, b, (size, size)) for b in (3, 1, 1, 1)]
        outcome, setting = np.array([[0.3], [-2.0], [1.1]]), np.array([[1, 0.2], [0.5, 1], [0, -1]])
        for grid in grids:
            grid.reset(np.arange(len(grid.mean)), [])
        grids[0].update(outcome, setting)
        for i, grid in enumerate(grids[1:]):
            grid.update(outcome[i : i + 1], setting[i : i + 1])
            for name in ("mean", "std", "entropy", "evidence", "divergence", "log_weights"):
                np.testing.assert_array_equal(getattr(grid, name)[0], getattr(grids[0], name)[i])

    def test_order_does_not_matter_and_reset_forgets(self) -> None:
        model = Weinberg(horizon=3)
        random = np.random.default_rng(1)
        theta = model.sample_prior(2, random)
        setting = model.setting(random.uniform(-1, 1, (3, 2, 3)))
        outcome = np.stack([model.sample(theta, x, random) for x in setting])
        forth, back, fresh = (prior(model, 2) for _ in range(3))
        for t in range(3):
            forth.update(outcome[t], setting[t])
            back.update(outcome[2 - t], setting[2 - t])
        np.testing.assert_allclose(np.exp(forth.log_weights), np.exp(back.log_weights), atol=1e-9)
        assert (np.abs(forth.mean - theta) < 5 * forth.std + 1e-3).all()
        forth.reset(np.array([1]), [])
        np.testing.assert_array_equal(forth.log_weights[1], fresh.log_weights[1])
        assert forth.std[1] == fresh.std[1] == pytest.approx(0.2 / 12**0.5, rel=1e-4)
        assert forth.std[0] < 0.3 * fresh.std[0]


class TestParticles:
    def test_against_closed_form(self) -> None:
        """Moments, entropy drop, evidence and divergence of the linear problem, over 8 rounds."""
        model = LinearGaussianDesign(num_parameters=3, noise_std=0.3, horizon=8)
        b, random = 24, np.random.default_rng(0)
        particles, exact = Particles(model, b, 1500, 10), prior(model, b)
        generators = [np.random.default_rng(i) for i in range(b)]
        particles.reset(np.arange(b), generators)
        theta = model.sample_prior(b, random)
        first = particles.entropy - exact.entropy
        sums = np.zeros((2, 3, b))
        for _ in range(8):
            setting = random.uniform(-1, 1, (b, 3))
            outcome = model.sample(theta, setting, random)
            before = particles.entropy.copy(), exact.entropy.copy()
            for posterior in (particles, exact):
                posterior.update(outcome, setting, generators)
            for i, posterior in enumerate((particles, exact)):
                drop = before[i] - posterior.entropy
                sums[i] += np.stack([posterior.evidence, posterior.divergence, drop])
        assert (np.abs(particles.mean - exact.mean) < 0.35 * exact.std).all()
        np.testing.assert_allclose(particles.std, exact.std, rtol=0.25)
        np.testing.assert_allclose(particles.entropy - exact.entropy, first, atol=0.5)
        for name, ours, truth in zip(("evidence", "divergence", "drop"), *sums, strict=True):
            error = ours - truth
            assert abs(error.mean()) < 4 * error.std() / b**0.5 + 0.05, name
            assert error.std() < 0.4, name

    def test_two_modes_keep_their_weights(self) -> None:
        """Two sources have no names: their labels are exchanged in half of the posterior."""
        model = LocationFinding(num_sources=2, num_dimensions=1, noise_std=0.2)
        random = np.random.default_rng(1)
        particles = Particles(model, 1, 2000, 10)
        grid = Grid(model, 1, (300, 300))
        for posterior in (particles, grid):
            posterior.reset(np.arange(1), [random])
        theta = np.array([[-1.0, 1.2]])
        for place in (-2.0, -0.5, 0.3, 1.0, 2.0, -1.2, 1.4):
            setting = np.array([[place]])
            outcome = model.sample(theta, setting, random)
            for posterior in (particles, grid):
                posterior.update(outcome, setting, [random])
            assert particles.evidence[0] == pytest.approx(grid.evidence[0], abs=0.2)
        weights = np.exp(particles.log_weights[0])
        assert weights[particles.theta[0, :, 0] < 0].sum() == pytest.approx(0.5, abs=0.1)
        np.testing.assert_allclose(particles.std, grid.std, rtol=0.05)

    @pytest.mark.parametrize(
        ("episodes", "kwargs"), [(6, {"horizon": 20}), (3, {"noise_std": 1e-3, "horizon": 5})]
    )
    def test_rewards_against_the_bracket(self, episodes: int, kwargs: dict[str, Any]) -> None:
        """With little noise too, where one measurement may tell 10 nats."""
        assert_bracketed("discovery/LocationFinding-v0", episodes, **kwargs)

    @pytest.mark.parametrize("size", [3, 700])
    def test_likelihood_against_its_definition(self, size: int) -> None:
        """In whatever order the numbers lie, of one data point and of many, in parts and at once."""
        model = LocationFinding(num_sources=3, num_dimensions=3, noise_std=0.2, softening=0.01)
        random = np.random.default_rng(0)
        theta, setting = random.normal(size=(size, 9)), random.uniform(-2, 2, (40, 3))
        outcome = random.normal(size=(40, 1))
        square = (theta.reshape(size, 1, 3, 3) - setting[:, None]) ** 2
        mean = np.log(0.1 + (1 / (0.01 + square.sum(-1))).sum(-1))
        truth = stats.norm.logpdf(outcome[:, 0], mean, 0.2).T
        for same in (theta, np.asfortranarray(theta), np.broadcast_to(theta, (40, size, 9))):
            logs = model.log_likelihood(outcome, same, setting)
            np.testing.assert_allclose(logs, truth, rtol=1e-9)
        for count in (1, 40):
            logs = likelihoods(model, outcome[:count], setting[:count], theta)
            np.testing.assert_allclose(logs[0], truth[: count - 1].sum(0), rtol=1e-9)
            np.testing.assert_allclose(logs[1], truth[count - 1], rtol=1e-9)

    def test_sum_of_logarithms(self) -> None:
        """Of any size, with equal terms, and with terms that count for nothing."""
        for logs in ([0.0], [-800.0, -801.0], [900.0, 900.0, 899.0], [-np.inf, 1.0], [0.0, -1e-12]):
            top = max(logs)
            truth = top + math.log(math.fsum(math.exp(x - top) for x in logs))
            assert log_sum(np.array(logs)) == pytest.approx(truth, rel=1e-15)
        assert log_sum(np.array([0.0, -40.0])) == pytest.approx(math.exp(-40), rel=1e-12)

    def test_one_episode_is_the_same_among_many(self) -> None:
        """Bit for bit, whatever the others are; also where all is learned anew."""
        model = LocationFinding(num_particles=64, noise_std=0.05, horizon=4)
        random = np.random.default_rng(0)
        outcome, setting = random.normal(0, 1, (4, 3, 1)), random.uniform(-2, 2, (4, 3, 2))
        many = prior(model, 3)
        generators = [np.random.default_rng(i) for i in range(3)]
        many.reset(np.arange(3), generators)
        alone = model.new_posterior(1)
        own = [np.random.default_rng(2)]
        alone.reset(np.arange(1), own)
        for t in range(4):
            many.update(outcome[t], setting[t], generators)
            alone.update(outcome[t, 2:], setting[t, 2:], own)
            for name in (
                "theta",
                "log_weights",
                "mean",
                "std",
                "entropy",
                "evidence",
                "divergence",
            ):
                np.testing.assert_array_equal(getattr(many, name)[2], getattr(alone, name)[0])

    def test_unit_of_the_prior_does_not_matter(self) -> None:
        """Neither in the moves nor in the evidence."""
        evidence = []
        for unit in (1e-9, 1.0, 1e9):
            model = LinearGaussianDesign(prior_std=unit, noise_std=0.1 * unit)
            particles, random = Particles(model, 1, 500, 10), np.random.default_rng(0)
            particles.reset(np.arange(1), [random])
            for t in range(3):
                setting = np.array([[1.0, t / 2]])
                particles.update(np.array([[0.3 * unit]]), setting, [random])
            evidence.append(particles.log_evidence[0] + 3 * np.log(unit))
        np.testing.assert_allclose(evidence, evidence[1], atol=1e-6)

    def test_skipped_and_picked_episodes(self) -> None:
        model = LocationFinding(num_particles=50, horizon=3)
        posterior = prior(model, 3)
        generators = [np.random.default_rng(i) for i in range(3)]
        kept = posterior.pick(np.array([1]))
        posterior.update(
            np.ones((3, 1)), np.ones((3, 2)), generators, np.array([False, True, False])
        )
        for name in ("theta", "log_weights", "mean", "entropy"):
            np.testing.assert_array_equal(getattr(posterior, name)[1], getattr(kept, name)[0])
        assert (posterior.std[0] != kept.std[0]).any()
        assert generators[1].random() == np.random.default_rng(1).random()


class TestBracket:
    def test_linear_problem(self) -> None:
        """Both bounds are close to the closed form, the middle closer, each on its side on average."""
        model = LinearGaussianDesign(num_parameters=3, noise_std=0.3, horizon=6)
        random, rows = np.random.default_rng(0), []
        for _ in range(60):
            quantiles = random.random((1, 3))
            theta = model.prior(quantiles)
            settings = random.uniform(-1, 1, (6, 3))
            outcomes = model.sample(np.repeat(theta, 6, axis=0), settings, random)
            exact, truth = prior(model), 0.0
            for y, x in zip(outcomes[:, None], settings[:, None], strict=True):
                exact.update(y, x)
                truth += (model.log_likelihood(y, theta, x)[:, 0] - exact.evidence)[0]
            bracket = Bracket(model, settings, outcomes, size=128, moves=3)
            rows.append(np.array(bracket.bounds(quantiles[0], random)) - truth)
        lower, upper = np.array(rows).T
        assert lower.mean() < 0.03
        assert upper.mean() > -0.03
        assert upper.mean() - lower.mean() < 0.6
        assert_mean((lower + upper) / 2, 0.0)


class TestLinearGaussian:
    @pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
    @pytest.mark.parametrize("ratio", [1e-6, 1.0, 7e5])
    def test_against_many_digits(self, unit: float, ratio: float) -> None:
        """Evidence, divergence, entropy and deviations, by exact fractions in place of rounded sums."""
        s, model = (
            Fraction(ratio * unit),
            LinearGaussianDesign(prior_std=ratio * unit, noise_std=unit),
        )
        noise, random, posterior = Fraction(unit) ** 2, np.random.default_rng(0), prior(model)
        theta, start = model.sample_prior(1, random), posterior.entropy.copy()
        c, m = [s * s, Fraction(0), s * s], [Fraction(0), Fraction(0)]  # C_11, C_12, C_22 and mean
        for t in range(12):
            x = np.array([[1.0, 0.5]]) if t % 2 else random.uniform(-1, 1, (1, 2))
            y = model.sample(theta, x, random)
            posterior.update(y, x)
            a, b, seen = Fraction(x[0, 0]), Fraction(x[0, 1]), Fraction(y[0, 0])
            v = c[0] * a + c[1] * b, c[1] * a + c[2] * b
            explained, error = a * v[0] + b * v[1], seen - m[0] * a - m[1] * b
            q = explained + noise
            share, square = float(explained / q), float(error**2 / q)
            drop = np.log1p(float(explained / noise)) / 2
            assert posterior.evidence[0] == pytest.approx(
                -(np.log(2 * np.pi * float(q)) + square) / 2, abs=1e-8
            )
            assert posterior.divergence[0] == pytest.approx(
                drop - share / 2 + share * square / 2, abs=1e-8
            )
            start -= drop
            m = [m[0] + v[0] * error / q, m[1] + v[1] * error / q]
            c = [c[0] - v[0] ** 2 / q, c[1] - v[0] * v[1] / q, c[2] - v[1] ** 2 / q]
            gain = ClosedForm()(model, posterior, np.array([[1.0, 0.5]]), random)[0][0, 0]
            left = c[0] + c[1] + c[2] / 4
            assert gain == pytest.approx(np.log1p(float(left / noise)) / 2, rel=1e-6)
        np.testing.assert_allclose(posterior.std[0], [float(c[0]) ** 0.5, float(c[2]) ** 0.5], 1e-8)
        np.testing.assert_allclose(posterior.entropy, start, atol=1e-8)


class TestRewards:
    SETTINGS = np.array([[1.0, 0.5], [-0.3, 1.0], [0.8, -0.2]], np.float32)

    @pytest.mark.parametrize("reward", ["kl", "entropy", "log_evidence"])
    def test_sum_is_the_information(self, reward: str) -> None:
        """In the linear problem the expected sum of rewards is the closed form."""
        kwargs: dict[str, Any] = {"prior_std": 2.0, "noise_std": 0.5, "horizon": 3}
        model, total, _ = play(LINEAR, 4000, self.SETTINGS, reward=reward, **kwargs)
        truth = model.information(self.SETTINGS)
        assert_mean(total, truth)
        assert total.std() < 3
        if reward == "entropy":  # no matter what the data are
            np.testing.assert_allclose(total, truth, atol=1e-9)

    def test_spce_is_a_bound(self) -> None:
        """Below the truth by what L draws cannot tell, and equal to the bound of whole episodes."""
        few = play(
            LINEAR, 3000, self.SETTINGS, reward="spce", contrasts=10, horizon=3, noise_std=0.2
        )
        many = play(
            LINEAR, 1000, self.SETTINGS, reward="spce", contrasts=3000, horizon=3, noise_std=0.2
        )
        truth = few[0].information(self.SETTINGS)
        assert few[1].max() <= np.log(11)
        assert few[1].mean() < many[1].mean() - 0.5
        assert_mean(many[1], truth, errors=5)
        model, total, state = many
        random = np.random.default_rng(0)
        lower, upper = sequential_bounds(
            model,
            state.theta,
            state.settings.reshape(-1, 3, 2).astype(float),
            state.outcomes.reshape(-1, 3, 1).astype(float),
            3000,
            random,
        )
        assert abs(lower.mean() - total.mean()) < 0.1
        assert lower.mean() - 3 * lower.std() / 1000**0.5 < truth
        assert upper.mean() + 3 * upper.std() / 1000**0.5 > truth

    def test_all_rewards_of_the_toy(self) -> None:
        """kl, entropy and log_evidence agree in expectation, spce stays below them."""
        actions = [[-1.0], [1.0], [-0.4]]
        totals = {
            reward: play(
                TOY, 2000, np.array(actions, np.float32), reward=reward, num_events=100, contrasts=5
            )[1]
            for reward in ("kl", "entropy", "log_evidence", "spce")
        }
        for name in ("entropy", "log_evidence"):  # of the same episodes, so the difference is exact
            assert_mean(totals[name] - totals["kl"], 0.0)
        assert totals["kl"].std() < totals["log_evidence"].std()
        assert totals["spce"].mean() < totals["kl"].mean() - 0.2

    @pytest.mark.parametrize(
        "kwargs",
        [{"num_parameters": 1}, {}, {"num_parameters": 3, "prior_std": 2.0}, {"settings": 3}],
    )
    def test_random_play_of_the_linear_problem(self, kwargs: dict[str, Any]) -> None:
        vector = gym.make_vec(LINEAR, num_envs=3000, reward="entropy", horizon=5, **kwargs)
        agent, total = agents.make("random", vector), np.zeros(3000)
        observation = vector.reset(seed=0)[0]
        for _ in range(5):
            observation, reward, *_ = vector.step(agent.predict(observation)[0])
            total += reward
        assert_mean(total, vector.model.random_value())

    def test_a_bound_has_no_truth(self) -> None:
        model = LinearGaussianDesign(reward="spce")
        for truth in (model.random_value, model.optimal_value):
            with pytest.raises(TruthUnknown, match="take 'kl'"):
                truth()

    @pytest.mark.parametrize("num_parameters", [1, 2])
    def test_optimum_of_the_linear_problem(self, num_parameters: int) -> None:
        """The declared policy attains the declared value, and no sampled design beats it."""
        kwargs: dict[str, Any] = {"num_parameters": num_parameters, "horizon": 5, "prior_std": 3.0}
        vector = gym.make_vec(LINEAR, num_envs=8, reward="entropy", **kwargs)
        policy, value = vector.model.optimal_policy(), vector.model.optimal_value()
        observation, total = vector.reset(seed=0)[0], 0.0
        for _ in range(5):
            observation, reward, *_ = vector.step(policy(observation))
            total += reward
        np.testing.assert_allclose(total, value, atol=1e-9)
        random = np.random.default_rng(0)
        for corners in (False, True):
            designs = random.uniform(-1, 1, (500, 5, num_parameters))
            designs = np.sign(designs) if corners else designs
            assert max(map(vector.model.information, designs)) <= value + 1e-9
        # A single parameter: 1/2 log(1 + s^2 sum xi^2 / sigma^2).
        if num_parameters == 1:
            assert value == pytest.approx(np.log(1 + 9 * 5) / 2)


class TestEstimators:
    LINE = LinearGaussianDesign(num_parameters=1, prior_std=1.5, noise_std=0.5)
    SETTINGS = np.array([[1.0], [0.3], [0.0]])
    TRUTH = np.log1p(9 * np.array([1.0, 0.09, 0.0])) / 2

    def test_closed_form_and_grid(self) -> None:
        random = np.random.default_rng(0)
        gain, error = ClosedForm()(self.LINE, prior(self.LINE), self.SETTINGS, random)
        np.testing.assert_allclose(gain[0], self.TRUTH)
        assert (error == 0).all()
        grid = Grid(self.LINE, 2, (400,))
        grid.reset(np.arange(2), [])
        np.testing.assert_allclose(
            Exact()(self.LINE, grid, self.SETTINGS, random)[0], [self.TRUTH] * 2, atol=2e-3
        )
        # After some data the posterior is narrower, and the same setting tells less.
        exact = prior(self.LINE, 2)
        for posterior in (grid, exact):
            posterior.update(np.array([[0.4], [-3.0]]), np.array([[0.5], [1.0]]), ())
        want = ClosedForm()(self.LINE, exact, self.SETTINGS, random)[0]
        assert (want[:, 0] < self.TRUTH[0]).all()
        np.testing.assert_allclose(
            Exact()(self.LINE, grid, self.SETTINGS, random)[0], want, atol=3e-3
        )

    def test_bounds_stay_on_their_side(self) -> None:
        """With few inner draws nested Monte Carlo is too high, prior contrastive too low."""
        random = np.random.default_rng(1)
        for inner, apart in ((4, True), (2000, False)):
            high, error = NestedMonteCarlo(4000 if apart else 1000, inner)(
                self.LINE, prior(self.LINE), self.SETTINGS, random
            )
            low, below = PriorContrastive(4000 if apart else 1000, inner)(
                self.LINE, prior(self.LINE), self.SETTINGS, random
            )
            assert (low[0] <= np.log(inner + 1)).all()
            if apart:
                assert high[0, 0] > self.TRUTH[0] + 5 * error[0, 0]
                assert low[0, 0] < self.TRUTH[0] - 5 * below[0, 0]
            else:
                np.testing.assert_allclose(high[0], self.TRUTH, atol=4 * error.max())
                np.testing.assert_allclose(low[0], self.TRUTH, atol=4 * below.max())

    def test_histogram(self) -> None:
        """Few simulations make it too high; with many, bins lose a little."""
        random = np.random.default_rng(2)
        few = Histogram(50, 20, bins=20)(self.LINE, prior(self.LINE, 8), self.SETTINGS, random)[0]
        many = Histogram(50, 4000, bins=20)(self.LINE, prior(self.LINE, 8), self.SETTINGS, random)[
            0
        ]
        assert few[:, 2].mean() > 0.2  # of a setting that tells nothing
        assert many[:, 2].mean() < 0.01
        assert self.TRUTH[0] - 0.2 < many[:, 0].mean() < self.TRUTH[0]
        toy = WeinbergToy(grid_size=100)
        noisy, good = (
            Histogram(50, n)(toy, prior(toy, 4), np.array([[40.0], [45.0]]), random)[0].mean(0)
            for n in (5, 2000)
        )
        assert noisy[1] > 0.5
        np.testing.assert_allclose(good, [0.50, 0.0], atol=0.06)

    @pytest.mark.parametrize(
        "estimator", [NestedMonteCarlo(2000, 400), PriorContrastive(2000, 400)]
    )
    def test_contrastive_estimates_agree_with_the_grid(self, estimator: Any) -> None:
        toy, random = WeinbergToy(), np.random.default_rng(3)
        settings = np.array([[40.0], [43.0]])
        want = Exact(4000)(toy, prior(toy), settings, random)[0]
        got, error = estimator(toy, prior(toy), settings, random)
        assert (np.abs(got - want) < 4 * error + 0.01).all()

    @pytest.mark.parametrize(
        ("num_events", "table"),
        [
            (20, [0.50, 0.21, 0.02, 0.0, 0.02, 0.20, 0.50]),
            (1000, [2.13, 1.58, 0.61, 0.0, 0.65, 1.59, 2.14]),
        ],
    )
    def test_toy_table(self, num_events: int, table: list[float]) -> None:
        toy = WeinbergToy(num_events=num_events, grid_size=100)
        settings = np.array([[40.0], [42], [44], [45], [46], [48], [50]])
        gain, error = Exact(2000)(toy, prior(toy), settings, np.random.default_rng(0))
        assert error.max() < 0.01
        np.testing.assert_allclose(gain[0], table, atol=0.03)

    def test_toy_is_quick_enough_to_be_precise(self) -> None:
        """128 draws for each of 50 settings reach a standard error below 0.03 in most of them."""
        toy = WeinbergToy(num_events=1000, grid_size=100)
        settings = toy.evenly(50)
        _, error = Exact(256)(toy, prior(toy), settings, np.random.default_rng(0))
        assert error.max() < 0.03

    @pytest.mark.parametrize("num_events", [1, 2, 3, 5, 8])
    @pytest.mark.parametrize("energy", [40.0, 41.0, 43.0])
    def test_few_events_by_listing_all_histograms(self, num_events: int, energy: float) -> None:
        """Of four bins, with chances from integrals of the density, summed over all that can be."""
        nodes = 0.5 + (np.arange(400) + 0.5) / 400
        k = 2 * np.tanh((2 * energy - 90) / 9) * nodes[:, None]
        c = np.linspace(-1, 1, 40_001)
        density = np.maximum(1 + c**2 + k * c, 0)
        law = density[:, :-1].reshape(400, 4, -1).sum(2) + density[:, 1:].reshape(400, 4, -1).sum(2)
        law /= law.sum(1, keepdims=True)
        rows = [
            row for row in itertools.product(range(num_events + 1), repeat=4)
            if sum(row) == num_events
        ]  # fmt: skip
        chance = np.stack([stats.multinomial(num_events, p).pmf(np.array(rows)) for p in law])
        mixed = chance.mean(0)
        truth = xlogy(chance, chance).sum(1).mean() - xlogy(mixed, mixed).sum()
        model = WeinbergToy(num_events=num_events, num_bins=4)
        gain, error = best_estimator(model, prior(model))(
            model, prior(model), np.array([[energy]]), np.random.default_rng(0)
        )
        assert abs(gain[0, 0] - truth) < max(0.01, 2 * error[0, 0])
        assert error[0, 0] <= 0.01

    @pytest.mark.parametrize("num_events", [5, 20, 100, 1000])
    @pytest.mark.parametrize(
        ("kind", "settings"),
        [
            (WeinbergToy, [[40.0], [40.8], [44.0]]),
            (Weinberg, [[34.0, 0, 0], [85, -0.8, 0.3], [91, 0.5, 0]]),
        ],
    )
    def test_best_estimator_states_its_error(
        self, num_events: int, kind: Any, settings: list[list[float]]
    ) -> None:
        """20 events at 40 GeV tell 0.495 nats, where the Fisher length says 0.589."""
        model, random = kind(num_events=num_events), np.random.default_rng(4)
        want, noise = Exact(4000)(model, prior(model), np.array(settings), random)
        estimator = best_estimator(model, prior(model))
        gain, error = estimator(model, prior(model), np.array(settings), random)
        assert (error > 0).all()
        assert (np.abs(gain - want) < np.maximum(0.01, 2 * error) + 3 * noise).all()
        rough, stated = Channel()(model, prior(model), np.array(settings), random)
        assert (np.abs(rough - want) < stated + 3 * noise).all()

    def test_prepared_needs_a_number_of_events(self) -> None:
        model = Weinberg(luminosity=0.5)
        with pytest.raises(InputError, match="fixed number of events; take Exact"):
            Prepared()(model, prior(model), model.evenly(2)[:1], np.random.default_rng(0))

    # Converged to 0.005; 1000 draws of the log evidence scatter by 0.03 about them.
    PHYSICS = (
        (None, 0.0, (0.104, 0.717, 1.645, 1.591, 1.315, 1.236, 0.899, 0.987)),
        (None, -0.8, (0.380, 1.509, 1.851, 1.977, 1.848, 1.742, 0.565, 1.402)),
        (0.5, 0.0, (0.005, 0.028, 0.500, 0.958, 2.140, 2.449, 0.676, 0.014)),
        (0.5, -0.8, (0.033, 0.162, 0.648, 1.289, 2.602, 2.940, 1.250, 0.073)),
    )
    ENERGIES = (34, 60, 80, 85, 90, 91.19, 100, 200)

    @pytest.mark.parametrize(("luminosity", "minus", "table"), PHYSICS)
    def test_physics_table(self, luminosity: Any, minus: float, table: tuple[float, ...]) -> None:
        model = Weinberg(luminosity=luminosity)
        settings = np.array([[energy, minus, 0.0] for energy in self.ENERGIES])
        gain, error = Exact(2500)(model, prior(model), settings, np.random.default_rng(0))
        assert error.max() < 0.015
        np.testing.assert_allclose(gain[0], table, atol=0.03)

    @pytest.mark.parametrize(
        ("luminosity", "energy", "minus"),
        [(None, 85.0, -0.8), (0.5, 90.0, 0.0), (0.5, 100.0, -0.8)],
    )
    def test_physics_by_brute_force(self, luminosity: Any, energy: float, minus: float) -> None:
        """The log evidence with no interpolation, no shared code but the physics."""
        random, model = np.random.default_rng(5), Weinberg(luminosity=luminosity)
        edges = np.linspace(-1, 1, 41)
        even, odd = np.diff(0.375 * (edges + edges**3 / 3)), np.diff(edges**2 / 2)

        def rates(sin2: Any) -> Any:
            setting = np.array([[energy, minus, 0.0]])
            first, second = electroweak.form_factors(electroweak.coupling(sin2), sin2, setting)
            law = even + electroweak.asymmetry(first, second)[0][:, None] * odd
            sigma = electroweak.cross_section(first, np.array([[energy]]))[0]
            return law, sigma[:, None] * 1e3 * (luminosity or 0)

        truth = 0.15 + 0.2 * random.random(6000)
        law, expected = rates(truth)
        y = random.poisson(law * expected) if luminosity else random.multinomial(1000, law)
        nodes, mean = rates(0.15 + 0.2 * (np.arange(300) + 0.5) / 300)
        logs, own = y @ np.log(nodes).T, (y * np.log(law)).sum(1)
        if luminosity:
            n = y.sum(1)
            logs += n[:, None] * np.log(mean[:, 0]) - mean[:, 0]
            own += n * np.log(expected[:, 0]) - expected[:, 0]
        gains = own - np.logaddexp.reduce(logs, axis=1) + np.log(300)
        ours, error = Exact(2500)(model, prior(model), np.array([[energy, minus, 0.0]]), random)
        spread = (gains.var() / 6000 + error[0, 0] ** 2) ** 0.5
        assert abs(gains.mean() - ours[0, 0]) < 4 * spread


@pytest.mark.parametrize(
    ("env_id", "kwargs"), [(WEINBERG, {}), (TOY, {"settings": 5}), (LINEAR, {"num_parameters": 3})]
)
def test_pictures(env_id: str, kwargs: dict[str, Any]) -> None:
    """Texts name the setting and the posterior; images change from round to round."""
    text, image = (gym.make(env_id, render_mode=mode, **kwargs) for mode in ("ansi", "rgb_array"))
    frames = []
    for env in (text, image):
        env.reset(seed=0)
        env.action_space.seed(0)
        frames.append(env.render())
        observation, *_ = env.step(action := env.action_space.sample())
        frames.append(env.render())
    model = text.unwrapped.model
    assert model.action_name(action) in frames[1]
    assert model.summary(observation) in frames[1]
    assert "9 of 10 rounds left" in frames[1]
    assert (frames[2] != frames[3]).any()


class TestBadInput:
    @pytest.mark.parametrize(
        ("env_id", "kwargs", "message"),
        [
            (
                WEINBERG,
                {"weak_mixing_prior": (0.0, 0.3)},
                r"weak_mixing_prior.*within \(0.01, 0.99\)",
            ),
            (WEINBERG, {"weak_mixing_prior": (-0.1, 0.3)}, r"weak_mixing_prior.*\(-0.1, 0.3\)"),
            (WEINBERG, {"weak_mixing_prior": (0.3, 0.2)}, r"two increasing numbers"),
            (WEINBERG, {"electron_polarisation": (-1.2, 0.8)}, r"electron_polarisation.*\[-1, 1\]"),
            (WEINBERG, {"positron_polarisation": (0.0, 1.01)}, r"positron_polarisation.*1.01"),
            (
                WEINBERG,
                {"electron_polarisation": (-1, 1), "positron_polarisation": (0, 1)},
                "do not annihilate",
            ),
            (WEINBERG, {"energies": (0, 50)}, r"energies.*within \(1, 1000\)"),
            (WEINBERG, {"unknown": "mass"}, r"unknown must be one of 'weak_mixing'"),
            (WEINBERG, {"luminosity": 0.0}, r"luminosity.*> 0"),
            (WEINBERG, {"num_events": 0}, r"num_events must be an integer"),
            (
                WEINBERG,
                {"settings": [[91, 0]]},
                r"settings\[0\] must hold one number for each knob",
            ),
            (WEINBERG, {"settings": [[91, 0, 0.9]]}, r"P_plus must be .*<= 0.3, got 0.9"),
            (WEINBERG, {"settings": 200}, r"more than a million"),
            (
                WEINBERG,
                {"unknown": "both", "grid_size": 2000},
                r"grid_size must be one number.*got 2000",
            ),
            (TOY, {"reward": "regret"}, r"reward must be one of 'kl'"),
            (TOY, {"contrasts": 0}, r"contrasts must be an integer"),
            (TOY, {"horizon": 0}, r"horizon must be an integer"),
            ("discovery/LocationFinding-v0", {"noise_std": 1e-9}, r"noise_std must be .*>= 0.001"),
            (LINEAR, {"prior_std": 1e7}, r"prior_std = 1e\+07 is too large for noise_std = 1: "),
            (LINEAR, {"noise_std": 1e-12}, r"at most 1e\+06 \* noise_std; choose a smaller prior"),
            (LINEAR, {"prior_std": 1e200}, r"prior_std must be .*<= 1e\+30"),
            (LINEAR, {"noise_std": 0.0}, r"noise_std.*>= 1e-30"),
        ],
    )
    def test_parameters(self, env_id: str, kwargs: dict[str, Any], message: str) -> None:
        for make in (gym.make, gym.make_vec):
            with pytest.raises(InputError, match=message):
                make(env_id, **kwargs)

    @pytest.mark.parametrize("action", [[np.inf], [np.nan], [0.0, 0.0], "left", None, 3])
    def test_actions(self, action: Any) -> None:
        env, vector = gym.make(TOY).unwrapped, gym.make_vec(TOY, num_envs=2)
        for each, bad in ((env, action), (vector, [action, [0.0]])):
            each.reset(seed=0)
            with pytest.raises(InputError, match="is not an action of WeinbergToy"):
                each.step(bad)
        env.step([0.5])  # a plain list will do

    @pytest.mark.parametrize(
        ("given", "played"),
        [(1 + 1e-7, 1.0), (-1 - 1e-7, -1.0), (3.7, 1.0), (-1e300, -1.0), (0.25, 0.25), (7, 1.0)],
    )
    def test_numbers_outside_are_clipped(self, given: float, played: float) -> None:
        """Rounding and Gaussian policies step outside; what is seen is the end of the range."""
        env, twin = (gym.make(TOY, render_mode="ansi").unwrapped for _ in range(2))
        vector = gym.make_vec(TOY, num_envs=2)
        for each in (env, twin, vector):
            each.reset(seed=0)
        first, second = env.step([given]), twin.step(np.array([played], np.float32))
        many = vector.step([[given], [given]])[0]
        for key, part in second[0].items():
            np.testing.assert_array_equal(first[0][key], part)
            np.testing.assert_array_equal(many[key][0], part)
        assert first[1] == second[1]
        assert env.render() == twin.render()

    @pytest.mark.filterwarnings("ignore:.*Box (low|high)'s precision lowered:UserWarning")
    def test_a_rescaled_action_stays_inside(self) -> None:
        env = gym.wrappers.RescaleAction(gym.make(TOY), -0.1, 0.3)
        env.reset(seed=0)
        for end, action in ((1, env.action_space.high), (0, env.action_space.low)):
            observation = env.step(action)[0]
            low_and_high = env.unwrapped.model.knobs["phi"]
            assert observation["settings"][0] == low_and_high[end]

    def test_settings(self) -> None:
        model = gym.make(WEINBERG).unwrapped.model
        with pytest.raises(InputError, match=r"sqrt_s must be .*<= 200, got 201"):
            model.action(sqrt_s=201)
        with pytest.raises(InputError, match="Unknown knob 'energy'; the knobs are sqrt_s"):
            model.action(energy=90)
        action = model.action(sqrt_s=91.2, P_minus=0.8)
        np.testing.assert_allclose(model.setting(action[None])[0], [91.2, 0.8, 0.0], rtol=1e-6)
        assert model.action_name(action) == "sqrt_s=91.2, P_minus=0.8, P_plus=0"
        listed = gym.make(TOY, settings=11).unwrapped.model
        assert listed.action(phi=43) == 3
        with pytest.raises(InputError, match="not one of the 11 settings"):
            listed.action(phi=43.5)


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        (LINEAR, {"prior_std": 1e5, "noise_std": 1.0}),
        (WEINBERG, {"weak_mixing_prior": (0.02, 0.98), "luminosity": 200.0, "grid_size": 32}),
    ],
)
def test_points_that_lie_far_apart(env_id: str, kwargs: dict[str, Any]) -> None:
    """Draws that no noise confuses tell all there is to know: which one it is."""
    model = gym.make(env_id, **kwargs).unwrapped.model
    points = 1e6 * np.arange(12.0).reshape(2, 6, 1) ** 2
    gain = unit_noise(points, np.full(6, 1 / 6))
    np.testing.assert_allclose(gain, np.log(6))
    agent = agents.make("thompson_eig(candidates=8, draws=2)", model)
    env = gym.make(env_id, **kwargs)
    action, _ = agent.predict(env.reset(seed=0)[0])
    assert env.action_space.contains(action)
