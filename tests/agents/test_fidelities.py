"""Beliefs that learn from labels of all fidelities, against brute force."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from discovery_gym.agents import make
from discovery_gym.agents.beliefs import GaussianProcess, Linear, Logistic, Sparse
from discovery_gym.agents.beliefs.flips import Flips, information
from discovery_gym.envs.core import InputError

Array = NDArray[np.float64]

B = 3
FIDELITIES = ((1, 0.5, 0.8), (2, 0.3, -0.6), (4, 0.1, 1.0))
LINEAR: dict[str, Any] = {"num_items": 9, "num_features": 4, "feature_std": 0.7, "prior_std": 1.3}
LINEAR |= {"fidelities": FIDELITIES, "budget": 40}
GENERATOR = np.random.default_rng(5)
FEATURES = GENERATOR.normal(size=(12, 3))
LABELS = FEATURES @ [2.0, -1.0, 0.5] + 7 + 0.4 * GENERATOR.normal(size=12)
COLUMN = 100 - 30 * (LABELS + GENERATOR.normal(size=12))
TABLE: dict[str, Any] = {"features": FEATURES.tolist(), "labels": LABELS.tolist()}
TABLE |= {"fidelities": ((1, COLUMN.tolist()), (3,)), "budget": 24}


def bought(name: str, steps: int, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """Return a model, and what is seen after some random purchases."""
    vector = gym.make_vec(f"discovery/{name}-v0", num_envs=B, illegal="raise", **settings)
    agent, state = make("random", vector, seed=3), None
    observation, _ = vector.reset(seed=2)
    for _ in range(steps):
        action, state = agent.predict(observation, state)
        observation, *_ = vector.step(action)
    return vector.unwrapped.model.public(), deepcopy(observation)  # type: ignore[attr-defined]


def shuffled(observation: dict[str, Any]) -> dict[str, Any]:
    """Return the same labels, come in another order."""
    out, count = deepcopy(observation), (observation["labelled"] >= 0).sum(1)
    for i, t in enumerate(count.tolist()):
        order = np.random.default_rng(i).permutation(t)
        for key in ("labelled", "labels", "fidelity"):
            out[key][i, :t] = observation[key][i, order]
    return out


def told(belief: Any, observation: dict[str, Any], *, one_by_one: bool = False) -> Any:
    """Return the belief after an observation, which may have come label by label."""
    first = np.ones(B, np.bool_)
    if one_by_one:
        for t in range(int((observation["labelled"] >= 0).sum(1).max())):
            seen = deepcopy(observation)
            for key, none in (("labelled", -1), ("labels", 0), ("fidelity", -1)):
                seen[key][:, t:] = none
            belief.update(seen, first)
            first = np.zeros(B, np.bool_)
    belief.update(observation, first)
    return belief


def conditional(
    prior: Array, slope: Array, noise: Array, items: Any, labels: Array, *, constant: bool
) -> tuple[Array, Array]:
    """Return mean and covariance of n values given labels, by the n x n covariance of all.

    With a constant under a flat prior, that is by generalised least squares.
    """
    picks = slope[:, None] * np.eye(len(prior))[items]
    inverse = np.linalg.inv(picks @ prior @ picks.T + np.diag(noise))
    gain = prior @ picks.T @ inverse
    mean, covariance = gain @ labels, prior - gain @ picks @ prior
    if constant:
        ones = picks.sum(1)
        level = ones @ inverse @ labels / (ones @ inverse @ ones)
        rest = 1 - gain @ ones
        mean = gain @ (labels - ones * level) + level
        covariance = covariance + np.outer(rest, rest) / (ones @ inverse @ ones)
    return mean, covariance


def test_linear_is_exact_in_any_order() -> None:
    """Labels of three fidelities, one of them with a negative slope."""
    model, observation = bought("LinearPool", 9, **LINEAR)
    assert {0, 1, 2} <= set(observation["fidelity"].ravel().tolist())
    spread = 1.3 * 0.7 * 2
    proxies = [(rho, np.hypot((1 - rho**2) ** 0.5 * spread, s)) for _, s, rho in FIDELITIES]
    slope, noise = np.array(proxies).T
    for seen in (observation, shuffled(observation)):
        beliefs = [told(Linear(model, B), seen, one_by_one=one) for one in (False, True)]
        for belief in beliefs:
            for i, x in enumerate(model.feature_matrix(seen).astype(np.float64)):
                t = int((seen["labelled"][i] >= 0).sum())
                at, items = seen["fidelity"][i, :t], seen["labelled"][i, :t]
                labels = seen["labels"][i, :t].astype(np.float64)
                mean, covariance = conditional(
                    1.3**2 * x @ x.T, slope[at], noise[at] ** 2, items, labels, constant=False
                )
                np.testing.assert_allclose(x @ belief._mu[i], mean, atol=1e-9)
                root = x @ belief._root[i]
                np.testing.assert_allclose(root @ root.T, covariance, atol=1e-9)
                np.testing.assert_allclose(belief.mean()[i], mean, atol=1e-5)
                np.testing.assert_allclose(belief.std()[i] ** 2, np.diag(covariance), atol=1e-5)
                for m in range(3):  # the share of a variance that one more label takes away
                    square = slope[m] ** 2 * np.diag(covariance)
                    square /= square + noise[m] ** 2
                    np.testing.assert_allclose(belief.correlation(m)[i] ** 2, square, atol=1e-4)


@pytest.mark.parametrize("name", ["LinearPool", "TablePool"])
def test_gaussian_process_is_exact_given_its_settings(name: str) -> None:
    settings = LINEAR if name == "LinearPool" else TABLE
    model, observation = bought(name, 8, **settings)
    for seen in (observation, shuffled(observation)):
        belief = told(GaussianProcess(model, B, refit=100), seen, one_by_one=seen is observation)
        own = belief.hyperparameters()
        for i in range(B):
            x = model.feature_matrix(seen)[i].astype(np.float64)
            x = (x - x.mean(0)) / x.std(0)
            square = ((x[:, None] - x) ** 2).mean(2)
            kernel = np.exp(-square / 2 / own["length_scale"][i] ** 2)
            g, slope = own["noise_ratio"][i], np.array([*(p.slope for p in model.proxies), 1])
            if name == "LinearPool":
                ratio = np.array([(p.std / (1.3 * 0.7 * 2)) ** 2 for p in model.proxies] + [g])
            else:
                ratio = slope**2 * g + 1 - slope**2
            t = int((seen["labelled"][i] >= 0).sum())
            at, items = seen["fidelity"][i, :t], seen["labelled"][i, :t]
            labels = seen["labels"][i, :t].astype(np.float64)
            mean, covariance = conditional(
                kernel, slope[at], ratio[at], items, labels, constant=True
            )
            np.testing.assert_allclose(belief.mean()[i], mean, atol=1e-9)
            covariance *= own["signal_std"][i] ** 2
            np.testing.assert_allclose(belief.std()[i] ** 2, np.diag(covariance), atol=1e-9)
            every = np.arange(len(x))[None].repeat(B, 0)
            found = belief.covariance(every, np.random.default_rng(0))[i]  # type: ignore[arg-type]
            np.testing.assert_allclose(found, covariance, atol=1e-9)


def test_gaussian_process_refits_by_all_labels() -> None:
    """Taken in at once or one by one, and whichever fidelity comes first."""
    model, observation = bought("LinearPool", 9, **LINEAR)
    once = told(GaussianProcess(model, B), observation)
    more = told(GaussianProcess(model, B), observation, one_by_one=True)
    np.testing.assert_allclose(once.mean(), more.mean(), atol=1e-9)
    np.testing.assert_allclose(once.std(), more.std(), atol=1e-9)


def test_linear_on_a_table_is_exact() -> None:
    """Flat intercept, standardised features, a unit that the calibrated column tells."""
    model, observation = bought("TablePool", 8, **TABLE)
    unit = LABELS.std()
    rho = np.corrcoef(COLUMN, LABELS)[0, 1]
    for seen in (observation, shuffled(observation)):
        belief = told(Linear(model, B), seen, one_by_one=seen is observation)
        for i in range(B):
            x = FEATURES.astype(np.float32).astype(np.float64)
            x = (x - x.mean(0)) / x.std(0) / 3**0.5
            t = int((seen["labelled"][i] >= 0).sum())
            at, items = seen["fidelity"][i, :t], seen["labelled"][i, :t]
            slope, noise = np.array([rho, 1.0])[at], np.array([rho**2 * 0.1 + 1 - rho**2, 0.1])[at]
            mean, covariance = conditional(
                x @ x.T, slope, noise, items, seen["labels"][i, :t] / unit, constant=True
            )
            np.testing.assert_allclose(belief.mean()[i], mean * unit, atol=1e-4)
            np.testing.assert_allclose(
                belief.std()[i] ** 2, np.diag(covariance) * unit**2, atol=1e-4
            )


@pytest.mark.parametrize("new", [Linear, GaussianProcess])
def test_looking_ahead_shrinks_as_the_label_will(new: Callable[..., Any]) -> None:
    """What items in flight leave does not depend on what they will show."""
    settings: dict[str, Any] = {"refit": 100} if new is GaussianProcess else {}
    model, observation = bought("LinearPool", 8, **LINEAR)
    before = deepcopy(observation)
    count = (observation["labelled"] >= 0).sum(1)
    last = count - 1, np.arange(B)
    items, at = (observation[k][last[::-1]][:, None] for k in ("labelled", "fidelity"))
    for key, none in (("labelled", -1), ("labels", 0), ("fidelity", -1)):
        before[key][last[::-1]] = none
    belief = told(new(model, B, **settings), before)
    ahead, after = belief.look_ahead(items, at), told(new(model, B, **settings), observation)
    scale = belief.std().max() / told(new(model, B, **settings), before).std().max()
    unit = np.ones((B, 1))
    if new is GaussianProcess:  # whose spread s is fitted anew
        spread = [one.hyperparameters()["signal_std"][:, None] for one in (belief, after)]
        unit = spread[0] / spread[1]
    np.testing.assert_allclose(ahead.std() * scale, after.std() * unit, atol=1e-5)
    np.testing.assert_allclose(ahead.mean(), belief.mean(), atol=1e-6)


def test_sparse_learns_from_proxies() -> None:
    """Against all supports of one coefficient in four, whose posteriors are conjugate."""
    settings = LINEAR | {"sparsity": 1, "num_items": 9}
    model, observation = bought("LinearPool", 9, **settings)
    belief = told(Sparse(model, B, chains=4000), observation)
    slope = np.array([*(p.slope for p in model.proxies), 1.0])
    noise = np.array([*(p.std for p in model.proxies), 0.1])
    for i in range(B):
        x = model.feature_matrix(observation)[i].astype(np.float64)
        t = int((observation["labelled"][i] >= 0).sum())
        at, items = observation["fidelity"][i, :t], observation["labelled"][i, :t]
        labels, means, logs = observation["labels"][i, :t], [], []
        for j in range(4):
            prior = 1.3**2 * np.outer(x[:, j], x[:, j])
            mean, _ = conditional(prior, slope[at], noise[at] ** 2, items, labels, constant=False)
            row = slope[at] * x[items, j]
            total = 1.3**2 * np.outer(row, row) + np.diag(noise[at] ** 2)
            logs.append(
                -0.5 * (labels @ np.linalg.solve(total, labels) + np.linalg.slogdet(total)[1])
            )
            means.append(mean)
        weight = np.exp(np.array(logs) - max(logs))
        np.testing.assert_allclose(
            belief.mean()[i], weight @ np.array(means) / weight.sum(), atol=0.08
        )


# ---- binary labels through tests that err

FLIPS = ((1, 0.9, 0.2), (1, 0.6, 0.1), (3, 1.0, 0.0))
BINARY: dict[str, Any] = {"num_items": 8, "num_features": 2, "fidelities": FLIPS, "budget": 20}


def test_what_tests_have_shown_of_an_item() -> None:
    """Likelihood, its slope and its information, by hand from the labels that are possible."""
    chances = np.array([[0.9, 0.2], [0.6, 0.1]])
    items = np.array([[4, 2, 4, 2, 1, 3]])
    positive = np.array([[1, 0, 0, 1, 1, 0]], np.bool_)
    at = np.array([[0, 1, 1, 2, 2, 0]])
    shown = Flips.of(items, positive, at, chances, 6)
    # Item 4 by both tests, 2 and 1 by their labels, 3 by one test.
    assert shown.counts.tolist() == [[True, False, False, True, True, True]]
    eta = np.array([[0.3, 9.0, 9.0, -0.5, 0.2, 1.1]])

    def likelihood(eta: Array) -> float:
        p = expit(eta[0])
        both = p[0] * 0.9 * 0.4 + (1 - p[0]) * 0.2 * 0.9
        return float(np.log(both * p[3] * p[4] * (p[5] * 0.1 + (1 - p[5]) * 0.8)))

    move = np.array([[0.2, 0.0, 0.0, 0.1, -0.3, 0.4]])
    difference = shown.likelihood(eta + move) - shown.likelihood(eta)
    assert difference[0] == pytest.approx(likelihood(eta + move) - likelihood(eta), abs=1e-12)
    slope = shown.slope(eta, expit(eta))[0]
    for k in range(6):
        step = np.zeros((1, 6))
        step[0, k] = 1e-5
        numeric = (likelihood(eta + step) - likelihood(eta - step)) / 2e-5
        assert slope[k] == pytest.approx(numeric, abs=1e-6)
    assert shown.information(expit(eta))[0, [1, 2]].tolist() == [0, 0]
    p = np.array([0.3])
    q = 0.9 * 0.3 + 0.2 * 0.7
    one = information(p, np.array([[True, False]]), chances)
    assert one[0] == pytest.approx((0.7 * 0.3 * 0.7) ** 2 / (q * (1 - q)))
    assert information(p, np.array([[False, False]]), chances)[0] == 0
    assert one[0] < information(p, np.array([[True, True]]), chances)[0] < 0.21


def test_logistic_learns_from_tests_that_err() -> None:
    """The mode is that of the exact posterior, and chances are near those of quadrature."""
    model, observation = bought("LogisticPool", 8, **BINARY)
    belief = told(Logistic(model, B), observation)
    other = told(Logistic(model, B), shuffled(observation))
    np.testing.assert_allclose(belief.chance(), other.chance(), atol=1e-5)
    grid = np.stack(np.meshgrid(*[np.linspace(-5, 5, 161)] * 2), -1).reshape(-1, 2)
    for i in range(B):
        x = model.feature_matrix(observation)[i].astype(np.float64)
        tests: dict[int, list[tuple[int, float]]] = {}
        for item, at, label in zip(
            observation["labelled"][i],
            observation["fidelity"][i],
            observation["labels"][i],
            strict=True,
        ):
            if item >= 0:
                tests.setdefault(int(item), []).append((int(at), float(label)))

        def joint(theta: Array, item: int, tests: Any = tests, x: Array = x) -> tuple[Array, Array]:
            """Return P(tests of an item, and it is a success) or a failure, given theta."""
            p = expit(theta @ x[item])
            hit, miss = p, 1 - p
            for at, label in tests.get(item, []):
                s, f = FLIPS[at][1:]
                hit = hit * (s if label else 1 - s)
                miss = miss * (f if label else 1 - f)
            return hit, miss

        def posterior(theta: Array, tests: Any = tests) -> Array:
            logs = -(theta**2).sum(-1) / 2
            for item in tests:
                logs = logs + np.log(sum(joint(theta, item)))
            return np.asarray(logs)

        best = minimize(lambda theta: -posterior(theta), belief._mode[i], tol=1e-12)
        np.testing.assert_allclose(belief._mode[i], best.x, atol=1e-4)
        weight = np.exp(posterior(grid) - posterior(grid).max())
        for item in range(8):
            if (2, 0.0) in tests.get(item, []) or (2, 1.0) in tests.get(item, []):
                continue  # its label is known
            hit, miss = joint(grid, item)
            exact = weight @ (hit / (hit + miss)) / weight.sum()
            assert belief.chance()[i, item] == pytest.approx(exact, abs=0.05)


def test_what_logistic_looks_ahead_to() -> None:
    """Information of tests adds up to that of the label, which nothing exceeds."""
    model, observation = bought("LogisticPool", 0, **BINARY)
    belief = told(Logistic(model, B), observation)
    items = np.zeros((B, 3), np.int64)
    at = np.tile([0, 1, 2], (B, 1))
    steps = [belief.look_ahead(items[:, :k], at[:, :k])._hessian for k in range(4)]
    label = belief.look_ahead(items[:, :1])._hessian
    np.testing.assert_allclose(steps[3], label, atol=1e-12)
    traces = [np.trace(step, axis1=1, axis2=2) for step in steps]
    assert (np.diff(traces, axis=0) > 0).all()
    square = belief.correlation(0) ** 2
    p = belief.chance()
    q = 0.2 + 0.7 * p
    np.testing.assert_allclose(square, 0.49 * p * (1 - p) / (q * (1 - q)))
    assert (belief.correlation(2) == 1).all()


def test_beliefs_that_learn_from_no_proxies_are_refused() -> None:
    vector = gym.make_vec("discovery/LogisticPool-v0", num_envs=1, **BINARY)
    with pytest.raises(InputError, match=r"No belief .linear. fits LogisticPool"):
        make("greedy(belief=linear)", vector)
