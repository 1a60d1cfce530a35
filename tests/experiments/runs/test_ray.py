"""Runs on a Ray cluster of two machines, one of which dies."""

import dataclasses
import importlib.util
import threading
import time

import pytest
from kill_runs import SUITE, contents, left_over

from discovery_gym import InputError
from discovery_gym.experiments.runs import engine
from discovery_gym.experiments.runs.board import missing
from discovery_gym.experiments.runs.engine import play_on_ray
from discovery_gym.experiments.runs.records import read_folder
from discovery_gym.experiments.runs.sharing import WorkerLost, play_here
from discovery_gym.experiments.suites.task import plan

NO_RAY = importlib.util.find_spec("ray") is None
needs_ray = pytest.mark.skipif(NO_RAY, reason="Ray is not installed")


def test_without_ray(tmp_path, monkeypatch):
    todo = missing(plan(SUITE), tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the extra 'ray'; install it with pip install"):
        play_on_ray(todo, tmp_path, "auto")


@pytest.fixture
def cluster():
    """Two machines of one CPU, and one that only keeps the books."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.machines = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


@needs_ray
@pytest.mark.filterwarnings("ignore")  # of Ray and what it brings
def test_a_machine_of_two_is_killed(tmp_path, cluster):
    """What it played is played again; the records are those of one process, bit for bit."""
    alone, out = tmp_path / "alone", tmp_path / "out"
    play_here(missing(plan(SUITE), alone), alone)
    todo = missing(plan(SUITE), out)

    def kill():
        while not list(out.glob("*/*.parquet")):
            time.sleep(0.01)
        cluster.remove_node(cluster.machines[0], allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    play_on_ray(todo, out, cluster.address)
    killer.join()
    assert contents(out) == contents(alone)
    assert left_over(out) == set()


@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_a_chunk_that_kills_whoever_plays_it(tmp_path, cluster, monkeypatch):
    """It is given up after some tries, and another failure is recorded as ever."""
    (tmp_path / "deadly.py").write_text(
        "import os\ndef kill(observation):\n    os.kill(os.getpid(), 9)\n"
        "def fail(observation):\n    raise RuntimeError('as ever')\n"
    )
    monkeypatch.setattr(engine, "TRIES", 2)
    out, spec = tmp_path / "out", plan(SUITE)[0]
    kill, fail = (
        dataclasses.replace(spec, name=name, agent=f"{tmp_path}/deadly.py:{name}", episodes=2)
        for name in ("kill", "fail")
    )
    play_on_ray(missing([fail], out), out, cluster.address)
    (record,) = read_folder(out).records
    assert "as ever" in record.error
    with pytest.raises(WorkerLost, match="kill on Ladder was lost by Ray 2 times: "):
        play_on_ray(missing([kill], out), out, cluster.address)
    assert left_over(out) == set()
