"""The page as its readers have it: its data, and a browser."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")


def data_of(folder, key):
    """Return the data of a suite, as the page gets them."""
    text = (folder / "data" / f"{key}.js").read_text("ascii")
    assert text.startswith(f'board("{key}",')
    assert not set(text) & set("<>")
    return json.loads(text.removeprefix(f'board("{key}",').removesuffix(");\n"))


def script_of(name):
    """Return a check that runs in the page, without the line that says what it is."""
    return (Path(__file__).parent / name).read_text("utf-8").partition("\n")[2]


@contextlib.contextmanager
def browser():
    """Yield a Chromium without a head, or skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as engine:
        one = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield one
        finally:
            one.close()
