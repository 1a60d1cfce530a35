"""What new processes take: an import, commands, many episodes, and a pool of a million items."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from .timing import PACKAGE, PEAK, Row, Rows, fresh

PEER = "gymnasium"
IMPORT = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
RUN = f"""
import sys, time
sys.argv = ["discovery-gym", *{{}}]
from {PACKAGE}.experiments.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print()
print(time.process_time())
"""
COMMANDS = ("--help", "list", "completion bash")
"""What a shell completes stands in the script that `completion` prints, and starts no Python."""
EVALUATED = (
    ("KnowledgeLadder", 4_000, 1_000_000, "400 MB"),
    ("LinearPool", 1_000, 100_000, "500 MB"),
)
"""Environments, episodes by which the memory is measured (and five times as many), and of how many."""
EVALUATE = f"""
import sys
from {PACKAGE}.experiments.runs.evaluation import evaluate
evaluate(f"discovery/{{sys.argv[1]}}-v0", "random", episodes=int(sys.argv[2]), truth=False)
{PEAK}
print(peak)
"""
ITEMS, FEATURES, PLATE, DRAWS = 1_000_000, 100, 8, 100
AGENTS = dict.fromkeys(("greedy", "bayes_ucb", "linucb", "thompson"), (1, "0.7 s"))
AGENTS |= {"expected_improvement": (1, "0.7 s"), f"ids(samples={DRAWS})": (DRAWS, "2.5 s")}
"""What chooses a plate; by how many joint draws, and what a plate shall take."""
POOL = f"""
import sys, time
import numpy as np, pyarrow.parquet
from threadpoolctl import threadpool_limits
from {PACKAGE}.agents import make
from {PACKAGE}.envs.pools.table_pool import TablePoolVectorEnv
from {PACKAGE}.envs.datasets import reading
threadpool_limits(1)
path, agent, draws, plate = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
begin = time.process_time()
env = TablePoolVectorEnv(1, dataset=path, target="y", batch_size=plate, horizon=6 * plate)
read = time.process_time()
seen, state = env.reset(seed=0)[0], None
player, spent = make(agent, env), []
for _ in range(4):
    start = time.process_time()
    action, state = player.predict(seen, state)
    spent.append(time.process_time() - start)
    seen = env.step(action)[0]
{PEAK}
x = env.model.feature_matrix(seen)[0]
theta = np.random.default_rng(0).standard_normal((draws, x.shape[1]), dtype=np.float32)
start = time.process_time()
for _ in range(plate):
    for first in range(0, len(x), 1024):
        theta @ x[first : first + 1024].T
product = time.process_time() - start
print(read - begin, spent[0], np.median(spent[1:]), product, peak)
"""


def importing() -> Rows:
    """New processes, their modules compiled beforehand, against an import of Gymnasium."""
    codes = {PACKAGE: IMPORT.format(PACKAGE)}
    codes |= {f"discovery-gym {one}": RUN.format(one.split()) for one in COMMANDS}
    with tempfile.TemporaryDirectory() as compiled:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)

        def run(code: str) -> float:
            return fresh(code, env=env)[0]

        for name, code in codes.items():
            yield Row(name, partial(run, code), partial(run, IMPORT.format(PEER)))


def memory() -> Rows:
    """The memory of `evaluate` in new processes: of few episodes, from which that of many follows."""
    for name, few, many, reach in EVALUATED:
        small, large = (fresh(EVALUATE, name, count)[0] for count in (few, 5 * few))
        each = (large - small) / (4 * few)
        told = f"{name}, {many:,} episodes of {each:.0f} bytes"
        yield Row(told, small + each * (many - few), reach=reach, unit="B")


def size() -> Rows:
    """A million items of a file: against the products of a plate's labels, and four bytes a number."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.parquet"
        _write(path)
        for agent, (draws, reach) in AGENTS.items():
            read, first, later, product, peak = fresh(POOL, path, agent, draws, PLATE)
            yield Row(f"{agent}: from file to pool", read)
            yield Row(f"{agent}: first plate of {PLATE}", first, product)
            yield Row(f"{agent}: later plate of {PLATE}", later, product, reach=reach)
            yield Row(f"{agent}: memory at the peak", peak, 4.0 * ITEMS * FEATURES, unit="B")


def _write(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(0)
    x = random.standard_normal((FEATURES, ITEMS), np.float32)
    y = random.standard_normal(FEATURES, np.float32) @ x
    y += random.standard_normal(ITEMS, np.float32)
    columns = {"y": y, **{f"x{k}": column for k, column in enumerate(x)}}
    parquet.write_table(pa.table(columns), path)
