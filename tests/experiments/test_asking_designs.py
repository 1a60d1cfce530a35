"""Ask, tell and show of a design, as a physicist types them; and the examples of `docs/own/design`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from browsing import browser
from outsiders import working_folder
from typer.testing import CliRunner

from discovery_gym.envs.core import InputError
from discovery_gym.envs.design.simulator_design import SimulatorDesign
from discovery_gym.experiments import cli
from discovery_gym.studies import Study

CLI = [sys.executable, "-m", "discovery_gym.experiments"]
EXAMPLES = Path(__file__).parents[2] / "docs" / "own" / "design"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the examples."""
    here = copytree(EXAMPLES, tmp_path / "lab", ignore=lambda *_: ["__pycache__"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with working_folder(here, monkeypatch):
        yield here


def run(*words: str) -> tuple[list[list[str]], str]:
    """Return what a process prints: the cells of stdout, and stderr."""
    done = subprocess.run(
        [*CLI, *words], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines() if line], done.stderr


def typed(*words: str) -> list[list[str]]:
    """Return the cells of stdout, without a process."""
    return heard(*words)[0]


def heard(*words: str) -> tuple[list[list[str]], str]:
    """Return what `run` does, without a process."""
    done = CliRunner().invoke(cli.app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return [line.split("\t") for line in done.stdout.splitlines() if line], done.stderr


def write(name: str, rows: object, head: str = "window,event") -> str:
    """Write a file of data."""
    lines = [",".join(f"{value:.5g}" for value in row) for row in rows]  # type: ignore[attr-defined]
    Path(name).write_text("\n".join([head, *lines, ""]))
    return name


def decays(rate: float, window: float, n: int, seed: int) -> list[tuple[float, float]]:
    """Decays as nature has them."""
    seen = np.minimum(np.random.default_rng(seed).exponential(1 / rate, n), window)
    return [(window, value) for value in seen.tolist()]


def test_from_a_simulator_to_the_next_setting_and_on(folder: Path) -> None:
    """In one command; the function and the program say the same, from wherever it is typed."""
    said, words = run("ask", "decay.toml")
    assert said[0] == ["id", "window", "nats expected"]
    assert said[1][0] == "1"
    assert f"runs code of yours: decay in {folder / 'decay.py'}" in words
    assert "discovery-gym tell decay.toml 1=DATA.csv" in words
    outside, words = run("ask", str(folder / "decay_program.toml"))
    assert outside == said
    assert "python3 decay.py" in words
    window = float(said[1][1])
    data = write("data.csv", decays(1.4, window, 60, 1) + decays(1.4, 1.0, 40, 2))
    said, _ = run("tell", "decay.toml", data)  # the second setting is not one of the file's
    assert said[1:3] == [
        ["1", f"window={window:.10g}", "60 events"],
        ["2", "window=1", "40 events"],
    ]
    mean = float(said[5][1].split(" ")[0])
    assert 1.0 < mean < 1.8
    assert Study.open("decay.study.jsonl").misfit() > 0.01  # type: ignore[union-attr]
    assert {path.name for path in folder.iterdir()} >= {"decay.runs", "decay_program.runs"}


def test_all_examples_play_to_the_end(folder: Path) -> None:
    for source, seed in (("beam.toml", 1), ("decay.toml", 2)):
        typed("ask", source)
        for i in range(Study.design(source).budget):
            value = float(typed("ask", source)[1][1])
            if source == "beam.toml":
                data = write(
                    "now.csv", [(value, c) for c in cosines(value, 0.8, 100, 10 + i)], "phi,c"
                )
            else:
                data = write("now.csv", decays(0.8, value, 50, seed + i))
            typed("tell", source, data)
        with pytest.raises(InputError, match="--budget"):
            typed("ask", source)
        study = Study.design(source)
        (found,) = study.posterior().values()
        assert study.left == 0
        assert found.low < 0.8 < found.high
        assert study.misfit() > 0.01


def cosines(phi: float, theta: float, n: int, seed: int) -> list[float]:
    """The density of the toy, by rejection."""
    random, k = np.random.default_rng(seed), 2 * np.tanh((2 * phi - 90) / 9) * theta
    c = random.uniform(-1, 1, 100 * n)
    return c[random.uniform(0, 5, len(c)) < 1 + c**2 + k * c][:n].tolist()  # type: ignore[no-any-return]


def test_data_of_another_world_are_told_apart(folder: Path) -> None:
    typed("ask", "beam.toml")
    random = np.random.default_rng(3)
    rows = [(phi, c) for phi in (50.0, 40.0, 47.5) for c in random.normal(0, 0.2, 100).clip(-1, 1)]
    _, words = heard("tell", "beam.toml", write("data.csv", rows, "phi,cosine"))
    assert re.search(r"p = 0\.001: your data do not look like the model's", words)
    for command in (["ask", "beam.toml"], ["show", "beam.toml"]):
        said, words = heard(*command)
        assert "do not look like" in words + json.dumps(said)


def test_what_fails_is_corrected_withdrawn_or_tried_again(folder: Path) -> None:
    typed("ask", "beam.toml")
    assert typed("tell", "beam.toml", "1=failed", "--why", "no beam")[1][2] == "failed: no beam"
    assert typed("ask", "beam.toml")[1][0] == "2"
    with pytest.raises(InputError, match="one in a row of a file"):
        typed("tell", "beam.toml", "2=0.7")
    one = write("2.csv", [(c,) for c in cosines(50, 1.2, 90, 1)], "c")
    assert typed("tell", "beam.toml", f"2={one}")[1][2] == "90 events"
    journal = Path("beam.study.jsonl").read_text()
    assert "2 has these data already" in heard("tell", "beam.toml", f"2={one}")[1]
    assert "1 is failed, as before" in heard("tell", "beam.toml", "1=failed")[1]
    with pytest.raises(InputError, match="type a command for each"):
        typed("tell", "beam.toml", str(one), "9=failed")
    assert Path("beam.study.jsonl").read_text() == journal
    other = write("2.csv", [(c,) for c in cosines(50, 1.2, 80, 1)], "c")
    with pytest.raises(InputError, match="--correct"):
        typed("tell", "beam.toml", f"2={other}")
    assert typed("tell", "beam.toml", f"2={other}", "--correct")[1][2] == "80 events"
    assert typed("tell", "beam.toml", "1=retry")[1][2] == "in flight"
    assert typed("tell", "beam.toml", "1=withdrawn")[1][2] == "withdrawn"
    states = [row[2] for row in typed("show", "beam.toml") if row[0] in ("1", "2")]
    assert states == ["withdrawn", "here"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["ask", "beam.tom"], "neither a table nor a design"),
        (["ask", "bean.toml"], "did you mean 'beam.toml'"),
        (["ask", "beam.toml", "--target", "x"], "--target is of a table"),
        (["ask", "beam.toml", "-n", "3"], "--batch is of a table"),
        (["ask", "beam.toml", "--agent", "gredy_eig"], "gredy_eig"),
        (["ask", "beam.toml", "--dry-run"], "no simulator"),
        (["tell", "beam.toml", "data.csv"], "Begin one: discovery-gym ask beam.toml"),
        (["show", "beam.toml"], "Begin one"),
    ],
)
def test_errors_say_what_to_type(folder: Path, words: list[str], error: str) -> None:
    with pytest.raises(InputError, match=error):
        typed(*words)
    assert not list(folder.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("num_bins = 20", "num_bin = 20", "did you mean 'num_bins'"),
        ("num_bins = 20", "num_bins = 1", "num_bins must be"),
        ('env = "WeinbergToy"', 'env = "WeinbergTo"', "did you mean 'WeinbergToy'"),
        ('env = "WeinbergToy"', 'env = "LinearPool"', "these are: .*WeinbergToy"),
        ('env = "WeinbergToy"', "", "neither env nor simulator"),
        ('env = "WeinbergToy"', "env = WeinbergToy", "is no TOML"),
        ("[problem]", "[probelm]", "did you mean 'problem'"),
        ("[problem]", "", "outside of \\[problem\\]"),
        ("[problem]", "[study]\n[problem]", "'study' outside"),
    ],
)
def test_errors_of_a_file_name_it(folder: Path, old: str, new: str, error: str) -> None:
    text = Path("beam.toml").read_text()
    Path("beam.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=f"beam.toml.*{error}"):
        typed("ask", "beam.toml")
    assert not list(folder.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("./decay.py:decay", "./decai.py:decay", "decai.py; did you mean 'decay.py'"),
        ("./decay.py:decay", "./decay.py:decai", "decai"),
        ("grid_size", "gridsize", "did you mean 'grid_size'"),
        ("./decay.py:decay", "./json.py:decay", "rename it, such as my_json.py"),
        ('"./decay.py:decay"', '["./no_program", "{theta}"]', "no_program"),
    ],
)
def test_errors_of_a_simulator_name_it(folder: Path, old: str, new: str, error: str) -> None:
    Path("json.py").write_text("decay = None\n")
    text = Path("decay.toml").read_text()
    Path("decay.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=f"decay.toml.*{error}"):
        typed("ask", "decay.toml")


TYPES = {"integer": int, "number": (int, float), "string": str, "array": list, "object": dict}


def test_the_schema_knows_the_examples_and_every_key(folder: Path) -> None:
    """What an editor checks by it; that it is of today is tested with the pages."""
    whole = json.loads(Path("problem.schema.json").read_text())
    problem = whole["properties"]["problem"]
    known = problem["properties"]
    assert {*known} == {"env", *SimulatorDesign.parameters()}
    assert all(one["description"][:1] not in "}):, " for one in known.values())
    sources = list(folder.glob("*.toml"))
    assert len(sources) == 3
    for source in sources:
        found = tomllib.loads(source.read_text())
        assert {*found} == {"problem"}
        for name, value in found["problem"].items():
            types = known[name].get("type", [*TYPES])
            types = types if isinstance(types, list) else [types]
            assert any(isinstance(value, TYPES[one]) for one in types), (source, name)


# ---- the page


def test_the_page_shows_what_the_study_knows(folder: Path) -> None:
    typed("ask", "beam.toml")
    rows = [(phi, c) for phi in (50.0, 41.5) for c in cosines(phi, 1.2, 100, int(phi))]
    typed("tell", "beam.toml", write("data.csv", rows, "phi,c"))
    typed("ask", "beam.toml")
    typed("show", "beam.toml", "--page", "beam.html")
    text = Path("beam.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])  # type: ignore[index]
    study = Study.design("beam.toml")
    learned = study.episode.history().divergence
    assert data["total"] == pytest.approx([0, *np.cumsum(learned[1:]).tolist()])
    assert data["parameters"][0]["mean"][-1] == pytest.approx(study.posterior()["theta"].mean)
    assert [sum(one["data"]) for one in data["fits"]] == [100, 100]
    assert sum(data["fits"][0]["mean"]) == pytest.approx(100)
    with browser() as engine:
        page = engine.new_page(viewport={"width": 380, "height": 800})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(Path("beam.html").absolute().as_uri())
        assert page.locator("figure svg").count() == 5
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
        page.set_viewport_size({"width": 1200, "height": 800})
        assert page.locator("#parameters svg").count() == 1
        assert errors == []
        page.screenshot(path="page.png", full_page=True)
