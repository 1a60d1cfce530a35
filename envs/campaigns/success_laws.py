"""What is known of the success probabilities of machines, and the laws that follow.

Known ones, or independent ones with priors Beta(a, b). After s successes in n experiments the count of
the next batch of N has the law BetaBinomial(N, a + s, b + n - s). Without a success so far, the epochs
to the first one have the survival function B(a, b + N t) / B(a, b): geometric laws, mixed over p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from ..core import InputError, shown
from ..core.arrays import Array, Whole
from ..core.checks import quantity, sequence
from .first_passage import Epochs


@dataclass(frozen=True)
class KnownProbs:
    """Machines whose success probabilities are known; counts tell nothing more.

    Args:
        probs: The success probability of each machine.
    """

    probs: Sequence[float] | Array

    def mean(self, machine: int, successes: Any, experiments: Any) -> Any:
        """Return the mean success probability of a machine given its counts, in their shape."""
        return np.full(np.shape(successes), self.probs[machine])

    def log_failure(
        self, machine: Any, successes: Any, experiments: Any, size: Any, factor: Any = 1.0
    ) -> Any:
        """Return the log of the probability that a batch finds nothing; ``factor`` multiplies p."""
        with np.errstate(divide="ignore"):
            return size * np.log1p(-np.minimum(np.asarray(self.probs)[machine] * factor, 1.0))

    def count(
        self, machine: Any, successes: Any, experiments: Any, size: Any, factor: Any = 1.0
    ) -> tuple[Any, Any]:
        """Return mean and variance of the successes of a batch; ``factor`` multiplies p."""
        p = np.minimum(np.asarray(self.probs)[machine] * factor, 1.0)
        return size * p, size * p * (1 - p)

    def moments(self, machine: int, size: int) -> tuple[float, float]:
        """Return mean and variance of the epochs to the first success in batches of N."""
        success = self._success(machine, size)
        return (1 / success, (1 - success) / success**2) if success else (np.inf, np.inf)

    def epochs(self, machine: int, size: int) -> Epochs:
        """Return the law of these epochs, a frozen discrete scipy distribution."""
        if self._success(machine, size) == 0:
            raise InputError(f"success_probs[{machine}] is 0: the first success never comes.")
        from scipy.stats import geom  # slow to import, so only when it is asked for

        return geom(self._success(machine, size))

    def _success(self, machine: int, size: int) -> float:
        return float(-np.expm1(self.log_failure(machine, 0, 0, size)))


@dataclass(frozen=True)
class BetaPriors:
    """Machines whose success probabilities are unknown; the methods are those of `KnownProbs`.

    Args:
        priors: The pair (a, b) of each machine.
    """

    priors: tuple[tuple[float, float], ...]

    def mean(self, machine: int, successes: Any, experiments: Any) -> Any:
        """Return the posterior mean of the success probability of a machine."""
        a, b = self.priors[machine]
        return (a + successes) / (a + b + experiments)

    def log_failure(
        self, machine: Any, successes: Any, experiments: Any, size: Any, factor: Any = 1.0
    ) -> Any:
        """Return the log of the predictive probability that a batch finds nothing."""
        a, b = self._posterior(machine, successes, experiments)
        return betaln(a, b + size) - betaln(a, b)

    def count(
        self, machine: Any, successes: Any, experiments: Any, size: Any, factor: Any = 1.0
    ) -> tuple[Any, Any]:
        """Return mean and variance of the successes of a batch, whose law is beta-binomial."""
        a, b = self._posterior(machine, successes, experiments)
        total = a + b
        return size * a / total, size * a * b * (total + size) / (total**2 * (total + 1))

    def _posterior(self, machine: Any, successes: Any, experiments: Any) -> tuple[Any, Any]:
        """Return (a, b) of machines, given their counts."""
        a, b = np.asarray(self.priors)[machine].T
        return a + successes, b + experiments - successes

    def predictive(self, machine: int, successes: Whole, experiments: Whole, size: int) -> Array:
        """Return the beta-binomial law of the successes of a batch, ``(..., size + 1)``."""
        prior = self.priors[machine]
        a, b = prior[0] + successes[..., None], prior[1] + (experiments - successes)[..., None]
        k = np.arange(size + 1)
        ways = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1)
        return np.asarray(np.exp(ways + betaln(a + k, b + size - k) - betaln(a, b)))

    def moments(self, machine: int, size: int) -> tuple[float, float]:
        """Return mean and variance of these epochs, infinite where p may be too near 0."""
        from .epochs import beta_geometric_moments  # likewise

        return beta_geometric_moments(*self.priors[machine], size)

    def epochs(self, machine: int, size: int) -> Epochs:
        """Return the law of these epochs, a frozen discrete scipy distribution."""
        from .epochs import BetaGeometric  # likewise

        return BetaGeometric(a=1, name="epochs")(*self.priors[machine], size)


def outlook(
    law: KnownProbs | BetaPriors,
    objective: str,
    machine: Whole,
    successes: Whole,
    experiments: Whole,
    size: Whole,
    factor: Any = 1.0,
) -> tuple[Array, Array]:
    """Return mean and variance of the successes of B batches, each ``(B,)``.

    Args:
        law: What is known of the success probabilities.
        objective: "count", or "first": one success counts as much as many.
        machine: The machine of each batch.
        successes: What it has counted.
        experiments: In how many experiments.
        size: Experiments of the batch; an upgrade runs none.
        factor: Multiplies the probability, where it is known.
    """
    if objective == "count":
        mean, variance = law.count(machine, successes, experiments, size, factor)
        return np.asarray(mean), np.asarray(variance)
    fail = law.log_failure(machine, successes, experiments, np.maximum(size, 1), factor)
    found = np.asarray(-np.expm1(fail) * (size > 0))
    return found, np.asarray(found * (1 - found))


def beta_prior(name: str, value: Any) -> tuple[float, float]:
    """Return a checked pair (a, b)."""
    prior = sequence(name, value, quantity)
    if len(prior) != 2:
        raise InputError(f"{name} must be a pair (a, b), got {shown(value)}.")
    return prior[0], prior[1]
