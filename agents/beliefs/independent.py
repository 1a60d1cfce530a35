r"""What is known about the best of n independent Gaussian values, by quadrature rather than draws.

With f_x ~ N(m_x, s_x^2), z = (t - m_x) / s_x and the hazard r_x(t) = phi(z) / (s_x Phi(z)), the
largest value has the distribution function F = prod_x Phi(z) and the density F sum_x r_x. Given that
it is t, item a holds it with probability q_a(t) = r_a(t) / sum_x r_x(t), and every other item is
below t, with mean m_x - s_x^2 r_x(t). With E over the law of the largest value,

    P(a) = E[q_a],   P(a) (E[f_a | a best] - m_a) = E[q_a t] - P(a) m_a,
    P(a) (E[f_x | a best] - m_x) = -s_x^2 E[q_a r_x]  for x other than a,

and g(x) = sum_a P(a) (E[f_x | a best] - m_x)^2 follows with products of matrices, by way of
K(t, t') = sum_a q_a(t) q_a(t') / P(a).

E is the trapezoid rule in v with t = low + c sinh(v), where F(low) is negligible: if k items have
their quantile of order p^(1/k) at t or above, then F(t) <= p. Since no item lies far above low, one
that matters at t > low + c is at least about as wide as t - low: a grid that widens with t - low
resolves narrow and wide items at once.

The normal law is computed in single precision, from the approximation 7.1.26 of Abramowitz and
Stegun, "Handbook of Mathematical Functions" (1964), with an error below 1e-6. Together with what is
cut off below, E[max] is within 0.005 standard deviations of the widest item, and g within 1% of its
largest value plus 0.1% of the largest variance. Every standard deviation is raised to `NARROW` times
the largest one, so that values known exactly need no special case.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ...envs.core.arrays import Array, Single

GROUPS = (1, 4, 32, 256)
"""Numbers k of items that bound the law of the largest value."""
FAR = 1e-4
"""Probability that is cut off on either side of the law of the largest value."""
DEEP = 5.0
"""Items that are below `low` by so many standard deviations cannot be the best, for our purposes."""
STEP = 0.15
"""Step of the trapezoid rule; half of it changes nothing above 1e-4."""
NARROW = 1e-3


def about_best_of_independent(mean: Array, std: Array) -> tuple[float, Array, Array]:
    """Return E[max f], who is the best, and what its identity explains of each value's variance.

    Args:
        mean: The means, ``(n,)``, n at least 1.
        std: The standard deviations, ``(n,)``.

    Returns:
        E[max f], P(a) ``(n,)``, and g ``(n,)``.
    """
    explained, probs = np.zeros(len(mean)), np.zeros(len(mean))
    if not std.max() > 0:
        probs[mean.argmax()] = 1.0
        return float(mean.max()), probs, explained
    std = np.maximum(std, NARROW * std.max())
    low, scale = _left(mean, std)
    able = (mean + DEEP * std > low).nonzero()[0]
    m, s = mean[able] - low, std[able]
    high = (m - ndtri(FAR / len(able)) * s).max()
    end = np.arcsinh(high / scale)
    v = np.linspace(0.0, end, int(end / STEP) + 2)
    t, width = scale * np.sinh(v), np.cosh(v)  # t from now on counted from low

    inverse = (1 / s).astype(np.float32)
    z = t.astype(np.float32)[:, None] - m.astype(np.float32)  # (Q, n), as are those below
    z *= inverse
    density, law = _normal(z)
    hazard = np.divide(density, law, out=density)  # s_x r_x
    share = hazard * inverse
    rate = share.sum(1, dtype=np.float64)
    weight = np.exp(np.log(law, out=law).sum(1, dtype=np.float64)) * rate * width
    weight /= weight.sum()
    share *= (weight / rate).astype(np.float32)[:, None]  # q_a, with the weight of t
    prob = np.maximum(share.sum(0), np.float32(1e-30))
    rise = t.astype(np.float32) @ share - m * prob
    kernel = (share / prob) @ share.T
    others = np.einsum("qn,qn->n", kernel @ hazard, hazard)
    own = np.einsum("qn,qn->n", share, hazard)  # stands in the line above, in the place of `rise`
    explained[able] = np.maximum(s**2 * (others - own**2 / prob) + rise**2 / prob, 0.0)
    probs[able] = prob
    return float(low + weight @ t), probs, explained


def _left(mean: Array, std: Array) -> tuple[float, float]:
    """Return what the largest value exceeds but with probability `FAR`, and the scale there.

    The scale is the distance from there to where F is 1/2, for k items like the one that decides.
    """
    bounds = []
    for k in GROUPS:
        if k <= len(mean):
            order, middle = ndtri(FAR ** (1 / k)), ndtri(0.5 ** (1 / k))
            quantiles = mean + order * std
            item = np.argpartition(quantiles, len(mean) - k)[len(mean) - k]
            bounds.append((float(quantiles[item]), float((middle - order) * std[item])))
    return max(bounds)


def _normal(z: Single) -> tuple[Single, Single]:
    """Return density and distribution function of the standard normal law."""
    one, half = np.float32(1), np.float32(0.5)
    gauss = z * z
    gauss *= -half
    np.exp(gauss, out=gauss)
    t = np.abs(z)
    t *= np.float32(0.3275911 / 2**0.5)
    t += one
    np.reciprocal(t, out=t)
    law = np.float32(1.061405429) * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        law += np.float32(coefficient)
        law *= t
    law *= gauss
    law *= half
    np.subtract(one, law, out=law, where=z > 0)
    gauss *= np.float32((2 * np.pi) ** -0.5)
    return gauss, law
