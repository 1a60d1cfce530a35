"""Kernels of Gaussian processes over features, and draws of their priors.

Sources: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), equations (4.9) and
(4.17); Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.core import Random, groups_of
from ...envs.core.arrays import Array

FREQUENCIES = 256
"""Frequencies of a draw of the prior; each gives a sine and a cosine."""

_BLOCK = 256  # items whose Fourier features are held at a time, in the cache


def rbf(square: Array, scale: Any) -> Array:
    """Return exp(-r^2 / 2) at squared distances, for a length scale that broadcasts."""
    return np.asarray(np.exp(square / (-2 * scale**2)))


def matern(square: Array, scale: Any) -> Array:
    """Return the kernel of smoothness 5/2 at squared distances."""
    a = np.sqrt(5 * square) / scale
    return np.asarray((1 + a + a * a / 3) * np.exp(-a))


KERNELS = {"rbf": rbf, "matern": matern}


def prior_draws(x: Array, scale: Array, kernel: str, count: int, random: Random) -> Array:
    """Return draws of a prior of variance 1 by random Fourier features, ``(B, count, n)``.

    Args:
        x: Features, ``(B or 1, n, d)``.
        scale: Length scales, ``(B,)``.
        kernel: The name of the kernel.
        count: Number of draws.
        random: What is drawn from.
    """
    b, n, d = len(scale), *x.shape[1:]
    # Sines and sums of single precision take a fraction of the time; about 1e-6 of s is lost.
    weights = random.standard_normal((b, count, 2 * FREQUENCIES), np.float32)
    weights /= np.float32(FREQUENCIES**0.5)
    draws, waves = np.empty((b, count, n)), np.empty((_BLOCK, 2 * FREQUENCIES), np.float32)
    shared = len(x) == 1
    alike = scale if shared else np.arange(b)
    for together, generator in groups_of(random, b):
        frequencies = generator.standard_normal((d, FREQUENCIES))
        if kernel == "matern":  # its spectral density is Student's t, 5 degrees of freedom
            frequencies *= np.sqrt(5 / generator.chisquare(5, FREQUENCIES))
        for kind in np.unique(alike[together]):
            group = together[alike[together] == kind]
            near = x[0 if shared else group[0]] / scale[group[0]]
            for low in range(0, n, _BLOCK):
                phase = (near[low : low + _BLOCK] @ frequencies).astype(np.float32)
                wave = waves[: len(phase)]
                np.cos(phase, out=wave[:, :FREQUENCIES])
                np.sin(phase, out=wave[:, FREQUENCIES:])
                draws[group, :, low : low + _BLOCK] = weights[group] @ wave.T
    return draws
