"""Moving pictures of an episode: which of its moments are drawn, and one file of them.

One palette of 64 colours for all frames lets the format store differences only. A picture begins with
its last frame, which is what a page shows while it loads, on paper and in a preview.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.agent import Agent
from ...agents.thoughts import with_thoughts
from ...envs.rendering import draw
from ...envs.rendering.palette import COLOURS
from ...envs.rendering.picture import Trace

FRAMES = 32
"""Frames of a picture."""
SECONDS = 8.0
"""How long it runs."""
SHADES = 64
HOLD, SHORTEST, LONGEST = 1500, 80, 400
"""Milliseconds of the last frame, and the least and the most of the others."""


def ends(length: int, count: int = FRAMES) -> list[int]:
    """Return after which of so many decisions an episode is drawn, at most ``count`` and evenly."""
    first, count = 1 if count > 1 else length, min(count, length)
    found: list[int] = np.unique(np.linspace(first, length, count).round()).astype(int).tolist()
    return found


def frames(
    model: Any, agent: Agent, trace: Trace, count: int = FRAMES
) -> Iterable[NDArray[np.uint8]]:
    """Yield pictures of an episode and what its player believes, ``(480, 640, 3)``.

    They are at most so many, and evenly over it.
    """
    for end in ends(len(trace) - 1, count):
        seen = trace[: end + 1]
        picture = with_thoughts(model.picture(seen), agent, seen)
        yield draw(model, seen, "rgb_array", compact=True, picture=picture)


def encoded(pictures: Sequence[NDArray[np.uint8]], ending: str) -> bytes:
    """Return the file of pictures of one size: a GIF that moves, or the last of them as a PNG.

    Args:
        pictures: ``(H, W, 3)`` each, in their order.
        ending: ``".gif"`` or ``".png"``.
    """
    from PIL import Image

    made, file = [Image.fromarray(one) for one in pictures], io.BytesIO()
    how = {"palette": _palette(made[-1]), "dither": Image.Dither.NONE}
    last = made[-1].quantize(**how)
    if ending == ".png":
        last.save(file, "png", optimize=True)
        return file.getvalue()
    small = [last, *(one.quantize(**how) for one in made)]
    each = int(min(LONGEST, max(SHORTEST, 1000 * SECONDS / len(small))))
    times = [HOLD, *[each] * (len(small) - 2), HOLD]
    every = {"save_all": True, "append_images": small[1:], "duration": times}
    small[0].save(file, "gif", loop=0, optimize=True, **every)
    return file.getvalue()


def _palette(picture: Any) -> Any:
    """Return the colours of curves, and those that a picture has most of, as a palette."""
    from PIL import Image, ImageColor

    found = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    most = dict.fromkeys([*map(ImageColor.getrgb, COLOURS), *(colour for _, colour in found)])
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in [*most][:SHADES] for part in colour])
    return palette
