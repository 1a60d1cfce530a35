"""What the sections of the report share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from ....envs.campaigns.gaussian_step import GaussianStep
from ....envs.campaigns.knowledge_ladder import KnowledgeLadder
from ....envs.core.arrays import Array
from ....envs.rendering.palette import BLUE, PALE, RED
from ..figures import plain_numbers
from ..report import Words, rows_of
from .campaigns import Arrivals

WORDS = Words(Path(__file__).with_name("report.md"))
GAUSS, LADDER = GaussianStep(), KnowledgeLadder()
SLOW_LADDER = KnowledgeLadder(target=99, p_scale=1e4)
"""The Markov chain of the source: its states are 1 to 100, so that the last rung is left out."""
PROBS = (0.001, 0.01, 0.1)
POWERS = tuple(2**k for k in range(17))
EPOCHS = 100  # of the campaigns whose epochs are looked at one by one


def gain(model: Any, size: int) -> float:
    """How slow a batch may be, in single experiments: mean epochs of 1 over mean epochs of N."""
    return float(model.mean_epochs(1) / model.mean_epochs(size))


def cost(model: Any, size: int) -> float:
    """Experiments of a campaign of batches over those of one at a time."""
    return size / gain(model, size)


def laws(model: Any, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Return the exact laws of the epochs and the diffusion's, a row per epoch."""
    rows = []
    for n in sizes:
        law, diffusion = model.epochs_distribution(n), model.diffusion_epochs(n)
        time = range(int(law.ppf(1e-6)), int(law.ppf(1 - 1e-6)) + 1)
        exact, density = law.pmf(time).tolist(), diffusion.pdf(time).tolist()
        columns = {"epochs": time, "exact probability": exact, "diffusion density": density}
        rows += rows_of(columns, {"N": n})
    return rows


def histogram(axes: Axes, model: Any, arrivals: Arrivals, width: int) -> Array:
    """Draw the exact law, the simulation and the diffusion; return the edges of the bins."""
    edges, density = arrivals.histogram(width)
    axes.bar(edges[:-1], density, width, align="edge", color=PALE, label="simulation")
    law = model.epochs_distribution(arrivals.batch_size)
    time = np.arange(edges[0] + 0.5, edges[-1] + 0.5)
    axes.plot(time, law.pmf(time), color=BLUE, linewidth=1.4, label="exact law")
    fine = np.linspace(edges[0], edges[-1], 400)
    density = model.diffusion_epochs(arrivals.batch_size).pdf(fine)
    axes.plot(fine, density, "--", color=RED, linewidth=1.1, label="diffusion")
    return edges


def log_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    """Put batch sizes on a logarithmic axis, labelled in full."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(plain_numbers())
