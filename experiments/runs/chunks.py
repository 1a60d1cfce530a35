"""Chunks: the parts of a run that are played on their own (a stand-in)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .evaluation import Evaluation, evaluate, exact
from .episodes import vector_env
from .spec import RunSpec


def play_chunk(spec: RunSpec, index: int) -> Evaluation:
    """Play a chunk of a run; the exact values are not computed."""
    first = index * spec.chunk
    return evaluate(
        spec.env_id,
        spec.agent,
        episodes=min(spec.chunk, spec.episodes - first),
        seed=spec.seed + first,
        env_kwargs=spec.env_kwargs,
        curve=spec.curves,
        metrics=spec.metrics,
        truth=False,
    )


def joined(spec: RunSpec, parts: list[Evaluation]) -> Evaluation:
    """Return the evaluation of a run from those of its chunks, with the exact values."""
    model = getattr(vector_env(spec.env_id, 1, spec.env_kwargs).unwrapped, "model", None)
    first, lengths = parts[0], np.concatenate([one.lengths for one in parts])
    curve = None
    if first.curve is not None:
        curve = np.full((len(lengths), lengths.max()), np.nan)
        at = 0
        for one in parts:
            curve[at : at + len(one.curve), : one.curve.shape[1]] = one.curve
            at += len(one.curve)
    return replace(
        first,
        seed=spec.seed,
        returns=np.concatenate([one.returns for one in parts]),
        lengths=lengths,
        regret=None if first.regret is None else np.concatenate([one.regret for one in parts]),
        curve=curve,
        metrics={k: np.concatenate([one.metrics[k] for one in parts]) for k in first.metrics},
        seconds_per_decision=sum(one.seconds_per_decision * one.lengths.sum() for one in parts)
        / lengths.sum(),
        random_value=exact(model, "random_value"),
        optimal_value=exact(model, "optimal_value"),
    )
