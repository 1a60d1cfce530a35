"""The package as it is installed: what the wheel holds, and what an import costs."""

import importlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

import discovery_gym

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("envs", "agents", "experiments", "studies", "testing")
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
    assert (
        sorted(set(loaded) & {*HEAVY, "discovery_gym.testing", "discovery_gym.experiments"}) == []
    )


def test_what_plays_is_light():
    """Every process of a run imports it, `evaluate` too; SciPy's statistics would double the time."""
    play = "discovery_gym.experiments.runs.evaluation"
    tell = "discovery_gym.experiments.report.stats"
    code = f"import {play}, {tell}, json, sys; "
    code += f"{play}.evaluate('KnowledgeLadder', 'random', episodes=1, truth=False); "
    code += "print(json.dumps([*sys.modules]))"
    loaded = {*run_python(code)}
    assert {"discovery_gym.agents.design.agent", "scipy.special"} <= loaded
    assert not loaded & {*HEAVY, *(f"scipy.{name}" for name in ("stats", "signal", "optimize"))}


LOOK_FOR_ENTRY_POINTS = """
import json, gymnasium
from importlib import metadata

loaded, asked = [], []
load, entry_points = metadata.EntryPoint.load, metadata.entry_points
metadata.EntryPoint.load = lambda self: loaded.append(self.name) or load(self)
metadata.entry_points = lambda **of: asked.append(of) or entry_points(**of)
import discovery_gym
print(json.dumps([loaded, asked]))
"""


def test_import_loads_and_looks_for_no_entry_point():
    """Gymnasium does so for its own group, when it is imported itself."""
    assert run_python(LOOK_FOR_ENTRY_POINTS) == [[], []]
    planted = "metadata.entry_points(group='console_scripts')"
    code = LOOK_FOR_ENTRY_POINTS.replace("import discovery_gym", planted)
    assert run_python(code) == [[], [{"group": "console_scripts"}]]


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_dir_names_what_a_package_offers(package):
    """Also what is imported when it is asked for."""
    module = importlib.import_module(f"discovery_gym.{'.'.join(package.relative_to(ROOT).parts)}")
    for name in getattr(module, "__all__", ()):
        assert name in dir(module)
        assert getattr(module, name) is not None


def test_the_version_is_told_alike_everywhere():
    """And what changed from the one before, and what somebody has to change."""
    version = discovery_gym.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    last, before, *_ = re.findall(r"^## \[([\d.]+)\]", changes, re.M)
    assert last == version
    page = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
    assert page.startswith(f"# From {before} to {version}\n")


def test_nothing_is_installed_that_is_not_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["learn"], *extras["ray"]]
    assert set(extras) == {"learn", "ray", "docs", "lint", "test", "all"}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    for requirement in wanted:
        name = re.split(r"[>=<]", requirement)[0].lower().replace("-", "_")
        name = {"scikit_learn": "sklearn", "pillow": "PIL"}.get(name, name)
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


# --- where it is installed ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def script():
    """The program that installs and uses the package."""
    loader = SourceFileLoader("package_of_ci", str(ROOT / ".ci" / "package"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_the_core_is_what_it_depends_on_and_no_extra(script):
    core = {one.name.lower() for one in script.needed("discovery-gym", set())}
    assert {"gymnasium", "numpy", "pyarrow", "farama-notifications"} <= core
    assert not core & {"torch", "stable-baselines3", "stable_baselines3", "pytest", "pandas"}


def test_a_python_that_is_not_there_is_none(script):
    assert script.python_of("3.1") is None
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert script.python_of(here) is None or Path(script.python_of(here)).exists()


def test_what_cannot_be_installed_is_told_in_one_line(script, tmp_path):
    said = script.tried(tmp_path / "nowhere", "nothing")
    assert said.startswith("not installed: ")
    assert "\n" not in said
