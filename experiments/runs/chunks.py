"""A run in chunks, which any process may play, and the result that they make together."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...envs.core import InputError, is_ours, spec_of
from .episodes import Tell, vector_env
from .evaluation import Evaluation, exact, played, player_of
from .evaluation import joined as one_after_the_other
from .fingerprints import files
from .spec import RunSpec, data_hash
from .trace import Envs, model_of


def chunks_of(spec: RunSpec) -> int:
    """Return how many chunks a run has."""
    return -(-spec.episodes // spec.chunk)


def play_chunk(spec: RunSpec, index: int, tell: Tell | None = None) -> Evaluation:
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
    with stage(spec.env_id, spec.env_kwargs, min(spec.chunk, spec.episodes)) as venv:
        player = player_of(spec.agent, venv, 0, first)
        part = played(venv, player, seeds, spec.metrics, tell=tell)
    agent = part.agent or spec.agent
    return part.changed(env_id=spec.env_id, env_kwargs=spec.env_kwargs, agent=agent)


def joined(spec: RunSpec, parts: Iterable[Evaluation]) -> Evaluation:
    """Return the result of a run from all its chunks, in their order, with the exact values."""
    return one_after_the_other(parts).changed(**truth(spec.env_id, spec.env_kwargs))


# ---- what a process keeps of the task that it plays

_stages: dict[tuple[str, ...], Envs] = {}
_truths: dict[tuple[str, ...], dict[str, float | None]] = {}


@contextlib.contextmanager
def stage(env_id: str, env_kwargs: Mapping[str, Any], width: int) -> Iterator[Envs]:
    """Give so many episodes of an environment, whose tables may take long to make.

    The last ones of our own environments are kept, for the chunk that comes next.
    """
    if not is_ours(spec_of(env_id)):
        with contextlib.closing(vector_env(env_id, width, env_kwargs)) as venv:
            yield venv
        return
    key = *_task(env_id, env_kwargs), str(width)
    if key not in _stages:
        _stages.clear()
        _stages[key] = vector_env(env_id, width, env_kwargs)
    yield _stages[key]


def truth(env_id: str, env_kwargs: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the exact values of random and of best play by name, None where unknown.

    They are computed once for each task in a process.
    """
    key = _task(env_id, env_kwargs)
    if key not in _truths:
        known = next((venv for at, venv in _stages.items() if at[:-1] == key), None)
        some = stage(env_id, env_kwargs, 1) if known is None else contextlib.nullcontext(known)
        with some as venv:
            model = model_of(venv)
            _truths[key] = {name: exact(model, name) for name in ("random_value", "optimal_value")}
    return _truths[key]


def _task(env_id: str, env_kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells tasks apart: environment, parameters, and the data they name as it is now."""
    kwargs = json.dumps(env_kwargs, sort_keys=True)
    return env_id, kwargs, data_hash(env_id, env_kwargs), *files(env_kwargs)
