"""A simulator as a black box: a function or a command line, its arguments, and a look at its output."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import re
import reprlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import InputError

Array: TypeAlias = NDArray[np.float64]
Simulator: TypeAlias = Callable[[Array, Array, int, int], Any]


class Job(NamedTuple):
    """The arguments of one run."""

    theta: tuple[float, ...]
    phi: tuple[float, ...]
    events: int
    seed: int

    def __str__(self) -> str:
        """Return the arguments in words."""
        theta, phi = (", ".join(f"{v:.8g}" for v in values) for values in self[:2])
        return f"theta = {theta}, phi = {phi}, {self.events} events, seed {self.seed}"


class WrongOutput(Exception):
    """A run ended, but what it yields is not what was asked for; running it again is no use."""


class _Numbers(tuple[float, ...]):
    """Numbers that a template shows with commas between them, or one by one: ``{theta[0]}``."""

    def __str__(self) -> str:
        return ",".join(map(repr, self))

    def __format__(self, spec: str) -> str:
        return ",".join(format(v, spec) for v in self) if spec else str(self)


@dataclass(frozen=True)
class Command:
    """A command line as a simulator; no shell reads it.

    Args:
        template: The program and its arguments, in which ``{theta}``, ``{phi}``, ``{events}`` and
            ``{seed}`` are replaced; several parameters are separated by commas, ``{phi[1]}`` is one
            of them, ``{{`` a brace. With ``{output}`` among them the program writes that file,
            without it prints: one event a line.
    """

    template: tuple[str, ...]

    def __post_init__(self) -> None:
        try:
            self._arguments((0.0,) * 100, (0.0,) * 100, 1, 0, "")
        except (KeyError, IndexError, ValueError, AttributeError):
            raise InputError(
                f"The simulator {self} may hold {{theta}}, {{phi}}, {{events}}, {{seed}} and "
                "{output}; write other braces twice."
            ) from None
        if "{" not in self.template[0] and shutil.which(self.template[0]) is None:
            raise InputError(
                f"The simulator {self} needs the program {self.template[0]!r}, which is neither on "
                "the PATH nor an executable file; give its full path."
            )

    def __call__(self, theta: Iterable[float], phi: Iterable[float], events: int, seed: int) -> Any:
        """Run the command and return the numbers that it prints or writes."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "events.txt")
            arguments = self._arguments(theta, phi, events, seed, str(file))
            writes = any("{output" in part for part in self.template)
            done = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=None if writes else subprocess.PIPE,  # what else it prints is for the log
                check=False,
            )
            if done.returncode:
                raise RuntimeError(ending(done.returncode))
            text = done.stdout or b""
            if writes and file.exists():
                text = file.read_bytes()
        words = text.decode(errors="replace").split()
        try:
            return np.array(words, np.float64)
        except ValueError:
            word = next(w for w in words if not _is_number(w))
            raise WrongOutput(f"gave {reprlib.repr(word)} where a number should stand") from None

    def _arguments(
        self, theta: Iterable[float], phi: Iterable[float], events: int, seed: int, output: str
    ) -> list[str]:
        values = {"theta": _Numbers(map(float, theta)), "phi": _Numbers(map(float, phi))}
        return [
            part.format(events=events, seed=seed, output=output, **values) for part in self.template
        ]

    def __str__(self) -> str:
        return repr(shlex.join(self.template))


def resolve(simulator: Any) -> tuple[Simulator, str | None]:
    """Return what a user calls a simulator as a function, and the name of it.

    Args:
        simulator: A function, a text ``"package.module:function"``, or a command line: a text, or
            a sequence of the program and its arguments (see `Command`).

    Returns:
        The function, and a name that tells its results from those of others: the template of a
        command; module, name and source of a function. None where no name would do so: functions
        that were made inside others may share all of these, and objects hold data.
    """
    if isinstance(simulator, str) and re.fullmatch(r"[\w.]+:\w+", simulator):
        module, _, name = simulator.partition(":")
        try:
            simulator = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"simulator = {simulator!r} cannot be imported: {error}. It must name a function as "
                "'package.module:function', or be a command line."
            ) from error
    if isinstance(simulator, str):
        simulator = shlex.split(simulator)
    if isinstance(simulator, list | tuple) and simulator:
        command = Command(tuple(map(str, simulator)))
        return command, json.dumps(command.template)
    if not callable(simulator):
        raise InputError(
            "simulator must be a function of (theta, phi, n_events, seed), a text "
            f"'package.module:function' or a command line, got {simulator!r}."
        )
    if not inspect.isfunction(simulator) or "<" in simulator.__qualname__:
        return simulator, None
    try:
        source = inspect.getsource(simulator)
    except OSError:
        return simulator, None
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    return simulator, f"{simulator.__module__}:{simulator.__qualname__} {digest}"


def _checked(events: Any, count: int) -> Array:
    """Return events as an array of ``count`` finite numbers."""
    array = np.asarray(events)
    if array.dtype.kind not in "fiu":
        raise WrongOutput(f"returned {reprlib.repr(events)} where {count} numbers should stand")
    if array.shape != (count,):
        found = f"{len(array)} events" if array.ndim == 1 else f"an array of shape {array.shape}"
        raise WrongOutput(f"returned {found} where {count} numbers should stand")
    if not np.isfinite(array).all():
        first = int(np.argmin(np.isfinite(array)))
        raise WrongOutput(f"returned {array[first]} as event {first}; all must be finite")
    return array.astype(np.float64)


def attempt(simulator: Simulator, job: Job) -> tuple[str, Any]:
    """Run a job; return "events" with them, or "wrong" or "failed" with what happened, in words."""
    try:
        events = simulator(np.array(job.theta), np.array(job.phi), job.events, job.seed)
        return "events", _checked(events, job.events)
    except WrongOutput as error:
        return "wrong", str(error)
    except (Exception, SystemExit) as error:  # whatever a user's function may raise
        if isinstance(simulator, Command):
            return "failed", str(error)
        traceback.print_exc()
        return "failed", f"raised {type(error).__name__}: {error}"


def ending(status: int) -> str:
    """Return in words how a process ended."""
    if status >= 0:
        return f"ended with exit status {status}"
    return f"was killed by signal {-status} ({signal.strsignal(-status)})"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
