"""The writer of all pages, HTML and Markdown: a template, what it shows, and the escaping of its medium.

Templates, styles and scripts are in ``templates``. A page needs no other file and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ...envs.core.files import deliver
from ...envs.rendering import palette
from . import escaping, words

PAPERS = ("#ffffff", "#1b1f26")
"""What is behind tables and pictures, light and dark."""
TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **view: Any) -> str:
    """Return a page.

    Args:
        template: Name of the template, ``NAME.html.j2`` or ``NAME.md.j2``. Those of a report take
            ``title``, ``abstract`` (paragraphs), ``sections`` (each with ``title``, ``text``, ``name``,
            ``caption`` and ``tables``: ``name``, ``columns``, ``cells()``, ``shown``) and ``images``
            (name of a section -> its figure as SVG, bytes).
        **view: What it shows. Every text is escaped, unless it is a `Markup`.
    """
    return _templates(template.split(".")[-2]).get_template(template).render(view)


def whole(template: str, css: str, scripts: Sequence[str], **view: Any) -> str:
    """Return a page with a style and scripts of ours in it; its policy names them by their digests."""
    style = Markup(
        _templates("html").get_template(css).render(papers=PAPERS, colours_on=colours_on)
    )
    script = Markup("\n".join((TEMPLATES / name).read_text("utf-8") for name in scripts))
    hashes = {"style": _digest(style), "script": _digest(script)}
    return render(template, style=style, script=script, hashes=hashes, **view)


def colours_on(paper: str) -> list[str]:
    """Return the colours of agents on a paper, each with enough contrast to be seen.

    On white that darkens orange; red is darkened more, so that the two are still told apart.
    """
    dark = palette.contrast(paper, "#000000") < 4
    ink, red = ("#e6e4de", 3.0) if dark else (palette.DARK, 5.5)
    found = [ink if one == palette.DARK else one for one in (*palette.COLOURS, palette.GREY)]
    return [palette.against(one, paper, red if one == palette.RED else 3.0) for one in found]


def save(path: Path, text: str) -> None:
    """Write a page; a file that cannot be written raises `InputError`."""
    deliver(path, text, "a page")


def _digest(text: str) -> str:
    """Return by what a content security policy knows a style or a script inside the page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@lru_cache
def _templates(medium: str) -> Environment:
    """Return the templates of a medium, "html" or "md", with the words and the escaping it needs."""
    escape = {"html": escaping.page, "md": escaping.markdown}[medium]
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        finalize=lambda x: escape(x) if isinstance(x, str) and not isinstance(x, Markup) else x,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        autoescape=True,
    )
    for word in words.FILTERS:
        templates.filters[word.__name__] = lambda *x, word=word: Markup(word(*x))
    templates.filters |= {
        "json": json.dumps,
        "code": escaping.markdown_code,
        "prose": _prose,
        "base64": lambda content: Markup(base64.b64encode(content).decode()),
    }
    templates.globals["palette"] = palette
    return templates


def _prose(text: str) -> Markup:
    """Return one line of ours for HTML: words between backticks are code, what follows ^ is a power."""
    line = re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escaping.page(text)))
    return Markup(re.sub(r"\^(?:\((\w+)\)|(\w+))", r"<sup>\1\2</sup>", line))
