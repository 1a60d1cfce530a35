"""What the documents show works when it is pasted, and the generated pages are up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from outsiders import working_folder

from discovery_gym.envs import datasets
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.suites.entering import chosen

ROOT = Path(__file__).parents[1]
SNIPPET = r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?"  # and what it prints, if that is shown
SNIPPETS = [
    pytest.param(code, shown, id=f"{name}-{i}")
    for name in ("README.md", "docs/index.md", "docs/guide.md", "docs/libraries/README.md")
    for i, (code, shown) in enumerate(re.findall(SNIPPET, (ROOT / name).read_text(), re.S))
]


@pytest.mark.parametrize(("code", "shown"), SNIPPETS)
def test_snippets_run(code: str, shown: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if shown:
        assert done.stdout == shown


def test_the_agent_of_the_guide_plays_every_task_of_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task is left out, which would leave out its wing, and whole episodes are played of each."""
    code = r"This is all of `mine.py`, which plays every task of `quick`:\n\n```py\n(.*?)```"
    (text,) = re.findall(code, (ROOT / "docs" / "guide.md").read_text(), re.S)
    (tmp_path / "mine.py").write_text(text)
    said: list[str] = []
    with working_folder(tmp_path, monkeypatch):
        played = chosen("quick", agents=["mine=./mine.py:Agent"], say=said.append)
        assert said == []
        for task in played.tasks:
            if not task.missing:
                assert "mine" in task.agents
                how = {"episodes": 3, "env_kwargs": task.env_kwargs, "truth": False}
                result = evaluate(task.env_id, "./mine.py:Agent", **how)
                assert np.isfinite(result.returns).all()


def test_generated_pages_are_up_to_date() -> None:
    from pages import pages

    for name, text in pages().items():
        assert (ROOT / "docs" / name).read_text() == text, f"run `make docs`: docs/{name} is old"


def test_the_guide_says_how_long_the_policies_of_the_package_took() -> None:
    from discovery_gym.agents.learned.policy import Policy

    files = (ROOT / "agents" / "learned" / "weights").glob("*.safetensors")
    minutes = [Policy.load(str(file)).about["cpu_seconds"] / 60 for file in files]
    span = f"{min(minutes):.1f} to {max(minutes):.1f} CPU minutes"
    assert span in (ROOT / "docs" / "guide.md").read_text()


def test_the_guide_says_what_a_policy_scores_at_other_prices() -> None:
    result = evaluate("KnowledgeLadder", "learned", episodes=1000)
    assert result.random_value is not None
    assert result.optimal_value is not None
    span = result.optimal_value - result.random_value
    scores = (result.returns - result.random_value) / span
    (told,) = re.findall(r"default prices it scores (0\.\d+)", (ROOT / "docs/guide.md").read_text())
    assert abs(scores.mean() - float(told)) < 0.005 + 3 * scores.std() / 1000**0.5


def test_the_guide_says_what_proxies_gain() -> None:
    """All rows of its table but two, which take longer; another platform may round a choice."""
    text = (ROOT / "docs" / "guide.md").read_text()
    head, *rows = re.findall(r"^\| (?:agent \| labels only|`\w+` \| [*\d]).*", text, re.M)
    tests = [(float(c), float(r)) for r, c in re.findall(r"rho (\.\d+) at (\d+)", head)]
    assert (len(tests), len(rows)) == (4, 6)
    paid: list[dict[str, Any]] = [{"price": 10.0}]
    paid += [{"fidelities": [[cost, 0.1, rho], [10.0, 0.1, 1]]} for cost, rho in tests]
    pool = {"num_items": 200, "num_features": 20, "noise_std": 0.1, "budget": 200.0}
    for row in rows:
        name, *told = re.findall(r"(?<=`)\w+|(?<=[ *])\d+\.\d", row)
        if name in ("ids", "knowledge_gradient"):
            continue
        how: dict[str, Any] = {"episodes": 256, "seed": 7001, "truth": False}
        played = [evaluate("LinearPool", name, env_kwargs=pool | one, **how) for one in paid]
        means = np.array([one.returns.mean() for one in played])
        np.testing.assert_allclose(means, [float(one) for one in told], atol=0.5)
        gains = [float(one) for one in re.findall(r"\(([+-].*?)\)", row)]
        np.testing.assert_allclose(means[1:] - means[0], gains, atol=0.5)


MADE = [
    page
    for folder in ("data_sets", "environments")
    for page in sorted((ROOT / "docs" / folder).glob("*.md"))
    if "```py\n" in page.read_text()
]


@pytest.mark.parametrize("page", MADE, ids=lambda page: page.stem)
def test_environments_are_made_as_their_pages_say(page: Path) -> None:
    (code,) = re.findall(r"^```py\n(.*?)^```", page.read_text(), re.S | re.M)
    if page.parent.name == "data_sets" and page.stem not in datasets.available():
        pytest.skip("the data set is not here")
    made: dict[str, Any] = {"gym": gym}
    exec(code, made)  # noqa: S102 - of our own page
    observation, _ = made["env"].reset(seed=1)
    assert made["env"].observation_space.contains(observation)
    assert made["env"].spec.kwargs.get("dataset", page.stem) == page.stem


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.relative_to(ROOT)} links to {link}"


def test_documents_speak_of_the_project_alone() -> None:
    words = re.compile(r"\.\./shared|/(?:work|tmp)/|session")
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        assert not words.search(page.read_text()), page
