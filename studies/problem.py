"""A design problem in a file: `problem.toml`.

    [problem]
    env = "WeinbergToy"             # an analytic model, with its parameters
    num_events = 100

or a simulator of your own, with the parameters of `SimulatorDesign`:

    [problem]
    simulator = "./decay.py:decay"  # or ["./decay", "{theta}", "{phi}", "{events}", "{seed}"]
    num_events = 200

    [problem.unknown_ranges]
    rate = [0.5, 2.0]

    [problem.knob_ranges]
    window = [0.2, 5.0]

Paths are seen from the folder of the file. A simulator runs in `workers` processes, one for each core
unless the file says otherwise, and its runs are kept in the folder `cache`, by default `problem.runs`
beside `problem.toml`. ``horizon`` is the number of experiments.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gymnasium.envs.registration import load_env_creator

from ..envs.core import InputError, closest, resolve, shown, told
from ..envs.core.registration import is_ours, registered, spec_of
from ..envs.design.design import DesignModel
from ..envs.design.simulator.black_box import Command
from ..envs.design.simulator_design import SimulatorDesign

SIMULATOR = "SimulatorDesign"
RUNNING = ("workers", "timeout", "retries", "cache", "max_failed", "price", "horizon")
"""Parameters that change what is run, and how, but not what the data mean."""
BINS = ("data_range", "num_bins", "columns", "summarise", "summarise_per")
"""Parameters of a simulator that decide what its data mean."""
FILE = r"(.+\.py):(\w+)"
"""A function in a file."""
MOST_BYTES = 2**20
"""Bound of a file."""


@dataclass(frozen=True)
class DesignProblem:
    """A model, and what a journal says of it.

    Args:
        model: The model.
        env: The id of its environment.
        parameters: What was given, as it stands in the file.
        path: The file, None where the model was made in Python.
        runs: The code of yours that it runs, in words; "" where there is none.
    """

    model: DesignModel[Any]
    env: str
    parameters: Mapping[str, Any]
    path: Path | None = None
    runs: str = ""

    @classmethod
    def of(cls, given: Any) -> DesignProblem:
        """Return the problem that a user names: a file, a model, or an environment."""
        if isinstance(given, DesignProblem):
            return given
        if isinstance(given, str | os.PathLike):
            return read_problem(Path(given))
        model = getattr(getattr(given, "unwrapped", given), "model", given)
        if not isinstance(model, DesignModel):
            raise InputError(
                "A study of a design is about a file such as problem.toml, or a model of experimental "
                f"design; got {shown(given)}."
            )
        named = {name: getattr(model, name) for name in model.parameters()}
        return cls(model, type(model).__name__, {name: _plain(v) for name, v in named.items()})

    @property
    def journal(self) -> Path | None:
        """Where the journal of a study of it is by default: beside the file, else nowhere."""
        return None if self.path is None else self.path.with_name(f"{self.path.stem}.study.jsonl")

    def record(self) -> dict[str, Any]:
        """Return what a journal keeps of it: all that decides what the data mean."""
        kept = {name: v for name, v in self.parameters.items() if name not in RUNNING}
        return {"env": self.env, "parameters": kept}

    def form(self) -> dict[str, Any]:
        """Return what decides the meaning of data: as long as it stays, a problem may change."""
        model = self.model
        form: dict[str, Any] = {"knobs": list(model.knobs), "numbers": len(model.outcome_range[0])}
        form["unknown"] = list(model.unknown_parameters)
        if isinstance(model, SimulatorDesign):
            form |= {n: _plain(getattr(model, n)) for n in model.parameters() if n in BINS}
        return form


def read_problem(path: Path) -> DesignProblem:
    """Return the problem in a file.

    Raises:
        InputError: There is no such file, it is no TOML, or a key or a value of it is not allowed.
    """
    given = dict(_table(path))
    for name in given:
        if name != "problem":
            raise InputError(
                f"{path} has {shown(name)} outside of [problem]{closest(name, ['problem'])} All keys "
                "stand in the table [problem]."
            )
    problem = given.get("problem")
    if not isinstance(problem, dict) or not problem:
        raise InputError(
            f"{path} has no table [problem]; begin it with a line [problem], and name env = "
            '"WeinbergToy" or simulator = "./sim.py:function".'
        )
    env = problem.get("env", SIMULATOR if "simulator" in problem else None)
    if env is None:
        near = closest(next(iter(problem)), ["env", "simulator"])
        raise InputError(
            f'{path} names neither env nor simulator{near} Write env = "WeinbergToy", or '
            'simulator = "./sim.py:function".'
        )
    parameters = {name: value for name, value in problem.items() if name != "env"}
    try:
        return _made(path, env, parameters)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _table(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES:,} bytes: it is no problem.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        folder = path.parent
        near = closest(path.name, [one.name for one in folder.glob("*.toml")])
        raise InputError(f"There is no file {path}{near}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {path}: {told(error)}.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            f"{path} is no TOML: {told(error)}. Texts stand in quotes, ranges as [0.5, 1.5]."
        ) from None


def _made(path: Path, env: Any, given: Mapping[str, Any]) -> DesignProblem:
    """Return the problem of an environment with parameters, paths seen from a file's folder."""
    folder = path.absolute().parent
    if isinstance(env, str) and ":" in env:
        _import_from(folder)
    env_id = resolve(env)
    spec = spec_of(env_id)
    made: Any = load_env_creator(str(spec.entry_point)) if is_ours(spec) else None
    model_class = getattr(made, "model_class", None)
    if model_class is None or not issubclass(model_class, DesignModel):
        raise InputError(
            f"env = {shown(env)} is no problem of experimental design; these are: "
            f"{', '.join(designs())}."
        )
    parameters = dict(given)
    runs = env_id.rpartition(":")[0]
    if issubclass(model_class, SimulatorDesign):
        runs = _simulator(parameters, path)
    model = model_class.build(**{**spec.kwargs, **parameters})
    return DesignProblem(model, env, given, path, runs)


def designs() -> list[str]:
    """Return the short names of the environments of experimental design of this package."""
    specs = {name: spec_of(name) for name in registered() if name.startswith("discovery/")}
    ours = (n for n, spec in specs.items() if ".envs.design." in str(spec.entry_point))
    return [name.partition("/")[2].rsplit("-v", 1)[0] for name in ours]


def _simulator(parameters: dict[str, Any], path: Path) -> str:
    """Find simulator and folder of runs from the folder of a file; return what runs, in words."""
    folder = path.absolute().parent
    known = SimulatorDesign.parameters()
    if unknown := [name for name in parameters if name not in known]:
        raise InputError(
            f"{shown(unknown[0])} is no key of a simulator{closest(unknown[0], known)} The keys are "
            f"{', '.join(known)}."
        )
    cache = parameters.get("cache", f"{path.stem}.runs")
    parameters["cache"] = str(folder / cache) if isinstance(cache, str) else cache
    parameters.setdefault("workers", os.cpu_count() or 1)
    for name in ("summarise", "price"):
        parameters |= {name: _function(parameters[name], folder)} if name in parameters else {}
    simulator = parameters.get("simulator")
    if isinstance(simulator, str) and not re.fullmatch(rf"{FILE}|[\w.]+:\w+", simulator):
        with contextlib.suppress(ValueError):  # what is left open is refused by the model
            simulator = shlex.split(simulator)
    if isinstance(simulator, list) and simulator:
        parameters["simulator"] = Command(tuple(map(str, simulator)), str(folder))
        return f"{' '.join(map(str, simulator))} (in {folder})"
    if isinstance(simulator, str):
        parameters["simulator"] = _function(simulator, folder)
        if match := re.fullmatch(FILE, simulator):
            return f"{match[2]} in {folder / match[1]}"
    return str(simulator or "")


def _function(name: Any, folder: Path) -> Any:
    """Return the reference of a function by its module, which may be named by a file."""
    if isinstance(name, str) and ":" in name:
        _import_from(folder)
        if match := re.fullmatch(FILE, name):
            return f"{_module(folder / match[1])}:{match[2]}"
    return name


def _module(file: Path) -> str:
    """Return the name by which a file is imported, here and in the processes of workers.

    Raises:
        InputError: There is no such file, or another module has its name.
    """
    if not file.is_file():
        near = closest(file.name, [one.name for one in file.parent.glob("*.py")])
        raise InputError(f"simulator names a file that is not there, {file}{near}")
    _import_from(file.resolve().parent)
    found = None
    if file.stem.isidentifier():
        importlib.invalidate_caches()
        found = importlib.util.find_spec(file.stem)
    if found is None or not found.origin or Path(found.origin).resolve() != file.resolve():
        other = f" ({found.origin})" if found is not None else ""
        raise InputError(
            f"{file.name} cannot be imported under its name: it must be a plain word that no other "
            f"module has{other}; rename it, such as my_{re.sub(r'[^0-9a-zA-Z_]', '_', file.stem)}.py."
        )
    return file.stem


def _import_from(folder: Path) -> None:
    """Let modules of a folder be imported, here and by workers."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: it takes the place of nothing


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what has changed in a problem, in words."""
    old, new = ({"env": one["env"], **one["parameters"]} for one in (before, now))
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [
        f"{name} was {shown(old.get(name))} and is {shown(new.get(name))} now; all data are taken in "
        "anew"
        for name in names
    ]


def seen_from(path: Path | None, journal: Path | None) -> str | None:
    """Return the name of a file as seen from a journal."""
    if path is None or journal is None:
        return None
    return Path(os.path.relpath(path, journal.parent)).as_posix()


def _plain(value: Any) -> Any:
    """Return a value of a model as a journal can keep it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else shown(value)
