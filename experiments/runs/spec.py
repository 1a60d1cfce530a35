"""What a run is: a pure function of its `RunSpec`.

The id of a run is a hash of the spec, of the sources of everything that decides its result
(environment, agents, scoring) and of its data set: a resume finds a record by what it is, never by
its position, and code that has changed is run again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import gymnasium as gym

from ...agents import making
from ...envs.core import InputError, is_ours, shown, spec_of
from ...envs.datasets import Reading, column, load
from ...envs.pools.columns import named_columns
from .fingerprints import digest, files, fingerprint, hashed


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One agent on one task; see `suites` for the words.

    Chunk i of its episodes has the seeds from ``seed + i * chunk`` on. They are played side by side, by
    an agent of their own, so that nothing depends on who plays which of them.
    """

    suite: str
    version: int
    task: str
    about: str
    name: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    agent: str
    episodes: int
    seed: int
    chunk: int = 128
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("suite", "task", "about", "name", "env_id", "agent"):
            check_text(name, getattr(self, name), 2000, empty=name == "about")
        for name, low in (("version", 0), ("episodes", 1), ("seed", 0), ("chunk", 1)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value < 2**62:
                raise InputError(
                    f"{name} must be an integer of at least {low}, got {shown(value)}."
                )
        _check_metrics(self.metrics)
        try:
            gym.envs.registration.parse_env_id(self.env_id.rpartition(":")[2])
        except gym.error.Error:
            raise InputError(
                f"env_id must be one such as discovery/LinearPool-v0, got {shown(self.env_id)}."
            ) from None
        if not _is_json(self.env_kwargs):
            raise InputError(
                f"env_kwargs must be a JSON object, names -> values, got {shown(self.env_kwargs)}."
            )

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics, without their settings."""
        return [metric.partition("(")[0] for metric in self.metrics]

    @property
    def fingerprint(self) -> str:
        """Hash of what decides the result besides the spec: code, data and trained policy.

        The code is that which this process found first, as it was imported about then.
        """
        return self._hash_with(_first_code)

    def look(self) -> str:
        """Return the fingerprint with the code as it is now."""
        return self._hash_with(_code)

    def _hash_with(self, code: Callable[[str, str, tuple[str, ...]], str]) -> str:
        policies = (
            digest(path) if os.path.isfile(path) else "none"  # noqa: PTH113 - of any length
            for path in making.files(self.agent)
        )
        data = data_hash(self.env_id, self.env_kwargs), *files(self.env_kwargs)
        outside = making.references(self.agent)
        return hashed(code(self.env_id, json.dumps(self.env_kwargs), outside), *data, *policies)

    @property
    def id(self) -> str:
        """Hash of the spec and its fingerprint: 16 hexadecimal digits."""
        return hashed(self.text, self.fingerprint)

    @property
    def text(self) -> str:
        """What is run, as JSON with sorted keys; ``about`` is prose and decides nothing."""
        return spec_text(asdict(self))


def spec_text(fields: Mapping[str, Any]) -> str:
    """Return the text of a spec, from its fields."""
    return json.dumps({**fields, "about": None}, sort_keys=True)


def check_text(name: str, value: Any, most: int, empty: bool = False) -> str:
    """Return a text of 1 (or 0) to ``most`` letters."""
    if not isinstance(value, str) or len(value) > most or not (value.strip() or empty):
        raise InputError(f"{name} must be a text of 1 to {most:,} letters, got {shown(value)}.")
    return value


def _check_metrics(metrics: Any) -> None:
    names = [str(one).partition("(")[0] for one in metrics] if isinstance(metrics, tuple) else [""]
    if not all(map(str.isidentifier, names)):
        raise InputError(
            "metrics must be a tuple of texts such as 'information_bounds(contrasts=1000)', got "
            f"{shown(metrics)}."
        )
    if len(set(names)) < len(names):
        raise InputError(f"metrics must have different names, got {shown(metrics)}.")
    for metric in metrics:
        check_text("a metric", metric, 200)


def _is_json(value: Any) -> bool:
    """Return whether a value is an object of JSON, and the same when it is read again."""
    try:
        kept = json.loads(json.dumps(value))
        same = json.dumps(kept, sort_keys=True) == json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(kept, dict) and same


# ---- what decides a result


def _code(env_id: str, env_kwargs: str, outside: tuple[str, ...]) -> str:
    return fingerprint(env_id, json.loads(env_kwargs), outside)


_first_code = lru_cache(maxsize=4096)(_code)


def data_hash(env_id: str, env_kwargs: Mapping[str, Any]) -> str:
    """Hash the table that the environment is made of, as it is now; empty if none is named."""
    if "dataset" not in env_kwargs or not is_ours(spec_of(env_id)):
        return ""
    options = {name: env_kwargs[name] for name in Reading.options() if name in env_kwargs}
    aside = named_columns(env_kwargs.get("fidelities"), env_kwargs.get("price"))
    if not aside:
        return load(env_kwargs["dataset"], **options).digest()
    options["drop"] = *options.get("drop", ()), *aside
    table = load(env_kwargs["dataset"], **options)
    known = hashlib.sha256(table.digest().encode())
    for name in aside:
        beside = table.settings[0].name
        known.update(column(env_kwargs["dataset"], name, beside, **options).tobytes())
    return known.hexdigest()
