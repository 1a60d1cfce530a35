"""A study of a pool as terminal and page show it: what was found, what is believed, what is left.

All labels and beliefs are in the unit of the file, and with its sign.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ...envs.core import spelt
from ...envs.core.files import write, writing_to
from ...envs.rendering import palette
from ...envs.rendering.picture import projection
from ...studies.pool_study import PoolStudy, Posterior
from ...studies.sheet import told
from ...studies.status import Status
from . import page
from .leaderboard import PAPERS
from .view import colours_on
from .words import number, with_error

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


def top(study: PoolStudy, posterior: Posterior, count: int = TOP) -> NDArray[np.int64]:
    """Return the numbers of the items that are believed to be best, those that may be chosen or were."""
    sign = -1.0 if study.minimise else 1.0
    out = np.array([study.status[name] in OUT for name in posterior.ids])
    order = np.argsort(np.where(out, np.inf, -sign * posterior.mean), kind="stable")
    return order[: min(count, len(order) - int(out.sum()))]


OUT = Status.FAILED, Status.WITHDRAWN


def belief(mean: float, std: float) -> str:
    """Return mean ± standard deviation, or the mean alone where nothing is open."""
    return with_error(mean, std) if std > 1e-9 * max(1.0, abs(mean)) else number(mean)


# ---- the page


def write_page(study: PoolStudy, path: Path, name: str) -> None:
    """Write the page of a study: one file that loads nothing.

    Args:
        study: The study.
        path: The page.
        name: How the table is called.

    Raises:
        InputError: The file cannot be written.
    """
    with writing_to(path.parent, "a page"):
        write(path, _page(study, name))


def _page(study: PoolStudy, name: str) -> str:
    posterior, found = study.posterior(), course(study)
    best = top(study, posterior)
    style = page.style("study.css", papers=PAPERS, colours_on=colours_on)
    code = page.script("draw.js", "theme.js", "study.js")
    data = {
        "target": spelt(study.target),
        "minimise": study.minimise,
        "scale": palette.SCALE,
        "course": [
            {"id": one.id, "value": one.label, "best": one.best, "text": number(one.label)}
            for one in found
        ],
        "best": [_believed(study, posterior, i) for i in best.tolist()],
        "map": _map(study, posterior),
    }
    return page.render(
        "study.html.j2",
        title=f"{study.target} of {name}",
        lead=lead(study, found),
        facts=facts(study, name),
        tables=[_flying(study, posterior), _best(study, posterior, best), _labels(study, found)],
        data=_json(data),
        style=style,
        script=code,
        hashes={"style": page.digest(style), "script": page.digest(code)},
    )


def _json(data: Any) -> Markup:
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
    return f"{which} {study.target} so far: {number(best.label)}{unit}, by {best.id} ({values})."


def facts(study: PoolStudy, name: str) -> list[tuple[str, str]]:
    """Return where a study stands, by name."""
    states = list(study.status.values())
    parts = {
        "labels told": len(study.arrived),
        "in flight": states.count(Status.FLYING),
        "failed": states.count(Status.FAILED),
        "withdrawn": states.count(Status.WITHDRAWN),
    }
    counts = ", ".join(f"{count} {what}" for what, count in parts.items() if count)
    return [
        ("table", name),
        ("target", f"{study.target}{f' in {study.unit}' if study.unit else ''}, "
                   f"{'less' if study.minimise else 'more'} is better"),
        ("items", f"{len(states):,}"),
        ("labels", f"{study.left} of {study.budget} left{f': {counts}' if counts else ''}"),
        ("agent", study.agent),
        ("journal", "in memory" if study.journal.path is None else study.journal.path.name),
        ("last hash", study.journal.head),
    ]  # fmt: skip


def _believed(study: PoolStudy, posterior: Posterior, item: int) -> dict[str, Any]:
    name, mean, std = posterior.ids[item], posterior.mean[item], posterior.std[item]
    labels = study.labels.get(name, [])
    text = f"{belief(mean, std)}{f', label {_several(labels)}' if labels else ''}"
    return {"id": spelt(name), "mean": mean, "sd": std, "labels": labels, "text": text}


def _several(labels: list[float]) -> str:
    return ", ".join(map(number, labels))


def _map(study: PoolStudy, posterior: Posterior) -> dict[str, Any]:
    """Return the items in the plane of the first two principal components of their features."""
    state = np.array([study.status[name] for name in posterior.ids])
    state[state == Status.WITHDRAWN] = Status.FREE
    free = (state == Status.FREE).nonzero()[0]
    some = free[np.unique(np.linspace(0, max(len(free) - 1, 0), MOST_POINTS).round().astype(int))[: len(free)]]
    shown = np.sort(np.concatenate([some, (state != Status.FREE).nonzero()[0]]))
    x = study.features[shown].astype(np.float64)
    x = (x - x.mean(0)) / np.where(np.ptp(x, axis=0) > 0, x.std(0), 1.0)
    flat = projection(x, np.arange(len(x)))[0].round(4)
    values = study.values([posterior.ids[i] for i in shown.tolist()])
    points = [
        [*flat[k].tolist(), round(float(posterior.mean[i]), 6), int(state[i]), spelt(posterior.ids[i]),
         f"{spelt(told(values[k]))}: {belief(posterior.mean[i], posterior.std[i])}"]
        for k, i in enumerate(shown.tolist())
    ]  # fmt: skip
    ends = [float(posterior.mean[shown].min()), float(posterior.mean[shown].max())]
    words = (
        f"Every dot is an item{'' if len(some) == len(free) else f' ({len(some):,} of those not asked)'}, "
        "its colour what is believed of it; items with alike features lie close to each other (the first "
        "two principal components). Hold the mouse over one for what it is."
    )
    return {"points": points, "ends": ends, "words": words}


# ---- its tables


def _table(title: str, empty: str, columns: list[str], rows: list[list[str]]) -> dict[str, Any]:
    numbers = ["labels", "label", "mean ± sd", "best so far", "no."]
    more = f"The first {MOST_ROWS:,} of {len(rows):,}." if len(rows) > MOST_ROWS else ""
    return {
        "title": title,
        "empty": empty,
        "columns": columns,
        "rows": rows[:MOST_ROWS],
        "left": [name for name in columns if name not in numbers],
        "more": more,
    }


def _cells(study: PoolStudy, names: list[str]) -> list[list[str]]:
    from ...studies.sheet import cell

    return [[cell(one) for one in values.values()] for values in study.values(names)]


def _flying(study: PoolStudy, posterior: Posterior) -> dict[str, Any]:
    place = {name: i for i, name in enumerate(posterior.ids)}
    names = [name for name, state in study.status.items() if state == Status.FLYING]
    rows = [
        [name, *cells, belief(posterior.mean[place[name]], posterior.std[place[name]])]
        for name, cells in zip(names, _cells(study, names), strict=True)
    ]
    columns = ["id", *study.columns, "mean ± sd"]
    return _table("In flight", "Nothing is in flight.", columns, rows)


def _best(study: PoolStudy, posterior: Posterior, best: NDArray[np.int64]) -> dict[str, Any]:
    names = [posterior.ids[i] for i in best.tolist()]
    rows = [
        [name, *cells, study.status[name].word, _several(study.labels.get(name, [])),
         belief(posterior.mean[i], posterior.std[i])]
        for name, i, cells in zip(names, best.tolist(), _cells(study, names), strict=True)
    ]  # fmt: skip
    columns = ["id", *study.columns, "state", "labels", "mean ± sd"]
    return _table("Believed to be best", "Nothing is left.", columns, rows)


def _labels(study: PoolStudy, found: list[Found]) -> dict[str, Any]:
    rows = [
        [str(i), one.id, *cells, number(one.label), number(one.best)]
        for i, (one, cells) in enumerate(
            zip(found, _cells(study, [one.id for one in found]), strict=True), 1
        )
    ]
    columns = ["no.", "id", *study.columns, "label", "best so far"]
    return _table("All labels", "No label yet.", columns, rows)
