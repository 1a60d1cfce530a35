"""What decides a result: the files that an environment depends on, found by reading and not by running.

A record is of the code and the data it was made with, and of no other. The code is the import
closure of the modules that play: read from their sources, inside functions too, without importing any
of them. It is followed inside the distribution, or the folder, that a module belongs to; beyond it,
name and version of another distribution stand for its files.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata
from itertools import accumulate
from pathlib import Path
from typing import Any

from ...agents.texts import strings
from ...envs.core import InputError, spec_of

PACKAGE = Path(__file__).parents[2]
OWN = __name__.split(".")[0]
PLAYS = f"{OWN}.experiments.runs.evaluation"
Stamp = tuple[int, ...] | None
_known: dict[tuple[frozenset[str], tuple[Path, ...]], tuple[list[str], dict[Path, Stamp]]] = {}
WEIGHTS = (".csv", ".json", ".safetensors")


def fingerprint(env_id: str, settings: Mapping[str, Any], outside: Iterable[str] = ()) -> str:
    """Return a hash of the code that plays an environment.

    Args:
        env_id: A registered environment.
        settings: Its parameters; a text such as ``"module:function"`` is followed to its code.
        outside: The code of somebody's own that plays: ``"module:Name"`` or ``"file.py:Name"``.

    Raises:
        InputError: If the code is not found, so that nobody would notice that it has changed.
    """
    spec = spec_of(env_id)
    wrappers = [wrapper.entry_point for wrapper in spec.additional_wrappers]
    points = [point for point in (spec.entry_point, spec.vector_entry_point, *wrappers) if point]
    names = [_name(point) for point in points]
    modules = {name.partition(":")[0] for name in names} | {env_id.rpartition(":")[0]} - {""}
    about = [env_id, names, spec.kwargs, spec.max_episode_steps]
    lines = [json.dumps(about, sort_keys=True, default=str), *files(spec.kwargs)]
    for text in strings({**spec.kwargs, **settings}):
        module, colon, _ = text.partition(":")
        if colon and module.replace(".", "").isidentifier() and _file(module):
            modules.add(module)
    weights = (path for path in (PACKAGE / "agents").rglob("*") if path.suffix in WEIGHTS)
    lines += [f"{path.relative_to(PACKAGE).as_posix()} {digest(path)}" for path in sorted(weights)]
    places = _places(outside)
    own = [Path(place) for place in places if place.endswith(".py")]
    modules |= {place for place in places if not place.endswith(".py")}
    return hashed(*lines, *code([PLAYS, *modules], own))


def _places(references: Iterable[str]) -> set[str]:
    """Return the modules and files in which references are found, by other processes too."""
    places = {reference.rpartition(":")[0] for reference in references}
    if "__main__" in places:
        raise InputError(
            "What is in __main__ (a notebook, a script, python -c) is not found by the processes of "
            "a run; put it into a file, and name it ./mine.py:Name."
        )
    return places


def source(reference: str) -> Path | None:
    """Return the file of ``module:Name`` or ``file.py:Name``, which is not imported."""
    where = reference.rpartition(":")[0]
    return Path(where) if where.endswith(".py") else _file(where)


def files(settings: Any) -> list[str]:
    """Return the hash of each file that a text among settings names."""
    paths = [text for text in strings(settings) if os.path.isfile(text)]  # noqa: PTH113 - of any text
    return [digest(Path(path)) for path in paths]


def code(modules: Iterable[str], files: Iterable[Path] = ()) -> list[str]:
    """Return a line for each source file and each other distribution that some code depends on, sorted.

    Args:
        modules: Names of modules.
        files: Files of their own; they may import the modules beside them.

    Raises:
        InputError: If there is no source of one of the modules, or no name for it, or no such file.
    """
    modules, files = frozenset(modules), tuple(files)
    known = _known.get((modules, files))
    if known is not None and all(_stamp(path) == stamp for path, stamp in known[1].items()):
        return known[0]  # no file that it was read from has been written since
    stamps: dict[Path, Stamp] = {}
    lines = _code(modules, files, stamps)
    if not files:  # beside these, a new file may take the place of another module
        _known[modules, files] = lines, stamps
    return lines


def _code(modules: Iterable[str], files: Iterable[Path], stamps: dict[Path, Stamp]) -> list[str]:
    """Return the lines of `code`; note of each module's file what tells when it is written again."""
    found: dict[tuple[str, Path | None], str] = {}
    todo: list[tuple[str, str, Path | None]] = [(name, "", None) for name in modules]
    homes = {_home(name) for name, *_ in todo}
    for file in files:
        source = _source(file)
        beside = file.resolve().parent  # where a link leads, as when it is loaded
        found[file.name, beside] = hashlib.sha256(source).hexdigest()
        todo += [(name, "", beside) for name in _imports(file.stem, False, source)]
    while todo:
        name, importer, folder = todo.pop()
        top = name.split(".")[0]
        if (name, folder) in found or top in sys.stdlib_module_names - {"__main__"}:
            continue
        folder = folder if folder is not None and _beside(folder, top) else None
        home = None if folder else _distribution(name)
        path = _file(name, folder)
        if home is not None and home not in homes:
            if importer != OWN:  # what we build on is told by a record, but makes no other one
                found[home, None] = ""
        elif path is not None:  # else it is a name inside a module, or compiled
            stamps[path] = _stamp(path)  # before it is read: what comes later is seen
            source = path.read_bytes()
            found[name, folder] = hashlib.sha256(source).hexdigest()
            imports = _imports(name, path.name == "__init__.py", source)
            parents = accumulate(name.split("."), "{}.{}".format)  # and itself, which is found
            todo += [(other, top, folder) for other in (*imports, *parents)]
    return sorted(f"{name} {digest}" for (name, _), digest in found.items())


def _home(name: str) -> str | None:
    """Return the distribution of a module that must be found, None for a loose file."""
    home = _distribution(name)
    if home is None and _file(name) is None:
        raise InputError(
            f"The code of {name!r} cannot be found, so that a change of it would not be noticed; put "
            "it into a file, or into a package that is installed."
        )
    return home


def _source(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}.") from None


def hashed(*parts: str) -> str:
    """Return 16 hexadecimal digits that stand for some texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def digest(path: Path) -> str:
    """Return the hash of what is in a file."""
    return _digest(path, _stamp(path))


@lru_cache(maxsize=4096)
def _digest(path: Path, stamp: Stamp) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> Stamp:
    """Return what changes when a file is written, or another one takes its place; None: it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _name(point: Any) -> str:
    """Return the name of an entry point, which is a text or a callable."""
    if isinstance(point, str):
        return point
    return f"{point.__module__}:{getattr(point, '__qualname__', type(point).__qualname__)}"


@lru_cache(maxsize=4096)
def _imports(name: str, package: bool, source: bytes) -> tuple[str, ...]:
    """Return the modules that a source imports anywhere, as far as the text tells."""
    parts = name.split(".") if package else name.split(".")[:-1]
    found = []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # it cannot be imported, and a run says so
        return ()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return tuple(found)


def _beside(folder: Path, top: str) -> Path | None:
    """Return the folder of a package or the file of a module that lies in a folder."""
    package, module = folder / top, folder / f"{top}.py"
    if (package / "__init__.py").is_file():
        return package
    if module.is_file():
        return module
    # A folder without __init__.py gives way to what has this name anywhere else.
    return package if package.is_dir() and _root(top) in (None, package) else None


@lru_cache(maxsize=2**16)
def _file(name: str, folder: Path | None = None) -> Path | None:
    """Return the source of a module, none of whose parents is imported; in a folder, if it is named."""
    top, *rest = name.split(".")
    root = _root(top) if folder is None else _beside(folder, top)
    if root is None:
        return None
    paths = root.joinpath(*rest, "__init__.py"), root.joinpath(*rest).with_suffix(".py")
    return next((path for path in paths if path.is_file()), None)


@lru_cache(maxsize=4096)
def _root(top: str) -> Path | None:
    """Return the folder of a package or the file of a module, by its first name."""
    if top == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        return None if file is None else Path(file)
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


_distributions = lru_cache(metadata.packages_distributions)


@lru_cache(maxsize=2**16)
def _distribution(name: str) -> str | None:
    """Return the distribution that a module belongs to, with its version; None for loose files."""
    top = name.split(".")[0]
    if top == OWN:
        return OWN
    owners = sorted(set(_distributions().get(top, ())))
    return ", ".join(f"{owner}=={metadata.version(owner)}" for owner in owners) or None
