"""The package as it is installed: what the wheel holds, what an import costs, who imports whom."""

import ast
import importlib
import itertools
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("envs", "agents", "experiments")  # each may import itself and those before it
COMMON = {"core", "datasets", "rendering"}  # folders of envs that every family may import
HEAVY = ("torch", "matplotlib", "sklearn", "stable_baselines3", "pandas")

SOURCES = sorted(p for layer in LAYERS for p in (ROOT / layer).rglob("*.py"))
PACKAGES = sorted(p.parent for p in SOURCES if p.name == "__init__.py")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


# --- the wheel ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names of the files in a wheel built as pip builds it, but without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"  # a build leaves files behind, and takes in those of older builds
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    for layer in (*LAYERS, "tests"):
        shutil.copytree(ROOT / layer, copy / layer)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, folder]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_wheel_holds_every_module_and_nothing_else(wheel):
    modules = {f"discovery_gym/{name_of(p)}" for p in SOURCES} | {"discovery_gym/__init__.py"}
    installed = {name for name in wheel if name.endswith(".py")}
    assert installed == modules


def test_wheel_holds_every_data_file(wheel):
    data = {
        f"discovery_gym/{name_of(p)}"
        for layer in LAYERS
        for p in (ROOT / layer).rglob("*")
        if p.is_file() and p.suffix not in {".py", ".pyc"}
        if not any(part.startswith(".") for part in p.relative_to(ROOT).parts)
    }
    installed = {name for name in wheel if not name.endswith(".py") and ".dist-info/" not in name}
    assert installed == data | {"discovery_gym/py.typed"}


@pytest.mark.parametrize("layer", LAYERS)
def test_every_folder_of_modules_is_a_package(layer):
    folders = {p.parent for p in (ROOT / layer).rglob("*.py")}
    assert folders, f"{layer} holds no module"
    assert sorted(name_of(p) for p in folders) == [
        name_of(p) for p in PACKAGES if name_of(p).split("/")[0] == layer
    ]


# --- the import --------------------------------------------------------------------------------


def run_python(code):
    """Run code in a fresh interpreter in which every warning is an error; return what it prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def test_import_is_light():
    loaded = run_python("import discovery_gym, json, sys; print(json.dumps(sorted(sys.modules)))")
    assert "discovery_gym.envs" in loaded
    assert sorted(set(loaded) & set(HEAVY)) == []


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_dir_names_what_a_package_offers(package):
    """Also what is imported when it is asked for."""
    module = importlib.import_module(f"discovery_gym.{'.'.join(package.relative_to(ROOT).parts)}")
    for name in getattr(module, "__all__", ()):
        assert name in dir(module)
        assert getattr(module, name) is not None


def test_nothing_is_installed_that_is_not_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["learn"], *extras["ray"]]
    assert set(extras) == {"learn", "ray", "lint", "test", "all"}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    for requirement in wanted:
        name = re.split(r"[>=<]", requirement)[0].lower().replace("-", "_")
        name = {"scikit_learn": "sklearn"}.get(name, name)
        assert re.search(rf"^\s*(import|from) {name}\b", sources, re.M), requirement


def test_a_guess_ends_its_sentence():
    """`closest` brings its own full stop or question mark."""
    for path in SOURCES:
        found = re.findall(r"\{closest\([^{}]*\)\}(.)", path.read_text(encoding="utf-8"))
        assert set(found) <= {" "}, path


COUNT_REGISTRATIONS = """
import collections, json
import gymnasium
from gymnasium.envs import registration

written = collections.Counter()

class Counting(dict):
    def __setitem__(self, name, spec):
        written[name] += 1
        super().__setitem__(name, spec)

gymnasium.registry = registration.registry = Counting(registration.registry)
import discovery_gym
print(json.dumps(written))
"""


def test_import_registers_each_id_once():
    written = run_python(COUNT_REGISTRATIONS)
    assert written
    assert all(name.startswith("discovery/") for name in written), written
    assert set(written.values()) == {1}, written


# --- the arrows --------------------------------------------------------------------------------


def imports(source, path):
    """Yield what the module at `path` imports from the package, as paths in it, as tuples."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def forbidden(source, path):
    """Return the imports of a module that break the architecture."""
    layer, *inner = path.relative_to(ROOT).parts
    family = inner[0] if len(inner) > 1 else None  # none: __init__.py of the layer itself
    wrong = []
    for target in imports(source, path):
        upwards = target[0] in LAYERS and LAYERS.index(target[0]) > LAYERS.index(layer)
        if layer == target[0] == "envs" and family is not None and len(target) > 1:
            sideways = target[1] not in {family, *COMMON}
        else:
            sideways = False
        if upwards or sideways:
            wrong.append(".".join(target))
    return wrong


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_follow_the_arrows(path):
    source = path.read_text(encoding="utf-8")
    assert forbidden(source, path) == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_inside_the_package_are_relative(path):
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = [
        [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
        for node in tree
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
    ]
    tops = {name.split(".")[0] for name in itertools.chain.from_iterable(names)}
    assert tops & {"discovery_gym", *LAYERS} == set()


@pytest.mark.parametrize(
    ("file", "line", "wrong"),
    [
        ("envs/pools/table.py", "from ..core import Model", []),
        ("envs/pools/table.py", "from .regret import regret", []),
        ("envs/pools/table.py", "from ..campaigns.ladder import x", ["envs.campaigns.ladder.x"]),
        ("envs/pools/table.py", "from .. import campaigns", ["envs.campaigns"]),
        ("envs/core/model.py", "from ..pools import Table", ["envs.pools.Table"]),
        ("envs/__init__.py", "from . import pools", []),
        ("envs/__init__.py", "from ..agents import make", ["agents.make"]),
        ("envs/core/model.py", "def f():\n  from ... import experiments", ["experiments"]),
        ("agents/rules/ids.py", "from ...envs.core import Model", []),
        ("agents/rules/ids.py", "from ...experiments import run", ["experiments.run"]),
        ("experiments/cli.py", "from ..agents import make", []),
    ],
)
def test_the_guard_of_the_arrows_sees(file, line, wrong):
    assert forbidden(line, ROOT / file) == wrong
