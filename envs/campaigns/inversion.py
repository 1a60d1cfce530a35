"""Binomial counts from uniform numbers, by inversion of tabulated distribution functions.

A row of a table belongs to one success probability p. For each batch size N it has a segment
F(0), ..., F(N - 1), 2 of the distribution function of Binomial(N, p), whose last entry ends every
search. A count is the number of entries that do not exceed a uniform number.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from ..core.arrays import Array, Whole

FEW = 32
"""Episodes so few that a search each is quicker than a search in step."""


class BinomialTables:
    """How distribution functions are laid out in a row of a table.

    Args:
        sizes: Batch sizes, in experiments, of any shape.
    """

    def __init__(self, sizes: Whole) -> None:
        self.sizes = np.unique(sizes)
        self.starts = np.cumsum(self.sizes + 1) - self.sizes - 1
        self.width = int(self.sizes.sum()) + len(self.sizes)
        size = np.concatenate([np.full(n + 1, n) for n in self.sizes])
        k = np.concatenate([np.arange(n + 1) for n in self.sizes])
        self._log_ways = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1)
        self._wins, self._losses = k, size - k

    def start(self, sizes: Whole) -> Whole:
        """Return where the segments of batch sizes start in a row, in the shape of ``sizes``."""
        return self.starts[np.searchsorted(self.sizes, sizes)]

    def rows(self, probs: Array) -> Array:
        """Return one row for each success probability ``(R,)``, ``(R, width)``."""
        p = np.clip(probs[:, None], 1e-300, 1 - 1e-16)
        rows = self._wins * np.log(p)
        rows += self._losses * np.log1p(-p)
        rows += self._log_ways
        np.exp(rows, out=rows)
        for size, start in zip(self.sizes.tolist(), self.starts.tolist(), strict=True):
            segment = rows[:, start : start + size + 1]
            np.cumsum(segment, axis=1, out=segment)
            segment[:, size] = 2.0
        return rows


def invert(tables: Array, start: Whole, size: Whole, uniform: Array) -> Whole:
    """Return the count of each episode: how many of F(0), ..., F(N - 1) do not exceed its uniform.

    Args:
        tables: The distribution functions, flat.
        start: Where the segment of each episode starts, ``(B,)``.
        size: The length N of the segment, ``(B,)``; behind it stands a 2.
        uniform: One uniform number per episode, ``(B,)``.
    """
    if len(start) == 1:  # a search of one is quicker
        first = start.item()
        return tables[first : first + size.item()].searchsorted(uniform, "right")
    if len(start) < FEW:
        pieces = zip(start.tolist(), size.tolist(), uniform.tolist(), strict=True)
        return np.array([tables[i : i + n].searchsorted(u, "right") for i, n, u in pieces])
    last, index = start + size, start - 1
    for bit in reversed(range(int(size.max()).bit_length())):
        ahead = index + (1 << bit)
        np.minimum(ahead, last, out=ahead)
        np.putmask(index, tables.take(ahead) <= uniform, ahead)
    index -= start
    index += 1
    return index
