"""The robot physicist again: its toy and the physics behind it, from exact posteriors.

Source: M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017, slides), and its public
successor https://github.com/cranmer/active_sciencing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ....envs.core.checks import integer
from ....envs.design.information import Exact
from ....envs.design.weinberg import Weinberg
from ....envs.design.weinberg_toy import WeinbergToy
from ....envs.rendering.palette import BLUE, GREEN, GREY, ORANGE
from ...suites.task import Suite, Task
from ..figures import common_key, points, subplots
from ..playing import Records, play_suites
from ..report import Section, Words, rows_of, write_report
from .benchmarks import Estimate
from .episode import CURVES, Episode, at_prior, draw_rounds, other_settings, play_rounds
from .twins import twins

WORDS = Words(Path(__file__).with_suffix(".md"))
ROUNDS = 4
"""Experiments of an episode, as in the original."""
LUMINOSITY = 0.5
"""Integrated luminosity of an experiment, pb^-1."""
ENERGIES = np.union1d(np.arange(30.0, 201.0, 2.0), 91.19)
"""Beam energies sqrt(s) to choose from without polarisation, GeV."""
FEWER = np.unique([*np.arange(30.0, 201.0, 10.0), *np.arange(84.0, 99.0), 91.19])
BEAMS = ((-0.8, 0.3), (0.0, 0.0), (0.8, -0.3))
"""Polarisations of electrons and positrons to choose from, with the energies `FEWER`."""
POLARISED = {"settings": [[float(energy), *beams] for energy in FEWER for beams in BEAMS]}
UNPOLARISED = {"settings": [[float(energy), 0.0, 0.0] for energy in ENERGIES]}

AGENTS = {
    "random": "random",
    "Bayesian optimisation": "bayes_opt_eig(start=2, calls=10)",
    "greedy": "greedy_eig",
}
COLOURS = {"random": GREY, "Bayesian optimisation": ORANGE, "greedy": BLUE}

FIXED = {"luminosity": LUMINOSITY}
INFORMS = "The number of events informs, too."
TASKS = tuple(
    Task(
        name=name,
        about=about,
        env_id=f"discovery/{env}-v0",
        env_kwargs={"horizon": ROUNDS, **env_kwargs},
        agents=AGENTS,
    )
    for env, name, about, env_kwargs in (
        ("WeinbergToy", "toy, 20 events", "The original's experiment.", {"num_events": 20}),
        ("WeinbergToy", "toy, 1000 events", "What it assumed.", {"num_events": 1000}),
        ("Weinberg", "physics, 1000 events", "Beams without polarisation.", UNPOLARISED),
        ("Weinberg", "physics, 1000 events, polarised", "Polarised beams, either way.", POLARISED),
        ("Weinberg", "physics, 0.5 pb^-1", INFORMS, FIXED | UNPOLARISED),
        ("Weinberg", "physics, 0.5 pb^-1, polarised", INFORMS, FIXED | POLARISED),
    )
)

PHIS = (40, 42, 44, 45, 46, 48, 50)
TOY = {20: (0.50, 0.21, 0.02, 0, 0.02, 0.20, 0.50), 1000: (2.13, 1.58, 0.61, 0, 0.65, 1.59, 2.14)}
"""Expected information of the toy at `PHIS`, nats, computed without this package."""

SQRT_S = (34, 60, 80, 85, 90, 91.19, 100, 200)
PHYSICS = {
    (None, 0.0): (0.10, 0.74, 1.65, 1.60, 1.34, 1.25, 0.94, 1.00),
    (None, -0.8): (0.40, 1.53, 1.87, 1.92, 1.86, 1.78, 0.56, 1.40),
    (LUMINOSITY, 0.0): (0.01, 0.03, 0.53, 0.88, 2.06, 2.43, 0.69, 0.02),
    (LUMINOSITY, -0.8): (0.03, 0.18, 0.67, 1.26, 2.61, 2.90, 1.18, 0.07),
}
"""The same at `SQRT_S`, by luminosity and P_minus, with a standard error of about 0.02."""


def robot_physicist(
    out: Path, *, episodes: int = 64, seed: int = 2017, workers: int | None = None
) -> list[Path]:
    """Write the report: totals of some episodes of each agent, pictures of the first one."""
    suite = Suite(
        name="robot-physicist",
        version=1,
        about="the toy of the robot physicist, and the physics behind it",
        episodes=integer("episodes", episodes, low=2, high=100_000),
        tasks=TASKS,
        seed=integer("seed", seed, low=0),
    )
    records = play_suites([suite], out, workers)
    shown = {
        task.name: [play_rounds(task, name, seed) for name in AGENTS if name != "random"]
        for task in TASKS[:4]
    }
    sections = [
        WORDS.section("original"),
        _toy_information(seed),
        *(_rounds(task.name, shown[task.name]) for task in TASKS[:2]),
        _physics_information(seed),
        twins(WORDS),
        *(_rounds(task.name, shown[task.name]) for task in TASKS[2:4]),
        _totals(records),
        _times(records, seed),
    ]
    return write_report(out, WORDS.title, _abstract(records), sections)


def _abstract(records: Records) -> list[str]:
    toy, physics = (records[TASKS[i].name]["greedy"] for i in (0, 3))
    return WORDS.abstract(
        toy=toy.returns.mean(),
        physics=physics.returns.mean(),
        milliseconds=1e3 * toy.seconds_per_decision,
    )


# ---- expected information


def _toy_information(seed: int) -> Section:
    random, rows = np.random.default_rng(seed), list[dict[str, Any]]()
    figure, axes = subplots(7.0, 3.6)
    for events, colour in ((1000, BLUE), (20, ORANGE)):
        model = WeinbergToy(num_events=events)
        phi = model.evenly(101)
        curve = _information(model, phi, random)
        axes.plot(phi[:, 0], curve["EIG, nats"], color=colour, label=f"{events} events")
        axes.plot(PHIS, TOY[events], "o", color=colour, fillstyle="none", label="reference")
        found = _information(model, np.array(PHIS, float)[:, None], random)
        columns = {"phi, GeV": PHIS, **found, "reference": TOY[events]}
        rows += rows_of(columns, {"events": events})
    phi, guess = _as_the_original(random)
    axes.plot(phi, guess, "x", color=GREY, markersize=5, label="as the original estimated it")
    axes.set(xlabel="beam energy phi, GeV", ylabel="expected information, nats", ylim=(-0.15, None))
    axes.legend(loc="upper center")
    files = {"toy_information": rows}
    return WORDS.section("toy_information", figure=figure, files=files, worst=_worst(rows))


def _information(model: Any, settings: Any, random: np.random.Generator) -> dict[str, Any]:
    """Return the expected information of settings under the prior and its standard errors."""
    gain, error = CURVES(model, at_prior(model, 1), settings, random)
    return {"EIG, nats": gain[0], "standard error": error[0]}


def _as_the_original(random: np.random.Generator) -> tuple[Any, Any]:
    """Return settings and, for each, the mean drop in entropy of four simulated experiments."""
    model, runs = WeinbergToy(num_events=1000), 4
    settings = model.evenly(21)
    where = np.repeat(settings, runs, axis=0)
    posterior = at_prior(model, len(where))
    before = posterior.entropy.copy()
    data = model.sample(np.ones((len(where), 1)), where, random)
    posterior.update(data, where, [random] * len(where))
    drop = (before - posterior.entropy).reshape(-1, runs).mean(1)
    return settings[:, 0], drop


def _physics_information(seed: int) -> Section:
    random, rows = np.random.default_rng(seed), list[dict[str, Any]]()
    figure, panels = subplots(8.6, 3.6, 1, 2, sharey=True)
    energies = np.unique([*np.arange(30, 201, 5.0), *np.arange(80, 103, 1.5), 91.19])
    for axes, luminosity in zip(panels, (None, LUMINOSITY), strict=True):
        sample = "1000 events" if luminosity is None else f"{luminosity:g} pb⁻¹"
        for minus, colour in ((0.0, BLUE), (-0.8, GREEN)):
            model, known = Weinberg(luminosity=luminosity), PHYSICS[luminosity, minus]
            curve = _information(model, _settings(energies, minus), random)
            axes.plot(energies, curve["EIG, nats"], color=colour, label=f"P_minus = {minus:g}")
            axes.plot(SQRT_S, known, "o", color=colour, fillstyle="none")
            found = _information(model, _settings(SQRT_S, minus), random)
            columns = {"sqrt(s), GeV": SQRT_S, **found, "reference": known}
            rows += rows_of(columns, {"sample": sample, "P_minus": minus})
        axes.set_title(sample, loc="left")
        axes.set_xlabel("sqrt(s), GeV")
    panels[0].set_ylabel("expected information, nats")
    panels[0].legend(loc="lower right")
    files = {"physics_information": rows}
    return WORDS.section("physics_information", figure=figure, files=files, worst=_worst(rows))


def _settings(energies: Iterable[float], minus: float) -> Any:
    return np.array([(energy, minus, 0.0) for energy in energies])


def _worst(rows: Sequence[dict[str, Any]]) -> float:
    return max(abs(row["EIG, nats"] - row["reference"]) for row in rows)


# ---- episodes


def _rounds(task: str, episodes: Sequence[Episode]) -> Section:
    figure, panels = subplots(8.6, 5.6, 2, len(episodes), sharey="row", sharex="row")
    for column, one in zip(panels.T, episodes, strict=True):
        draw_rounds(column, one)
    for axes in panels[:, 1:].flat:
        axes.set_ylabel("")
    panels[0, 0].set_ylim(0, 1.05 * max(one.posteriors.max() for one in episodes))
    panels[1, 0].set_ylim(0, 1.1 * max(one.curves.max() for one in episodes))
    common_key(figure, panels[0, 0], ROUNDS + 1)
    name = f"rounds_{'_'.join(task.replace(',', '').split())}"
    return WORDS.section(
        "rounds",
        name=name,
        figure=figure,
        tables={name: [row for one in episodes for row in one.rows()]},
        task=task,
        truth=episodes[0].truth,
        polarised=", at its best polarisation,"
        if len(other_settings(episodes[0].model)) > 1
        else "",
    )


def _totals(records: Records) -> Section:
    found = {
        task: {agent: Estimate.of(some[agent].returns) for agent in AGENTS}
        for task, some in records.items()
    }
    figure, axes = subplots(7.2, 3.2)
    height = np.arange(len(found))[::-1]
    for k, (agent, colour) in enumerate(COLOURS.items()):
        means = [some[agent].mean for some in found.values()]
        half = [2 * some[agent].error for some in found.values()]
        y = height + 0.15 * (1 - k)
        points(axes, means, y, xerr=half, size=5, cap=0, color=colour, label=agent)
    axes.set_yticks(height, [task.replace("^-1", "⁻¹") for task in found])
    axes.set(xlabel="information of four experiments, nats", xlim=(0, None))
    common_key(figure, axes, len(AGENTS))
    rows = [{"task": task} | {a: str(some[a]) for a in AGENTS} for task, some in found.items()]
    count = len(next(iter(records.values()))["random"].returns)
    return WORDS.section("totals", figure=figure, tables={"totals": rows}, episodes=count)


def _times(records: Records, seed: int) -> Section:
    random, model = np.random.default_rng(seed), WeinbergToy(num_events=1000)
    posterior, settings = at_prior(model, 1), model.evenly(50)
    began = perf_counter()
    error = float(Exact()(model, posterior, settings, random)[1].max())
    spent = perf_counter() - began
    rows = [
        {"milliseconds per decision": task}
        | {agent: _milliseconds(some[agent].seconds_per_decision) for agent in AGENTS}
        for task, some in records.items()
    ]
    return WORDS.section("times", tables={"times": rows}, error=error, milliseconds=1e3 * spent)


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.0f}" if seconds > 0.01 else f"{1e3 * seconds:.2g}"
