"""Code from outside: agents, rules and beliefs that a text names, and short names for them.

``module:Name`` is imported as any module, ``path/to/file.py:Name`` is loaded from that file, once in a
process. A file may import the modules beside it. Nothing is loaded before a text that names it is
played.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
import traceback
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from ..envs.core import InputError, closest, shown, told

GROUP = "discovery_gym.agents"
"""Entry points of this group give short names: ``name = "module:Name"``."""

_names: dict[str, str] = {}
"""References by short names, as they were registered."""
_loaded: dict[Path, tuple[ModuleType, bytes]] = {}
"""Files that were loaded, each with what was in it."""


def is_reference(name: str) -> bool:
    """Return whether a name is that of code outside."""
    return ":" in name


def full(name: str) -> str:
    """Return the reference that a short name stands for, or the name itself where it is none."""
    if is_reference(name) or name in _names:
        return _names.get(name, name)
    for point in metadata.entry_points(group=GROUP, name=name):
        return f"{point.module}:{point.attr}"
    return name


def add(name: Any, thing: Any) -> None:
    """Let a short name stand for a class or function at the top of a module, or for a reference."""
    if not (isinstance(name, str) and name.isidentifier()):
        raise InputError(f"A short name is a word such as 'mine', got {shown(name)}.")
    reference = thing if isinstance(thing, str) else reference_of(thing)
    if not is_reference(reference):
        raise InputError(
            f"{name} must stand for a class, a function or a text such as './mine.py:Name' or "
            f"'module:Name', got {shown(thing)}."
        )
    _names[name] = reference


def reference_of(thing: Any) -> str:
    """Return the text by which another process finds a class or function; empty if none does."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__name__", "")
    if getattr(sys.modules.get(module or ""), name, None) is not thing:
        return ""
    for path, (loaded, _) in _loaded.items():
        if loaded.__name__ == module:
            return f"{path}:{name}"
    return f"{module}:{name}"


def load(reference: str) -> Any:
    """Return what a reference names.

    Raises:
        InputError: If there is no such file, module or name, or if importing it raises.
    """
    where, _, name = reference.rpartition(":")
    module = _file(where) if where.endswith(".py") else _module(where)
    try:
        return getattr(module, name)
    except AttributeError:
        ours = vars(module).items()
        known = [one for one, v in ours if getattr(v, "__module__", "") == module.__name__]
        raise InputError(
            f"There is no {name} in {where}{closest(name, known)} It has {', '.join(known[:20])}."
        ) from None


def _module(where: str) -> ModuleType:
    """Return a module by its name."""
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if where != error.name and not where.startswith(f"{error.name}."):
            raise _raised(where, error) from error
        raise InputError(
            f"There is no module {shown(where)} in this folder or installed; a file is named by its "
            "path, such as ./mine.py:Name."
        ) from None
    except (Exception, SystemExit) as error:
        raise _raised(where, error) from error


def _file(where: str) -> ModuleType:
    """Return the module in a file, by a name that no other file has."""
    path = Path(where).resolve()
    if not path.is_file():
        near = [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise InputError(
            f"There is no file {shown(where)} (looked for {path}){closest(path.name, near)} "
            "Name a file as seen from the working folder."
        )
    source = path.read_bytes()
    if path in _loaded:
        module, before = _loaded[path]
        if source != before:
            raise InputError(
                f"{where} has changed since it was loaded; start again, in a new process."
            )
        return module
    for name, module in [*sys.modules.items()]:
        if name != "__main__" and getattr(module, "__file__", None) == str(path):
            _loaded[path] = module, source  # it was imported by its name
            return module
    name = f"{path.stem}_{hashlib.sha256(bytes(path)).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: it takes the place of nothing
    try:
        spec.loader.exec_module(module)
        _check_beside(path, source)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise error if isinstance(error, InputError) else _raised(where, error) from error
    _loaded[path] = module, source
    return module


def _check_beside(path: Path, source: bytes) -> None:
    """Refuse a file if what it imports from beside it is another module of the same name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names:
        files = path.parent / top / "__init__.py", path.parent / f"{top}.py"
        beside = list(filter(Path.is_file, files))
        found = importlib.util.find_spec(top)
        if found is None or not (beside or found.origin is None):
            continue
        place = found.origin or next(iter(found.submodule_search_locations or ()), "")
        beside.append(path.parent / top)  # without __init__.py, which gives way to any other
        if beside[0].exists() and Path(place).resolve() != beside[0].resolve():
            raise InputError(
                f"{path.name} imports {top}, which lies beside it, but Python has another {top}, "
                f"{place}; give one of them another name."
            )


def _raised(where: str, error: BaseException) -> InputError:
    """Return the error of an import that raised, with the last line of the file that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    file = getattr(sys.modules.get(where), "__file__", None) or str(Path(where).resolve())
    frame = next((one for one in reversed(frames) if one.filename == file), frames[-1])
    place = f"{frame.filename}:{frame.lineno}"
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    words = told(error).splitlines()[:1] or [""]
    return InputError(
        f"{where} cannot be imported: {type(error).__name__}: {words[0]} ({place}). Correct it there."
    )
