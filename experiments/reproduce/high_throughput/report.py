"""Every figure and table of the source of the three campaigns, from the exact laws.

Source: J. Schrier, "Three mathematical models for machine learning and high-throughput
experimentation" (2023). The curves are the exact laws that the models know; over them lies a
simulation of the registered environments.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....envs.campaigns.gaussian_step import GaussianStep
from ....envs.campaigns.knowledge_ladder import KnowledgeLadder
from ....envs.core.checks import integer
from .. import figures
from ..figures import Section, Table, write_report
from ..simulation import COLUMNS, Simulation
from .break_even import break_even
from .common import LADDER, SLOW_LADDER, cost, gain
from .model_1 import success_probability
from .model_2 import (
    gaussian_epochs,
    improvement_by_boldness,
    improvement_by_size,
    improvement_contour,
)
from .model_3 import brute_force, first_passage, ladder_epochs, ladder_histograms


def high_throughput(out: Path, *, episodes: int = 10_000, seed: int = 2023) -> list[Path]:
    """Write the report into the folder ``out``; return the files, `index.html` first.

    Args:
        out: An existing folder.
        episodes: Episodes (or batches) behind each histogram and each point; some slow ones take
            fewer, as the captions say.
        seed: Seed of the first episode.
    """
    episodes = integer("episodes", episodes, low=100, high=100_000)
    simulation = Simulation(seed=integer("seed", seed, low=0))
    with figures.style():
        gauss = {n: simulation.arrivals("GaussianStep", episodes, n) for n in (1, 96)}
        ladder = {n: simulation.arrivals("KnowledgeLadder", episodes, n) for n in LADDER}
        slow = {
            n: simulation.arrivals("KnowledgeLadder", episodes // 25, n, target=99, p_scale=1e4)
            for n in SLOW_LADDER
        }
        sections = [
            success_probability(simulation, episodes),
            gaussian_epochs(simulation, gauss),
            improvement_by_size(simulation, episodes),
            improvement_by_boldness(simulation, episodes),
            improvement_contour(simulation, episodes),
            ladder_epochs(simulation, ladder, slow),
            ladder_histograms(simulation, ladder),
            first_passage(simulation, ladder),
            break_even(simulation, gauss, ladder, slow, episodes),
            _claims(),
            _method(simulation, episodes),
        ]
        return write_report(out, TITLE, _abstract(), sections)


TITLE = "High-throughput experimentation: three models, their exact laws and a simulation"


def _abstract() -> list[str]:
    gauss, ladder = GaussianStep(), KnowledgeLadder()
    slow = KnowledgeLadder(target=99, p_scale=1e4)
    return [
        (
            "J. Schrier's “Three mathematical models for machine learning and high-throughput "
            "experimentation” (30 January 2023) asks what a batch of N experiments buys over one "
            "experiment at a time, and answers by Monte Carlo in Mathematica. Here every figure "
            "and table of the post is made again from exact laws, the environments of this "
            "package are simulated over them, and the question that the post leaves open is "
            "answered as a curve: how slow may a batch be before one-at-a-time wins?"
        ),
        (
            "In short. The laws confirm the post's numbers up to its habits of counting, but for "
            "two: the 418 and 382 epochs of model 3 are not what its code gives. A batch "
            f"of 96 may take up to {gain(gauss, 96):.2f} times as long as a single experiment in "
            f"model 2; a batch of 128 up to {gain(ladder, 128):.2f} times in model 3 and, when "
            f"success is a hundred times rarer, up to {gain(slow, 128):.0f} times. Experiments "
            f"are never saved by batches: these cost {cost(gauss, 96):.1f}, "
            f"{cost(ladder, 128):.1f} and {cost(slow, 128):.2f} times the experiments."
        ),
    ]


def _claims() -> Section:
    gauss, ladder, one = GaussianStep(), KnowledgeLadder(), KnowledgeLadder(start=1)
    chain = KnowledgeLadder(target=99, p_scale=1e4)
    g1, g96 = gauss.mean_epochs(1), gauss.mean_epochs(96)
    rows = [
        (
            "Model 2 takes ~250 epochs (N = 1) and ~42 (N = 96).",
            (
                f"{g1:.2f} and {g96:.2f}; counting the starting state, as the post does, "
                f"{g1 + 1:.2f} and {g96 + 1:.2f}."
            ),
        ),
        (
            "A batch of 96 may take ~6 times as long (250/42).",
            f"{g1 / g96:.2f}; the counted start lowers it to {(g1 + 1) / (g96 + 1):.2f}.",
        ),
        (
            "It consumes 4032 experiments, 16 times more.",
            f"{96 * g96:.0f} experiments, {cost(gauss, 96):.2f} times as many.",
        ),
        ("Model 3, N = 1: 418 epochs.", brute_force(1, 100.0)),
        (
            "N = 128 accelerates 4 times, at 30 times the experiments (128·100/418).",
            (
                f"From x = 1: {gain(one, 128):.2f} and {cost(one, 128):.1f}; from x = 0: "
                f"{gain(ladder, 128):.2f} and {cost(ladder, 128):.1f}."
            ),
        ),
        (
            "With N = 128 there is always a success and 100 iterations suffice.",
            (
                f"{ladder.mean_epochs(128):.2f} epochs in the mean; exactly 100 in "
                f"{ladder.epochs_distribution(128).pmf(100):.0%} of the campaigns."
            ),
        ),
        ("p_scale = 10,000, N = 128: 382 epochs.", brute_force(128, 1e4)),
        (
            "Table for p_scale = 10,000: 51773.8 … 261.619.",
            "All nine entries agree to all digits on the same chain (x from 0 to 99).",
        ),
        (
            "N = 128 reduces the epochs by a factor of 113.",
            f"{gain(chain, 128):.2f}.",
        ),
        (
            "It needs about 13% more experiments (128·468/51773).",
            (
                f"{cost(chain, 128) - 1:.1%} more: the 13% are right, the 468 is a slip for "
                f"458.8 (with 468 it would be {128 * 468 / 51773 - 1:.1%})."
            ),
        ),
        (
            "Improvement grows less than the logarithm of N.",
            "It does: like √(2 ln N).",
        ),
        (
            "Batch machinery must be much faster than serial work.",
            (
                "Per experiment, a batch must be faster than serial work by "
                f"{cost(gauss, 96):.1f} times (model 2, N = 96) and {cost(ladder, 128):.1f} "
                f"times (model 3, p_scale = 100, N = 128), but only by {cost(chain, 128):.2f} "
                "times for p_scale = 10,000."
            ),
        ),
    ]
    return Section(
        title="What the post says, and what the laws say",
        tables=(Table(name="claims", columns=("the post", "the exact laws"), rows=rows),),
    )


def _method(simulation: Simulation, episodes: int) -> Section:
    scores = np.array([row[7] for row in simulation.checks])
    return Section(
        title="How the simulation was run",
        text=(
            (
                f"{simulation.runs} simulations with `gym.make_vec`, stepped natively, with "
                f"{episodes:,} episodes or batches behind most points. Episode i of a simulation "
                "has the seed of its first episode plus i, so that each number can be made again "
                "alone."
            ),
            (
                f"Of {len(scores):,} comparisons with the truth, "
                f"{np.mean(np.abs(scores) > 2):.1%} lie beyond two standard errors (4.6% are "
                f"expected for normal errors) and the largest is {np.abs(scores).max():.2f}. "
                "Standard errors are exact where the law is known, and estimated for the "
                "improvements of a batch; many comparisons share their episodes, so that they are "
                "not independent."
            ),
        ),
        tables=(Table(name="simulations", columns=COLUMNS, rows=simulation.checks, shown=False),),
    )
