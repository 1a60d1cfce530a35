"""Every figure and table of the source of the three campaigns, from the exact laws.

Source: J. Schrier, "Three mathematical models for machine learning and high-throughput
experimentation" (2023). The curves are the exact laws that the models know, the points a simulation
of the registered environments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ....envs.core.checks import integer
from ..report import Section, write_report
from . import model_1, model_2, model_3
from .break_even import break_even
from .campaigns import SCORE, Simulation
from .common import GAUSS, LADDER, SLOW_LADDER, WORDS, cost, gain
from .switch import case, switch


def high_throughput(out: Path, *, episodes: int = 10_000, seed: int = 2023) -> list[Path]:
    """Write the report; some slow histograms and points take fewer episodes, as the captions say."""
    episodes = integer("episodes", episodes, low=100, high=100_000)
    simulation = Simulation(seed=integer("seed", seed, low=0))
    gauss = {n: simulation.arrivals("GaussianStep", episodes, n) for n in (1, 96)}
    ladder = {n: simulation.arrivals("KnowledgeLadder", episodes, n) for n in model_3.SIZES}
    slow = {
        n: simulation.arrivals("KnowledgeLadder", episodes // 25, n, target=99, p_scale=1e4)
        for n in model_3.POST_TABLE
    }
    sections = [
        model_1.success_probability(simulation, episodes),
        model_2.gaussian_epochs(simulation, gauss),
        model_2.improvement_by_size(simulation, episodes),
        model_2.improvement_by_boldness(simulation, episodes),
        model_2.improvement_contour(simulation, episodes),
        model_3.ladder_epochs(simulation, ladder, slow),
        model_3.ladder_histograms(simulation, ladder),
        model_3.first_passage(simulation, ladder),
        break_even(simulation, gauss, ladder, slow, episodes),
        switch(simulation, episodes),
        _claims(),
        _method(simulation, episodes),
    ]
    return write_report(out, WORDS.title, WORDS.abstract(noisy=case(0.05), **_ratios()), sections)


def _ratios() -> dict[str, Any]:
    """Return how slow a batch may be, and what it costs in experiments."""
    ratios: dict[str, Any] = {}
    models = {"gauss": GAUSS, "ladder": LADDER, "from_one": model_3.FROM_ONE, "slow": SLOW_LADDER}
    for name, model in models.items():
        size = 96 if name == "gauss" else 128
        ratios |= {f"{name}_gain": gain(model, size), f"{name}_cost": cost(model, size)}
    return ratios


def _claims() -> Section:
    one, many = GAUSS.mean_epochs(1), GAUSS.mean_epochs(96)
    return WORDS.section(
        "claims",
        one=one,
        many=many,
        one_counted=one + 1,
        many_counted=many + 1,
        counted_gain=(one + 1) / (many + 1),
        experiments=96 * many,
        fast_from_zero=model_3.brute_force(1, 100.0),
        slow_from_zero=model_3.brute_force(128, 1e4),
        ladder_mean=LADDER.mean_epochs(128),
        exactly_100=LADDER.epochs_distribution(128).pmf(100),
        more=cost(SLOW_LADDER, 128) - 1,
        slip=128 * 468 / 51773 - 1,
        noisy_first=case(0.05).gain,
        **_ratios(),
    )


def _method(simulation: Simulation, episodes: int) -> Section:
    scores = np.abs([row[SCORE] for row in simulation.checks])
    return WORDS.section(
        "method",
        files={"simulations": simulation.checks},
        runs=simulation.runs,
        episodes=episodes,
        comparisons=len(scores),
        beyond=np.mean(scores > 2),
        most=scores.max(),
    )
