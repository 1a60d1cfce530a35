"""A run in chunks, which any process may play, and the result that they make together."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gymnasium.vector import VectorEnv

from ...envs.core import InputError, is_ours, spec_of
from .episodes import vector_env
from .evaluation import Evaluation, exact, played, player_of
from .evaluation import joined as one_after_the_other
from .fingerprints import files
from .spec import RunSpec, data_hash
from .trace import model_of


def chunks_of(spec: RunSpec) -> int:
    """Return how many chunks a run has."""
    return -(-spec.episodes // spec.chunk)


def play_chunk(
    spec: RunSpec, index: int, tell: Callable[[int, int], None] | None = None
) -> Evaluation:
    """Play the episodes of one chunk, by an agent of its own; no exact value is computed.

    Args:
        spec: The run.
        index: Number of the chunk, from 0.
        tell: Told after every decision how many episodes have ended, and how many decisions were taken.

    Raises:
        InputError: Another chunk, or what `evaluate` raises.
    """
    if not 0 <= index < chunks_of(spec):
        raise InputError(f"A run of {chunks_of(spec)} chunks has no chunk {index}.")
    first = spec.seed + index * spec.chunk
    seeds = range(first, min(first + spec.chunk, spec.seed + spec.episodes))
    with stage(spec, min(spec.chunk, spec.episodes)) as venv:
        player = player_of(spec.agent, venv, 0, first)
        part = played(venv, player, seeds, spec.metrics, tell=tell)
    named = {"env_id": spec.env_id, "env_kwargs": spec.env_kwargs}
    return replace(part, **named, agent=part.agent or spec.agent)


def joined(spec: RunSpec, parts: Sequence[Evaluation]) -> Evaluation:
    """Return the result of a run from all its chunks, in their order, with the exact values."""
    return replace(one_after_the_other(parts), **truth(spec))


# ---- what a process keeps of the task that it plays

_stages: dict[tuple[str, ...], VectorEnv[Any, Any, Any]] = {}
_truths: dict[tuple[str, ...], Mapping[str, float | None]] = {}


@contextlib.contextmanager
def stage(spec: RunSpec, width: int) -> Iterator[VectorEnv[Any, Any, Any]]:
    """Give so many episodes of the task of a run, whose tables may take long to make.

    The last ones of our own environments are kept, for the chunk that comes next.
    """
    if not is_ours(spec_of(spec.env_id)):
        venv = vector_env(spec.env_id, width, spec.env_kwargs)
        try:
            yield venv
        finally:
            venv.close()
        return
    key = *_task(spec), str(width)
    if key not in _stages:
        _stages.clear()
        _stages[key] = vector_env(spec.env_id, width, spec.env_kwargs)
    yield _stages[key]


def truth(spec: RunSpec) -> Mapping[str, float | None]:
    """Return the exact values of random and of best play, None where unknown.

    They are computed once for each task in a process.
    """
    key = _task(spec)
    if key not in _truths:
        names = "random_value", "optimal_value"
        known = next((venv for at, venv in _stages.items() if at[:-1] == key), None)
        with stage(spec, 1) if known is None else contextlib.nullcontext(known) as venv:
            _truths[key] = {name: exact(model_of(venv), name) for name in names}
    return _truths[key]


def _task(spec: RunSpec) -> tuple[str, ...]:
    """Return what tells tasks apart: environment, parameters, and the data they name as it is now."""
    kwargs = json.dumps(spec.env_kwargs, sort_keys=True)
    return spec.env_id, kwargs, data_hash(spec.env_id, spec.env_kwargs), *files(spec.env_kwargs)
