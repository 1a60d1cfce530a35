"""What decides a result: a byte changed in any of it gives another fingerprint, in nothing else."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from tiny import execute

from discovery_gym import InputError
from discovery_gym.experiments.runs import fingerprints
from discovery_gym.experiments.runs.fingerprints import code, files, fingerprint
from discovery_gym.experiments.suites.task import Suite, Task, plan

POOL = "discovery/LinearPool-v0"
PACKAGE = Path(fingerprints.__file__).parents[2]


def forget() -> None:
    """Forget where modules lie."""
    for cached in (fingerprints._root, fingerprints._file, fingerprints._distribution):
        cached.cache_clear()
    fingerprints._known.clear()


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a file read, and look, as if a comment stood at its end."""
    read, stamp = Path.read_bytes, fingerprints._stamp
    changed: set[Path] = set()
    monkeypatch.setattr(fingerprints, "_stamp", lambda path: (stamp(path), path in changed))
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"\n# more" if path in changed else b"")
    )
    return changed.add


@pytest.mark.parametrize(
    "file",
    [
        "__init__.py",
        "envs/core/streams.py",
        "envs/pools/linear_pool.py",
        "envs/pools/order_statistics.py",
        "agents/making.py",
        "agents/beliefs/linear.py",
        "agents/rules/information_directed.py",
        "experiments/runs/evaluation.py",
    ],
)
def test_our_own_sources_count(file: str, edited: Any) -> None:
    before = fingerprint(POOL, {})
    assert fingerprint(POOL, {}) == before
    edited(PACKAGE / file)
    assert fingerprint(POOL, {}) != before


@pytest.mark.parametrize("file", ["experiments/cli/shared.py", "experiments/runs/stats.py"])
def test_what_only_shows_results_does_not_count(file: str, edited: Any) -> None:
    before = fingerprint(POOL, {})
    edited(PACKAGE / file)
    assert fingerprint(POOL, {}) == before


def test_every_family_has_its_sources() -> None:
    """The module that an id names, and all that it imports, wherever it lies."""
    for name, spec in gym.registry.items():
        if spec.namespace == "discovery":
            module = str(spec.entry_point).partition(":")[0]
            lines = code([module])
            assert any(line.startswith(f"{module} ") for line in lines), name
            assert any(line.startswith("discovery_gym.envs.core.model ") for line in lines), name


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Environments of somebody's own, in nested folders, beside a module that they share."""
    for family in ("one", "two"):
        folder = tmp_path / "lab" / family / "envs"
        folder.mkdir(parents=True)
        for place in (tmp_path / "lab", tmp_path / "lab" / family, folder):
            (place / "__init__.py").touch()
        (folder / "cart.py").write_text(
            "from gymnasium.envs.classic_control import CartPoleEnv\n"
            f"class Cart(CartPoleEnv):\n    '''{family}'''\n"
            "    def __init__(self, **kwargs):\n"
            "        import helper\n"
            "        super().__init__(**kwargs)\n"
        )
        gym.register(f"lab_{family}/Cart-v0", f"lab.{family}.envs.cart:Cart", max_episode_steps=5)
    (tmp_path / "helper.py").write_text("import numpy\n")
    (tmp_path / "stranger.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    yield tmp_path
    for family in ("one", "two"):
        del gym.registry[f"lab_{family}/Cart-v0"]
    for module in [name for name in sys.modules if name.split(".")[0] in ("lab", "helper")]:
        del sys.modules[module]
    forget()


def test_code_of_others_is_found_without_importing_it(outside: Path) -> None:
    prints = [fingerprint(f"lab_{family}/Cart-v0", {}) for family in ("one", "two")]
    assert prints[0] != prints[1]
    assert not {"lab", "helper"} & set(sys.modules)
    for path, counts in (
        ("lab/one/envs/cart.py", True),
        ("lab/one/__init__.py", True),
        ("helper.py", True),
        ("lab/two/envs/cart.py", False),
        ("stranger.py", False),
    ):
        text = (outside / path).read_text()
        (outside / path).write_text(text + "\n")
        assert (fingerprint("lab_one/Cart-v0", {}) != prints[0]) is counts, path
        (outside / path).write_text(text)
    lines = code(["lab.one.envs.cart"])
    assert f"gymnasium=={gym.__version__} " in lines
    assert any(line.startswith("numpy==") for line in lines)


def test_files_and_functions_that_settings_name_count(outside: Path) -> None:
    data = outside / "data.txt"
    data.write_text("1")
    settings = {"deep": [{"file": str(data)}], "simulator": "helper:run"}
    before = files(settings), fingerprint(POOL, settings)
    assert before[0] == [fingerprints.digest(data)]
    data.write_text("2")
    assert files(settings) != before[0]
    (outside / "helper.py").write_text("import numpy as np\n")
    assert fingerprint(POOL, settings) != before[1]


def test_links_and_folders_without_init_are_followed(outside: Path) -> None:
    (outside / "real" / "parts").mkdir(parents=True)
    (outside / "real" / "mine.py").write_text("import parts.one, numpy\n")
    (outside / "real" / "numpy").mkdir()  # gives way to the one that is installed
    (outside / "link.py").symlink_to(outside / "real" / "mine.py")
    (part := outside / "real" / "parts" / "one.py").write_text("")
    before = code([], [outside / "link.py"]), code(["real.parts.one"])
    assert any(line.startswith("numpy==") for line in before[0])
    part.write_text("\n")
    assert code([], [outside / "link.py"]) != before[0]
    assert code(["real.parts.one"]) != before[1]


@pytest.mark.parametrize(
    "agent",
    [
        "mine:f(path='{0}')",
        "mine:f(paths=['{0}'])",
        "greedy(belief=mine:B(path='{0}'))",
        "mine:R(belief=mine:B(path='{0}'))",
        "policy('{0}')",
    ],
)
def test_files_that_an_agent_names_count(outside: Path, agent: str) -> None:
    (outside / "mine.py").write_text("")
    (data := outside / "data.txt").write_text("1")
    text = agent.format(data)
    words = " ".join(["long"] * 100)
    long = text.replace("f(", f"f(words='{words}', ")  # a text may be longer than any path
    one = Task(name="T", about="", env_id=POOL, env_kwargs={}, agents={"text": text, "long": long})
    specs = plan(Suite(name="t", version=1, about="", episodes=2, seed=0, tasks=(one,)))
    before = [spec.look() for spec in specs]
    data.write_text("2")
    assert all(spec.look() != old for spec, old in zip(specs, before, strict=True))


def test_code_that_is_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="code of 'no_such_module' cannot be found"):
        code(["no_such_module"])
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    forget()
    gym.register("lab_main/Cart-v0", type("Cart", (gym.Env,), {"__module__": "__main__"}))
    try:
        with pytest.raises(InputError, match=r"code of '__main__' cannot be found.*into a file"):
            fingerprint("lab_main/Cart-v0", {})
    finally:
        del gym.registry["lab_main/Cart-v0"]
        forget()


def test_a_run_whose_code_changes_is_not_recorded(outside: Path, tmp_path: Path) -> None:
    """The environment edits its own source while it is played."""
    cart = outside / "lab" / "one" / "envs" / "cart.py"
    edit = "        with open(__file__, 'a') as file: file.write('# again')\n"
    cart.write_text(cart.read_text() + edit)
    importlib.invalidate_caches()
    task = Task(
        name="Cart", about="", env_id="lab_one/Cart-v0", env_kwargs={}, agents={"r": "random"}
    )
    suite = Suite(name="t", version=1, about="", episodes=2, seed=0, tasks=(task,))
    (spec,) = plan(suite)
    records = tmp_path / "records"
    records.mkdir()
    with pytest.raises(InputError, match="changed after the run was planned; it is not recorded"):
        execute(spec, records)
    assert not list(records.iterdir())
