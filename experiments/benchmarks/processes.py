"""What new processes take: an import, commands, and a pool of a million items.

Times are of the processor, with modules compiled beforehand, as they are where the package is installed.
An import is set against that of Gymnasium, which it contains; the time of a command is of its whole
process. What a shell completes stands in the script that `completion` prints, and starts no Python.

A table of random numbers is written as a Parquet file in single precision, and read by processes that
choose one plate each. What a number takes at the peak is set against the four bytes in which agents see
it; the choice is set against the products that it cannot do without, of all features with one vector for
each label of the plate (Thompson and upper bounds), or with all draws (information-directed sampling).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from .timing import PACKAGE, PEAK, Measured, few, fresh, median

PEER, OWN = "gymnasium", PACKAGE
IMPORT = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
RUN = """
import sys, time
sys.argv = ["discovery-gym", *{}]
from {}.experiments.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print()
print(time.process_time())
"""
COMMANDS = ("--help", "list", "completion bash")
ITEMS, FEATURES, PLATE, DRAWS = 1_000_000, 100, 8, 100
AGENTS = (
    "greedy",
    "bayes_ucb",
    "linucb",
    "expected_improvement",
    "thompson",
    f"ids(samples={DRAWS})",
)
"""What chooses a plate; the last one by joint draws."""
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
env = TablePoolVectorEnv(1, dataset=path, target="y", batch_size=plate, horizon=4 * plate)
read = time.process_time()
seen, state = env.reset(seed=0)[0], None
player, spent = make(agent, env), []
for _ in range(3):
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
print(read - begin, spent[0], spent[-1], product, peak)
"""


def importing(turns: int) -> Measured:
    """Measure all of it; the subjects take turns."""
    codes = {name: IMPORT.format(name) for name in (PEER, OWN)}
    codes |= {f"discovery-gym {one}": RUN.format(one.split(), OWN) for one in COMMANDS}
    with tempfile.TemporaryDirectory() as compiled:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        for code in codes.values():
            fresh(code, env=env)  # which compiles
        found = [[fresh(code, env=env)[0] for code in codes.values()] for _ in range(turns)]
    seconds = np.array(found)
    middle = np.median(seconds, axis=0)
    rows = [
        [name, f"{1e3 * middle[i]:.0f}", median(seconds[:, i] / middle[0]) if i else "1"]
        for i, name in enumerate(codes)
    ]
    return ["new process", "ms", f"/ import of {PEER}"], rows


def size(turns: int) -> Measured:
    """Measure reading, the first plate, a later one, and the peak."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.parquet"
        _write(path)
        for agent in AGENTS:
            told = path, agent, DRAWS if agent == AGENTS[-1] else 1, PLATE
            found = np.median([fresh(POOL, *told) for _ in range(few(turns))], axis=0)
            read, first, later, product, peak = found.tolist()
            cells = [f"{seconds:.2f}" for seconds in (read, first, later, later / product)]
            rows.append([agent, *cells, f"{peak / 1e6:.0f}", f"{peak / (ITEMS * FEATURES):.1f}"])
    plate = f"plate of {PLATE}"
    head = ["agent", "from file to pool, s", f"first {plate}, s", f"later {plate}, s"]
    return [*head, "/ its products", "peak, MB", "bytes a number"], rows


def _write(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(0)
    x = random.standard_normal((FEATURES, ITEMS), np.float32)
    y = random.standard_normal(FEATURES, np.float32) @ x
    y += random.standard_normal(ITEMS, np.float32)
    columns = {"y": y, **{f"x{k}": column for k, column in enumerate(x)}}
    parquet.write_table(pa.table(columns), path)
