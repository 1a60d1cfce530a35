"""The twin solution of the weak mixing angle, and what tells it from the truth.

The shape of cos(theta) is fixed by the asymmetry alone. Without polarisation it is nearly even in
s_W^2 - 1/4, so that each value has a twin of the same asymmetry at the same energy.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from scipy.optimize import brentq

from ....envs.core.arrays import Array
from ....envs.design.electroweak import SIN2
from ....envs.design.weinberg import Weinberg
from ....envs.rendering.palette import BLUE, DARK, GREEN, GREY, ORANGE, PINK, SKY
from ..figures import subplots
from ..report import Section, Words

EVENTS = 1000
ENERGIES = (34.0, 60.0, 70.0, 80.0, 88.0, 90.0, 91.1876, 92.0, 94.0, 100.0, 150.0, 200.0)
MODEL = Weinberg(num_events=EVENTS)
NODES = np.linspace(0.15, 0.35, 2001)
EXPERIMENTS: dict[str, list[tuple[float, float, float]]] = {
    "80 GeV": [(80.0, 0.0, EVENTS)],
    "80 and 100 GeV": [(80.0, 0.0, EVENTS / 2), (100.0, 0.0, EVENTS / 2)],
    "80 GeV, P_minus = ∓0.8": [(80.0, -0.8, EVENTS / 2), (80.0, 0.8, EVENTS / 2)],
    "88 GeV, P_minus = −0.8": [(88.0, -0.8, EVENTS)],
}
"""Ways to spend as many events: sqrt(s) in GeV, P_minus and events of each experiment."""
COLOURS = (BLUE, SKY, PINK, GREEN)
CURVES = ((80.0, 0.0, BLUE), (91.19, 0.0, ORANGE), (150.0, 0.0, PINK), (88.0, -0.8, GREEN))
"""sqrt(s) in GeV, P_minus and the colour of their asymmetry."""


def asymmetry(sin2: Array | float, energy: float, minus: float = 0.0) -> Array:
    """Return the asymmetry at values of s_W^2, ``(G,)``."""
    setting = np.array([[energy, minus, 0.0]])
    return MODEL.asymmetry(np.atleast_1d(sin2)[:, None], setting)[0]


def twin(energy: float, minus: float = 0.0) -> float | None:
    """Return the other value of s_W^2 up to 0.35 with the asymmetry of the real one, or None."""
    truth = asymmetry(SIN2, energy, minus)[0]
    apart = asymmetry(NODES, energy, minus) - truth
    away = np.abs(NODES[:-1] - SIN2) > 2e-3
    change = (np.sign(apart[:-1]) != np.sign(apart[1:])) & away
    if not change.any():
        return None
    i = int(change.argmax())
    root = brentq(lambda x: asymmetry(x, energy, minus)[0] - truth, NODES[i], NODES[i + 1])
    return float(root)


def posterior(experiments: list[tuple[float, float, float]]) -> Array:
    """Return the density on `NODES` after data that are just what is expected.

    Args:
        experiments: sqrt(s), P_minus and number of events of each.
    """
    settings = np.array([[energy, minus, 0.0] for energy, minus, _ in experiments])
    truth = MODEL.asymmetry(np.array([[SIN2]]), settings)[:, 0]
    data = MODEL.probabilities(truth) * np.array([count for *_, count in experiments])[:, None]
    logs = MODEL.log_likelihood(data, NODES[:, None], settings).sum(0)
    law = np.exp(logs - logs.max())
    return np.asarray(law / (law.sum() * (NODES[1] - NODES[0])))


def wrong(experiments: list[tuple[float, float, float]]) -> float:
    """Return the probability that such data leave to values beyond 1/4, the twin's side."""
    return float(posterior(experiments)[NODES > 0.25].sum() * (NODES[1] - NODES[0]))


def twins(words: Words) -> Section:
    """Return the section of the report."""
    figure, (left, middle, right) = subplots(9.6, 4.2, 1, 3)
    _asymmetries(left)
    _posteriors(middle)
    _sides(right)
    return words.section(
        "twins",
        figure=figure,
        tables={"twins": [_row(energy) for energy in ENERGIES]},
        truth=SIN2,
        events=EVENTS,
        twin_80=twin(80.0),
        twin_peak=twin(91.1876),
        twin_polarised=twin(80.0, -0.8),
        unpolarised=wrong([(88.0, 0.0, EVENTS)]),
        left={name: _share(experiments) for name, experiments in EXPERIMENTS.items()},
    )


def _share(experiments: list[tuple[float, float, float]]) -> str:
    share = wrong(experiments)
    return f"{share:.0%}" if share > 0.001 else "less than 0.1%"


def _row(energy: float) -> dict[str, float | None]:
    """Return the twin and what it keeps, without and with polarisation."""
    row: dict[str, float | None] = {
        "sqrt(s), GeV": energy,
        "A_FB": float(asymmetry(SIN2, energy)[0]),
    }
    for minus, name in ((0.0, "P_minus = 0"), (-0.8, "P_minus = −0.8")):
        other = twin(energy, minus)
        row[f"twin, {name}"] = None if other is None else round(other, 4)
        row[f"wrong side, {name}"] = round(wrong([(energy, minus, EVENTS)]), 4)
    return row


def _asymmetries(axes: Axes) -> None:
    for energy, minus, colour in CURVES:
        label = f"{energy:g} GeV" + (f", P_minus = {minus:g}" if minus else "")
        axes.plot(NODES, asymmetry(NODES, energy, minus), color=colour, label=label)
    level = asymmetry(SIN2, 80.0)[0]
    other = twin(80.0)
    assert other is not None
    axes.plot([SIN2, other], [level, level], ":", color=GREY, linewidth=1)
    axes.plot(SIN2, level, "o", color=BLUE, markersize=5)
    axes.plot(other, level, "o", color=BLUE, markersize=6, fillstyle="none")
    axes.axvline(SIN2, color=DARK, linestyle="--", linewidth=1)
    axes.set(xlabel="s_W²", ylabel="A_FB")
    _key(axes)


def _posteriors(axes: Axes) -> None:
    for (label, experiments), colour in zip(EXPERIMENTS.items(), COLOURS, strict=True):
        axes.plot(NODES, posterior(experiments), color=colour, label=label)
    axes.axvline(SIN2, color=DARK, linestyle="--", linewidth=1)
    axes.set(xlabel="s_W²", ylabel="posterior density", ylim=(0, None))
    _key(axes)


def _key(axes: Axes) -> None:
    """Put the key below, where it hides nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), fontsize=7.5)


def _sides(axes: Axes) -> None:
    energies = np.arange(30.0, 201.0, 1.0)
    for minus, colour in ((0.0, BLUE), (-0.8, GREEN), (0.8, ORANGE)):
        share = [wrong([(energy, minus, EVENTS)]) for energy in energies]
        axes.plot(energies, share, color=colour, label=f"P_minus = {minus:g}")
    axes.set(xlabel="sqrt(s), GeV", ylabel="probability of s_W² > 1/4", ylim=(0, None))
    _key(axes)
