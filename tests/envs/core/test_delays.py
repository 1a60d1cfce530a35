"""Laws of delays against their formulas, and what is no law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from discovery_gym.envs.core import InputError
from discovery_gym.envs.core.delays import DelayLaw, delay_law, delays, loss_chance

UNIFORM = (np.arange(200_000) + 0.5) / 200_000


@pytest.mark.parametrize("r", [1.0, 0.5, 0.25, 0.01])
def test_geometric_delays(r: float) -> None:
    drawn = delays(delay_law("delay", ["geometric", r]), UNIFORM)
    chance = stats.geom.pmf(np.arange(1, 41), r)  # SciPy counts from 1
    assert np.abs(np.bincount(drawn, minlength=40)[:40] / len(UNIFORM) - chance).max() < 1e-5


@pytest.mark.parametrize(("median", "sigma"), [(3.0, 0.5), (0.5, 2.0), (3.0, 0.0)])
def test_log_normal_delays(median: float, sigma: float) -> None:
    drawn = delays(delay_law("delay", ("lognormal", median, sigma)), UNIFORM)
    if not sigma:
        assert (drawn == 3).all()
        return
    cdf = stats.lognorm(sigma, scale=median).cdf(np.arange(1, 20))  # below d + 1
    found = (drawn[:, None] < np.arange(1, 20)).mean(0)
    assert np.abs(found - cdf).max() < 1e-5


def test_a_number_of_steps_needs_no_number() -> None:
    assert (delays(delay_law("delay", 4.0), UNIFORM[:3]) == 4).all()


@pytest.mark.parametrize("law", [("geometric", 5e-324), ("lognormal", 1e4, 50.0)])
def test_draws_at_the_ends_are_integers(law: DelayLaw) -> None:
    drawn = delays(delay_law("delay", law), np.array([0.0, 1 - 2.0**-53]))
    assert drawn[0] == 0
    assert drawn[1] > 10**9


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "at least 0, got -1"),
        (10_001, "in 0..10000, got 10001"),
        ("geometric", '("geometric", r) or ("lognormal", median, sigma), got'),
        (("geometrc", 0.5), "did you mean 'geometric'?"),
        (("geometric", 0), "r of delay must be a finite number > 0 and <= 1, got 0"),
        (("geometric", 1.5), "r of delay must be a finite number > 0 and <= 1, got 1.5"),
        (("geometric", 0.5, 1), "must be a number of steps"),
        (("lognormal", 0, 1), "median of delay must be a finite number > 0"),
        (("lognormal", 1e5, 1), "<= 10000, got 100000.0"),
        (("lognormal", 3, -1), "sigma of delay must be a finite number >= 0"),
        (("lognormal", 3), "must be a number of steps"),
        ((), "must be a number of steps"),
        ([np.zeros(2), 0.5], "must be a number of steps"),
        (None, "must be an integer"),
    ],
)
def test_what_is_no_law_is_refused(value: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        delay_law("delay", value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("loss", [-0.1, 1, 1.5, "half", float("nan")])
def test_what_is_no_loss_is_refused(loss: Any) -> None:
    with pytest.raises(InputError, match="loss must be"):
        loss_chance("loss", loss)
