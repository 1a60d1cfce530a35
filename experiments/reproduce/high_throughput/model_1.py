"""Model 1: at least one success in a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import binomtest

from ....envs.campaigns.binomial_discovery import BinomialDiscovery
from ....envs.core.arrays import Whole
from ....envs.rendering.palette import BLUE, GREEN, ORANGE
from ..figures import points, subplots
from ..report import Section
from .campaigns import Run, Simulation
from .common import EPOCHS, PROBS, WORDS

NAME = "1_success_probability"
MODEL = BinomialDiscovery(success_probs=PROBS)
SIZES = (1, 10, 25, 50, 75, 100, 125, 150, 175, 200)


def success_probability(simulation: Simulation, episodes: int) -> Section:
    """Return the probability that a batch holds a success, against its size."""
    copies = math.ceil(episodes / EPOCHS)
    run, hits = _simulate(simulation, copies)
    (figure, axes), rows = subplots(), []
    for machine, colour in enumerate((BLUE, ORANGE, GREEN)):
        compared = _compare(run, machine, hits[machine].tolist(), copies * EPOCHS)
        _draw(axes, machine, compared, colour)
        rows += compared
    axes.set(xlabel="batch size N (experiments)", ylabel="P(at least one success)", ylim=(0, 1.03))
    axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
    return WORDS.section(
        NAME,
        figure=figure,
        files={NAME: rows},
        twice_as_likely=-math.expm1(100 * math.log1p(-0.02)),
        twice_as_many=-math.expm1(200 * math.log1p(-0.01)),
        batches=copies * EPOCHS,
        copies=copies,
        epochs=EPOCHS,
        run=run,
        largest=simulation.largest(NAME),
    )


def _simulate(simulation: Simulation, copies: int) -> tuple[Run, Whole]:
    """Play copies of every probability and size; return how many batches succeeded, ``(P, S)``."""
    actions = np.repeat(np.arange(len(PROBS) * len(SIZES)), copies)
    run = simulation.run(
        "BinomialDiscovery",
        len(actions),
        success_probs=PROBS,
        batch_sizes=SIZES,
        objective="count",
        horizon=EPOCHS,
    )
    # An epoch costs 1 and pays 1 for each success.
    found = np.array([run.env.step(actions)[1] > -1 for _ in range(EPOCHS)])
    return run, found.sum(0).reshape(len(PROBS), len(SIZES), copies).sum(-1)


def _compare(run: Run, machine: int, hits: Sequence[int], batches: int) -> list[dict[str, Any]]:
    """Compare the share of batches with a success with the truth; return a row for each size."""
    rows = []
    for n, k in zip(SIZES, hits, strict=True):
        exact, share = MODEL.success_probability(n, machine), k / batches
        setting = f"p={PROBS[machine]:g}, N={n}"
        run.check_share(NAME, setting, "P(success)", exact, share, batches)
        interval = binomtest(k, batches).proportion_ci(method="wilson")
        rows.append(
            {
                "p": PROBS[machine],
                "N": n,
                "exact": exact,
                "simulated": share,
                "95% low": float(interval.low),
                "95% high": float(interval.high),
                "batches": batches,
            }
        )
    return rows


def _draw(axes: Axes, machine: int, rows: Sequence[dict[str, Any]], colour: str) -> None:
    every = range(1, 201)
    truth = [MODEL.success_probability(n, machine) for n in every]
    axes.plot(every, truth, color=colour, label=f"p = {100 * PROBS[machine]:g}%")
    shares, low, high = (
        np.array([row[column] for row in rows]) for column in ("simulated", "95% low", "95% high")
    )
    half = np.maximum([shares - low, high - shares], 0.0)
    points(axes, SIZES, shares, half, color=colour, size=3.5)
