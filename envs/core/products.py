"""Matrix products whose digits do not depend on how many rows are handled together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 32
"""Rows of one product: libraries add up in an order that follows from the shape."""


def by_rows(rows: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    """Return ``rows @ matrix``, `ROWS` rows at a time, ``(..., d)`` by ``(d, k)``.

    The last rows are filled up with zeros, so that a row comes out the same in any company.
    """
    flat = rows.reshape(-1, rows.shape[-1])
    padded = np.zeros((-(-len(flat) // ROWS), ROWS, flat.shape[1]), flat.dtype)
    padded.reshape(-1, flat.shape[1])[: len(flat)] = flat
    out = np.matmul(padded, matrix).reshape(-1, matrix.shape[1])[: len(flat)]
    return np.asarray(out.reshape(*rows.shape[:-1], -1))
