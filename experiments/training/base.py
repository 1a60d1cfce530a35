"""What all trainings share: what is trained, the points of the curve, and the folder.

A training is a folder. `training.json` says what is trained, its table by a hash of the contents. A file
holds what is learned: the best by the episodes of the curve, or the last where steps are averaged.
``curve.csv`` is the learning curve. ``checkpoint.zip`` is what a killed training resumes from, with
copies of both, which are repaired from it. The same command resumes.

Training episodes have seeds below `VALIDATION_SEED`, those of the curve lie from there on, and no seed
of an evaluation is ever played.
"""

from __future__ import annotations

import csv
import io
import json
import math
import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

from ...agents.learned.policy import Policy
from ...agents.rules.meta_ucb import Network
from ...envs.core import InputError, closest, registered, shown
from ...envs.core.checks import integer
from ..runs.evaluation import EVALUATION_SEED, resolve
from ..runs.record import versions
from ..runs.spec import data_hash
from ..runs.terminal import progress, say
from .folder import TABLE, Folder

VALIDATION_SEED = EVALUATION_SEED // 2
"""Seed of the first episode of the curve; training episodes lie below."""
CURVE_SEEDS = EVALUATION_SEED - VALIDATION_SEED
"""Seeds that the episodes of the curve may have."""
POLICY, CURVE = "policy.safetensors", "curve.csv"

SAID = ("env_id", "algorithm", "env_kwargs")
OPTIONS = ("steps", "envs", "seed", "evaluations", "episodes", "parts")
"""Settings that the command line takes by their own names; all others it takes by ``--hyper``."""

Check: TypeAlias = Callable[[str, Any], Any]
"""Takes the name and the value of a setting; returns the value in its plain form or raises."""
Row: TypeAlias = dict[str, Any]
"""A row of the learning curve: column -> value."""


def either(free: str | None, check: Check) -> Check:
    """Return a check that also lets a word, or None, pass."""

    def passed(name: str, value: Any) -> Any:
        if value is free or (isinstance(value, str) and value == free):
            return free
        return check(f"{name}, if it is not {free!r},", value)

    return passed


def named(name: str, value: Any) -> Mapping[str, Any]:
    """Return a mapping from names to values."""
    if not isinstance(value, Mapping):
        raise InputError(f"{name} must be names -> values, got {shown(value)}.")
    return value


def checked(algorithm: str, settings: Any, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the settings that are given, each passed through the check of its value."""
    for name in named("settings", settings):
        if name not in checks:
            raise InputError(
                f"{algorithm} has no setting {shown(name)}{closest(str(name), checks)} It takes "
                f"{', '.join(sorted(checks))}."
            )
    return {name: checks[name](name, value) for name, value in settings.items()}


def environment(name: str, value: Any) -> str:
    """Return the full id of an environment of the package."""
    env_id = resolve(value)
    if env_id not in registered():
        raise InputError(f"Training takes the environments of this package, got {env_id!r}.")
    return env_id


def setting(default: Any, check: Callable[..., Any], **limits: Any) -> Any:
    """Return a field of a training with its default, or what makes it, and the check of its value."""
    kind = "default_factory" if callable(default) else "default"
    return field(**{kind: default}, metadata={"check": partial(check, **limits)})


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained, and on how much; each algorithm adds settings of its own.

    Args:
        env_id: The environment, ``"discovery/KnowledgeLadder-v0"`` or in short ``"KnowledgeLadder"``.
        env_kwargs: Its parameters, where they differ from the defaults.
        algorithm: The algorithm.
        seed: Seed of everything: weights, exploration, episodes.
        episodes: Episodes of a point of the curve.
    """

    env_id: str = setting("", environment)
    env_kwargs: Mapping[str, Any] = setting(dict, named)
    algorithm: str = ""
    seed: int = setting(0, integer, low=0)
    episodes: int = setting(256, integer, low=2, high=CURVE_SEEDS)

    def __post_init__(self) -> None:
        for name, check in self.checks().items():
            object.__setattr__(self, name, check(name, getattr(self, name)))

    @classmethod
    def checks(cls) -> dict[str, Check]:
        """Return what may be set, each with the check of its value."""
        return {own.name: own.metadata["check"] for own in fields(cls) if own.metadata}

    @classmethod
    def settings_of(cls, algorithm: str) -> set[str]:
        """Return the names of the settings of its own that an algorithm has."""
        return {*cls.checks()} - {*OPTIONS, *SAID}

    @classmethod
    def of(cls, algorithm: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> Self:
        """Return a training from options and settings by name; raises `InputError` as `training`."""
        return cls(**checked(algorithm, {**options, **settings}, cls.checks()))

    @property
    def command(self) -> str:
        """The command line that repeats the training."""
        words = ["discovery-gym", "train", *filter(None, [self.env_id])]
        words += ["--out", "FOLDER", "--algo", self.algorithm]
        if self.env_kwargs:
            words += ["--kwargs", json.dumps(self.env_kwargs)]
        given = {name: getattr(self, name) for name in self.checks() if name not in SAID}
        for name, value in (given | given.pop("settings", {})).items():
            if name not in OPTIONS:
                words += ["--hyper", f"{name}={json.dumps(value)}"]
            elif value != ():
                words += [f"--{name}", ",".join(value) if isinstance(value, tuple) else str(value)]
        return shlex.join(words)

    def mark(self) -> dict[str, Any]:
        """Return what the folder is marked with: it resumes only with the same."""
        return asdict(self)

    def player(self, folder: Path) -> tuple[str, str, Mapping[str, Any]]:
        """Return an environment, the agent that plays there what was learned, and its parameters."""
        return self.env_id, f'policy("{folder / POLICY}")', self.env_kwargs


T = TypeVar("T", bound=Training)


class Run(ABC, Generic[T]):
    """A training in progress: what is learned, its curve, and the folder they are written to.

    Args:
        training: What is trained.
        folder: Its folder; made if it is not there, resumed from if there is a checkpoint.

    Raises:
        InputError: The folder holds another training or other things, or a damaged checkpoint.
    """

    FILE: ClassVar[str] = POLICY
    COLUMNS: ClassVar[Mapping[str, str]]
    """Columns of the curve, each with the format of its values."""
    UNIT: ClassVar[str] = "iterations"
    LIBRARIES: ClassVar[Sequence[str]] = ()
    total: int
    """Steps, or whatever is counted, of the whole training."""
    every: float
    """How many of them lie between two points of the curve."""

    def __init__(self, training: T, folder: Path) -> None:
        self.training = training
        self.curve: list[Row] = []
        self.files: dict[str, bytes] = {}
        self.done, self.measured = 0, -1
        self.cpu = -time.process_time()
        self.prepare()
        self.table = data_hash(training.env_id, training.env_kwargs)
        mark = training.mark() | ({TABLE: self.table} if self.table else {})
        self.folder = Folder(folder, mark, (self.FILE, CURVE))
        found = self.folder.load()
        if found is None:
            self.begin()
            return
        state, self.files = found
        try:
            rows = self.restore(state)
            cells = (zip(self.COLUMNS.items(), row, strict=True) for row in rows)
            self.curve = [{n: float(x) if form else x for (n, form), x in row} for row in cells]
        except Exception as error:  # as many as there are ways to damage an archive
            raise self.folder.damaged(error) from None
        self.measured = self.done
        self.folder.mend(self.files)

    @abstractmethod
    def prepare(self) -> None:
        """Make what does not depend on a checkpoint; refuse what cannot be trained."""

    def begin(self) -> None:
        """Begin where there is no checkpoint."""

    @abstractmethod
    def restore(self, state: bytes) -> Iterable[Sequence[Any]]:
        """Resume from a state; set `done` and add to `cpu`; return the cells of the curve."""

    @abstractmethod
    def state(self) -> bytes:
        """Return all that `restore` needs, as numbers that are read without running anything."""

    @abstractmethod
    def measure(self) -> list[Row]:
        """Play the episodes of the curve; return the rows of this point."""

    @abstractmethod
    def learned(self) -> Policy | Network:
        """Return what is learned so far."""

    def step(self) -> None:
        """Make the step of learning after `done`, where `learn` is ours."""

    def learn(self) -> None:
        """Make the steps that are left."""
        with progress(self.total, self.UNIT) as update:
            self.advance(self.done)
            while self.done < self.total:
                self.step()
                self.advance(self.done + 1)
                update(self.done, "")

    def advance(self, done: int) -> None:
        """Take note of how far the training is; measure where a point of the curve is due."""
        self.done = done
        last = done >= self.total and done > self.measured
        if last or done // self.every > self.measured // self.every:
            self.point()

    def point(self) -> None:
        """Measure a point of the curve; write everything."""
        training = self.training
        if data_hash(training.env_id, training.env_kwargs) != self.table:
            raise InputError(
                f"The table of {self.folder.path} has changed while it is trained on; put the old one "
                "back and repeat the command to go on."
            )
        rows = self.measure()
        self.curve += rows
        returns = [row.get("return", 0.0) for row in self.curve]  # averaged weights have none
        if returns[-1] == max(returns):
            self.files[self.FILE] = self.learned().to_bytes()
        self.files[CURVE] = self._csv().encode()
        self.folder.save(self.state(), self.files)
        self.measured = self.done
        words = "; ".join(map(told, rows))
        say(f"{self.done:>11,} {self.UNIT}, {self.seconds():6.0f} s: {words}")

    def about(self) -> dict[str, Any]:
        """Return how what is learned came about, for the head of its file."""
        return {
            **asdict(self.training),
            "command": self.training.command,
            "trained": self.done,
            "cpu_seconds": round(self.seconds(), 2),
            "versions": versions(*self.LIBRARIES),
        }

    def seconds(self) -> float:
        """Return the CPU seconds so far, of all legs of a resumed training."""
        return self.cpu + time.process_time()

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.COLUMNS)
        for row in self.curve:
            writer.writerow(format(row[name], form) for name, form in self.COLUMNS.items())
        return text.getvalue()


def told(row: Row) -> str:
    """Return what a row of the curve tells, in words."""
    what = "return" if "return" in row else "regret"
    score = row.get("score", math.nan)
    return (
        f"{what} {row[what]:.4g} ± {row['standard_error']:.2g}"
        + ("" if math.isnan(score) else f", score {score:.4f}")
        + (f" on {row['task']}" if "task" in row else "")
    )


def kept(curve: Sequence[Row]) -> str:
    """Return in words which point of the curve is kept: that of the best return, or else the last."""
    best = max(reversed(curve), key=lambda row: row.get("return", 0.0))
    unit = next(iter(best))
    rows = [told(row) for row in curve if row[unit] == best[unit]]
    word = "Best" if "return" in best else "Average"
    return f"{word} after {best[unit]:,.0f} {unit.rstrip('s')}s: {'; '.join(rows)}"
