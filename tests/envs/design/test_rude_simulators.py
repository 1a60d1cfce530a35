"""Simulators and caches that are worse than broken: the right value, or an error that names them."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import rude_simulators
import simulators

from discovery_gym import InputError
from discovery_gym.envs.design.simulator import workers as worker
from discovery_gym.envs.design.simulator.black_box import Job
from discovery_gym.envs.design.simulator.jobs import Simulations

JOBS = [Job((theta,), (2.0,), 3, 7) for theta in (0.0, 1.0, 2.0)]
EVENTS = [[0, 1, 2], [10, 11, 12], [20, 21, 22]]


pytestmark = pytest.mark.usefixtures("folder")


def runs(name: Any, folder: Path, workers: int = 1, **options: Any) -> list[Any]:
    if isinstance(name, str) and hasattr(rude_simulators, name):
        name = f"rude_simulators:{name}"
    found = dict(Simulations(name, folder / "kept", workers, **options).run(JOBS))
    return [found[job].tolist() for job in JOBS]


# ---- functions


@pytest.mark.parametrize(
    "name",
    [
        "fork",
        "fork_and_wait",
        "print_much",
        "close_streams",
        "replace_streams",
        "change_directory",
    ],
)
def test_the_right_values(name: str, folder: Path) -> None:
    """One worker plays all jobs, and what it leaves behind stays with the job that did it."""
    assert runs(name, folder) == EVENTS
    assert runs("behave", folder) == EVENTS
    assert runs(name, folder, retries=0) == EVENTS  # as they are kept


@pytest.mark.parametrize("name", ["fork", "fork_and_wait"])
def test_forks_in_this_process(name: str, folder: Path) -> None:
    assert runs(name, folder, workers=0) == EVENTS


STREAMLESS = """
import os, sys
os.closerange(0, 3)
from pathlib import Path
from discovery_gym.envs.design.simulator.jobs import Simulations
from discovery_gym.envs.design.simulator.black_box import Job

jobs = [Job((theta,), (2.0,), 3, 7) for theta in (0.0, 1.0, 2.0)]
found = dict(Simulations("rude_simulators:behave", Path(sys.argv[1]), 1).run(jobs))
sys.exit(0 if [found[job].tolist() for job in jobs] == EVENTS else 3)
"""


def environment() -> dict[str, str]:
    """Return the environment of a process that finds the simulators."""
    return {**os.environ, "PYTHONPATH": str(Path(simulators.__file__).parent)}


def test_a_caller_without_streams(folder: Path) -> None:
    """Its descriptors 0 to 2 are free, and are not what a worker answers by."""
    script = STREAMLESS.replace("EVENTS", repr(EVENTS))
    words = [sys.executable, "-c", script, str(folder / "kept")]
    assert subprocess.run(words, check=False, env=environment()).returncode == 0


def test_a_child_in_a_session_of_its_own_ends_with_the_runs(folder: Path) -> None:
    pipe = simulators.listen(folder)
    assert runs("leave_a_child", folder) == EVENTS
    assert [simulators.heard(pipe) for _ in range(4)] == [b"x", b"x", b"x", b""]


@pytest.mark.parametrize(
    "name", ["hang_in_a_session", "hang_without_environment", "hang_as_an_orphan"]
)
def test_nothing_outlives_a_run_that_is_killed(name: str, folder: Path) -> None:
    pipe = simulators.listen(folder)
    message = "ended with exit status 9" if "orphan" in name else "did not end within 1 s"
    with pytest.raises(InputError, match=f"The simulator {name} at theta = 0, .* {message}"):
        runs(name, folder, timeout=1, retries=0)
    assert [simulators.heard(pipe) for _ in range(2)] == [b"x", b""]


def test_nothing_outlives_the_caller(folder: Path) -> None:
    """What a run has started in a session of its own follows a caller that is killed."""
    pipe = simulators.listen(folder)
    script = STREAMLESS.replace("behave", "hang_in_a_session").replace("EVENTS", "None")
    words = [sys.executable, "-c", script, str(folder / "kept")]
    with subprocess.Popen(words, env=environment()) as caller:
        assert simulators.heard(pipe) == b"x"
        caller.kill()
    assert simulators.heard(pipe) == b""


STRAY = r"left something else than its answer on file descriptor \d+"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("speak_out_of_turn", STRAY),
        ("flood", STRAY),
        ("answer_twice", STRAY),
        ("speak_in_part", "did not end within 1 s and was killed"),
        ("stop", "did not end within 1 s and was killed"),
        ("close_everything", "ended with exit status 1.* has closed what its worker answers by"),
        ("take_the_descriptor", "ended with exit status 1.* has closed what its worker answers by"),
        ("close_and_stay", r"closed file descriptor \d+, by which its worker answers"),
        ("go_away", "ended with exit status 0"),
        ("send_the_parent_away", "ended with exit status 0"),
        ("read", "raised EOFError: EOF when reading a line"),
        ("exit_by_name", "raised SystemExit: enough"),
        ("interrupt", "raised KeyboardInterrupt"),
        ("end_a_generator", "raised GeneratorExit: over"),
        (
            "cry",
            r"raised RuntimeError: first words \\x1b\[31mlong .* letters are left out.*last words",
        ),
        ("mute", "raised Mute: a Mute without words"),
        ("recurse", "raised RecursionError: maximum recursion depth"),
        ("generator", "returned <generator ob.*> where 3 numbers should stand"),
    ],
)
def test_functions_that_never_end_well(name: str, message: str, folder: Path) -> None:
    where = f"^The simulator {name} at theta = 0, phi = 2, 3 events, seed 7 {message}"
    with pytest.raises(InputError, match=where) as caught:
        runs(name, folder, timeout=1 if "did not end" in message else 60, retries=1)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1800
    assert not list((folder / "kept").glob("*.events"))
    assert not (folder / "thesis").exists() or not (folder / "thesis").read_bytes()


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("case", list(enumerate(rude_simulators.VALUES)))
def test_values_that_are_none(case: tuple[int, str], workers: int, folder: Path) -> None:
    simulations = Simulations(rude_simulators.values, folder / "kept", workers)
    message = rude_simulators.VALUES[case[1]][1]
    with pytest.raises(InputError, match=f"seed 7 {message}"):
        list(simulations.run([Job((float(case[0]),), (2.0,), 3, 7)]))
    assert not list((folder / "kept").glob("*.events"))


def test_what_is_printed_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PRINTED", 10**6)
    endless = "yes; echo {output}"
    with pytest.raises(InputError, match="printed more than 1,000,000 bytes and was killed"):
        runs(["sh", "-c", endless], folder, retries=0)


def test_a_module_that_ends_everything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    (folder / "leaving.py").write_text("raise SystemExit('bye')\n")
    (folder / "unread.py").write_text("def (\n")
    for name, message in (("leaving", "bye"), ("unread", "invalid syntax"), (".", "")):
        with pytest.raises(InputError, match=rf"'{name}:f' cannot be imported: .*{message}"):
            Simulations(f"{name}:f", folder)


# ---- command lines


ANY_WORD = "where a number should stand"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("yes 1", "returned more than 3 events, and was stopped"),
        ("sh -c 'yes 1 | cat'", "returned more than 3 events, and was stopped"),
        ("cat /dev/zero", rf"gave '.*' {ANY_WORD}"),
        ("yes no", rf"gave 'no' {ANY_WORD}"),
        ("sh -c 'yes 1 | tr -d \"\\n\"'", rf"gave '111.*letters are left out.*' {ANY_WORD}"),
        ("sh -c 'echo no; echo licence; exit 3'", "ended with exit status 3"),
        ("sh -c 'echo 1 2; exec >&-; sleep 0'", "returned 2 events where 3 numbers"),
        ("sh -c 'mkdir {output}'", "wrote no regular file"),
        ("sh -c 'mkfifo {output}'", "wrote no regular file"),
        ("ln -s /dev/zero {output}", "wrote no regular file"),
        ("sh -c 'ln -s {output} {output}'", "returned 0 events where 3 numbers"),
        ("sh -c 'yes 1 | head -c 1000000 > {output}'", "returned more than 3 events"),
        ("echo {phi[1]} 2 3", "names a parameter or a knob that there is not"),
    ],
)
def test_commands_that_never_end_well(command: str, message: str, folder: Path) -> None:
    name = r"The simulator (\"|').*(\"|') at theta = 0, phi = 2, 3 events, seed 7 "
    with pytest.raises(InputError, match=name + message):
        runs(command, folder, timeout=60, retries=0)
    assert not list((folder / "kept").glob("*.events"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("echo 'open", r"is no command line: No closing quotation\. Close what is open"),
        ("echo \\", r"is no command line: No escaped character\. Close what is open"),
        ("echo a\0b", "holds a NUL character"),
        ("", "must be a function"),
        ("echo {phi[-1]}", "may hold {theta}, {phi}"),
        ([""], "needs the program ''"),
        (
            "x" * 10**4,
            r"needs the program 'x+ \[9,900 letters are left out\] x+', which is neither",
        ),
        ("x" * 10**6, "is longer than the 100,000 letters that a command line may have"),
        (["sh", "x" * 10**6], "is longer than the 100,000 letters that a command line may have"),
    ],
)
def test_commands_that_are_none(command: Any, message: str, folder: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Simulations(command, folder, 1)
    assert len(str(caught.value)) < 1500


# ---- files of the cache


def sealed(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def header(**changes: Any) -> bytes:
    with TemporaryDirectory() as folder:  # which is made, and holds nothing
        one = Simulations("rude_simulators:behave", Path(folder), 0)
        return json.dumps(json.loads(one.cache.header(JOBS[0])) | changes).encode() + b"\n"


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


RIGHT = np.array([0.0, 1.0, 2.0])
DAMAGES: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-8]),
    "cut within a number": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "cut within the header": lambda path: path.write_bytes(path.read_bytes()[:80]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + bytes(8)),
    "twice": lambda path: path.write_bytes(path.read_bytes() * 2),
    "one bit": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x01"),
    "one letter of the job": lambda path: path.write_bytes(path.read_bytes().replace(b"7", b"8")),
    "of another job": lambda path: path.write_bytes(
        max(path.parent.glob("*.events"), key=lambda other: other != path).read_bytes()
    ),
    "a tebibyte": sparse,
    "text": lambda path: path.write_text("1.0\n2.0\n3.0\n"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "sealed, two events": lambda path: path.write_bytes(sealed(header() + RIGHT[:2].tobytes())),
    "sealed, not finite": lambda path: path.write_bytes(
        sealed(header() + np.array([0, np.nan, 2]).tobytes())
    ),
    "sealed, infinite": lambda path: path.write_bytes(
        sealed(header() + np.array([0, np.inf, 2]).tobytes())
    ),
    "sealed, single precision": lambda path: path.write_bytes(
        sealed(header() + RIGHT.astype("<f4").tobytes())
    ),
    "sealed, other theta": lambda path: path.write_bytes(
        sealed(header(theta=[9.0]) + (RIGHT + 90).tobytes())
    ),
    "sealed, other phi": lambda path: path.write_bytes(
        sealed(header(phi=[3.0]) + (RIGHT + 90).tobytes())
    ),
    "sealed, other seed": lambda path: path.write_bytes(
        sealed(header(seed=8) + (RIGHT + 90).tobytes())
    ),
    "sealed, other number": lambda path: path.write_bytes(
        sealed(header(events=2) + (RIGHT + 90).tobytes())
    ),
    "sealed, other simulator": lambda path: path.write_bytes(
        sealed(header(simulator="mine:f 0123456789abcdef") + (RIGHT + 90).tobytes())
    ),
    "sealed, other version": lambda path: path.write_bytes(
        sealed(header(version="2") + (RIGHT + 90).tobytes())
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_files_are_made_anew(
    kind: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert runs("behave", folder, 0) == EVENTS
    path = Simulations("rude_simulators:behave", folder / "kept", 0).cache.path(JOBS[0])
    whole = path.read_bytes()
    DAMAGES[kind](path)
    assert path.stat().st_size > 2**39 or path.read_bytes() != whole
    assert runs("behave", folder, 0) == EVENTS
    assert f"{path} is damaged; its run is repeated (theta = 0" in caplog.text
    assert path.read_bytes() == whole


def loop(path: Path) -> None:
    path.symlink_to(path)


OBSTACLES: dict[str, Callable[[Path], Any]] = {
    "directory": Path.mkdir,
    "named pipe": os.mkfifo,
    "symlink loop": loop,
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("suffix", [".events", ".log"])
@pytest.mark.parametrize("kind", OBSTACLES)
def test_what_is_no_file_is_named(kind: str, suffix: str, folder: Path) -> None:
    path = Simulations("rude_simulators:behave", folder / "kept", 1).cache.path(JOBS[0])
    path = path.with_suffix(suffix)
    OBSTACLES[kind](path)
    with pytest.raises(InputError, match=rf"The cache cannot use {path}: .*\. Remove it, or name"):
        runs("behave", folder)


@pytest.mark.parametrize(
    ("cache", "message"),
    [
        ("a\0b", "is no folder: .*null"),
        ("n" * 5000, "is no folder: .*too long"),
        ("loop", "is no folder: "),
        ("/proc/kept", "is no folder: "),
    ],
)
def test_folders_that_are_none(cache: str, message: str, folder: Path) -> None:
    loop(folder / "loop")
    with pytest.raises(InputError, match=message) as caught:
        Simulations("rude_simulators:behave", folder / cache)
    assert len(str(caught.value)) < 2000


def test_the_commands_are_as_they_are_meant() -> None:
    assert shlex.split("sh -c 'yes 1 | tr -d \"\\n\"'")[2] == 'yes 1 | tr -d "\\n"'
