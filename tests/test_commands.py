"""Every command that a document shows is one of the command line, and works when it is pasted.

Those of README are pasted by `.ci/package`, where the package has just been installed; those of
tutorials by the build of the site and by `test_tutorials`.
"""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pasting
import pytest
import typer
from outsiders import working_folder
from typer.testing import CliRunner

from discovery_gym.experiments.cli import app

DOCS = pasting.ROOT / "docs"
PAGES = [pasting.README, *sorted(DOCS.rglob("*.md"))]
SHOWN = {one: pasting.commands(one) for one in PAGES}
OURS = "discovery-gym "
PASTED = [
    DOCS / "guide.md",
    DOCS / "index.md",
    DOCS / "leaderboard.md",
    DOCS / "libraries/README.md",
]


def read(command: str) -> None:
    """Let the command line read a command, and do nothing."""
    name, *words = shlex.split(command)[1:]
    typer.main.get_command(app).commands[name].make_context(name, words)  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", [one for one in PAGES if SHOWN[one]], ids=str)
def test_every_command_is_read(page: Path) -> None:
    for command in SHOWN[page]:
        if command.startswith(OURS):
            read(command)


@pytest.mark.parametrize("wrong", ["run quick", "list --all", "show", "evaluate A", "play A B"])
def test_other_commands_are_not(wrong: str) -> None:
    with pytest.raises((typer.BadParameter.__base__, KeyError)):  # mistakes in usage
        read(OURS + wrong)


@pytest.mark.parametrize("page", PASTED, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_commands_do_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working_folder(tmp_path, monkeypatch):
        pasting.prepare(tmp_path)
        for command in pasting.pasted(page):
            done = CliRunner().invoke(app, shlex.split(command)[1:])
            assert done.exit_code == 0, f"{command}\n{done.output}{done.exception!r}"
            assert done.stdout


def test_what_is_not_pasted_is_shown() -> None:
    """So a reason goes with its command."""
    shown = [f"{one} " for page in SHOWN.values() for one in page]
    for head in (*pasting.ELSEWHERE, *pasting.SLOW):
        assert any(one.startswith(head) for one in shown), head


def test_every_page_with_commands_is_pasted_somewhere() -> None:
    """But for the generated ones, each of which shows one, and CONTRIBUTING."""
    generated = {"agents", "commands", "environments", "suites"}
    tutorials = {page for page in PAGES if page.parent.name == "tutorials"}
    others = {page for page in PAGES if SHOWN[page] and page.parent.name not in generated}
    assert others <= {pasting.README, *PASTED} | tutorials


def test_tutorials_with_commands_are_run_by_the_site() -> None:
    """Its module needs the extra `docs`."""
    source = (DOCS / "site" / "pages_of_site.py").read_text("utf-8")
    (run,) = re.findall(r"^COMMANDS = (\(.*\))$", source, re.M)
    tutorials = [page for page in PAGES if page.parent.name == "tutorials" and pasting.pasted(page)]
    assert tutorials
    assert {page.stem for page in tutorials} <= {*ast.literal_eval(run)}
