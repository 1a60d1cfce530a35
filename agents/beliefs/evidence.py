"""The likelihood of length scale and noise of a Gaussian process, over a grid of both.

Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), equations (2.43) to
(2.45), with the scale at its maximum.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ...envs.core.arrays import Array
from .fidelities import Tests

LENGTH_SCALES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Length scales l in units of sqrt(d); two random items are about 1.4 apart."""

NOISE_RATIOS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Variances g of the noise in units of the signal variance s^2."""

DEFAULT = (1.0, 1e-2)
"""l and g before labels tell: the medians of their prior."""

GRID = list(product(LENGTH_SCALES, NOISE_RATIOS))
LOG_PRIOR = np.array(
    [-0.5 * (np.log2(a / DEFAULT[0]) ** 2 + np.log10(b / DEFAULT[1]) ** 2) for a, b in GRID]
)


def log_likelihoods(
    kernel: Callable[[Array, Any], Array], square: Array, labels: Array, tests: Tests, at: Any
) -> Array:
    """Return the log marginal likelihood over the grid of E episodes, up to a constant.

    Args:
        kernel: The kernel at squared distances.
        square: Those of the labelled items, ``(E, t, t)``.
        labels: Their labels, ``(E, t)``, not all equal within an episode.
        tests: What labels of the fidelities are.
        at: The fidelities, ``(E, t)``.

    Returns:
        Shape ``(E, 45)``, noise ratios fastest.
    """
    e, t = labels.shape
    # Cholesky of [[K, y, h], [y', c, 0], [h', 0, c]] holds L^-1 y and L^-1 h in its last rows;
    # c above (|y|^2 + t) / noise keeps it positive definite.
    bordered = np.zeros((e, t + 2, t + 2))
    bordered[:, t, :t], bordered[:, t + 1, :t] = labels, tests.slope[at]
    size = np.einsum("et,et->e", labels, labels) + t
    slope = tests.slope[at]
    inner, outer = np.arange(t), np.arange(t, t + 2)
    out = []
    for scale in LENGTH_SCALES:
        k = kernel(square, np.float64(scale))
        bordered[:, :t, :t] = slope[:, :, None] * k * slope[:, None]
        for noise in NOISE_RATIOS:
            ratio = tests.ratio(at, noise)
            bordered[:, inner, inner] = slope**2 + ratio
            bordered[:, outer, outer] = (2 * size / ratio.min(1))[:, None]
            root = np.linalg.cholesky(bordered)  # reads the lower triangle only
            u, o = root[:, t, :t], root[:, t + 1, :t]
            oo = np.einsum("et,et->e", o, o)
            oo = np.where(oo > 0, oo, 1.0)  # labels that tell nothing
            rest = u - o * (np.einsum("et,et->e", u, o) / oo)[:, None]
            variance = np.maximum(np.einsum("et,et->e", rest, rest), 1e-300) / (t - 1)
            log_det = 2 * np.log(root[:, inner, inner]).sum(1)
            out.append(-0.5 * ((t - 1) * np.log(variance) + log_det + np.log(oo)))
    return np.stack(out, 1)
