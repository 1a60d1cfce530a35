"""The house: who imports whom, and how large rooms, modules and functions may be."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import house
import numpy as np
import pytest

SOURCES = house.modules()
TESTS = house.ROOT / "tests"
MOST_LINES, MOST_OF_A_FUNCTION, MOST_OF_MOST_FUNCTIONS = 450, 60, 30
MOST_IN_EXPERIMENTS = 10
LONG: dict[str, str] = {}
"""Modules that are longer, each with the reason."""
ELSEWHERE = {"support", "fixtures"}
"""Folders of tests that mirror none: what tests share, and files of earlier versions."""

# What does not hold yet. A test fails when it holds more, or less: then strike it out here.
CIRCLES: set[frozenset[str]] = set()
UPWARD: set[tuple[str, str]] = set()
LONG_MODULES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
LONG_FOLDERS: set[str] = set()


# ---- imports


def test_the_picture_is_that_of_the_imports() -> None:
    """If it fails: python docs/house.py."""
    assert house.PICTURE.read_text(encoding="utf-8") == house.draw(house.imports())


def test_no_modules_import_each_other() -> None:
    """Not in functions either, nor for types."""
    assert house.circles(house.imports()) == CIRCLES


def test_no_module_imports_from_its_layer_or_above() -> None:
    assert house.upward(house.imports()) == UPWARD


def test_every_room_of_the_picture_has_a_module() -> None:
    rooms = {room for layer in house.LAYERS for room in layer}
    assert {house.room(module) for module in SOURCES} == rooms
    folders = {
        path.name for s in house.ABOUT for path in (house.ROOT / s).iterdir() if path.is_dir()
    }
    assert folders - {"__pycache__"} <= {room.rpartition("/")[2] for room in rooms}


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("envs/pools/pool", "from ..core.model import Model", set()),
        ("envs/pools/pool", "from .table_pool import TablePool", set()),
        ("envs/pools/pool", "from ..campaigns.campaign import x", {"envs/campaigns/campaign"}),
        ("envs/pools/pool", "from .. import campaigns", {"envs/campaigns"}),
        ("envs/core/model", "from ..pools import Table", {"envs/pools"}),
        ("envs/core/model", "from ..wrappers import OneByOne", {"envs/wrappers"}),
        ("envs", "from . import core", set()),
        ("envs", "from ..agents import make", {"agents"}),
        ("envs/core/model", "def f():\n  from ... import experiments", {"experiments"}),
        ("envs/core/model", "if TYPE_CHECKING:\n  from ...agents.agent import A", {"agents/agent"}),
        ("agents/rules/rule", "from ...envs.core import Model", set()),
        ("agents/rules/rule", "from ..making import make", {"agents/making"}),
        ("agents/rules/rule", "from ...experiments import run", {"experiments"}),
        ("experiments/runs/engine", "from ..suites import task", {"experiments/suites/task"}),
        ("experiments/cli/listing", "from ...agents import make", set()),
        ("experiments/runs/spec", "from ..cli import shared", {"experiments/cli/shared"}),
    ],
)
def test_what_looks_for_arrows_upward_sees_them(module: str, source: str, wrong: set[str]) -> None:
    package = tuple(module.split("/") if module == "envs" else module.split("/")[:-1])
    graph = house.resolved({module: (source, package)}, SOURCES)
    assert {target for _, target in house.upward(graph)} == wrong


def test_what_looks_for_circles_sees_them() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert house.circles(graph) == {frozenset("abc"), frozenset("de")}
    assert house.circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()


@pytest.mark.parametrize("module", SOURCES)
def test_imports_inside_the_package_are_relative(module: str) -> None:
    tree = ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8")))
    names = [
        [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for node in tree
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
    ]
    tops = {name.split(".")[0] for name in itertools.chain.from_iterable(names)}
    assert tops & {"discovery_gym", *house.ABOUT} == set()


# ---- sizes


def functions() -> Iterator[tuple[str, str, int]]:
    """Yield the folder, the name and the lines of every function."""
    for module, path in SOURCES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                yield path.parent.relative_to(house.ROOT).as_posix(), f"{module}:{node.name}", lines


def test_experiments_show_at_a_glance() -> None:
    shown = [path for path in (house.ROOT / "experiments").iterdir() if path.name != "__pycache__"]
    assert len(shown) <= MOST_IN_EXPERIMENTS


def test_no_module_is_long() -> None:
    lines = {module: len(path.read_bytes().splitlines()) for module, path in SOURCES.items()}
    assert {module for module, count in lines.items() if count > MOST_LINES} - set(
        LONG
    ) == LONG_MODULES
    assert all(lines[module] > MOST_LINES and reason for module, reason in LONG.items())


def test_no_function_is_long() -> None:
    long = {name for _, name, lines in functions() if lines > MOST_OF_A_FUNCTION}
    assert long == LONG_FUNCTIONS


def test_most_functions_are_short() -> None:
    found: dict[str, list[int]] = {}
    for folder, _, lines in functions():
        found.setdefault(folder, []).append(lines)
    assert sum(map(len, found.values())) > 1000
    long = {
        folder for folder, some in found.items() if np.percentile(some, 95) > MOST_OF_MOST_FUNCTIONS
    }
    assert long == LONG_FOLDERS


# ---- tests


def test_tests_mirror_the_folders() -> None:
    folders = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert len(folders) > 10
    assert [one for one in folders if not (house.ROOT / one).is_dir()] == []
    inside = {path.name for path in TESTS.iterdir() if path.is_dir()} - {"__pycache__"}
    assert inside == {*house.ABOUT, *ELSEWHERE}


def test_modules_in_the_folders_of_tests_are_tests() -> None:
    """What they share is in `support`, which pytest puts on the path."""
    for storey in house.ABOUT:
        for path in (TESTS / storey).rglob("*.py"):
            assert path.name.startswith("test_") or path.name == "conftest.py", path


EDIT = re.compile(r"sys\.path(\.(append|insert|extend|remove|pop)|\[.*\])?\s*(\(|\+?=[^=])")


def test_no_test_edits_the_path() -> None:
    """But for `monkeypatch.syspath_prepend`, where a module of somebody else is what is tested."""
    own = Path(__file__).name
    files = [path for path in TESTS.rglob("*.py") if path.name != own]
    assert len(files) > 50
    assert [path for path in files if EDIT.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("line", "edits"),
    [
        ("sys.path.append('.')", True),
        ("sys.path.insert(0, here)", True),
        ("sys.path += [here]", True),
        ("sys.path = []", True),
        ("sys.path[:0] = [here]", True),
        ("worker(pickled, sys.path, 1.0)", False),
        ("assert here in sys.path", False),
        ("if sys.path == []:", False),
    ],
)
def test_what_looks_for_edits_of_the_path_sees_them(line: str, edits: bool) -> None:
    assert bool(EDIT.search(line)) == edits
