r"""Expected information gain of settings: estimators behind one call, with their biases stated.

The expected information gain of a setting xi under a posterior b is

    EIG(xi) = E[log p(y | theta, xi) - log p(y | xi)],   p(y | xi) = E_b[p(y | theta, xi)],

in nats, theta ~ b and y ~ p(y | theta, xi). Every estimator is called as
``estimator(model, posterior, settings, random)`` with settings ``(S, d)`` for all episodes, or
``(B, S, d)`` for each, and returns estimates and their standard errors, both ``(B, S)``.

| estimator | bias |
|---|---|
| `ClosedForm` | none; linear data with normal noise only |
| `Exact` | that of the posterior's nodes only |
| `NestedMonteCarlo` | up, by E[Var p(y | theta') / p(y)^2] / (2 inner); explodes once EIG > log(inner) |
| `PriorContrastive` | down, at most log(inner + 1) |
| `Channel` | up to 0.01 for histograms, N^-1/2 where their density is cut off |
| `Prepared` | below 0.003, of histograms of a fixed number of events |
| `Histogram` | up with few simulations, down with wide bins |

Sources: T. Rainforth et al., "On nesting Monte Carlo estimators", ICML 2018; A. Foster et al., "A
unified stochastic gradient approach to designing Bayesian-optimal experiments", AISTATS 2020 (prior
contrastive estimation); M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017), equations
(1) to (3) (histograms).
"""

from __future__ import annotations

from .best import best_estimator
from .bounds import sequential_bounds
from .channel import Channel, Prepared
from .estimator import Estimator
from .exact import ClosedForm, Exact
from .nested import Histogram, NestedMonteCarlo, PriorContrastive

__all__ = [
    "Channel",
    "ClosedForm",
    "Estimator",
    "Exact",
    "Histogram",
    "NestedMonteCarlo",
    "Prepared",
    "PriorContrastive",
    "best_estimator",
    "sequential_bounds",
]
