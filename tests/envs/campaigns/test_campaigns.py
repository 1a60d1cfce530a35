"""The campaigns against the post they come from, brute force and closed forms."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from scipy import stats

import discovery_gym  # noqa: F401
from discovery_gym.envs.campaigns.binomial_discovery import BinomialDiscovery
from discovery_gym.envs.campaigns.gaussian_step import GaussianStep
from discovery_gym.envs.campaigns.knowledge_ladder import KnowledgeLadder
from discovery_gym.envs.campaigns.renewal import Panels, Renewal


class TestPost:
    """Numbers printed in the post."""

    def test_table_of_model_3(self) -> None:
        printed = [51773.8, 25911.7, 12980.7, 6515.36, 3282.93, 1667.21, 860.331, 458.823, 261.619]
        ladder = KnowledgeLadder(target=99, p_scale=1e4)
        for k, epochs in enumerate(printed):
            assert f"{ladder.mean_epochs(2**k):.6g}" == f"{epochs:.6g}"

    def test_ladder_from_1_and_from_0(self) -> None:
        assert KnowledgeLadder(start=1).mean_epochs(1) == pytest.approx(418.74, abs=0.005)
        assert KnowledgeLadder(start=0).mean_epochs(1) == pytest.approx(518.74, abs=0.005)
        slow = {"p_scale": 1e4}
        assert KnowledgeLadder(start=1, **slow).mean_epochs(128) == pytest.approx(381.58, abs=0.005)
        assert KnowledgeLadder(start=0, **slow).mean_epochs(128) == pytest.approx(460.20, abs=0.005)

    @pytest.mark.parametrize("start", [0, 1])
    def test_the_brute_force_counts_its_start(self, start: int) -> None:
        """`Length@NestWhileList[step, start, # < 100 &]`, as printed, with start = 0 there."""
        random = np.random.default_rng(0)

        def length() -> int:
            path = [start]
            while path[-1] < 100:
                path.append(path[-1] + int(random.random() < (path[-1] + 1) / 100))
            return len(path)

        lengths = np.array([length() for _ in range(400)])
        model = KnowledgeLadder(start=start)
        error = (model.epochs_variance(1) / lengths.size) ** 0.5
        assert abs(lengths.mean() - model.mean_epochs(1) - 1) < 3 * error
        fits = abs(418 - model.mean_epochs(1) - 1) < 3 * (model.epochs_variance(1) / 10_000) ** 0.5
        assert fits == (start == 1)

    def test_gaussian_step(self) -> None:
        model = GaussianStep()
        assert model.mean_epochs(1) == pytest.approx(252.2336, abs=5e-5)
        assert model.mean_epochs(96) == pytest.approx(40.6278, abs=5e-5)

    def test_maximum_of_normals(self) -> None:
        model = GaussianStep()
        assert model.expected_maximum(96) == pytest.approx(2.49297, abs=5e-6)
        assert model.expected_maximum(65536) == pytest.approx(4.29113, abs=5e-6)
        assert model.expected_maximum(96, 3.0) == pytest.approx(3 * model.expected_maximum(96))

    def test_success_probability(self) -> None:
        model = BinomialDiscovery(success_probs=(0.001, 0.01, 0.1))
        for machine, p in enumerate((0.001, 0.01, 0.1)):
            for n in (1, 50, 200):
                assert model.success_probability(n, machine) == pytest.approx(1 - (1 - p) ** n)


class TestLadder:
    def test_law_against_recursion(self) -> None:
        model = KnowledgeLadder(start=1, target=5, p_scale=7.0)
        law = model.epochs_distribution(3)
        # A direct recursion: rung distribution, with arrivals leaving.
        rungs, arrived = np.array([1.0, 0, 0, 0]), [0.0]
        climbs = np.array([model.success_probability(3, x) for x in range(1, 5)])
        for _ in range(60):
            arrived.append(rungs[-1] * climbs[-1])
            rungs = rungs * (1 - climbs) + np.append(0, (rungs * climbs)[:-1])
        np.testing.assert_allclose(law.pmf(np.arange(61)), arrived, atol=1e-12)

    def test_certain_success(self) -> None:
        model = KnowledgeLadder(target=1, p_scale=1.0)
        assert model.mean_epochs(4) == 1
        assert model.epochs_variance(4) == 0
        assert model.epochs_distribution(4).pmf(1) == 1

    def test_plan_against_brute_force(self) -> None:
        model = KnowledgeLadder(
            target=3, p_scale=5.0, batch_sizes=(1, 4), horizon=6,
            cost_per_experiment=0.2, target_reward=4.0,
        )  # fmt: skip

        @lru_cache
        def value(x: int, left: int, best: bool) -> float:
            if x == 3 or left == 0:
                return 0.0
            returns = []
            for n in (1, 4):
                p = 1 - (1 - (x + 1) / 5) ** n
                up = 4.0 if x == 2 else value(x + 1, left - 1, best)
                returns.append(-1 - 0.2 * n + p * up + (1 - p) * value(x, left - 1, best))
            return max(returns) if best else sum(returns) / 2

        assert model.optimal_value() == pytest.approx(value(0, 6, True), rel=1e-13)
        assert model.random_value() == pytest.approx(value(0, 6, False), rel=1e-13)

    def test_diffusion_is_near(self) -> None:
        model = KnowledgeLadder()
        exact, near = model.epochs_distribution(8), model.diffusion_epochs(8)
        assert near.mean() == pytest.approx(exact.mean())
        assert near.var() == pytest.approx(exact.var())
        t = np.arange(60, 400)
        assert np.abs(exact.cdf(t) - near.cdf(t + 0.5)).max() < 0.06


class TestGaussianStep:
    def test_renewal_against_poisson_walk(self) -> None:
        """Exponential improvements without an atom: the count is 1 + Poisson(distance)."""
        renewal = Renewal(Panels(7.0, 0.5, 40.0), lambda d: np.exp(-d), 0.0)
        mean, variance = renewal.moments
        assert mean == pytest.approx(8.0, rel=1e-12)
        assert variance == pytest.approx(7.0, rel=1e-10)
        law = renewal.law()
        expected = stats.poisson(7.0, loc=1).pmf(np.arange(len(law)))
        np.testing.assert_allclose(law, expected, atol=1e-13)

    def test_renewal_with_an_atom(self) -> None:
        """With an atom a the steps that count are thinned: E = (1 + d) / (1 - a)."""
        renewal = Renewal(Panels(3.0, 0.5, 40.0), lambda d: 0.25 * np.exp(-d), 0.75)
        assert renewal.moments[0] == pytest.approx(16.0, rel=1e-12)

    def test_grid_is_fine_enough(self) -> None:
        """Half the panel width changes nothing, for one normal and for many."""
        for size in (1, 96, 65536):
            model = GaussianStep(target=10.0)
            coarse = model._renewal(size, 1.0)
            fine = Renewal(Panels(10.0, 0.2, 9.5), coarse.density, coarse.atom)
            np.testing.assert_allclose(coarse.moments, fine.moments, rtol=1e-9)
            law = fine.law()
            np.testing.assert_allclose(coarse.law()[: len(law)], law, atol=1e-11)

    def test_improvement_against_closed_forms(self) -> None:
        model = GaussianStep()
        assert model.expected_improvement(1) == pytest.approx(1 / np.sqrt(2 * np.pi), rel=1e-12)
        assert model.expected_maximum(1) == pytest.approx(0.0, abs=1e-12)
        assert model.expected_maximum(2) == pytest.approx(1 / np.sqrt(np.pi), rel=1e-12)
        assert model.expected_maximum(3) == pytest.approx(1.5 / np.sqrt(np.pi), rel=1e-12)

    def test_asymptote(self) -> None:
        model = GaussianStep()
        errors = [
            abs(model.expected_maximum_asymptote(n) / model.expected_maximum(n) - 1)
            for n in (2**6, 2**10, 2**14, 2**20)
        ]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < 0.002

    def test_wald(self) -> None:
        """Wald: mean epochs times mean improvement is the distance plus the mean overshoot."""
        model = GaussianStep(target=50.0)
        step = model.expected_improvement(1)
        overshoot = 0.5 / (2 * step)  # E[D^2] / (2 E[D]), the renewal limit
        assert model.mean_epochs(1) * step == pytest.approx(50 + overshoot, rel=1e-9)

    def test_diffusion_is_near(self) -> None:
        model = GaussianStep()
        for size in (1, 96):
            exact, near = model.epochs_distribution(size), model.diffusion_epochs(size)
            assert near.mean() == pytest.approx(exact.mean(), rel=0.015)
            assert near.std() == pytest.approx(exact.std(), rel=0.1)

    def test_plan_with_one_action_is_the_law(self) -> None:
        """With a single action the value is minus the mean of min(epochs, horizon)."""
        model = GaussianStep(target=12.0, batch_sizes=(4,), horizon=15, target_reward=3.0)
        law = model.epochs_distribution(4)
        t = np.arange(1, 16)
        expected = -float(law.expect(lambda k: np.minimum(k, 15))) + 3.0 * law.pmf(t).sum()
        assert model.optimal_value() == pytest.approx(expected, rel=1e-9)
        assert model.random_value() == pytest.approx(expected, rel=1e-9)

    def test_plan_against_two_steps_by_hand(self) -> None:
        """Two epochs left, two sizes: quadrature over the first improvement."""
        model = GaussianStep(
            target=2.0, batch_sizes=(1, 20), cost_per_experiment=0.1, horizon=2, target_reward=5.0
        )

        def last(y: Any) -> Any:
            return np.max(
                [-1 - 0.1 * n + 5 * (1 - stats.norm.cdf(y) ** n) for n in (1, 20)], axis=0
            )

        returns = []
        for n in (1, 20):
            density = lambda d, n=n: n * stats.norm.pdf(d) * stats.norm.cdf(d) ** (n - 1)  # noqa: E731
            d = np.linspace(0, 2, 20001)
            inner = np.trapezoid(density(d) * last(2.0 - d), d)
            arrive = 1 - stats.norm.cdf(2.0) ** n
            returns.append(-1 - 0.1 * n + 5 * arrive + 0.5**n * last(2.0) + inner)
        assert model.optimal_value() == pytest.approx(max(returns), abs=2e-4)


class TestBinomial:
    def test_plan_against_brute_force(self) -> None:
        """Two machines with priors: expectimax over explicit histories."""
        priors, sizes, horizon = ((1.0, 2.0), (3.0, 4.0)), (1, 2), 3
        for objective, best in itertools.product(("first", "count"), (True, False)):
            model = BinomialDiscovery(
                beta_priors=priors, batch_sizes=sizes, horizon=horizon, objective=objective,
                success_reward=2.0, cost_per_batch=0.3, cost_per_experiment=0.1,
            )  # fmt: skip

            def value(
                state: tuple[tuple[float, float], ...],
                left: int,
                objective: str = objective,
                best: bool = best,
            ) -> float:
                if left == 0:
                    return 0.0
                returns = []
                for m, n in itertools.product((0, 1), sizes):
                    a, b = state[m]
                    total = -0.3 - 0.1 * n
                    for k in range(n + 1):
                        p = stats.betabinom(n, a, b).pmf(k)
                        after = tuple(
                            (a + k, b + n - k) if i == m else s for i, s in enumerate(state)
                        )
                        if objective == "count":
                            total += p * (2 * k + value(after, left - 1, objective, best))
                        else:
                            total += p * (2 if k else value(after, left - 1, objective, best))
                    returns.append(total)
                return max(returns) if best else sum(returns) / len(returns)

            ours = model.optimal_value() if best else model.random_value()
            assert ours == pytest.approx(value(priors, horizon), rel=1e-12)

    def test_plan_with_upgrades_against_brute_force(self) -> None:
        model = BinomialDiscovery(
            success_probs=(0.1,), batch_sizes=(2,), horizon=4, success_reward=9.0,
            model_upgrade=(3.0, 0.5, 2), throughput_upgrade=(2, 0.7, 1), cost_per_experiment=0.05,
        )  # fmt: skip

        @lru_cache
        def value(i: int, j: int, left: int) -> float:
            if left == 0:
                return 0.0
            n, p = 2 * 2**j, min(0.1 * 3**i, 1.0)
            fail = (1 - p) ** n
            run = -1 - 0.05 * n + 9 * (1 - fail) + fail * value(i, j, left - 1)
            better = -0.5 + value(min(i + 1, 2), j, left - 1)
            larger = -0.7 + value(i, min(j + 1, 1), left - 1)
            return max(run, better, larger)

        assert model.optimal_value() == pytest.approx(value(0, 0, 4), rel=1e-13)

    def test_moments_of_one_at_a_time(self) -> None:
        """Beta-geometric: E[1/p] = (a + b - 1) / (a - 1)."""
        model = BinomialDiscovery(beta_priors=((3.0, 9.0), (1.0, 1.0), (1.5, 2.0)))
        assert model.mean_epochs(1, 0) == pytest.approx(11 / 2, rel=1e-10)
        second = 11 * 10 / 2  # E[1/p^2] = (a+b-1)(a+b-2) / ((a-1)(a-2))
        assert model.epochs_variance(1, 0) == pytest.approx(2 * second - 5.5 - 5.5**2, rel=1e-9)
        assert model.mean_epochs(1, 1) == np.inf
        assert model.mean_epochs(1, 2) == pytest.approx(2.5 / 0.5, rel=1e-9)
        assert model.epochs_variance(1, 2) == np.inf

    def test_moments_of_batches_against_the_law(self) -> None:
        model = BinomialDiscovery(beta_priors=((4.0, 9.0),))
        law = model.epochs_distribution(5)
        t = np.arange(1, 20_000)
        mean = float(t @ law.pmf(t))
        assert model.mean_epochs(5) == pytest.approx(mean, rel=1e-6)
        assert model.epochs_variance(5) == pytest.approx(
            float(t**2 @ law.pmf(t)) - mean**2, rel=1e-4
        )

    def test_tables_are_the_binomial_law(self) -> None:
        model = BinomialDiscovery(success_probs=(0.0, 0.3, 1.0), batch_sizes=(1, 7, 500))
        sizes, starts = model._tables.sizes, model._tables.starts
        rows = model._known_tables.reshape(3, -1)
        for row, p in zip(rows, (0.0, 0.3, 1.0), strict=True):
            for n, start in zip(sizes, starts, strict=True):
                exact = stats.binom(n, p).cdf(np.arange(n))
                np.testing.assert_allclose(row[start : start + n], exact, atol=1e-12)
                assert row[start + n] == 2.0

    def test_upgrades_change_what_is_hidden(self) -> None:
        import gymnasium as gym

        env = gym.make(
            "discovery/BinomialDiscovery-v0",
            success_probs=(0.4,),
            objective="count",
            model_upgrade=(2.0, 3.0, 3),
            reveal=True,
        )
        env.reset(seed=0)
        buy = len(env.unwrapped.model.batch_sizes)
        assert env.unwrapped.model.action_name(buy) == "upgrade model"
        observation, reward, _, _, info = env.step(buy)
        assert reward == -3.0
        assert observation[-1] == 1
        assert info["success_probs"].tolist() == [0.8]
        for _ in range(4):
            observation, _, _, _, info = env.step(buy)
        assert observation[-1] == 3
        assert info["success_probs"].tolist() == [1.0]
