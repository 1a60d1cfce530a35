"""Runs of a simulator: real processes that hang and die, files that are damaged, crashes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import linecache
import os
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulators
from simulators import heard, listen

from discovery_gym import InputError
from discovery_gym.envs.design.simulator import jobs as simulation
from discovery_gym.envs.design.simulator.black_box import Job
from discovery_gym.envs.design.simulator.jobs import Simulations

JOBS = [Job((float(theta),), (2.0,), 4, seed) for theta in (-1, 0) for seed in (5, 6)]


NO_RAY = importlib.util.find_spec("ray") is None
RAY = pytest.param("ray", marks=pytest.mark.skipif(NO_RAY, reason="Ray is not installed"))


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    monkeypatch.setenv(simulators.FOLDER, str(tmp_path))
    spec = getattr(request.node, "callspec", None)
    if spec is None or spec.params.get("workers") != "ray":
        yield tmp_path
        return
    import ray

    # Of one CPU, so that jobs follow each other; its processes see the folder.
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield tmp_path
    ray.shutdown()


@pytest.mark.parametrize("workers", [0, 2, RAY])
def test_every_job_runs_once(folder: Path, workers: Any) -> None:
    def run(jobs: list[Job], version: str = "") -> dict[Job, Any]:
        simulator = "simulators:good"
        return dict(Simulations(simulator, folder / "kept", workers, version=version).run(jobs))

    first = run(JOBS[:3] + JOBS[:1])
    assert sorted(simulators.calls(folder)) == ["-1 2 5", "-1 2 6", "0 2 5"]
    again = run(JOBS)
    assert len(simulators.calls(folder)) == 4
    assert set(again) == set(JOBS)
    for job in JOBS:
        want = np.random.default_rng(job.seed).normal(job.theta[0], 2.0, 4)
        np.testing.assert_array_equal(again[job], want)
        if job in first:
            np.testing.assert_array_equal(first[job], want)
    # Not those of another version, number of events, seed, or simulator.
    run(JOBS[:1], version="2")
    run([JOBS[0]._replace(events=5)])
    assert len(simulators.calls(folder)) == 6
    kept = list((folder / "kept").iterdir())
    assert len(kept) == 6
    assert all(path.suffix == ".events" for path in kept)  # no logs, no parts


def test_without_a_folder_nothing_is_kept(folder: Path) -> None:
    simulations = Simulations(simulators.good)
    for count in (1, 2):
        assert len(dict(simulations.run(JOBS[:1]))) == 1
        assert len(simulators.calls(folder)) == count


def test_damaged_files_are_made_anew(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    simulations = Simulations(simulators.good, folder / "kept")
    want = dict(simulations.run(JOBS))
    files = [simulations.cache.path(job) for job in JOBS]
    whole = [file.read_bytes() for file in files]
    files[0].write_bytes(whole[0][:-5])
    files[1].write_bytes(whole[1][:-1] + bytes([whole[1][-1] ^ 1]))
    files[2].write_bytes(b"")
    files[3].write_bytes(whole[0])  # whole, but of another job
    found = dict(simulations.run(JOBS))
    for job in JOBS:
        np.testing.assert_array_equal(found[job], want[job])
    assert len(simulators.calls(folder)) == 8
    assert caplog.text.count("is damaged") == 4
    assert [file.read_bytes() for file in files] == whole


@pytest.mark.parametrize("workers", [1, RAY])
def test_hanging_run_is_killed_and_repeated(folder: Path, workers: Any) -> None:
    pipe = listen(folder)
    jobs = [Job((theta,), (1.0,), 4, 0) for theta in (1.0, 0.0)]
    simulations = Simulations(simulators.poor, folder / "kept", workers, timeout=0.5, retries=1)
    found = dict(simulations.run(jobs))
    assert set(found) == set(jobs)
    assert heard(pipe) == b"x"  # it did hang
    assert heard(pipe) == b""  # and is dead, with its child


@pytest.mark.parametrize("workers", [1, RAY])
@pytest.mark.parametrize(
    ("theta", "reason"),
    [
        (1, r"did not end within 0.5 s and was killed"),
        (2, r"was killed by signal 9"),
        (3, r"ended with exit status 7"),
        (4, r"raised RuntimeError: no licence.*ends with 'RuntimeError: no licence'"),
    ],
)
def test_failures(folder: Path, theta: float, reason: str, workers: Any) -> None:
    """A run that fails once is repeated; one that always fails is named, and costs no other."""
    if theta == 1:
        listen(folder)
    else:
        once = Job((theta,), (1.0,), 4, 0)
        assert dict(Simulations(simulators.poor, folder / "a", workers).run([once]))
        assert len((folder / f"tries-{theta}").read_text().splitlines()) == 2
    jobs = [Job((t,), (0.5,), 4, 9) for t in (0.0, theta, -1.0)]
    simulations = Simulations(simulators.poor, folder / "kept", workers, timeout=0.5, retries=1)
    where = rf"poor.* at theta = {theta}, phi = 0.5, 4 events, seed 9 {reason}"
    with pytest.raises(InputError, match=where) as caught:
        list(simulations.run(jobs))
    assert [simulations.cache.path(job).exists() for job in jobs] == [True, False, False]
    log = simulations.cache.path(jobs[1]).with_suffix(".log")
    assert str(log) in str(caught.value)
    assert "a last word" in log.read_text()


def test_failure_in_this_process(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job((4.0,), (1.0,), 4, 0)
    assert dict(Simulations(simulators.poor, retries=1).run([job]))
    with pytest.raises(InputError, match=r"seed 1 raised RuntimeError: no licence"):
        list(Simulations(simulators.poor, retries=3).run([job._replace(phi=(0.5,), seed=1)]))
    assert "Traceback" in capsys.readouterr().err


def test_those_in_flight_are_kept_when_another_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run waits until the failure of the second is known; it ends, and is kept."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "if sys.argv[1] == '2.0': sys.exit(3)\n"
        "print(Path(os.environ['SIMULATORS_FOLDER'], 'pipe').open().readline())"
    )
    os.mkfifo(folder / "pipe")
    pipe = os.open(folder / "pipe", os.O_RDWR)
    monkeypatch.setattr(simulation.log, "warning", lambda *_: os.write(pipe, b"42\n"))
    command = [sys.executable, "-c", script, "{theta}"]
    simulations = Simulations(command, folder / "kept", 2, timeout=60, retries=0)
    jobs = [Job((theta,), (0.0,), 1, 0) for theta in (1.0, 2.0, 3.0)]
    with pytest.raises(InputError, match=r"theta = 2, .*ended with exit status 3"):
        list(simulations.run(jobs))
    assert [simulations.cache.path(job).exists() for job in jobs] == [True, False, False]


@pytest.mark.parametrize("workers", [0, 1, RAY])
def test_wrong_output(folder: Path, workers: Any) -> None:
    """Nonsense is told at once: the same seed would give the same again."""
    simulations = Simulations(simulators.wrong, folder / "kept", workers)
    good = Job((-1.0,), (2.0,), 3, 0)
    for i, (_, message) in enumerate(simulators.BAD if workers == 0 else simulators.BAD[:2]):
        where = f"theta = {i}, phi = 2, 3 events, seed 0 {message}.*All finished runs are kept"
        with pytest.raises(InputError, match=where):
            list(simulations.run([good, Job((float(i),), (2.0,), 3, 0)]))
        assert len((folder / "tries").read_text().splitlines()) == i + 2
        assert len(simulators.calls(folder)) == 1


@pytest.mark.parametrize("workers", [RAY])
def test_lost_ray_process(folder: Path, workers: Any) -> None:
    """A Ray process that dies takes its worker with it; the run is repeated."""
    job = Job((9.0,), (1.0,), 4, 0)
    assert dict(Simulations(simulators.poor, folder / "kept", workers, retries=1).run([job]))
    assert len((folder / "tries-9").read_text().splitlines()) == 2
    with pytest.raises(InputError, match=r"seed 1 was lost by Ray: "):
        list(
            Simulations(simulators.poor, folder / "kept", workers, retries=0).run(
                [job._replace(phi=(0.5,), seed=1)]
            )
        )


def test_without_ray(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the extra 'ray'; install it with pip install"):
        Simulations(simulators.good, folder, "ray")


class TestCommands:
    PROGRAM = (
        "import sys; theta, phi, n, seed, out = sys.argv[1:]\n"
        "values = [float(v) for v in (theta + ',' + phi).split(',')] + [float(seed)] * int(n)\n"
        "text = chr(10).join(map(str, values[: int(n)]))\n"
        "open(out, 'w').write(text) if out else print(text)"
    )

    @pytest.mark.parametrize("output", ["", "{output}"])
    def test_events(self, folder: Path, output: str) -> None:
        program = self.PROGRAM.replace("{", "{{")
        command = [sys.executable, "-c", program, "{theta}", "{phi[0]}", "{events}", "{seed}"]
        job = Job((0.1, 1e-9), (40.1, 3.0), 6, 7)
        ((_, events),) = Simulations([*command, output], folder / "kept", 1).run([job])
        assert events.tolist() == [0.1, 1e-9, 40.1, 7, 7, 7]

    @pytest.mark.parametrize(
        ("program", "message"),
        [
            ("print(1); print('two')", "gave 'two' where a number should stand"),
            ("pass", "returned 0 events where 1 numbers"),
            ("print('nan')", "returned nan as event 0"),
            (
                "import sys; sys.exit('no card')",
                r"ended with exit status 1\. Its log .* ends with 'no card'",
            ),
            ("import os; os.kill(os.getpid(), 11)", "was killed by signal 11"),
        ],
    )
    def test_failures(self, folder: Path, program: str, message: str) -> None:
        simulations = Simulations([sys.executable, "-c", program], folder, 1, retries=0)
        with pytest.raises(InputError, match=rf"theta = 1, phi = 2, 1 events, seed 3 {message}"):
            list(simulations.run([Job((1.0,), (2.0,), 1, 3)]))

    def test_no_shell(self, folder: Path) -> None:
        """A text is split into words, and that is all."""
        text = (
            f"{sys.executable} -c 'import sys; print(len(sys.argv))' '; touch x' $HOME > {{seed}}"
        )
        ((_, events),) = Simulations(text, folder, 1).run([Job((1.0,), (2.0,), 1, 3)])
        assert events.tolist() == [5]


SHARE = """
import sys, time
from pathlib import Path
from discovery_gym.envs.design.simulator.black_box import Job
from discovery_gym.envs.design.simulator.jobs import Simulations

def simulate(theta, phi, n_events, seed):
    with Path("calls").open("a") as file:
        print(theta[0], file=file)
    time.sleep(0.05)
    return [theta[0]] * n_events

jobs = [Job((float(theta),), (0.0,), 2, 0) for theta in range(40)]
found = dict(Simulations(simulate, Path("kept"), int(sys.argv[1])).run(jobs))
assert [found[job].tolist() for job in jobs] == [[theta] * 2 for theta in range(40)]
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_two_processes_share_the_runs(folder: Path, workers: int) -> None:
    """None is run twice, and each has all of them in the end."""
    script = folder / "experiment.py"
    script.write_text(SHARE)
    command = [sys.executable, "-W", "error", str(script), str(workers)]
    for process in [subprocess.Popen(command, cwd=folder) for _ in range(2)]:
        assert process.wait(120) == 0
    assert sorted(map(float, simulators.calls(folder))) == list(range(40))
    assert {path.suffix for path in (folder / "kept").iterdir()} == {".events"}


def test_what_another_process_fails_to_run_is_run_here(folder: Path) -> None:
    """It lets its claim go; a run is nobody's for ever."""
    job = Job((4.0,), (1.0,), 4, 0)
    with pytest.raises(InputError, match="no licence"):
        list(Simulations(simulators.poor, folder / "kept", retries=0).run([job]))
    assert dict(Simulations(simulators.poor, folder / "kept", retries=0).run([job]))
    assert {path.suffix for path in (folder / "kept").iterdir()} == {".events"}


CRASH = """
import sys
import numpy as np
from pathlib import Path
from discovery_gym.envs.design.simulator.black_box import Job
from discovery_gym.envs.design.simulator.jobs import Simulations

# No guard of the main module, and a function that no other process could import.
def simulate(theta, phi, n_events, seed):
    with Path("calls").open("a") as file:
        print(theta[0], file=file)
    if theta[0] == 2 and not Path("hung").exists():
        Path("hung").touch()
        with open("pipe", "wb", buffering=0) as pipe:
            pipe.write(b"x")
            import time
            time.sleep(1000)
    return np.full(n_events, theta[0])

workers = 1
if sys.argv[1] == "ray":
    import ray
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    workers = "ray"
jobs = [Job((float(theta),), (0.0,), 2, 0) for theta in range(4)]
found = dict(Simulations(simulate, Path("kept"), workers).run(jobs))
print([found[job].tolist() for job in jobs])
"""


@pytest.mark.parametrize("runner", [1, pytest.param("ray", marks=RAY.marks)])
def test_crash_of_the_parent(folder: Path, runner: Any) -> None:
    """After a SIGKILL no process is left behind, and the same call goes on where it was."""
    script = folder / "experiment.py"
    script.write_text(CRASH)
    pipe = listen(folder)
    command = [sys.executable, "-W", "error", str(script), str(runner)]
    crashed = subprocess.Popen(command, cwd=folder)
    assert heard(pipe) == b"x"  # it is within the third run
    crashed.send_signal(signal.SIGKILL)
    crashed.wait()
    assert heard(pipe) == b""  # the worker has followed
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert simulators.calls(folder) == ["0.0", "1.0", "2.0", "2.0", "3.0"]


def test_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is found by a name, so a function needs one."""
    shift = 3.0

    def local(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
        return np.full(n_events, shift + theta[0])

    with pytest.raises(InputError, match=r"has no name .*; give version='...'"):
        Simulations(local, folder)
    ((_, events),) = Simulations(local, folder, 1, version="shift 3").run([JOBS[0]])
    assert events.tolist() == [2.0] * 4
    # By reference and by text it is the same; another source text is another simulator.
    module = folder / "mine.py"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "mine", None)  # so that none is left when the test ends
    paths = []
    for number in (1, 1, 2):
        module.write_text(f"def f(theta, phi, n, seed):\n    return [{number}.0] * n\n")
        sys.modules.pop("mine", None)
        importlib.invalidate_caches()
        linecache.checkcache()
        paths.append(Simulations("mine:f", folder).cache.path(JOBS[0]))
    assert paths[0] == paths[1] != paths[2]


KEPT = (
    '{"simulator": "discovery_gym.envs.design.simulator_design:muons a7988496a70ef8b9", '
    '"version": "", "theta": [1.0], "phi": [42.0], "events": 3, "seed": 7}\n'
)
"""What the file of a run says whose run it is, as version 0.1.0 wrote it."""


def test_runs_kept_by_earlier_versions_are_found(folder: Path) -> None:
    """The name of a simulator's module and its source text are part of the key: neither may change."""
    content = KEPT.encode() + np.array([0.25, -0.5, 0.75]).tobytes()
    path = folder / "1e165dcf55ae191c47a432e95ead5f77.events"
    path.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    simulations = Simulations("discovery_gym.envs.design.simulator_design:muons", folder)
    ((_, events),) = simulations.run([Job((1.0,), (42.0,), 3, 7)])
    assert events.tolist() == [0.25, -0.5, 0.75]  # no run would yield these
    assert [file.name for file in folder.iterdir()] == [path.name]
    command = Simulations(["echo", "{seed}"], folder, 1).cache.path(Job((1.0,), (42.0,), 3, 7))
    assert command.name == "5acb94b323c3f65b140bc059c20cf6d7.events"


def test_functions_that_cannot_travel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = threading.Lock()
    locked = Simulations(lambda *_: lock, folder, 1, version="1")
    with pytest.raises(InputError, match=r"cannot be sent to another process: .*lock"):
        list(locked.run(JOBS))
    ghost = types.ModuleType("ghost")
    monkeypatch.setitem(sys.modules, "ghost", ghost)
    exec("def f(theta, phi, n, seed): return [1.0] * n", vars(ghost))  # noqa: S102
    with pytest.raises(InputError, match=r"cannot be imported: .*No module named 'ghost'"):
        list(Simulations("ghost:f", folder, 1, version="1").run(JOBS))


@pytest.mark.parametrize(
    ("simulator", "kwargs", "message"),
    [
        (3, {}, r"must be a function of \(theta, phi, n_events, seed\).*got 3"),
        ([], {}, r"must be a function .*got \[\]"),
        ("no.such:function", {}, r"'no.such:function' cannot be imported: No module named 'no'"),
        ("simulators:god", {}, r"'simulators:god' cannot be imported: .*'god'"),
        (["no-such-program", "{theta}"], {"workers": 1}, r"'no-such-program', which is neither"),
        ([sys.executable, "{energy}"], {"workers": 1}, r"may hold {theta}, {phi}, {events}"),
        ([sys.executable], {"workers": 0}, r"workers must be at least 1 for a command line"),
        ("simulators:good", {"workers": 1}, r"workers = 1 needs a folder.*give cache='some/"),
        ("simulators:good", {"folder": Path(__file__)}, r"test_simulation.py' is no folder"),
    ],
)
def test_bad_input(tmp_path: Path, simulator: Any, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Simulations(simulator, **kwargs)
