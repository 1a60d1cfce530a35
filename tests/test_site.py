"""The built site: nothing is missing, no link is dead, and a browser opens it from the disk.

`make site` builds it. The environment variable `DISCOVERY_GYM_SITE` names the folder that it was built
in; the tests of it skip where there is none.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from browsing import browser

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SITE = Path(os.environ.get("DISCOVERY_GYM_SITE", ""))
built = pytest.mark.skipif(
    "DISCOVERY_GYM_SITE" not in os.environ, reason="DISCOVERY_GYM_SITE names no built site"
)
LOOKED_AT = (
    "index",
    "environments/README",
    "environments/LinearPool",
    "agents/ids",
    "leaderboard",
    "tutorials/ladder",
    "guide",
)
MODULES = ("discovery_gym.agents", "discovery_gym.envs", "discovery_gym.envs.datasets",
           "discovery_gym.experiments", "discovery_gym.studies", "discovery_gym.testing")  # fmt: skip


def test_whatever_has_a_name_has_a_page() -> None:
    import gymnasium as gym

    from discovery_gym.agents.beliefs import BELIEFS
    from discovery_gym.agents.making import LEARNED, PLAIN
    from discovery_gym.agents.rules import RULES
    from discovery_gym.envs import datasets
    from discovery_gym.envs.core import registered
    from discovery_gym.experiments.cli import app
    from discovery_gym.experiments.suites.catalogue import SUITES

    names = {
        "environments": [gym.spec(one).name for one in registered()],
        "agents": [*PLAIN, LEARNED, *RULES, *BELIEFS],
        "suites": [*SUITES],
        "data_sets": [*datasets.catalogue()],
        "commands": [one.name for one in app.registered_commands],
    }
    for folder, known in names.items():
        assert {path.stem for path in (DOCS / folder).glob("*.md")} == {*known, "README"}, folder


def test_every_public_name_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "api.md").read_text("utf-8")
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            assert re.search(rf":: {module}.{name}$", page, re.M), f"{module}.{name}"


def test_every_environment_has_a_picture_and_every_agent_a_formula() -> None:
    import gymnasium as gym
    from pages import FORMULAS

    from discovery_gym.envs.core import registered

    source = (DOCS / "site" / "pictures.py").read_text("utf-8")  # its imports need the extra
    for env_id in registered():
        assert f'"{gym.spec(env_id).name}": Play(' in source
    assert set(FORMULAS) == {path.stem for path in (DOCS / "agents").glob("*.md")} - {"README"}


def test_every_page_is_on_the_map() -> None:
    """The map is data; the module that holds it needs the extra `docs`."""
    source = (DOCS / "site" / "pages_of_site.py").read_text("utf-8")
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        if not name.startswith("results/"):
            folder = name.rpartition("/")[0]
            assert f'"{name}"' in source or f'"{folder}/*"' in source, name


# ---- what was built


def pages() -> Iterator[Path]:
    """Yield the pages of the site: not the leaderboard, which has tests of its own, nor templates."""
    for path in sorted(SITE.rglob("*.html")):
        if path.relative_to(SITE).parts[0] not in ("board", "_static"):
            yield path


@built
def test_no_link_is_dead_and_none_loads_anything_from_elsewhere() -> None:
    texts = {path: path.read_text("utf-8") for path in pages()}
    anchors = {
        path: set(re.findall(r'\s(?:id|name)="([^"]+)"', text)) for path, text in texts.items()
    }
    for path, text in texts.items():
        for tag, key, link in re.findall(r'<(\w+)[^>]*?\s(href|src|srcset)="([^"]+)"', text):
            where = urlsplit(unescape(link))
            if where.scheme or where.netloc:
                assert tag == "a" or where.scheme in ("data", "mailto"), f"{path}: {key}={link}"
                continue
            target = (path.parent / unquote(where.path)).resolve() if where.path else path
            assert target.exists(), f"{path.relative_to(SITE)} leads to {link}"
            if where.fragment and target in anchors and not where.path.endswith("py"):
                assert unquote(where.fragment) in anchors[target], (
                    f"{path.relative_to(SITE)}: {link}"
                )


@built
def test_the_site_is_small() -> None:
    board = SITE / "board"
    files = [one for one in SITE.rglob("*") if one.is_file() and board not in one.parents]
    assert sum(one.stat().st_size for one in files) < 20e6
    moving = [one.stat().st_size for one in files if one.suffix == ".gif"]
    assert sum(moving) / len(moving) < 100e3


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    """Open a page of the site; whatever it complains of, or asks a network for, is a failure."""
    opened, wrong = [], []

    def open_at(name: str, width: int = 1280, theme: str = "light") -> Any:
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.set_default_timeout(60_000)
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file://", "data:")) or wrong.append(request.url)
            ),
        )
        file, _, query = name.partition("?")
        page.goto(f"{(SITE / f'{file}.html').resolve().as_uri()}?{query}")
        opened.append(page)
        return page

    yield open_at
    for page in opened:
        page.close()
    assert not wrong


@built
def test_the_start_page_shows_its_doors_and_the_way_to_install(visit: Any) -> None:
    page = visit("index")
    assert page.locator(".doors .sd-card").count() == 3
    install = page.get_by_text("pip install").first.bounding_box()
    assert install["y"] + install["height"] < 900  # above the fold
    with page.expect_navigation():
        page.locator(".doors .sd-card").nth(1).click()
    assert page.url.endswith("tutorials/ladder.html")


@built
@pytest.mark.parametrize("word", ["Thompson", "regret"])
def test_the_search_works_from_the_disk(visit: Any, word: str) -> None:
    page = visit(f"search?q={word}")
    page.wait_for_selector("#search-results ul.search li")
    assert page.locator("#search-results ul.search li").count() >= 5


@built
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit_the_screen(visit: Any, width: int, theme: str) -> None:
    for name in LOOKED_AT:
        page = visit(name, width, theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("document.documentElement.dataset.theme") == theme
