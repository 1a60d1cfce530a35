"""Whatever is done to an entry ends as it should, and makes nothing happen."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import watched
from entries import Draft
from tampering import CASES
from typer.testing import CliRunner

from discovery_gym.experiments import cli
from discovery_gym.experiments.entries.verify import add, verify
from discovery_gym.experiments.report.leaderboard import write_leaderboard

NAMES = list(CASES)
DECOY = "import pathlib\npathlib.Path(__file__).with_name('owned').touch()\nclass Agent: pass\n"


@pytest.fixture(scope="module")
def drafts(board):
    """Every tampered entry, by the number of its case."""
    folder = board / "entries"
    folder.mkdir()
    for number, one in enumerate(CASES.values()):
        one.change(Draft.of(board / "honest" / one.wing, folder / f"{number:03d}"))
    for side in folder.iterdir():  # what was moved out of an entry
        if not re.fullmatch(r"\d{3}", side.name):
            side.rename(board / side.name)
    return folder


@pytest.fixture(scope="module")
def ends(board, drafts):
    """How each ended in a process that was watched."""
    for name in ("evil.py", "mine.py", "os_evil.py"):
        (board / name).write_text(DECOY)
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(board)])  # decoys come last
    done = subprocess.run(
        [sys.executable, watched.__file__, str(board)],
        env=os.environ | {"PYTHONPATH": path}, cwd=board, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["events"] > 10 * len(CASES)  # it has watched
    return [found["ends"][f"{number:03d}"] for number in range(len(NAMES))]


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_a_tampered_entry_ends_as_it_should(number, ends):
    refusal, _, _ = ends[number]
    says = CASES[NAMES[number]].says
    if not says:
        assert refusal is None
        return
    assert refusal is not None
    assert re.search(says, refusal)
    for line in refusal.split("\n"):
        assert line.isprintable()
        assert len(line) < 1000
        assert re.match(
            r"(submission\.toml|manifest\.json|traces|policies|.*: a file of an|.*: it is)", line
        )


def test_nothing_is_imported_started_or_opened_elsewhere(board, ends):
    seen = {name: end[2] for name, end in zip(NAMES, ends, strict=True) if end[2]}
    assert seen == {}
    assert not list(board.rglob("owned"))
    assert not Path("/tmp/owned").exists()


def test_the_watch_sees(tmp_path, board, suite):
    """What it looks for is found where it happens."""
    code = (
        "import sys, watched, os, socket, subprocess\n"
        "from pathlib import Path\n"
        "watch = watched.Watch([])\n"
        "def verify(entry, suite):\n"
        "    open('/etc/hostname').close(); os.scandir('/'); os.system('true')\n"
        "    subprocess.run(['true']); socket.socket().close(); import decoy\n"
        "watched.verify = verify\n"
        "print(watch.over(Path('.'), None))\n"
    )
    (tmp_path / "decoy.py").write_text("")
    here = os.pathsep.join([str(Path(watched.__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": here},
    )  # fmt: skip
    for what in ("open /etc/hostname", "os.scandir /", "os.system", "subprocess.Popen", "socket.",
                 "import decoy"):  # fmt: skip
        assert what in done.stdout


def test_there_are_more_than_two_hundred():
    assert len(CASES) >= 500


SOME = NAMES[:: max(1, len(NAMES) // 60)]


@pytest.mark.parametrize("name", SOME)
def test_the_command_line_says_so_in_lines(name, board, drafts):
    folder = drafts / f"{NAMES.index(name):03d}"
    words = ["verify", str(folder), "--suite", str(board / "board.toml")]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == (1 if CASES[name].says else 0), done.output
    assert isinstance(done.exception, SystemExit | None)
    if CASES[name].says:
        assert done.stdout == ""
        assert re.search(CASES[name].says, done.stderr)
    for line in done.output.split("\n"):
        assert line.expandtabs().isprintable()


def test_a_real_process_has_no_traceback(board, drafts):
    name = "escape in name"
    words = [str(drafts / f"{NAMES.index(name):03d}"), "--suite", str(board / "board.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "discovery_gym.experiments", "verify", *words],
        cwd=board, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Refused: submission.toml: [entry] name must be one line")
    assert "Traceback" not in done.stderr
    assert "\x1b[2J" not in done.stderr


def test_words_of_entries_are_escaped_on_the_board(board, suite, drafts, tmp_path):
    hostile = [name for name, one in CASES.items() if " in name" in name and not one.says]
    for name in hostile:
        add(verify(drafts / f"{NAMES.index(name):03d}", suite=suite), tmp_path / "results")
    assert len(hostile) > 5
    write_leaderboard(tmp_path / "results")
    page = (tmp_path / "results" / "index.html").read_text("utf-8")
    assert "HYPERLINK" in page
    for text in ("<script>alert(1)", "</script><script>alert"):
        assert text not in page
        assert text not in (tmp_path / "results" / "LEADERBOARD.md").read_text("utf-8")


def test_what_is_refused_leaves_nothing_in_the_results(board, drafts, tmp_path):
    folder = drafts / f"{NAMES.index('return raised much, Items'):03d}"
    words = ["verify", str(folder), "--suite", str(board / "board.toml")]
    done = CliRunner().invoke(cli.app, [*words, "--into", str(tmp_path / "results")])
    assert done.exit_code == 1
    assert not (tmp_path / "results").exists()


def test_a_pipe_is_not_waited_for(board, tmp_path):
    folder = tmp_path / "entry"
    shutil.copytree(board / "honest" / "pool", folder)
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    done = CliRunner().invoke(
        cli.app, ["verify", str(folder), "--suite", str(board / "board.toml")]
    )
    assert done.exit_code == 1
    assert "manifest.json: it is not a plain file but a pipe" in done.stderr
