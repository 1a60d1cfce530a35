r"""e+ e- -> mu+ mu- at tree level: photon and Z, massless fermions, polarised beams.

With c the cosine of the angle of the mu- against the e-, P > 0 for right-handed,

    d(sigma)/dc = (pi alpha^2 / 2s) [F1 (1 + c^2) + 2 F2 c],
    sigma = (4 pi alpha^2 / 3s) F1,    A_FB = 3 F2 / (4 F1),
    F1 = w_L (|LL|^2 + |LR|^2) + w_R (|RR|^2 + |RL|^2),
    F2 = w_L (|LL|^2 - |LR|^2) + w_R (|RR|^2 - |RL|^2),
    A_ij = 1 + kappa g_i g_j chi,    g_L = -1/2 + s_W^2,    g_R = s_W^2,
    chi = s / (s - M_Z^2 + i M_Z Gamma_Z),    kappa = 1 / (s_W^2 c_W^2) = sqrt(2) G_F M_Z^2 / (pi alpha),
    w_L = (1 - P_minus)(1 + P_plus) / 4,    w_R = (1 + P_minus)(1 - P_plus) / 4.

Because |A_ij|^2 = 1 + 2 kappa g_i g_j Re chi + (kappa g_i g_j |chi|)^2, both F are sums of products of
a number of the setting and a number of the parameters, which `form_factors` makes use of.

Sources: ALEPH, DELPHI, L3, OPAL, SLD, Phys. Rept. 427 (2006) 257, section 1; Particle Data Group,
review of the electroweak model.
"""

from __future__ import annotations

import numpy as np

from ..core.arrays import Array

ALPHA = 1 / 128.95
"""Fine-structure constant at the scale of the Z."""
M_Z, GAMMA_Z = 91.1876, 2.4952
"""Mass and width of the Z, GeV."""
SIN2 = 0.2312
"""Weak mixing s_W^2."""
G_FERMI = 1.1663788e-5
"""Fermi constant, GeV^-2."""
NANOBARN = 0.3893794e6
"""One GeV^-2 in nanobarn."""


def coupling(sin2: Array) -> Array:
    """Return kappa = 1 / (s_W^2 (1 - s_W^2))."""
    return 1 / (sin2 * (1 - sin2))


def coupling_of_fermi(ratio: Array) -> Array:
    """Return kappa = sqrt(2) G_F M_Z^2 / (pi alpha), G_F in units of its nominal value."""
    kappa: Array = ratio * (np.sqrt(2) * G_FERMI * M_Z**2 / (np.pi * ALPHA))
    return kappa


def form_factors(kappa: Array, sin2: Array, setting: Array) -> tuple[Array, Array]:
    """Return F1 and F2 for every pair of B settings and G parameter values.

    Args:
        kappa: Coupling strength, ``(G,)`` for all settings or ``(B, G)``.
        sin2: Weak mixing s_W^2, of the same shape.
        setting: sqrt(s) in GeV, P_minus and P_plus, ``(B, 3)``.

    Returns:
        Two arrays of shape ``(B, G)`` and of the type of ``kappa``.
    """
    energy, minus, plus = setting.T[:, :, None]
    s = energy**2
    size = s**2 / ((s - M_Z**2) ** 2 + (M_Z * GAMMA_Z) ** 2)  # |chi|^2
    real = 2 * size * (1 - M_Z**2 / s)  # 2 Re chi
    w_left, w_right = (1 - minus) * (1 + plus) / 4, (1 + minus) * (1 - plus) / 4
    both = w_left + w_right
    left, right, cross = kappa * (sin2 - 0.5) ** 2, kappa * sin2**2, kappa * (sin2 - 0.5) * sin2

    def total(*terms: tuple[Array, Array]) -> Array:
        """Return ``both`` plus the products of a number per setting and one per parameter value."""
        first, *others = ((number.astype(kappa.dtype), value) for number, value in terms)
        out = first[0] * first[1]
        out += both.astype(kappa.dtype)
        term = np.empty_like(out)
        for number, value in others:
            out += np.multiply(number, value, out=term)
        return out

    # LL and RR leave the muon along the electron, LR and RL, which are equal, against it.
    along = total(
        (w_left * real, left),
        (w_right * real, right),
        (w_left * size, left**2),
        (w_right * size, right**2),
    )
    against = total((both * real, cross), (both * size, cross**2))
    return along + against, along - against


def asymmetry(first: Array, second: Array) -> Array:
    """Return A_FB = 3 F2 / (4 F1)."""
    out = second / first
    out *= 0.75
    return out


def cross_section(first: Array, energy: Array, alpha: float = ALPHA) -> Array:
    """Return sigma in nanobarn for F1 and sqrt(s) in GeV."""
    return (4 * np.pi * alpha**2 / 3 * NANOBARN) * first / energy**2
