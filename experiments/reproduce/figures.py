"""The common look of the figures of reports, and the report they stand in."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..report.escaping import csv_text
from ..runs.files import write

BLUE, ORANGE, GREEN, PINK, SKY, RED = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
)
"""Okabe and Ito's colours, which stay apart for colour-blind readers."""
DARK, GREY, PALE = "#222222", "#777777", "#b9cfe0"
DPI = 150

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "svg.hashsalt": "discovery_gym",  # the same figure gives the same file
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the common style, whatever the user has set for matplotlib."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def new_figure(width: float = 6.6, height: float = 3.8) -> Figure:
    """Return a figure of this size in inches, without pyplot and its global state."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def ordered(count: int) -> list[Any]:
    """Return ``count`` colours from dark to light for things that have an order."""
    return list(mpl.colormaps["viridis"](np.linspace(0.0, 0.85, count)))


def plain_numbers() -> FuncFormatter:
    """Write the ticks of a logarithmic axis as 1, 10, 1,000."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")


# ---- the report


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under named columns.

    Args:
        name: Name of its CSV file.
        columns: Names with their units.
        rows: Numbers and words, None where there is none; CSV keeps all digits, the report six.
        shown: Whether the report shows it, or only links to the file.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    shown: bool = True

    def csv(self) -> str:
        """Return the table as CSV."""
        return csv_text([self.columns, *self.rows])

    def cells(self) -> list[list[str]]:
        """Return the rows as the report shows them."""
        return [
            ["–" if v is None else f"{v:.6g}" if isinstance(v, float) else str(v) for v in row]
            for row in self.rows
        ]


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


def write_report(
    out: Path, title: str, abstract: Sequence[str], sections: Sequence[Section]
) -> list[Path]:
    """Write figures (PNG, SVG), tables (CSV), REPORT.md and index.html; return their paths.

    `index.html`, which comes first, needs no other file. Each file appears whole or not at all.
    """
    files: dict[str, str | bytes] = {}
    for section in sections:
        if section.figure is not None:
            files[f"{section.name}.png"] = _image(section.figure, "png")
            files[f"{section.name}.svg"] = _image(section.figure, "svg")
        for table in section.tables:
            files[f"{table.name}.csv"] = table.csv()
    files["REPORT.md"] = _markdown(title, abstract, sections)
    files["index.html"] = _page(title, abstract, sections, files)
    for name, content in files.items():
        write(out / name, content)
    return [out / name for name in reversed(files)]


def _image(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    # A date in the file would make each run's file differ.
    figure.savefig(buffer, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def _markdown(title: str, abstract: Sequence[str], sections: Sequence[Section]) -> str:
    parts, number = [f"# {title}", *abstract], 0
    for section in sections:
        parts += [f"## {section.title}", *section.text]
        if section.figure is not None:
            number += 1
            parts.append(f"![Figure {number}]({section.name}.png)")
            parts.append(f"**Figure {number}.** {section.caption}")
        for table in section.tables:
            if table.shown:
                rows = [list(table.columns), ["---"] * len(table.columns), *table.cells()]
                parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
            parts.append(f"Numbers: [{table.name}.csv]({table.name}.csv)")
    return "\n\n".join(parts) + "\n"


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 17px/1.55 Georgia, "Times New Roman", serif; color: #222; background: #fff;
       max-width: 46rem; margin: 2.5rem auto; padding: 0 1.2rem; }}
h1 {{ font-size: 1.75rem; line-height: 1.25; }}
h2 {{ font-size: 1.25rem; margin-top: 2.6rem; }}
h1, h2, th, td, figcaption, .file {{ font-family: system-ui, "Helvetica Neue", Arial, sans-serif; }}
figure {{ margin: 1.4rem 0; }}
figure img {{ width: 100%; height: auto; }}
figcaption {{ font-size: .85rem; line-height: 1.45; color: #444; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .82rem; margin: 1rem 0 .3rem; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .25rem .7rem .25rem 0;
         border-bottom: 1px solid #e2e2e2; font-variant-numeric: tabular-nums; }}
.file {{ font-size: .8rem; color: #666; margin: .3rem 0; }}
code {{ font-size: .88em; background: #f3f3f3; padding: 0 .2em; }}
a {{ color: #0072B2; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def _page(
    title: str, abstract: Sequence[str], sections: Sequence[Section], files: dict[str, str | bytes]
) -> str:
    parts = [f"<h1>{html.escape(title)}</h1>", *(f"<p>{_inline(text)}</p>" for text in abstract)]
    number = 0
    for section in sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        parts += [f"<p>{_inline(text)}</p>" for text in section.text]
        if section.figure is not None:
            number += 1
            image = files[f"{section.name}.svg"]
            assert isinstance(image, bytes)
            data = base64.b64encode(image).decode()
            parts.append(
                f'<figure id="{section.name}">'
                f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(section.title)}">'
                f"<figcaption><b>Figure {number}.</b> {_inline(section.caption)}</figcaption>"
                "</figure>"
            )
        for table in section.tables:
            if table.shown:
                head = "".join(f"<th>{_inline(cell)}</th>" for cell in table.columns)
                rows = "".join(
                    f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>\n"
                    for row in table.cells()
                )
                parts.append(
                    f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
                    f"<tbody>{rows}</tbody></table></div>"
                )
            file = f"{table.name}.csv"
            parts.append(f'<p class="file">Numbers: <a href="{file}">{file}</a></p>')
    return PAGE.format(title=html.escape(title), body="\n".join(parts))


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"\^(?:\((\w+)\)|(\w+))", r"<sup>\1\2</sup>", text)
