"""A simulator as a black box: a function or a command line, its arguments, and a look at its output."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import json
import os
import re
import reprlib
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...core import InputError, told
from ...core.arrays import Array

Simulator: TypeAlias = Callable[[Array, Array, int, int], Any]
LETTERS = 100_000
"""Longest command line; systems take little more."""
REFERENCE = r"[\w.]+:\w+"
"""How a function is named in a text."""
COLUMNS = 100
"""Most numbers of an event."""
NOT_STARTED = {125, 126, 127}
"""Exit statuses of containers and shells that could not start the program."""


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
    """A run ended with an output that is not what was asked for; to run it again is no use."""


class Failed(str):
    """Why a run failed for good: what is kept of it in the place of its events."""


Result: TypeAlias = Array | Failed


class Broken(Exception):
    """A simulator that could not even start, which says nothing of what it simulates."""


class Killed(Exception):
    """A program that was killed, which it may not be the next time."""


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
            without it prints: one event a line, several numbers of it with spaces between them.
        folder: The folder it is run in; None: the working folder. The files of its results do not know
            it, so that it can be moved with them.
    """

    template: tuple[str, ...]
    folder: str | None = None

    def __post_init__(self) -> None:
        try:
            self._arguments((0.0,) * 100, (0.0,) * 100, 1, 0, "")
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, MemoryError):
            raise InputError(
                f"The simulator {self} may hold {{theta}}, {{phi}}, {{events}}, {{seed}} and "
                "{output}; write other braces twice."
            ) from None
        if "\0" in "".join(self.template):
            raise InputError(
                f"The simulator {self} holds a NUL character, which no program can read."
            )
        if "{" not in self.template[0] and not self._is_there(self.template[0]):
            program = told(self.template[0], 100)
            python = (
                f" A function in it is {program + ':NAME'!r}, and as a program it is "
                f"['python3', {program!r}, '{{theta}}', '{{phi}}', '{{events}}', '{{seed}}']."
            ) * program.endswith(".py")
            raise InputError(
                f"The simulator {self} needs the program {program!r}, which is neither on the PATH nor "
                f"an executable file; give its full path.{python}"
            )

    def _is_there(self, program: str) -> bool:
        if self.folder is not None and Path(program).name != program:
            program = str(Path(self.folder, program))
        return shutil.which(program) is not None

    def __call__(self, theta: Iterable[float], phi: Iterable[float], events: int, seed: int) -> Any:
        """Run the command and return the numbers that it prints or writes."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "events.txt")
            try:
                arguments = self._arguments(theta, phi, events, seed, str(file))
            except IndexError:
                raise Broken("names a parameter or a knob that there is not") from None
            writes = any("{output" in part for part in self.template)
            with _started(arguments, not writes, self.folder) as program:
                found = _printed(program, events)
            if program.returncode:
                raise _ended(program.returncode)
            if not writes:
                return found
            if not file.exists():
                return np.zeros(0)
            if not stat.S_ISREG(file.stat().st_mode):
                raise WrongOutput("wrote no regular file")
            with file.open("rb") as text:
                return _numbers(text.fileno(), events)

    def _arguments(
        self, theta: Iterable[float], phi: Iterable[float], events: int, seed: int, output: str
    ) -> list[str]:
        values: dict[str, Any] = {"events": events, "seed": seed, "output": output}
        values |= {"theta": _Numbers(map(float, theta)), "phi": _Numbers(map(float, phi))}
        return [part.format(**values) for part in self.template]

    def __str__(self) -> str:
        return repr(told(shlex.join(self.template)))


def _started(arguments: list[str], reads: bool, folder: str | None) -> subprocess.Popen[bytes]:
    out = subprocess.PIPE if reads else None  # what else it prints is for the log
    try:
        return subprocess.Popen(arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=out)
    except (FileNotFoundError, PermissionError) as error:
        raise Broken(told(error)) from None


def _ended(status: int) -> Exception:
    """Return the error of a program that ended badly."""
    kind = Broken if status in NOT_STARTED else Killed if status < 0 else RuntimeError
    return kind(ending(status))


def _printed(program: subprocess.Popen[bytes], events: int) -> Array:
    """Return the numbers that a program prints; none where it writes a file."""
    if program.stdout is None:
        return np.zeros(0)
    try:
        return _numbers(program.stdout.fileno(), events)
    except WrongOutput:  # unless it is about to end with an error of its own
        for _ in range(16):
            if not os.read(program.stdout.fileno(), 2**16):
                break
        else:
            program.kill()
            raise
        if not program.wait():
            raise
        return np.zeros(0)


def _numbers(descriptor: int, events: int) -> Array:
    """Return the numbers in a text, which may have no end; read no further than one that is wrong.

    How many an event has is told by the first line, unless there are no more numbers than events.
    """
    found: list[Array] = []
    count, rest, more, width, head = 0, b"", True, 0, b""
    while more:
        piece = os.read(descriptor, 2**16)
        more = bool(piece)
        if not width:
            head += piece
            width = _width(head)
        words = (rest + piece).split()
        rest = words.pop() if words and more and not piece[-1:].isspace() else b""
        try:
            found.append(np.array(words, "S").astype(np.float64))
        except ValueError:
            word = next(w for w in words if not _is_number(w))
            raise WrongOutput(f"gave {told(word)!r} where a number should stand") from None
        count += len(words)
        # A first line may come in pieces, and tells nothing before it is whole.
        if count > events * (width or (COLUMNS if more else 1)):
            raise WrongOutput(f"returned more than {events} events, and was stopped")
        if len(rest) > 1000:
            raise WrongOutput(f"gave {told(rest)!r} where a number should stand")
    numbers = np.concatenate(found)
    several = count > events and count % events == 0
    return numbers.reshape(events, -1) if several else numbers


def _width(text: bytes) -> int:
    """Return how many words the first line of a text has, 0 if it does not hold all of it."""
    line, end, _ = text.lstrip().partition(b"\n")
    return min(len(line.split()), COLUMNS) if end else 0


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
    if isinstance(simulator, str) and re.fullmatch(REFERENCE, simulator):
        simulator = imported("simulator", simulator, ", or be a command line")
    if isinstance(simulator, str):
        simulator = _words(simulator)
    if isinstance(simulator, list | tuple) and simulator:
        _bounded(" ".join(map(str, simulator)))
        command = Command(tuple(map(str, simulator)))
        return command, json.dumps(command.template)
    if isinstance(simulator, Command):
        return simulator, json.dumps(simulator.template)
    if not callable(simulator):
        raise InputError(
            "simulator must be a function of (theta, phi, n_events, seed), a text "
            f"'package.module:function' or a command line, got {reprlib.repr(simulator)}."
        )
    if not inspect.isfunction(simulator) or "<" in simulator.__qualname__:
        return simulator, None
    try:
        source = inspect.getsource(simulator)
    except OSError:
        return simulator, None
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    return simulator, f"{simulator.__module__}:{simulator.__qualname__} {digest}"


def imported(what: str, name: str, other: str = "") -> Any:
    """Return what a text ``"package.module:function"`` names, the value of the argument ``what``."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever a user's module may raise
        raise InputError(
            f"{what} = {name!r} cannot be imported: {told(error)}. It must name a function "
            f"as 'package.module:function'{other}."
        ) from error


def _words(command: str) -> list[str]:
    _bounded(command)
    try:
        return shlex.split(command)
    except ValueError as error:
        raise InputError(
            f"simulator = {told(command)!r} is no command line: {told(error)}. Close what is "
            "open, or give a list of the program and its arguments."
        ) from None


def _bounded(command: str) -> None:
    if len(command) > LETTERS:
        raise InputError(
            f"simulator = {told(command, 100)!r} is longer than the {LETTERS:,} letters that a command "
            "line may have; let it read a file."
        )


def checked(events: Any, count: int) -> Array:
    """Return events as an array of finite numbers, ``(count,)`` or ``(count, c)``.

    Raises:
        WrongOutput: They are something else.
    """
    wanted = f"where {count} numbers should stand"
    try:
        array = np.asarray(events)
        hidden = np.ma.is_masked(events)
    except Exception:  # rows of unequal lengths, and whatever an object of the user's may raise
        raise WrongOutput(f"returned {reprlib.repr(events)} {wanted}") from None
    if array.dtype.kind not in "fiu":
        raise WrongOutput(f"returned {reprlib.repr(events)} {wanted}")
    rows = array.ndim == 2 and len(array) == count and 1 <= array.shape[1] <= COLUMNS
    if array.shape != (count,) and not rows:
        found = f"{len(array)} events" if array.ndim == 1 else f"an array of shape {array.shape}"
        raise WrongOutput(f"returned {found} {wanted}")
    if hidden:
        raise WrongOutput(f"returned masked events {wanted}")
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        first = int(np.argmin(np.isfinite(numbers)))
        event = first // (array.size // count)
        raise WrongOutput(f"returned {array.ravel()[first]} as event {event}; all must be finite")
    return numbers[:, 0] if rows and numbers.shape[1] == 1 else numbers


def unpacked(content: bytes, count: int) -> Array:
    """Return the events that bytes stand for, as `checked` does."""
    numbers = np.frombuffer(content, "<f8")
    whole = len(numbers) > count and len(numbers) % count == 0
    return checked(numbers.reshape(count, -1) if whole else numbers, count)


def attempt(simulator: Simulator, job: Job, quiet: bool = False) -> tuple[str, Any]:
    """Run a job; return what came of it, and its events or what happened, in words.

    Args:
        simulator: The simulator.
        job: The job.
        quiet: Whether no traceback is printed.

    Returns:
        "events"; or "wrong", an output that the same job would give again; "raised", an error or an exit
        status; "failed", it was killed; "broken", it could not start; with what belongs to it.
    """
    try:
        with alone():
            events = simulator(np.array(job.theta), np.array(job.phi), job.events, job.seed)
        return "events", checked(events, job.events)
    except WrongOutput as error:
        return "wrong", str(error)
    except Broken as error:
        return "broken", str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a user's function may raise
        if isinstance(simulator, Command):
            return "failed" if isinstance(error, Killed) else "raised", told(error)
        if not quiet:
            complain()
        words = told(error)
        return "raised", f"raised {type(error).__name__}{f': {words}' if words else ''}"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """End the copies of this process that come out of it (`os.fork`): one goes on, the first."""
    own = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != own:
            os._exit(0)


def complain() -> None:
    """Print the traceback of an error, if there is still a place for it."""
    with contextlib.suppress(Exception):
        traceback.print_exc()


def ending(status: int) -> str:
    """Return in words how a process ended."""
    if status >= 0:
        return f"ended with exit status {status}"
    return f"was killed by signal {-status} ({signal.strsignal(-status)})"


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
