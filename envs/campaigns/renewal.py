"""Renewal equations on a half-line, solved by Gauss-Legendre panels.

A walk covers a distance y by independent improvements D >= 0 with an atom P(D = 0) = a and a
density f on (0, inf). Whatever is counted until the walk arrives obeys, with some g,

    v(y) = g(y) + a v(y) + int_0^y f(y - s) v(s) ds.

The distance is cut into equal panels with q Gauss-Legendre nodes each. Because the kernel depends
on y - s only, the integral is a block-Toeplitz product: one q x q block per panel between y and s.
Both v and f are smooth inside a panel, so the error falls exponentially with q; with 12 nodes on
half a standard deviation it is near rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.interpolate import BarycentricInterpolator
from scipy.linalg import lu_factor, lu_solve

from ..core import InputError
from ..core.arrays import Array

Density = Callable[[Array], Array]
NODES = 12
MOST_PANELS = 200_000
"""Panels that are solved one after the other in some seconds."""


class Panels:
    """The grid: P panels of q nodes and their far ends over ``(0, distance)``, and integrals on it.

    The far end of the last panel is the whole distance; ends count for nothing in integrals.

    Args:
        distance: Length to cover.
        width: Upper bound on the width of a panel; half the scale of the density is plenty.
        support: Distance beyond which every density vanishes to rounding.
    """

    def __init__(self, distance: float, width: float, support: float) -> None:
        if distance > MOST_PANELS * width:
            raise InputError(
                f"The way of {distance:.3g} is too long for steps of {2 * width:.3g}: exact values are "
                f"known for {MOST_PANELS // 2:,} times a step. Take a nearer target or larger stds."
            )
        self.count = max(1, int(np.ceil(distance / width)))
        self.width = distance / self.count
        beyond = int(np.ceil(support / self.width)) + 1
        self.depth = min(beyond, self.count - 1)  # blocks beyond its own
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        self._t, self._w = np.append((nodes + 1) / 2, 1.0), weights / 2
        self.nodes = (np.arange(self.count)[:, None] + self._t) * self.width  # (P, q + 1)

    def kernel(self, density: Density) -> Array:
        """Return the integral operator of a density, shape ``((depth + 1) * q, q + 1)``.

        Column i gives the integral at node i of a panel from the values on this panel (last rows)
        and the ``depth`` panels before it.
        """
        t, w, h = self._t, self._w, self.width
        lag = np.arange(self.depth, 0, -1)[:, None, None]
        before = h * w[:, None] * density(h * (lag + t - t[:-1, None]))  # (depth, q from, q + 1 to)
        # Within its own panel the integral stops at the node: interpolate to nodes below it.
        below = t[:, None] * t[:-1]  # (q + 1 to, q)
        values = BarycentricInterpolator(t[:-1], np.eye(NODES))(below.ravel())
        mass = h * t[:, None] * w * density(h * t[:, None] * (1 - t[:-1]))  # (q + 1 to, q)
        own = np.einsum("ik,ikj->ji", mass, values.reshape(*below.shape, NODES))
        return np.concatenate([before.reshape(-1, NODES + 1), own])

    def windows(self, values: Array) -> Array:
        """Return each panel's values behind those of the ``depth`` before it, ``(P, (depth+1) q)``.

        ``windows(v) @ kernel`` is the integral at all nodes, for any number of kernels side by side.
        """
        padded = np.concatenate([np.zeros(self.depth * NODES), values[:, :-1].ravel()])
        view = np.lib.stride_tricks.sliding_window_view(padded, (self.depth + 1) * NODES)
        return np.ascontiguousarray(view[::NODES])  # overlapping rows would miss the fast product


class Renewal:
    """One kind of step: its density and atom on a grid of panels.

    Args:
        panels: The grid.
        density: The density of D on (0, inf).
        atom: P(D = 0), below 1.
    """

    def __init__(self, panels: Panels, density: Density, atom: float) -> None:
        self.panels, self.density, self.atom = panels, density, atom
        self.kernel = panels.kernel(density)

    def step(self, values: Array) -> Array:
        """Return ``a v(y) + int_0^y f(y - s) v(s) ds`` at all nodes, ``(P, q + 1)``."""
        return self.atom * values + self.panels.windows(values) @ self.kernel

    def solve(self, source: Array) -> Array:
        """Return v at all nodes for the source g there, ``(P, q + 1)``, by forward substitution."""
        before, own = self.kernel[:-NODES], np.pad(self.kernel[-NODES:], ((0, 1), (0, 0)))
        factors = lu_factor((1 - self.atom) * np.eye(NODES + 1) - own.T)
        size, found = self.panels.depth * NODES, np.empty_like(source)
        padded = np.zeros(size + self.panels.count * NODES)
        for i, g in enumerate(source):
            start = i * NODES
            found[i] = lu_solve(factors, g + padded[start : start + size] @ before)
            padded[start + size : start + size + NODES] = found[i, :-1]
        return found

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Mean and variance of the number of steps that cover the whole distance."""
        first = self.solve(np.ones_like(self.panels.nodes))
        second = self.solve(2 * first - 1)
        mean, square = float(first[-1, -1]), float(second[-1, -1])
        return mean, square - mean**2

    def law(self, cut: float = 1e-14) -> Array:
        """Return the law of that number: P(T = t) for t = 0, 1, ... until P(T > t) < cut."""
        survival, end = np.ones_like(self.panels.nodes), [1.0]
        while end[-1] > cut:
            survival = self.step(survival)
            end.append(float(survival[-1, -1]))
        return np.maximum(-np.diff(end, prepend=1.0), 0.0)
