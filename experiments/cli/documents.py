"""What runs and studies are as JSON: `formats` says how, the guide what the keys mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...envs.pools.status import Status
from ..report.findings import findings
from ..report.stats import mean
from ..runs.evaluation import Evaluation
from ..runs.scores import scores
from . import formats

if TYPE_CHECKING:
    from ...studies.course import Experiment
    from ...studies.design_study import DesignStudy
    from ...studies.kept import KeptStudy
    from ...studies.pool_study import PoolStudy
    from ..report.strategies import Difference, Verdict
    from ..runs.record import Record


def _of(thing: Any, *names: str) -> dict[str, Any]:
    """Return what a thing has by some names."""
    return {name: getattr(thing, name) for name in names}


def evaluation(result: Evaluation, metrics: Sequence[str]) -> dict[str, Any]:
    """Return what an agent achieved, also by some metrics."""
    normalised = scores(result)
    return {
        "environment": result.env_id,
        "parameters": result.env_kwargs,
        "agent": result.agent,
        "episodes": len(result.returns),
        "seed": result.seed,
        "return": formats.mean(result.returns),
        "score": formats.estimate(None if normalised is None else mean(normalised)),
        **_of(result, "random_value", "optimal_value"),
        "regret": formats.mean(result.regret),
        "spent": formats.mean(result.spent),
        "decisions": formats.mean(result.lengths),
        "seconds_per_decision": result.decision_seconds,
        "metrics": {
            one.key: {
                **(formats.estimate(one.estimate) or {}),
                "about": one.about,
                "bound": one.bound or None,
                "random": one.chance,
            }
            for one in findings(result, metrics)
        },
        "each": _of(result, "returns", "lengths", "regret", "spent"),
    }


def run(record: Record) -> dict[str, Any]:
    """Return what a run has left."""
    spec, result = record.spec, record.evaluation
    return {
        "id": record.id,
        **_of(spec, "suite", "version", "task", "name"),
        "error": record.error,
        "evaluation": None if result is None else evaluation(result, spec.metrics),
        **_of(record, "entry", "created", "machine", "versions", "platform"),
    }


# ---- compare


def comparison(found: Verdict, agents: dict[str, str]) -> dict[str, Any]:
    """Return what replays tell of strategies, best first."""
    strategies = [
        {
            "name": found.names[i],
            "agent": agents.get(found.names[i], found.names[i]),
            "ahead_of_random": _difference(found.gains[i]),
            "ahead_of_best": _difference(found.ahead[i][found.best]),
            "wins": found.wins[i],
            "not_told_apart": bool(found.stays[i]),
        }
        for i in found.order
    ]
    best = found.names[found.best]
    return {"strategies": strategies, "best": best, "beats_random": found.beats_random}


def _difference(one: Difference) -> dict[str, float]:
    half = one.half_width
    return {"value": one.mean, "low": one.mean - half, "high": one.mean + half}


# ---- studies


def _kept(study: KeptStudy) -> dict[str, Any]:
    """Return what is kept of any study."""
    journal = study.journal
    return {**_of(study, "budget", "left"), "journal": journal.path, "hash": journal.head}


def pool_study(study: PoolStudy, source: str) -> dict[str, Any]:
    """Return where a study of a table stands."""
    posterior, status, failures = study.posterior(), study.status, study.failures
    values = study.values(list(posterior.ids))
    flying = {one.id: one for one in study.flying()}
    return {
        "source": source,
        "target": study.target,
        "unit": study.unit or None,
        **_of(study, "minimise", "agent"),
        **_kept(study),
        "told": [{"id": name, "label": label} for name, label in study.arrived],
        "in_flight": list(flying),
        "failed": [{"id": name, "why": why or None} for name, why in failures.items()],
        "items": [
            {
                "id": name,
                "values": values[i],
                "status": Status(status[name]).word,
                "labels": study.labels.get(name, []),
                "mean": posterior.mean[i],
                "sd": posterior.std[i],
            }
            for i, name in enumerate(posterior.ids)
        ],
    }


def design_study(study: DesignStudy, source: str) -> dict[str, Any]:
    """Return where a study of a design stands."""
    from ..report.design_study import learned

    gains = dict(zip((one.id for one in study.episode.rounds), learned(study), strict=True))
    return {
        "source": source,
        "model": study.model.name,
        "agent": study.start["agent"],
        **_kept(study),
        "p_value": study.misfit(),
        "parameters": [
            {"name": name, "mean": one.mean, "sd": one.std, "low": one.low, "high": one.high}
            for name, one in study.posterior().items()
        ],
        "experiments": [
            _experiment(study, one, gains.get(one.id)) for one in study.course.experiments.values()
        ],
    }


def _experiment(study: DesignStudy, one: Experiment, learned: float | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "values": study.values(one.id),
        "status": one.status.word,
        "why": one.why or None,
        "data": list(one.outcome) if one.outcome else None,
        "nats_expected": one.information,
        "nats_learned": learned,
    }
