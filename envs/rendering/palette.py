"""The colours of all pictures and pages: Okabe and Ito's, which colour-blind readers tell apart."""

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
PINK, SKY, RED = "#CC79A7", "#56B4E9", "#D55E00"
DARK, GREY, LIGHT, PALE = "#222222", "#777777", "#c8c8c8", "#b9cfe0"

COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, DARK)
"""Colours of things that have no order, in the order in which they are taken."""

SCALE = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
"""Colours from low to high: matplotlib's viridis, at equal distances."""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21, by the Web Content Accessibility Guidelines."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def against(colour: str, paper: str, least: float = 3.0) -> str:
    """Return a colour, with as much black or white in it as it needs to have a contrast on a paper."""
    end = "#000000" if _luminance(paper) > 0.2 else "#ffffff"
    mixes = (_mixed(colour, end, share / 100) for share in range(101))
    return next(mix for mix in mixes if contrast(mix, paper) >= least or mix == end)


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _mixed(colour: str, end: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(end), strict=True)
    return "#" + "".join(f"{round(x + share * (y - x)):02x}" for x, y in pairs)


def _luminance(colour: str) -> float:
    shares = [part / 255 for part in _parts(colour)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
