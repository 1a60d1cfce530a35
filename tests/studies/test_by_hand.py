"""What a study believes and chooses, against ridge regression written down with whole matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discovery_gym.studies import Study

SIZE, NOISE = 30, 0.1
RANDOM = np.random.default_rng(2)
X = np.round(RANDOM.normal(size=(SIZE, 3)), 2)
Y = np.round(50 + 10 * X @ [1.0, -0.5, 0.2] + 4 * RANDOM.normal(size=SIZE), 1)
AGENT = "bayes_ucb(width=1.5, belief=linear)"


def by_hand(told: list[tuple[int, float]], flying: list[int]) -> tuple[Any, Any]:
    """Return mean ``(n,)`` and covariance ``(n, n)``: flat intercept, features of variance 1/d.

    Items in flight have rows in the precision matrix, and no part in the mean.
    """
    phi = (X - X.mean(0)) / X.std(0) / np.sqrt(X.shape[1])
    phi = np.hstack([np.ones((SIZE, 1)), phi])
    items, labels = [item for item, _ in told], np.array([label for _, label in told])
    centre, unit = labels.mean(), labels.std(ddof=1)
    prior = np.diag([0.0, 1.0, 1.0, 1.0])
    seen, known = phi[items], phi[[*items, *flying]]
    mean = phi @ np.linalg.solve(prior + seen.T @ seen / NOISE, seen.T @ ((labels - centre) / unit))
    covariance = np.linalg.inv(prior + known.T @ known / NOISE)
    return centre + unit * mean / NOISE, unit**2 * phi @ covariance @ phi.T


@pytest.fixture
def study(tmp_path: Path) -> Any:
    """A study with five labels, one of them a replicate, one failed, and nothing in flight."""
    path = tmp_path / "my.csv"
    rows = (",".join(map(str, row)) for row in X.tolist())
    path.write_text("\n".join(["a,b,c,y", *(f"{row}," for row in rows), ""]))
    study = Study.pool(path, target="y", agent=AGENT, budget=20)
    study.tell({str(i + 1): Y[i] for i in (4, 9, 17, 22)})
    study.tell("5", Y[4] + 3)
    study.failed("30", "spilt")
    return study


def told(study: Any) -> list[tuple[int, float]]:
    return [(int(name) - 1, label) for name, label in study.arrived]


def test_in_flight_conditions_the_covariance_and_not_the_mean(study: Any) -> None:
    """Each of five choices, asked one by one, has the highest bound of the belief by hand."""
    flying: list[int] = []
    for _ in range(5):
        mean, covariance = by_hand(told(study), flying)
        bound = mean + 1.5 * np.sqrt(np.diag(covariance))
        bound[[*(item for item, _ in told(study)), *flying, 29]] = -np.inf
        question = study.ask(1, more=True)[-1]
        assert int(question.id) - 1 == bound.argmax()
        # What is printed is the belief given the labels that are here.
        first, spread = by_hand(told(study), [])
        item = bound.argmax()
        found = question.mean, question.std
        np.testing.assert_allclose(found, (first[item], spread[item, item] ** 0.5), rtol=2e-6)
        flying.append(int(item))
    without = by_hand(told(study), [])
    bound = without[0] + 1.5 * np.sqrt(np.diag(without[1]))
    bound[[item for item, _ in told(study)]] = -np.inf
    bound[29] = -np.inf
    assert np.argsort(-bound)[:5].tolist() != flying  # it does matter what is in flight
    posterior = study.posterior()
    np.testing.assert_allclose(posterior.mean, without[0], rtol=2e-6)
    np.testing.assert_allclose(posterior.std, np.sqrt(np.diag(without[1])), rtol=2e-6)


@pytest.mark.parametrize("budget", [10, 14, 20])
def test_the_chance_to_be_among_the_best(study: Any, budget: int) -> None:
    """Against joint draws of all items, by the covariance by hand; as many as labels are to come."""
    study.budget = budget
    questions = study.ask(4)
    count = budget - 6  # five labels and one that failed are spent
    mean, covariance = by_hand(told(study), [])
    draws = np.random.default_rng(0).multivariate_normal(mean, covariance, 40_000, method="eigh")
    place = (-draws).argsort(1).argsort(1)
    for one in questions:
        truth = (place[:, int(one.id) - 1] < count).mean()
        assert abs(one.chance - truth) < 4 * np.sqrt(truth * (1 - truth) / 2000) + 0.005
