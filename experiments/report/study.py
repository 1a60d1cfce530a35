"""A study of a pool as terminal and page show it: what was found, what is believed, what is left.

All labels and beliefs are in the unit of the file, and with its sign.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from ...envs.core import spelt
from ...envs.core.arrays import Whole
from ...envs.pools.status import Status
from ...envs.rendering import palette
from ...envs.rendering.picture import projection
from ...studies.answers import Posterior
from ...studies.pool_study import PoolStudy
from ...studies.sheet import cell, told
from . import page
from .words import number, with_error

if TYPE_CHECKING:
    from ...studies.design_study import DesignStudy

TOP = 12
"""Items that are shown of those that are believed to be best."""
MOST_POINTS = 1500
"""Items on the map that have not been asked for."""
MOST_ROWS = 2000
"""Rows of a table of the page."""


@dataclass(frozen=True)
class Found:
    """A label that has come, and the best one until then."""

    id: str
    label: float
    best: float


def course(study: PoolStudy) -> list[Found]:
    """Return the labels that count, in the order in which they came."""
    better = min if study.minimise else max
    found: list[Found] = []
    for name, label in study.arrived:
        found.append(Found(name, label, better(label, found[-1].best) if found else label))
    return found


def top(study: PoolStudy, posterior: Posterior, count: int = TOP) -> Whole:
    """Return the numbers of the items that are believed to be best, those that may be chosen or were."""
    sign = -1.0 if study.minimise else 1.0
    out = np.isin(states(study), OUT)
    order = np.argsort(np.where(out, np.inf, -sign * posterior.mean), kind="stable")
    return order[: min(count, len(order) - int(out.sum()))]


def states(study: PoolStudy) -> Whole:
    """Return the status of every item, ``(n,)``."""
    return np.array([*study.status.values()], np.int64)


OUT = Status.FAILED, Status.WITHDRAWN


def belief(mean: float, std: float) -> str:
    """Return mean ± standard deviation, or the mean alone where nothing is open."""
    return with_error(mean, std) if std > 1e-9 * max(1.0, abs(mean)) else number(mean)


# ---- the page


def study_page(study: PoolStudy, name: str) -> str:
    """Return the page of a study of a table called ``name``: one file that loads nothing."""
    posterior, found = study.posterior(), course(study)
    best = top(study, posterior)
    data = {
        "target": spelt(study.target),
        "minimise": study.minimise,
        "scale": palette.SCALE,
        "course": [
            {"id": one.id, "value": one.label, "best": one.best, "text": cell(one.label)}
            for one in found
        ],
        "best": [_believed(study, posterior, i) for i in best.tolist()],
        "map": _map(study, posterior),
    }
    return page.whole(
        "study.html.j2",
        "study.css",
        ("draw.js", "theme.js", "figures.js", "study.js"),
        title=f"{study.target} of {name}",
        lead=lead(study, found),
        facts=facts(study, name),
        tables=reversed(tables(study)),
        data=as_json(data),
    )


def as_json(data: Any) -> Markup:
    """Return data for a script element: ASCII without a ``<``."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def lead(study: PoolStudy, found: list[Found]) -> str:
    """Return the best label so far, in a sentence."""
    if not found:
        return "No label has come yet."
    best = next(one for one in found if one.label == found[-1].best)
    values = told(study.values([best.id])[0])
    unit = f" {study.unit}" if study.unit else ""
    which = "Lowest" if study.minimise else "Highest"
    return f"{which} {study.target} so far: {cell(best.label)}{unit}, by {best.id} ({values})."


def facts(study: PoolStudy, name: str) -> list[list[str]]:
    """Return where a study stands, by name."""
    unit = f" in {study.unit}" if study.unit else ""
    return [
        ["table", name],
        ["target", f"{study.target}{unit}, {'less' if study.minimise else 'more'} is better"],
        ["items", f"{len(study.ids):,}"],
        ["labels", left(study, len(study.arrived))],
        ["agent", study.agent],
        *kept(study),
    ]


def left(study: PoolStudy | DesignStudy, told: int) -> str:
    """Return what is left of the budget of a study, and where the rest is; so much was told."""
    states = [*study.status.values()]
    parts = {"told": told}
    parts |= {one.word: states.count(one) for one in (Status.FLYING, *OUT)}
    counts = ", ".join(f"{number} {what}" for what, number in parts.items() if number)
    return f"{study.left} of {study.budget} left{f': {counts}' if counts else ''}"


def kept(study: PoolStudy | DesignStudy) -> list[list[str]]:
    """Return where a study is kept, and the hash of its last line."""
    path = study.journal.path
    name = "in memory" if path is None else path.name
    return [["journal", name], ["last hash", study.journal.head]]


def _believed(study: PoolStudy, posterior: Posterior, item: int) -> dict[str, Any]:
    name, mean, std = posterior.ids[item], float(posterior.mean[item]), float(posterior.std[item])
    labels = study.labels.get(name, [])
    text = belief(mean, std) + (f", label {', '.join(map(cell, labels))}" if labels else "")
    return {"id": spelt(name), "mean": mean, "sd": std, "labels": labels, "text": text}


def _map(study: PoolStudy, posterior: Posterior) -> dict[str, Any]:
    """Return the items in the plane of the first two principal components of their features."""
    state = states(study)
    state[state == Status.WITHDRAWN] = Status.FREE
    free, other = (state == Status.FREE).nonzero()[0], (state != Status.FREE).nonzero()[0]
    even = np.linspace(0, len(free) - 1, min(len(free), MOST_POINTS)).astype(np.int64)
    shown = np.sort(np.concatenate([free[even], other]))
    x = study.features[shown].astype(np.float64)
    x = (x - x.mean(0)) / np.where(np.ptp(x, axis=0) > 0, x.std(0), 1.0)
    flat = projection(x, np.arange(len(x)))[0].round(4).tolist()
    values = study.values([posterior.ids[i] for i in shown.tolist()])
    points = [
        [*place, float(posterior.mean[i]), int(state[i]), spelt(posterior.ids[i]),
         f"{spelt(told(one))}: {belief(posterior.mean[i], posterior.std[i])}"]
        for place, i, one in zip(flat, shown.tolist(), values, strict=True)
    ]  # fmt: skip
    some = "" if len(even) == len(free) else f" (of those not asked {len(even):,})"
    words = (
        f"Every dot is an item{some}, its colour what is believed of it. Items with alike features lie "
        "close to each other: the axes are the first two principal components. Hold the mouse over a "
        "dot for what it is."
    )
    ends = [float(posterior.mean[shown].min()), float(posterior.mean[shown].max())]
    return {"points": points, "ends": ends, "words": words}


# ---- its tables


@dataclass(frozen=True)
class Part:
    """A table of what a study holds.

    Args:
        title: What it shows.
        columns: The heads of its columns.
        rows: Its rows.
        empty: What is said in place of a table without rows.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    empty: str

    @property
    def left(self) -> list[str]:
        """The columns that are no numbers."""
        return [name for name in self.columns if name not in NUMBERS]

    @property
    def more(self) -> str:
        """What is said of rows that a page leaves out."""
        return (
            f"The last {MOST_ROWS:,} of {len(self.rows):,}." if len(self.rows) > MOST_ROWS else ""
        )

    def last(self, count: int = MOST_ROWS) -> list[list[str]]:
        """Return the last rows."""
        return self.rows[-count:]


NUMBERS = ("no.", "label", "labels", "mean ± sd", "best so far")


def tables(study: PoolStudy, count: int = TOP) -> list[Part]:
    """Return what has come, what failed, what is in flight, and what is believed to be best."""
    posterior, failed = study.posterior(), _items(study, ["why"], [*study.failures.items()])
    flying = [(one.id, belief(one.mean, one.std)) for one in study.flying()]
    return [
        _labels(study),
        Part("Failed", *failed, "Nothing failed."),
        Part("In flight", *_items(study, ["mean ± sd"], flying), "Nothing is in flight."),
        _best(study, posterior, top(study, posterior, count)),
    ]


def _items(
    study: PoolStudy, columns: list[str], told: Sequence[tuple[str, ...]]
) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows that tell of items: an id, then what is set, then what is told."""
    values = study.values([name for name, *_ in told])
    pairs = zip(told, values, strict=True)
    rows = [[name, *map(cell, one.values()), *rest] for (name, *rest), one in pairs]
    return ["id", *study.columns, *columns], rows


def _labels(study: PoolStudy) -> Part:
    told = [(one.id, cell(one.label), cell(one.best)) for one in course(study)]
    columns, rows = _items(study, ["label", "best so far"], told)
    rows = [[str(i), *row] for i, row in enumerate(rows, 1)]
    title = "Labels in the order in which they came"
    return Part(title, ["no.", *columns], rows, "No label yet.")


def _best(study: PoolStudy, posterior: Posterior, best: Whole) -> Part:
    status, labels, told = study.status, study.labels, list[tuple[str, ...]]()
    for i in best.tolist():
        name, believed = posterior.ids[i], belief(posterior.mean[i], posterior.std[i])
        several = ", ".join(map(cell, labels.get(name, [])))
        told.append((name, status[name].word, several, believed))
    items = _items(study, ["state", "labels", "mean ± sd"], told)
    return Part("Believed to be best", *items, "Nothing is left to choose.")
