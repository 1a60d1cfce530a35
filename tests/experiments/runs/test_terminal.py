"""What the command line prints, by real processes: in any encoding, on any terminal, into any pipe."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text
from terminals import CLI, ESCAPE, environment, on_terminal

from discovery_gym.experiments.runs import terminal

EVALUATE = ["evaluate", "KnowledgeLadder", "random", "--episodes", "10", "--set", "horizon=20"]
SCRIPT = """
import json, sys
from tiny import TINY
from discovery_gym.experiments import cli
from discovery_gym.experiments.suites import catalogue as suites

if __name__ == "__main__":
    suites.SUITES["tiny"] = TINY
    for words in json.loads(sys.argv[1]):
        sys.argv = ["discovery-gym", *words]
        try:
            cli.main()
        except SystemExit as end:
            assert end.code in (0, 1, 2), end.code
            print("status", end.code, file=sys.stderr)
"""

NO_UTF8 = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    "changes",
    [
        {"LC_ALL": "C"} | NO_UTF8,
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["C", "cp1252", "ascii", "latin-1"],
)
def test_every_command_in_any_encoding(changes: dict[str, str], tmp_path: Path) -> None:
    """All in one process, to import once; a failed run gives 1, what is refused gives 2.

    The locale C plays everything: what has no letter in another encoding has none in ASCII either. The
    others play what writes no files, and the next test has each letter in each encoding.
    """
    whole = "LC_ALL" in changes
    out, training = str(tmp_path / "out"), str(tmp_path / "training")
    ladder = ["KnowledgeLadder", "--out", training, "--steps", "64", "--envs", "4"]
    ladder += [
        "--evaluations",
        "1",
        "--episodes",
        "4",
        "--set",
        "horizon=9",
        "--hyper",
        "n_steps=16",
    ]
    learns = whole and importlib.util.find_spec("stable_baselines3") is not None
    commands = [
        ["list"],
        EVALUATE,
        *([["run", "tiny", "--out", out, "--workers", "1"], ["leaderboard", out]] if whole else []),
        *([["train", *ladder]] if learns else []),
        ["reproduce", "asd-table−1", "--out", str(tmp_path / "x")],
        ["reproduce", "asd-table-1", "--out", str(tmp_path / "x"), "--episodes", "−3"],
        *([["tune", "tiny", "--out", str(tmp_path / "tuned")]] if whole else []),
    ]
    statuses = "00" + "10" * whole + "0" * learns + "22" + "2" * whole
    script = tmp_path / "commands.py"  # workers import the main module
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), json.dumps(commands)]
    done = subprocess.run(words, env=environment(**changes), capture_output=True, check=False)
    told = done.stderr.decode("latin-1")
    assert done.returncode == 0, told
    assert re.findall(r"^status (\d)", told, re.M) == list(statuses), told
    text = done.stdout.decode("latin-1")
    assert "Traceback" not in text + told
    assert "discovery/LocationFinding-v0\t" in text
    assert re.search(r"^return\t-\d", text, re.M)
    assert not whole or "index.html" in text
    assert not learns or "Best after 64 steps" in text
    assert "no reproduction 'asd-table" in told, told


@pytest.mark.parametrize("letter", ["−", "±", "µ", "…", "é", "→", "θ", "\udcff"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_letters_that_an_encoding_lacks(
    letter: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(sys, "stderr", file)
    terminal.any_encoding()
    file.write(letter)
    file.flush()
    plain = {"−": "-", "±": "+-", "µ": "u", "…": "...", "é": "e", "→": "->"}
    try:
        wanted = letter.encode(encoding)
    except UnicodeEncodeError:
        wanted = b"\xff" if letter == "\udcff" else plain.get(letter, "?").encode()
    assert file.buffer.getvalue() == wanted  # type: ignore[attr-defined]


def test_pipes_get_whole_lines() -> None:
    """`list | grep -c LocationFinding-v0` counts one line, whatever the width."""
    done = subprocess.run(
        [*CLI, "list"], env=environment(COLUMNS="40"), capture_output=True, check=True, text=True
    )
    (row,) = [line for line in done.stdout.splitlines() if "LocationFinding-v0" in line]
    name, about, agents = row.split("\t")
    assert name == "discovery/LocationFinding-v0"
    assert about.endswith("hidden sources.")
    assert "greedy_eig" in agents.split(", ")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "Agents fit an environment by its parameters, and those above fit the def"
    )


def test_a_closed_pipe_ends_quietly() -> None:
    for words, lines in ((["list"], 1), (EVALUATE, 0), (["--help"], 1)):
        with subprocess.Popen(
            [*CLI, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for _ in range(lines):
                process.stdout.readline()
            process.stdout.close()
            told = process.stderr.read()
        assert process.returncode in (0, 1)
        assert not re.search("Traceback|Exception|Error", told), told


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str) -> None:
    words = ["sh", "-c", f'"$@" {closed}', "sh", *CLI, *EVALUATE]
    done = subprocess.run(words, env=environment(), capture_output=True, check=True, text=True)
    assert done.stderr == ""
    assert ("return\t" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_nobody_need_read_stderr() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*CLI, "list"], stdout=subprocess.PIPE, stderr=full, check=False)
    assert done.returncode == 0
    assert b"LocationFinding-v0" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*CLI, *EVALUATE], stdout=full, stderr=subprocess.PIPE, check=False, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "What was found cannot be written: No space left on device.\n"


def test_no_width_is_no_reason_to_print_nothing() -> None:
    words = [*CLI, "evaluate", "nowhere", "random"]
    sizes = environment(COLUMNS="0", LINES="0")
    done = subprocess.run(words, env=sizes, capture_output=True, check=False, text=True)
    assert "There is no environment 'nowhere'" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of its own")
class TestTerminal:
    def test_narrow_terminals_cut_no_id(self) -> None:
        status, text = on_terminal([*CLI, "list"], COLUMNS="40", TERM="xterm")
        assert status == 0
        assert ESCAPE in text  # it is a terminal
        assert "…" not in text
        for name in ("discovery/TemporalDiscounting-v0", "discovery/LocationFinding-v0"):
            assert name in text

    @pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
    @pytest.mark.parametrize(
        ("words", "status", "found"),
        [
            (EVALUATE, 0, "decisions per episode"),
            (["evaluate", "GausianStep", "random"], 2, "did you mean 'GaussianStep'"),
            (["evaluate", "--foo"], 2, "No such option: --foo"),
            (["--help"], 0, "leaderboard"),
        ],
        ids=["evaluate", "refusal", "usage", "help"],
    )
    def test_no_escape_codes(
        self, changes: dict[str, str], words: list[str], status: int, found: str
    ) -> None:
        code, text = on_terminal([*CLI, *words], **{"TERM": "xterm"} | changes)
        assert code == status
        assert found in text
        assert ESCAPE not in text

    def test_no_escape_codes_from_runs(self, tmp_path: Path) -> None:
        """With bars, failures and tables; the first run is played, the second finds it."""
        script = tmp_path / "commands.py"
        script.write_text(SCRIPT)
        commands = [["run", "tiny", "--out", str(tmp_path / "out"), "--workers", "1"]] * 2
        commands.append(["leaderboard", str(tmp_path / "out")])
        words = [sys.executable, str(script), json.dumps(commands)]
        code, text = on_terminal(words, NO_COLOR="1", TERM="xterm", COLUMNS="40")
        assert code == 0
        assert re.findall(r"status (\d)", text) == list("110")
        assert "5 of 6 runs are finished already" in text
        assert "broken on Tiny ladder <&> failed: " in text
        for row in ("broken +failed", r"optimal +\d", "agent +score .* µs/decision"):
            assert re.search(row, text), row
        assert ESCAPE not in text

    def test_a_bar_moves_on_stderr(self) -> None:
        _, text = on_terminal([*CLI, *EVALUATE], TERM="xterm")
        assert "10/10" in text
        assert f"{ESCAPE}[?25l" in text

    def test_an_interrupt_gives_130(self) -> None:
        """While it plays more episodes than anyone waits for."""
        words = ["evaluate", "LinearPool", "random", "--episodes", "100000000"]
        status, text = on_terminal([*CLI, *words], b"decision", TERM="xterm")
        assert status == 130
        assert "Traceback" not in text

    @pytest.mark.parametrize("script", [True, False])
    @pytest.mark.parametrize("library", ["gymnasium", "typer", "scipy", "none"])
    def test_an_interrupt_while_it_imports(
        self, library: str, script: bool, tmp_path: Path
    ) -> None:
        """A library that sends the signal stands in the place of one: of the package, of the command,
        of what it plays. Shells give 130 for what a signal ended, too.
        """
        code = "from discovery_gym.experiments.cli import main\nmain()\n"
        (tmp_path / "discovery-gym").write_text(code)
        rude = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
        (tmp_path / f"{library}.py").write_text(rude)
        start = [str(tmp_path / "discovery-gym")] if script else ["-m", "discovery_gym.experiments"]
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, *start, *EVALUATE],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        expected = {0} if library == "none" else {130, -signal.SIGINT}
        assert done.returncode in expected


def test_progress_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "PAUSE", 0.01)
    lines: list[str] = []
    with terminal.progress(1000, "episodes") as update:
        update(20, "decision\x1b 7")
        while not lines:
            lines = capsys.readouterr().err.splitlines()
    assert lines[0] in (
        "20 of 1,000 episodes after 0 s: decision\\x1b 7",
        "0 of 1,000 episodes after 0 s",
    )


def test_tables_show_what_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Markup, tabs, ends of lines and escape codes in a name do nothing; a title counts as one."""
    rows: list[list[Any]] = [["[red]a\tb\nc\x1b[31m", "−1"], ["x", Text("failed", "red")], ["y"]]
    shown = []
    for options in (
        {},
        {"force_terminal": True, "width": 20},
        {"force_terminal": True, "width": 5},
    ):
        file = io.StringIO()
        monkeypatch.setattr(terminal, "out", Console(file=file, markup=False, **options))
        terminal.show(["name", "n\nr"], rows, "A [b]\x1btitle")
        shown.append(file.getvalue())
    assert shown[0] == "A [b]\\x1btitle\nname\tn r\n[red]a b c\\x1b[31m\t-1\nx\tfailed\ny\n\n"
    assert "[red]a b c\\x1b[31m" in shown[1].replace("\n", "")
    assert f"{ESCAPE}[31mfailed" in shown[1]
    assert re.search(r"\[red\]a b c\\x1b\[31m +−1", shown[2])  # wider than the terminal, and whole
    assert f"{ESCAPE}[31mfailed" in shown[2]


@pytest.mark.parametrize("handler", ["SIG_DFL", "default_int_handler"])
def test_the_command_runs_in_a_thread(handler: str) -> None:
    """Where handlers of signals cannot be set."""
    code = f"""
import signal, sys, threading
sys.argv = ["discovery-gym", "list"]
signal.signal(signal.SIGINT, signal.{handler})
def run():
    from discovery_gym.experiments.cli import main
    main()
threading.excepthook = lambda args: print(args.exc_value)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LinearPool" in done.stdout
    assert "main thread" not in done.stdout + done.stderr
