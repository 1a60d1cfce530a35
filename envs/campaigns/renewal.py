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
    """The grid: P panels of q nodes over ``(0, distance)``, and the integrals on it.

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
        self._t, self._w = (nodes + 1) / 2, weights / 2
        self.nodes = ((np.arange(self.count)[:, None] + self._t) * self.width).ravel()  # (P * q,)

    def kernel(self, density: Density) -> Array:
        """Return the integral operator of a density, shape ``((depth + 1) * q, q)``.

        Column i gives the integral at node i of a panel from the values on this panel (last rows)
        and the ``depth`` panels before it.
        """
        t, w, h = self._t, self._w, self.width
        lag = np.arange(self.depth, 0, -1)[:, None, None]
        before = h * w[:, None] * density(h * (lag + t - t[:, None]))  # (depth, q from, q to)
        # Within its own panel the integral stops at the node: interpolate to nodes below it.
        below = t[:, None] * t  # (q to, q)
        values = BarycentricInterpolator(t, np.eye(NODES))(below.ravel()).reshape([NODES] * 3)
        mass = h * t[:, None] * w * density(h * t[:, None] * (1 - t))  # (q to, q)
        own = np.einsum("ik,ikj->ji", mass, values)
        return np.concatenate([before.reshape(-1, NODES), own])

    def end_row(self, density: Density) -> Array:
        """Return the weights of the integral at the far end y = distance, ``((depth + 1) * q,)``."""
        lag = np.arange(self.depth, -1, -1)[:, None]
        return (self.width * self._w * density(self.width * (lag + 1 - self._t))).ravel()

    def windows(self, values: Array) -> Array:
        """Return each panel's values behind those of the ``depth`` before it, ``(P, (depth+1) q)``.

        ``windows(v) @ kernel`` is the integral at all nodes, for any number of kernels side by side.
        """
        padded = np.concatenate([np.zeros(self.depth * NODES), values])
        view = np.lib.stride_tricks.sliding_window_view(padded, (self.depth + 1) * NODES)
        return np.ascontiguousarray(view[::NODES])  # overlapping rows would miss the fast product

    def tail(self, values: Array) -> Array:
        """Return the last of the `windows`, what `end_row` applies to."""
        return values[-(self.depth + 1) * NODES :]


class Renewal:
    """One kind of step: its density and atom on a grid of panels.

    Args:
        panels: The grid.
        density: The density of D on (0, inf).
        atom: P(D = 0), below 1.
    """

    def __init__(self, panels: Panels, density: Density, atom: float) -> None:
        self.panels, self.density, self.atom = panels, density, atom
        self.kernel, self.end_row = panels.kernel(density), panels.end_row(density)

    def step(self, values: Array) -> Array:
        """Return ``a v(y) + int_0^y f(y - s) v(s) ds`` at all nodes, shape ``(P * q,)``."""
        return self.atom * values + (self.panels.windows(values) @ self.kernel).ravel()

    def step_end(self, values: Array, end: float) -> float:
        """Return the same at the far end, where v is ``end``."""
        return self.atom * end + float(self.panels.tail(values) @ self.end_row)

    def solve(self, source: Array) -> Array:
        """Return v at all nodes for the source g at all nodes, by forward substitution."""
        panels = self.panels
        before, own = self.kernel[:-NODES], self.kernel[-NODES:]
        factors = lu_factor((1 - self.atom) * np.eye(NODES) - own.T)
        padded = np.zeros((panels.depth + panels.count) * NODES)
        size = panels.depth * NODES
        for i, g in enumerate(source.reshape(-1, NODES)):
            start = i * NODES
            integral = padded[start : start + size] @ before
            padded[start + size : start + size + NODES] = lu_solve(factors, g + integral)
        return padded[size:]

    def solve_end(self, values: Array, source: float) -> float:
        """Return v at the far end, from its values at the nodes and the source there."""
        return (source + float(self.panels.tail(values) @ self.end_row)) / (1 - self.atom)

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Mean and variance of the number of steps that cover the whole distance."""
        first = self.solve(np.ones(len(self.panels.nodes)))
        mean = self.solve_end(first, 1.0)
        second = self.solve(2 * first - 1)
        return mean, self.solve_end(second, 2 * mean - 1) - mean**2

    def law(self, cut: float = 1e-14) -> Array:
        """Return the law of that number: P(T = t) for t = 0, 1, ... until P(T > t) < cut."""
        survival, end = np.ones(len(self.panels.nodes)), [1.0]
        while end[-1] > cut:
            end.append(self.step_end(survival, end[-1]))
            survival = self.step(survival)
        return np.maximum(-np.diff(end, prepend=1.0), 0.0)
