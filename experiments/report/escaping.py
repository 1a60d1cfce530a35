"""Words that others wrote, made harmless: one function for each place where they are shown.

Names, errors and the rest of a record are anybody's. A terminal obeys control characters and rich's
markup, Markdown and HTML their own signs, a spreadsheet formulas, and a reader is misled by what
turns the direction of a line. Nobody's words become a link, unless it is one to https.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

from ...envs.core import spelt

_SIGNS = re.compile(r"([\\`*_{}\[\]<>|~&$#@])")
_LINK = re.compile(r"(?i)\b(?!https:)[a-z][a-z0-9+.-]*(?=://)|\bwww(?=\.)|\b(?:mailto|xmpp)(?=:)")
_START = re.compile(r"^(?=[-+=])|^(\d+)(?=[.)](?: |$))")
_FORMULA = re.compile(r"(?i) *(?:[=@]|[-+](?!\d[\d.,± ]*(?:e[-+]?\d+)?$))")
"""How a formula begins; a number with its sign, and perhaps its error, is none."""

_LATEX = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "{}$&#_%"},
        **{letter: f"{{{letter}}}" for letter in "[]*`'"},
        '"': "\\char34{}",
        "\\": "\\textbackslash{}",
        "^": "\\textasciicircum{}",
        "~": "\\textasciitilde{}",
        "<": "\\textless{}",
        ">": "\\textgreater{}",
        "|": "\\textbar{}",
        "µ": "\\ensuremath{\\mu}",
        "−": "\\ensuremath{-}",
        "±": "\\ensuremath{\\pm}",
        "∞": "\\ensuremath{\\infty}",
        "–": "\\textendash{}",
    }
)
"""Letters that LaTeX would obey; in braces are those that it joins with others, or takes for options."""
_RARE = re.compile(r"[^\0-\x7f\xc0-\xd6\xd8-\xf6\xf8-\u017f]")
"""Letters that not every LaTeX knows."""


def page(text: Any) -> Markup:
    """Return one line for HTML."""
    return escape(spelt(text))


def markdown(text: Any) -> Markup:
    """Return one line for a cell, a head or a paragraph of Markdown."""
    words = _SIGNS.sub(r"\\\1", spelt(text).strip())
    return Markup(_START.sub(r"\g<0>\\", _LINK.sub(r"\g<0>\\", words)))


def markdown_code(text: Any) -> Markup:
    """Return one line of code for a paragraph of Markdown."""
    words = spelt(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", words)), default=0))
    space = " " if words.startswith("`") or words.endswith("`") else ""
    return Markup(f"{fence}{space}{words}{space}{fence}")


def latex(text: Any) -> str:
    """Return one line for a cell or a caption of LaTeX; rare letters are told by their number."""
    plain = spelt(text).translate(_LATEX)
    words = _RARE.sub(lambda letter: f"U+{ord(letter[0]):04X}", plain)
    return re.sub(r"([-,])(?=\1)", r"\1{}", words)  # -- and ,, are other signs


def csv_text(rows: Iterable[Iterable[Any]], separator: str = ",") -> str:
    """Return rows as CSV, a line each; what a spreadsheet would take for a formula follows a '."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    words = spelt(value)
    return f"'{words}" if _FORMULA.match(words) else words
