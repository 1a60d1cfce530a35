"""Pictures of an episode: what a model's `picture` describes, as a text or as an image."""

from __future__ import annotations

from typing import Any

from .picture import Drawable, Picture, Trace

__all__ = ["draw"]


def draw(
    model: Drawable,
    trace: Trace,
    mode: str,
    *,
    compact: bool = False,
    picture: Picture | None = None,
) -> Any:
    """Return an episode so far as a text ("ansi") or a ``(480, 640, 3)`` uint8 image ("rgb_array").

    Args:
        model: What describes the episode.
        trace: The episode so far.
        mode: "ansi" or "rgb_array".
        compact: An image that will be shown small: large letters, no title, fewer panels.
        picture: What is to be seen, if it is more than the model knows.
    """
    picture = model.picture(trace) if picture is None else picture
    if mode == "ansi":
        from .text import write

        return write(model, trace, picture)
    from .image import paint  # matplotlib takes half a second to import

    return paint(model, trace, picture, compact=compact)
