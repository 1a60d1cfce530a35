"""The report of a reproduction: words from a Markdown file, figures, and tables with their files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from matplotlib.figure import Figure

from ...envs.core.files import write
from ..report.escaping import csv_text
from ..report.page import render
from ..runs.terminal import say

DPI = 150
Rows = Sequence[Mapping[str, Any]]
Named = Mapping[str, Rows]
NONE: Named = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of the same columns.

    Args:
        name: Name of its CSV file.
        rows: Each one tells numbers and words by column, None where there is none. The name of a
            column tells its unit. CSV keeps all digits, the report six.
        shown: Whether the report shows it, or only links to the file.
    """

    name: str
    rows: Rows
    shown: bool = True

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.rows[0])

    def csv(self) -> str:
        """Return the table as CSV."""
        return csv_text([self.columns, *(row.values() for row in self.rows)])

    def cells(self) -> list[list[str]]:
        """Return the rows as the report shows them."""
        return [[_cell(value) for value in row.values()] for row in self.rows]


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def rows_of(
    columns: Mapping[str, Iterable[Any]], of: Mapping[str, Any] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Return the rows of columns of the same length, each behind what all have in common."""
    rows = zip(*columns.values(), strict=True)
    return [{**of, **dict(zip(columns, row, strict=True))} for row in rows]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report: text, then a figure with its caption, then tables.

    Words between backticks in the text and in captions are code, what follows ^ is a power.
    """

    title: str
    text: tuple[str, ...] = ()
    name: str = ""
    figure: Figure | None = None
    caption: str = ""
    tables: tuple[Table, ...] = ()


class Words:
    """The words of a report, which wait for its numbers.

    A Markdown file holds them: the title and the abstract, then the sections, each under
    ``## name: title``. A paragraph that begins with ``Caption:`` belongs to the figure, and a table
    is one of the section's tables, of the same name. ``{name:.2f}`` is filled in, as `str.format`
    does.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        first, *sections = path.read_text("utf-8").removeprefix("# ").split("\n## ")
        self.title, self._abstract = first.split("\n", 1)
        self._sections = dict(section.split(": ", 1) for section in sections)

    def abstract(self, **numbers: Any) -> list[str]:
        """Return the paragraphs of the abstract."""
        return _blocks(self._abstract.format(**numbers))

    def section(
        self,
        key: str,
        *,
        name: str | None = None,
        figure: Figure | None = None,
        tables: Named = NONE,
        files: Named = NONE,
        **numbers: Any,
    ) -> Section:
        """Return a section.

        Args:
            key: Its name in the file.
            name: Name of its figure, where it is not the key.
            figure: Its figure.
            tables: Rows of the tables that it shows, by name; those in the file come first.
            files: Rows of those that it only links to.
            **numbers: What is filled in. A paragraph with nothing in it is left out.
        """
        title, *blocks = _blocks(self._sections[key].format(**numbers))
        captions = [block for block in blocks if block.startswith(CAPTION)]
        written = [block for block in blocks if block.startswith("|")]
        whole = [_table(key, block) for block in written]
        whole += (Table(name=name, rows=rows) for name, rows in tables.items())
        whole += (Table(name=name, rows=rows, shown=False) for name, rows in files.items())
        say(f"done: {title}")  # some take minutes
        return Section(
            title=title,
            text=tuple(block for block in blocks if block not in captions + written),
            name=name or key,
            figure=figure,
            caption="".join(captions).removeprefix(CAPTION),
            tables=tuple(whole),
        )


CAPTION = "Caption: "


def _blocks(text: str) -> list[str]:
    """Return the blocks between empty lines; a paragraph becomes one line."""
    blocks = filter(None, map(str.strip, text.split("\n\n")))
    return [block if block.startswith("|") else block.replace("\n", " ") for block in blocks]


def _table(name: str, block: str) -> Table:
    lines = ([cell.strip() for cell in line[1:-1].split("|")] for line in block.split("\n"))
    columns, _, *rows = lines
    return Table(name=name, rows=[dict(zip(columns, row, strict=True)) for row in rows])


def write_report(
    out: Path, title: str, abstract: Sequence[str], sections: Sequence[Section]
) -> list[Path]:
    """Write figures (PNG, SVG), tables (CSV), REPORT.md and index.html; return their paths.

    `index.html`, which comes first, needs no other file. Each file appears whole or not at all.
    """
    files: dict[str, str | bytes] = {}
    images = {}
    for section in sections:
        if section.figure is not None:
            files[f"{section.name}.png"] = _image(section.figure, "png")
            images[section.name] = _image(section.figure, "svg")
            files[f"{section.name}.svg"] = images[section.name]
        for table in section.tables:
            files[f"{table.name}.csv"] = table.csv()
    view = {"title": title, "abstract": abstract, "sections": sections, "images": images}
    files["REPORT.md"] = render("report.md.j2", **view)
    files["index.html"] = render("report.html.j2", **view)
    for name, content in files.items():
        write(out / name, content)
    return [out / name for name in reversed(files)]


def _image(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    # A date in the file would make each run's file differ.
    figure.savefig(buffer, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()
