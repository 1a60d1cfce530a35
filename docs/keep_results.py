"""Keep results in the repository: docs/results, compact records and the leaderboard made of them.

    discovery-gym run paper --out results
    discovery-gym run full --out results
    python docs/keep_results.py results

A compact record has every number of every episode as it was, but no actions, and curves of at most
`POINTS` points, all but the last in `BITS` bits. Without arguments only the leaderboard is made again.
The picture of it that README shows needs Playwright, of the extra `test`, and a `chromium` on the path.

A suite has a new version when tasks join it. With --as-now, runs of an earlier version count as those of
the present one, where it plans the same: whoever gives it knows that these play as they did. A test
plays the first episodes of some of them again.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from discovery_gym.envs.core.files import write
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.runs.fingerprints import hashed
from discovery_gym.experiments.runs.record import Record, check, leave
from discovery_gym.experiments.runs.record_file import to_bytes, to_table
from discovery_gym.experiments.runs.records import open_folder, read_folder
from discovery_gym.experiments.suites.catalogue import suite
from discovery_gym.experiments.suites.task import plan

RESULTS = Path(__file__).with_name("results")
SUITES = ("paper", "full", "budgets")
"""The suites whose results are kept."""
BITS = 6
"""Bits of the numbers that curves of single episodes are made of: 1 in 64."""
POINTS = 12
"""Points of those curves, of the 40 at most that a record has."""
KEPT = ("versions", "platform", "machine", "created")
VIEW = "suite=paper&wing=pool"
"""What is shown, as the address of the board says it."""
SIZE = {"width": 1280, "height": 1300}
COLOURS = 64


def compact(record: Record) -> bytes:
    """Return the file of a record without actions and with rounded curves."""
    result = record.evaluation
    assert result is not None
    count = len(result.points)
    some = np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(np.int64))
    points = result.points[some]
    last = np.searchsorted(points, result.lengths, side="right") - 1
    curves = {
        name: None if values is None else rounded(values[:, some], last)
        for name in ("after", "best_after", "spent_after")
        for values in [getattr(result, name)]
    }
    # Some metrics of an episode are a curve, too, and another one that of random play.
    end = np.full(len(result.lengths), len(some) - 1)
    metrics = dict(result.metrics)
    for name in metrics.keys() & {"found", "simple_regret"}:
        parts = metrics[name][:, some], metrics[name][:, count + some]
        metrics[name] = np.hstack([rounded(part, end) for part in parts])
    less = replace(result, actions=None, points=points, metrics=metrics, **curves)
    columns, about = leave(record.spec, less, None, fingerprint=record.fingerprint)
    about |= {name: getattr(record, name) for name in KEPT}
    check(record.spec, columns, about)
    return to_bytes(to_table(columns), json.dumps(about), level=19)


def rounded(values: NDArray[np.float64], last: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return curves ``(E, P)`` in few bits, but for their last point, which a record holds twice."""
    mantissa, exponent = np.frexp(values)
    out = np.ldexp(np.rint(mantissa * 2**BITS) / 2**BITS, exponent)
    rows = np.flatnonzero(last >= 0)
    out[rows, last[rows]] = values[rows, last[rows]]
    return np.asarray(out)


@cache
def planned(name: str) -> set[str]:
    """Return the texts of all runs of a suite."""
    return {spec.text for spec in plan(suite(name))}


def as_now(record: Record) -> Record:
    """Return a record as one of the present version of its suite, if that plans the same run."""
    spec = replace(record.spec, version=suite(record.spec.suite).version)
    if spec.text not in planned(spec.suite):
        return record
    return replace(record, spec=spec, id=hashed(spec.text, record.fingerprint))


def keep(folders: Iterable[Path], results: Path = RESULTS, *, renew: bool = False) -> None:
    """Put the results of some folders in place of those that are kept, and make the leaderboard."""
    found = [record for folder in folders for record in read_folder(folder).records]
    found = [record for record in found if record.spec.suite in SUITES]
    found = [as_now(record) for record in found] if renew else found
    records = open_folder(results)
    files = {f"{record.id}.parquet": compact(record) for record in found}  # or none is touched
    if files:
        for path in records.glob("*.parquet"):
            path.unlink()
    for name, content in files.items():
        write(records / name, content)
    write_leaderboard(results)


def take_picture() -> bool:
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
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(f"{(RESULTS / 'index.html').resolve().as_uri()}#{VIEW}")
        page.wait_for_selector("svg")
        shot = page.screenshot()
        browser.close()
    write(RESULTS.with_name("leaderboard.png"), small(shot))
    return True


def small(png: bytes) -> bytes:
    """Return a picture with few colours, without dithering: a third of the bytes."""
    from PIL import Image

    out = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    given = sys.argv[1:]
    keep([Path(one) for one in given if one != "--as-now"], renew="--as-now" in given)
    sizes = [path.stat().st_size for path in RESULTS.rglob("*.parquet")]
    picture = "" if take_picture() else "; no browser took the picture that README shows"
    print(f"{RESULTS}: {len(sizes)} records, {sum(sizes) / 1e6:.1f} MB{picture}")
