"""What the site adds to the Markdown of docs/, which is also read where there is no site.

The map of chapters; pictures on the pages of environments, and a gallery of them; formulas as MathML,
for which a browser needs no script; the leaderboard; tutorials, whose blocks are run. A tutorial is
plain Markdown: its ```python blocks run one after the other in one folder, with its ```sh blocks if it
is in `COMMANDS`; a block without a language after one is what that printed, and here it is printed anew.
"""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from typing import Any

import pictures
from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
CHAPTERS = {
    "index": (
        "tutorials/README",
        "environments/README",
        "agents/README",
        "leaderboard",
        "reference/README",
        "background",
    ),
    "tutorials/README": (
        "tutorials/ladder",
        "tutorials/my_table",
        "tutorials/plates",
        "tutorials/own_agent",
        "tutorials/batches",
        "tutorials/nats",
        "tutorials/robot_physicist",
        "tutorials/reading",
    ),
    "environments/README": ("environments/*",),
    "agents/README": ("agents/*",),
    "reference/README": (
        "reference/api",
        "commands/README",
        "suites/README",
        "data_sets/README",
        "libraries/README",
        "own/README",
    ),
    "commands/README": ("commands/*",),
    "suites/README": ("suites/*",),
    "data_sets/README": ("data_sets/*",),
    "background": ("guide", "architecture", "compare", "changelog", "migration", "contributing"),
}
"""The map of the site: the pages below each page."""
LABELS = {"agents/README": "Agents"}
"""What a page is called on the map, if not by its title."""
COMMANDS = ("plates", "my_table", "own_agent", "reading")
"""Tutorials whose commands are run; those of the others need what is not here, such as a container."""
TESTED = ("plates", "robot_physicist")
"""Tutorials that a test runs, and whose text shows what they print: not run for a site in brief."""
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```\n(\n```(?:text)?\n.*?^```\n)?", re.S | re.M)
KERNEL = """---
file_format: mystnb
kernelspec: {name: python3, language: python}
---
```{code-cell} ipython3
:tags: [remove-cell]
import os, subprocess

def _sh(code, refused=False):
    terminal = {"TERM": "dumb", "COLUMNS": "100", "LINES": "40"}
    done = subprocess.run(code, shell=True, text=True, stdout=-1, stderr=-2, env=os.environ | terminal)
    if done.returncode and not refused:
        raise RuntimeError(done.stdout)
    print(done.stdout, end="")
```

"""
"""The head of a tutorial: what a block of commands is run by, on a plain terminal."""
SHELL = re.compile(r"_sh\((.*), refused=(?:True|False)\)$", re.S)


def executed(text: str, *, commands: bool) -> str:
    """Return a tutorial with its blocks as cells to be run."""

    def cell(found: re.Match[str]) -> str:
        language, code, shown = found.groups()
        if language == "sh" and not commands:
            return found[0]
        if language == "sh":  # a test holds what is shown, which may be a refusal
            code = f"_sh({code!r}, refused={bool(shown)})\n"
        return f"```{{code-cell}} ipython3\n{code}```\n"

    return KERNEL + BLOCK.sub(cell, text)


def contents(docname: str) -> str:
    """Return the hidden table of contents below a page."""
    if docname not in CHAPTERS:
        return ""
    folder = Path(docname).parent.as_posix()
    names = []
    for page in CHAPTERS[docname]:
        found = sorted(path.relative_to(DOCS).with_suffix("") for path in DOCS.glob(f"{page}.md"))
        paths = [name.as_posix() for name in found if name.as_posix() != f"{folder}/README"]
        names += [f"{LABELS[page]} </{path}>" if page in LABELS else f"/{path}" for path in paths]
        if folder == "environments":  # without "discovery/" and "-v0"
            names = [f"{Path(path).name} </{path}>" for path in paths]
    return "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])


def source_read(_: Sphinx, docname: str, source: list[str]) -> None:
    """Turn the Markdown of a page into that of the site."""
    text, (folder, _, name) = source[0], docname.partition("/")
    told = name == "README" or (pictures.BRIEF and name in TESTED)
    if folder == "tutorials" and not told:
        text = executed(text, commands=name in COMMANDS)
    elif docname == "environments/README":
        text = f"# Environments\n\n{pictures.gallery()}\n"
    elif folder == "environments":
        env_id, idea, rest = text.removeprefix("# ").split("\n\n", 2)
        text = f"# {name}\n\n{idea}\n\n{pictures.figure(name)}\n`{env_id}`\n\n{rest}"
    elif docname == "index":
        about = "A random agent, and one that learns, side by side."
        wide = pictures.picture(pictures.HERO, about, "").replace("episode", "episode wide", 1)
        text = text.replace("<!-- the moving picture -->", wide)
    board = f"](board:{'../' * docname.count('/')}board/index.html"
    text = re.sub(r"\]\((?:\.\./)*results/(?:index\.html|LEADERBOARD\.md)", board, text)
    source[0] = text + contents(docname)


def name_the_shell(_: Sphinx, tree: nodes.document) -> None:
    """Show a block of commands as it stands in the text."""
    for node in [*tree.findall(nodes.literal_block)]:
        if found := SHELL.match(node.astext()):
            code = ast.literal_eval(found[1]).rstrip()
            node.replace_self(nodes.literal_block(code, code, language="sh"))


def add_the_board(app: Sphinx, error: Exception | None) -> None:
    """Put the kept leaderboard beside the pages, as it is."""
    if error is None and app.builder.format == "html":
        board = Path(app.outdir) / "board"
        keep = shutil.ignore_patterns("records", "LEADERBOARD.md")
        shutil.copytree(DOCS / "results", board, ignore=keep, dirs_exist_ok=True)


def formula(writer: Any, node: nodes.Element) -> None:
    """Write a formula in a line."""
    writer.body.append(latex2mathml.tex2mathml(node.astext()))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.Element) -> None:
    """Write a formula that stands alone."""
    formula = latex2mathml.tex2mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="formula">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Take part in the building of the site; once the code has changed, all is read and run again."""
    code = pictures.sources("envs", "agents", "experiments", "studies", "testing")
    app.config.nb_execution_cache_path = f"{app.doctreedir}/ran/{code}"
    app.add_html_math_renderer("mathml", (formula, None), (block, None))
    app.config.html_math_renderer = "mathml"
    app.connect("builder-inited", pictures.draw_all)
    app.connect("source-read", source_read)
    app.connect("doctree-read", name_the_shell)
    app.connect("build-finished", add_the_board)
    safe = {"parallel_read_safe": True, "parallel_write_safe": True}
    return safe | {"env_version": int(code[:8], 16)}
