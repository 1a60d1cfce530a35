"""A Slurm job array, by a stand-in for sbatch that ends one of its tasks and runs it again."""

import os
import subprocess
import sys
from pathlib import Path

import kill_runs
import pytest
from kill_runs import SUITE, contents, left_over

from discovery_gym import InputError
from discovery_gym.experiments.runs.board import missing
from discovery_gym.experiments.runs.records import open_folder, read_folder
from discovery_gym.experiments.runs.sharing import play_here
from discovery_gym.experiments.runs.slurm import submit
from discovery_gym.experiments.suites.task import plan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of a shell")

SBATCH = """#!{python}
import os, re, signal, subprocess, sys, time
from pathlib import Path
script, here = sys.argv[1], Path({here!r})
text = Path(script).read_text()
options = dict(re.findall("^#SBATCH --([a-z-]+)(?:=(.*))?$", text, re.M))
(here / "options").write_text(repr(options))
first, last = map(int, options["array"].split("-"))

def start(task):
    env = os.environ | {{"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(task)}}
    log = open(options["output"].replace("%A", "7").replace("%a", str(task)), "a")
    return subprocess.Popen(["bash", script], env=env, stdout=log, stderr=log)

tasks = {{str(task): start(task) for task in range(first, last + 1)}}
while not list(here.glob("out/*/*.parquet")):
    time.sleep(0.01)
tasks["1"].send_signal(signal.SIGTERM)  # the batch shell alone, as --signal=B: has it
assert tasks["1"].wait() == 0
job, _, task = (here / "requeued").read_text().strip().partition("_")
assert job == "7"
tasks[task] = start(task)
assert [one.wait() for one in tasks.values()] == [0] * len(tasks)
print("Submitted batch job 7")
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which sbatch and scontrol are found, and do as they are told."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH.format(python=sys.executable, here=str(tmp_path)))
    requeue = f'#!/bin/sh\n[ "$1" = requeue ] && echo "$2" >> {tmp_path}/requeued\n'
    (tools / "scontrol").write_text(requeue)
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    return tmp_path


def test_an_array_one_of_whose_tasks_is_ended_and_queued_again(cluster: Path) -> None:
    """The tasks share the runs; the records are those of one process."""
    folder, alone = cluster / "out", cluster / "alone"
    open_folder(folder)
    words = [sys.executable, kill_runs.__file__, "--workers", "1", "--play", str(folder)]
    path, answer = submit(words, folder, "mine", 2, ["--time=1:00:00"])
    assert answer == "Submitted batch job 7"
    options = eval((cluster / "options").read_text())  # noqa: S307 - what we wrote above
    assert options["array"] == "0-1"
    assert options["requeue"] == ""
    assert options["open-mode"] == "append"
    assert options["time"] == "1:00:00"
    assert "Interrupted" in (folder / "slurm-7_1.log").read_text()
    assert left_over(folder) == {path.name, "slurm-7_0.log", "slurm-7_1.log"}
    play_here(missing(plan(SUITE), alone), alone)
    assert contents(folder) == contents(alone)
    assert len(read_folder(folder).records) == len(plan(SUITE))  # the logs are in nobody's way


def test_the_command_of_every_task(cluster: Path) -> None:
    """It is the one given, without what it says of Slurm, and with one worker."""
    (cluster / "bin" / "sbatch").write_text("#!/bin/sh\necho Submitted batch job 8\n")
    line = [sys.executable, "-m", "discovery_gym.experiments", "run", "smoke", "--out", "a b"]
    line += ["--slurm", "3", "--slurm-option=--time=1:00:00", "--workers", "5"]
    done = subprocess.run(line, cwd=cluster, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "Submitted batch job 8\n")
    script = Path(done.stdout.strip())
    assert script == cluster / "a b" / "slurm.sh"
    text = script.read_text()
    (line,) = (one for one in text.splitlines() if "discovery_gym.experiments" in one)
    assert line.endswith("run smoke --out 'a b' --workers 1 &")
    assert "#SBATCH --array=0-2\n" in text
    assert f"cd {cluster}\n" in text


def test_what_sbatch_refuses_is_told(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cluster / "out"
    open_folder(folder)
    with pytest.raises(InputError, match=r"must be an option of sbatch, .*got 'time\\nrm'"):
        submit(["true"], folder, "x", 2, ["time\nrm"])
    assert not (folder / "slurm.sh").exists()
    (cluster / "bin" / "sbatch").write_text("#!/bin/sh\necho no such partition >&2; exit 1\n")
    with pytest.raises(InputError, match=r"sbatch refuses .*slurm.sh: no such partition"):
        submit(["true"], folder, "x", 2, ["--partition=x"])
    monkeypatch.setenv("PATH", str(cluster))
    with pytest.raises(InputError, match=r"sbatch cannot be started \(No such file or directory\)"):
        submit(["true"], folder, "x", 2)
