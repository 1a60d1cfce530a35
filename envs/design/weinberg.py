"""The Weinberg experiment: where to run an e+ e- collider to learn the electroweak parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from ..core import InputError, environments
from ..core.arrays import Array, Whole
from ..core.checks import choice, integer, real
from . import electroweak
from .angular import POSITIVE, AngularDesign
from .laws import UnitNoise
from .settings import interval


@dataclass(frozen=True, kw_only=True, eq=False)
class Weinberg(AngularDesign):
    """Choose beam energy and polarisations of e+ e- -> mu+ mu- to learn the weak mixing angle.

    ## Description
    The experiment of the "robot physicist" (Kumar, Ceru, Yeres and Cranmer), on the real physics: at
    tree level photon and Z interfere, and the forward-backward asymmetry of the muons depends on the
    weak mixing s_W^2, on the energy and on the polarisation of the beams. One experiment gives a
    histogram of cos(theta). Without polarisation s_W^2 has a twin, mirrored about 1/4, that fits
    nearly as well; other energies, polarised beams or the number of events tell them apart, which is
    what a sequence of different settings is for. With a fixed number of events the best energy lies
    off the Z peak; with a fixed luminosity events are many on the peak, and their number informs too.
    The knobs are sqrt_s, P_minus and P_plus: `model.action(sqrt_s=91.2)`.

    ## Observation space
    - `outcomes`: float32, `(T * num_bins,)`, the counts of the bins in the same order.

    ## Starting state
    Parameters drawn uniformly from their prior ranges; no data.

    ## Arguments
    - `unknown`: what is unknown: "weak_mixing" is s_W^2, which then also fixes the strength
      1/(s_W^2 c_W^2) of the Z; "fermi" is G_F over its nominal value, which is that strength; "both" are
      two parameters.
    - `weak_mixing_prior`, `fermi_prior`: ranges of the uniform priors, within 0.01 to 0.99 and 0 to 100.
    - `energies`: range of sqrt(s), GeV.
    - `electron_polarisation`, `positron_polarisation`: ranges of P_minus and P_plus, within -1 (all
      left-handed) to 1.
    - `luminosity`: integrated luminosity of an experiment in pb^-1; the number of events is then Poisson
      with mean luminosity times cross section, and `num_events` is not used.
    - `grid_size`: nodes of the posterior's grid along each parameter; None: 128, with a luminosity,
      which can tell more, 512, and 64 if both are unknown; more, by the square root, beyond 1000 events
      or 1/fb.

    ## References
    ALEPH, DELPHI, L3, OPAL, SLD, "Precision electroweak measurements on the Z resonance", Phys. Rept.
    427 (2006) 257. M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017),
    https://github.com/cranmer/active_sciencing.
    """

    unknown: str = "weak_mixing"
    weak_mixing_prior: tuple[float, float] = (0.15, 0.35)
    fermi_prior: tuple[float, float] = (0.5, 1.5)
    energies: tuple[float, float] = (30.0, 200.0)
    electron_polarisation: tuple[float, float] = (-0.8, 0.8)
    positron_polarisation: tuple[float, float] = (-0.3, 0.3)
    luminosity: float | None = None
    grid_size: int | None = None  # type: ignore[assignment]  # a number once made

    def __post_init__(self) -> None:
        self._set(
            unknown=choice("unknown", self.unknown, ("weak_mixing", "fermi", "both")),
            weak_mixing_prior=interval("weak_mixing_prior", self.weak_mixing_prior, 0.01, 0.99),
            fermi_prior=interval("fermi_prior", self.fermi_prior, 0.0, 100.0),
            energies=interval("energies", self.energies, 1.0, 1000.0),
        )
        for name in ("electron_polarisation", "positron_polarisation"):
            self._set(**{name: interval(name, getattr(self, name), -1.0, 1.0, closed=True)})
        if np.any(np.abs(np.add(self.electron_polarisation, self.positron_polarisation)) == 2):
            raise InputError(
                "electron_polarisation and positron_polarisation must not both reach 1 or both reach "
                "-1: such beams do not annihilate."
            )
        if self.luminosity is not None:
            luminosity = real("luminosity", self.luminosity, low=0, high=200, open_low=True)
            self._set(luminosity=luminosity)
        if self.grid_size is None:
            self._set(grid_size=self._fine_enough())
        super().__post_init__()

    def _fine_enough(self) -> int:
        """Return enough nodes to resolve what data can tell, at most 1000 for two parameters."""
        if self.luminosity is None:
            size, more = 128, integer("num_events", self.num_events, low=1) / 1000
        else:
            size, more = 512, self.luminosity
        two = self.unknown == "both"
        size = int(np.ceil((64 if two else size) * max(1.0, more) ** 0.5))
        return min(size, 1000) if two else size

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """s_W^2, or G_F over its nominal value, or both."""
        known = {"weak_mixing": self.weak_mixing_prior, "fermi": self.fermi_prior}
        return known if self.unknown == "both" else {self.unknown: known[self.unknown]}

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """sqrt(s) in GeV, polarisation of the electrons and of the positrons."""
        return {
            "sqrt_s": self.energies,
            "P_minus": self.electron_polarisation,
            "P_plus": self.positron_polarisation,
        }

    def proposals(self, theta: Array, random: np.random.Generator) -> Array:
        """Return energies near the peak of the Z, with beams at either end of their polarisation."""
        count, n, _ = theta.shape
        setting = np.empty((n, 3))
        setting[:, 0] = electroweak.M_Z + electroweak.GAMMA_Z / 2 * random.standard_cauchy(n)
        for i, ends in enumerate((self.electron_polarisation, self.positron_polarisation)):
            setting[:, 1 + i] = random.choice(ends, n)
        return np.broadcast_to(setting, (count, n, 3))

    # ---- physics

    @property
    def largest_asymmetry(self) -> float:
        """No asymmetry is beyond 3/4."""
        return POSITIVE

    def form_factors(self, theta: Array, setting: Array) -> tuple[Array, Array]:
        """Return F1 and F2 of `electroweak` for settings ``(B, 3)`` and parameters, ``(B, G)``."""
        if self.unknown == "weak_mixing":
            sin2 = theta[..., 0]
            kappa = electroweak.coupling(sin2)
        elif self.unknown == "fermi":
            kappa = electroweak.coupling_of_fermi(theta[..., 0])
            sin2 = np.full_like(kappa, electroweak.SIN2)
        else:
            sin2, kappa = theta[..., 0], electroweak.coupling_of_fermi(theta[..., 1])
        return electroweak.form_factors(kappa, sin2, setting)

    def asymmetry(self, theta: Array, setting: Array) -> Array:
        """Return the forward-backward asymmetry, ``(B, G)``."""
        return electroweak.asymmetry(*self.form_factors(theta, setting))

    def yields(self, first: Array, setting: Array) -> Array:
        """Return the expected numbers of events, luminosity times cross section, for F1 ``(B, G)``."""
        assert self.luminosity is not None
        return (1000 * self.luminosity) * electroweak.cross_section(first, setting[:, :1])

    @property
    def _expected(self) -> float:
        # The cross section at the peak stays below 10 nb whatever the parameters and the beams.
        return self.num_events if self.luminosity is None else 1e4 * self.luminosity

    @property
    def _most(self) -> float:
        return self.num_events if self.luminosity is None else float(2**24)

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return log p(y | theta, xi) up to a constant of y, ``(B, G)``."""
        # Seven digits do: the asymmetry is looked up in a table of some hundred nodes.
        first, second = self.form_factors(theta.astype(np.float32), setting)
        shape = self._shape_likelihood(outcome, electroweak.asymmetry(first, second))
        if self.luminosity is None:
            return shape
        expected = self.yields(first, setting)
        return np.asarray(shape + outcome.sum(1)[:, None] * np.log(expected) - expected)

    @property
    def law(self) -> UnitNoise:
        """As `AngularDesign` has it, or points of a plane if the number of events informs, too."""
        if self.luminosity is None:
            return super().law
        error = 0.02  # as found in comparison with the information of histograms
        return UnitNoise(
            num_events=self.num_events,
            points=self.stabilised,
            error=lambda _, settings: np.full(len(settings), error),
        )

    def stabilised(self, theta: Array, setting: Array) -> Array:
        """Return what `AngularDesign` does, or points of a plane if the number of events informs, too.

        Of Poisson counts with means r_k the Fisher metric is that of the vector 2 sqrt(r_k). With the
        expected number of events M it lies 2 sqrt(M) from the origin, in a direction that runs along
        a curve as A does, so that the vectors make up a cone. Rolled out, that is polar coordinates.
        """
        if self.luminosity is None:
            return super().stabilised(theta, setting)
        first, second = self.form_factors(theta, setting)
        radius = 2 * np.sqrt(self.yields(first, setting))
        angle = self._length(electroweak.asymmetry(first, second)) / 2
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)

    def rates(self, theta: Array, setting: Array) -> Array:
        """Return the probability of each bin, or its expected count, ``(B, num_bins)``."""
        first, second = self.form_factors(theta[:, None], setting)
        law = self.probabilities(electroweak.asymmetry(first, second)[:, 0])
        return law if self.luminosity is None else law * self.yields(first, setting)

    def repeat(
        self, theta: Array, setting: Array, outcome: Array, random: np.random.Generator
    ) -> Array:
        """Return histograms, of as many events as ``outcome`` has unless there is a luminosity."""
        if self.luminosity is None:
            return super().repeat(theta, setting, outcome, random)
        return self.sample(theta, setting, random)

    def saturated(self, outcome: Array, setting: Array) -> Array:
        """Return the log likelihood if each bin, and the number of events, is as expected, ``(B,)``."""
        best = super().saturated(outcome, setting)
        if self.luminosity is None:
            return best
        size = outcome.sum(1)
        return np.asarray(best + xlogy(size, size) - size)

    def draw(self, rates: Array, random: np.random.Generator) -> Whole:
        """Return counts, whose sum is fixed unless there is a luminosity."""
        return super().draw(rates, random) if self.luminosity is None else random.poisson(rates)


WeinbergEnv, WeinbergVectorEnv = environments(Weinberg)
