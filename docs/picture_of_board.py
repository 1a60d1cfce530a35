"""Take the picture of the kept leaderboard that README shows: docs/leaderboard.png.

    python docs/picture_of_board.py

It needs Playwright, of the extra `test`, and a `chromium` on the path. `keep_results.py` calls it.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from discovery_gym.envs.core.files import write

DOCS = Path(__file__).parent
VIEW = "suite=paper&wing=pool"
"""What is shown, as the address of the board says it."""
SIZE = (1280, 1300)
COLOURS = 64


def take() -> bool:
    """Write the picture; return whether that was possible: there may be no browser."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return False
    if chromium is None:
        return False
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        width, height = SIZE
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        page.goto(f"{(DOCS / 'results' / 'index.html').resolve().as_uri()}#{VIEW}")
        page.wait_for_selector("svg")
        shot = page.screenshot()
        browser.close()
    write(DOCS / "leaderboard.png", small(shot))
    return True


def small(png: bytes) -> bytes:
    """Return a picture with few colours, without dithering: a third of the bytes."""
    from PIL import Image

    out = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    raise SystemExit(not take())
