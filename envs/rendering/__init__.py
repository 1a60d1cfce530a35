"""Pictures of an episode: what a model's `picture` describes, as a text or as an image."""

from __future__ import annotations

from typing import Any

from .picture import Drawable, Trace

__all__ = ["draw"]


def draw(model: Drawable, trace: Trace, mode: str, *, compact: bool = False) -> Any:
    """Return an episode so far as a text ("ansi") or a ``(480, 640, 3)`` uint8 image ("rgb_array").

    Args:
        model: What describes the episode.
        trace: The episode so far.
        mode: "ansi" or "rgb_array".
        compact: An image that will be shown small: large letters, no title, fewer panels.
    """
    if mode == "ansi":
        from .text import write

        return write(model, trace)
    from .image import paint  # matplotlib takes half a second to import

    return paint(model, trace, compact=compact)
