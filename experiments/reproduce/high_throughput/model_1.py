"""Model 1: at least one success in a batch."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import binomtest

from ....envs.campaigns.binomial_discovery import BinomialDiscovery
from ..figures import (
    BLUE,
    GREEN,
    ORANGE,
    Section,
    Table,
    new_figure,
)
from ..simulation import Simulation
from .common import EPOCHS, PROBS


def success_probability(simulation: Simulation, episodes: int) -> Section:
    """Return the probability that a batch holds a success, against its size."""
    name, model = "1_success_probability", BinomialDiscovery(success_probs=PROBS)
    sizes = (1, 10, 25, 50, 75, 100, 125, 150, 175, 200)
    copies = math.ceil(episodes / EPOCHS)
    actions = np.repeat(np.arange(len(PROBS) * len(sizes)), copies)
    run = simulation.run(
        "BinomialDiscovery",
        len(actions),
        success_probs=PROBS,
        batch_sizes=sizes,
        objective="count",
        horizon=EPOCHS,
    )
    # An epoch costs 1 and pays 1 for each success.
    found = np.array([run.env.step(actions)[1] > -1 for _ in range(EPOCHS)])
    shape = len(PROBS), len(sizes), copies
    hits, batches = found.sum(0).reshape(shape).sum(-1), copies * EPOCHS
    figure = new_figure()
    axes = figure.subplots()
    every = np.arange(1, 201)
    rows = []
    for machine, (prob, colour) in enumerate(zip(PROBS, (BLUE, ORANGE, GREEN), strict=True)):
        truth = [model.success_probability(n, machine) for n in every.tolist()]
        axes.plot(every, truth, color=colour, label=f"p = {100 * prob:g}%")
        intervals = [
            binomtest(int(k), batches).proportion_ci(method="wilson") for k in hits[machine]
        ]
        shares = hits[machine] / batches
        low, high = np.array([(i.low, i.high) for i in intervals]).T
        reach = np.maximum([shares - low, high - shares], 0.0)
        axes.errorbar(sizes, shares, reach, fmt="o", color=colour, markersize=3.5, capsize=2.5)
        for i, n in enumerate(sizes):
            exact = truth[n - 1]
            error = math.sqrt(exact * (1 - exact) / batches)
            setting = f"p={prob:g}, N={n}"
            simulation.check(name, run, setting, "P(success)", exact, shares[i], error, batches)
            rows.append((prob, n, exact, float(shares[i]), float(low[i]), float(high[i]), batches))
    axes.set(xlabel="batch size N (experiments)", ylabel="P(at least one success)", ylim=(0, 1.03))
    axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
    columns = ("p", "N", "exact", "simulated", "95% low", "95% high", "batches")
    return Section(
        title="Model 1: at least one success",
        text=(
            (
                "A batch of N experiments, each a success with probability p, holds at least one "
                "success with probability 1 − (1 − p)^N."
            ),
            (
                "Doubling p helps more than doubling N, as the post says, but only just: (1 − "
                "2p)^N is below (1 − p)^(2N) by the factor (1 − p²/(1 − p)²)^N. For p = 1% and N "
                "= 100 the probabilities of success are "
                f"{-math.expm1(100 * math.log1p(-0.02)):.4f} and "
                f"{-math.expm1(200 * math.log1p(-0.01)):.4f}. While p is small, only N·p matters."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Probability that a batch succeeds. Lines: 1 − (1 − p)^N. Points: simulated, "
            f"{batches:,} batches each ({copies:,} episodes of {EPOCHS} epochs, first seed "
            f"{run.seed}), with 95% (Wilson) intervals. {simulation.largest(name)}"
        ),
        tables=(Table(name=name, columns=columns, rows=rows, shown=False),),
    )
