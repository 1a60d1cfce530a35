"""A study of a design as terminal and page show it: what is believed, what was learned, what fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.core import spelt
from ...envs.design.drawing import HistogramLaw
from ...envs.design.simulator_design import SimulatorDesign
from ...studies.course import Experiment
from ...studies.design_study import DesignStudy
from . import page
from .study import Part, as_json, kept, left
from .words import number, with_error

DOUBTFUL = 0.01
"""The p-value below which data are said not to look like the model's."""
MOST_PICTURES = 24
"""Histograms of a page."""


def verdict(study: DesignStudy) -> str | None:
    """Return in words whether the data look like those of the model; None without data."""
    p = study.misfit()
    if p is None:
        return None
    if p >= DOUBTFUL:
        return f"predictive check: p = {p:.2g}, the data look like the model's"
    whose = "your simulator's" if study.problem.runs else "the model's"
    coarse = study.episode.too_coarse()
    why = (
        f"or the grid of {', '.join(coarse)} is too coarse for so many data: raise grid_size"
        if coarse
        else "the posterior then means little; look at data against prediction in `show --page`"
    )
    return f"predictive check: p = {p:.2g}: your data do not look like {whose} at any parameters; {why}"


def beliefs(study: DesignStudy) -> list[list[str]]:
    """Return name, mean ± standard deviation and 95 % interval of every parameter."""
    return [
        [
            name,
            with_error(one.mean, one.std) if one.std > 0 else number(one.mean),
            f"{number(one.low)} to {number(one.high)}",
        ]
        for name, one in study.posterior().items()
    ]


BELIEFS = ["parameter", "mean ± sd", "95 % interval"]


def setting(values: Any) -> str:
    """Return a setting in words."""
    return ", ".join(f"{name}={value:.10g}" for name, value in values.items())


def learned(study: DesignStudy) -> list[float]:
    """Return the nats between the posterior and the one before, of every round."""
    return [float(one) for one in study.episode.history().divergence[1:]]


def events_of(study: DesignStudy, one: Experiment) -> str:
    """Return the data of an experiment in a cell."""
    if not one.outcome:
        return one.why
    model = study.model
    fails = isinstance(model, SimulatorDesign) and model.on_failure == "outcome"
    if fails and one.outcome[-1]:
        return "failed, which is an outcome"
    if isinstance(study.model, HistogramLaw):
        return f"{sum(one.outcome):,.0f} events"
    return ", ".join(number(value) for value in one.outcome[:4])


def facts(study: DesignStudy, name: str) -> list[list[str]]:
    """Return where a study stands, by name."""
    rows = [["problem", f"{name}: {study.model.name}"]]
    if study.problem.runs:
        rows.append(["runs", study.problem.runs])
    rows.append(["experiments", left(study, len(study.rounds))])
    p = verdict(study)
    rows += [["data", p]] if p else []
    return [*rows, ["agent", study.start["agent"]], *kept(study)]


def experiments(study: DesignStudy) -> Part:
    """Return all experiments."""
    gains = dict(zip((one.id for one in study.episode.rounds), learned(study), strict=True))
    rows = []
    for one in study.course.experiments.values():
        told = number(gains[one.id], 3) if one.id in gains else "–"
        hoped = number(one.information, 3)
        cells = [f"{value:.10g}" for value in study.values(one.id).values()]
        rows.append([one.id, *cells, one.status.word, events_of(study, one), hoped, told])
    knobs = [spelt(name) for name in study.model.knobs]
    columns = ["id", *knobs, "state", "data", "nats expected", "nats learned"]
    return Part("Experiments", columns, rows, "No experiment yet.")


# ---- the page


def study_page(study: DesignStudy, name: str) -> str:
    """Return the page of a study of a problem called ``name``: one file that loads nothing."""
    believed = Part("Parameters", BELIEFS, beliefs(study), "")
    lead = "; ".join(f"{one[0]} = {one[1]}" for one in believed.rows)
    return page.whole(
        "design.html.j2",
        "study.css",
        ("draw.js", "theme.js", "figures.js", "design.js"),
        title=f"{name}",
        lead=f"{verdict(study) or 'No data yet'}. {lead}",
        facts=facts(study, name),
        tables=[believed, experiments(study)],
        data=as_json(_data(study)),
    )


def _data(study: DesignStudy) -> dict[str, Any]:
    """Return what the pictures show."""
    history, rounds = study.episode.history(), study.episode.rounds
    total = np.append(0.0, history.divergence[1:].cumsum())
    return {
        "ids": [one.id for one in rounds],
        "total": total.tolist(),
        "expected": [one.information for one in rounds],
        "parameters": [
            {
                "name": spelt(name),
                "mean": history.mean[:, i].tolist(),
                "sd": history.std[:, i].tolist(),
            }
            for i, name in enumerate(study.model.unknown_parameters)
        ],
        "knobs": [
            {"name": spelt(name), "range": list(ends), "values": [one.setting[i] for one in rounds]}
            for i, (name, ends) in enumerate(study.model.knobs.items())
        ],
        "fits": _fits(study, rounds),
    }


def _fits(study: DesignStudy, rounds: list[Experiment]) -> list[dict[str, Any]]:
    """Return data with what the posterior expects of them."""
    some = rounds[-MOST_PICTURES:]
    expected = [study.episode.predicted(one) for one in some]
    names = [f"{one.id}: {setting(study.values(one.id))}" for one in some]
    words = "Rings are the data, whiskers what the posterior expects of them."
    if len(study.model.outcome_range[0]) > 1:
        return [
            {"title": name, "x": "bin", "words": words, "data": list(one.outcome),
             "mean": mean.tolist(), "sd": std.tolist()}
            for name, one, (mean, std) in zip(names, some, expected, strict=True)
        ]  # fmt: skip
    if not some:
        return []
    mean, std = (np.array([pair[i][0] for pair in expected]).tolist() for i in (0, 1))
    data = [one.outcome[0] for one in some]
    whole = {"title": "data", "x": "experiment", "words": words, "names": names}
    return [{**whole, "data": data, "mean": mean, "sd": std}]
