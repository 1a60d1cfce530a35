"""Which estimator fits a model and what is believed."""

from __future__ import annotations

from typing import Any

from ..design import DesignModel
from ..laws import PreparedNoise, UnitNoise
from ..posteriors import Distribution, Gaussian
from .channel import Channel, Prepared
from .estimator import Estimator
from .exact import ClosedForm, Exact


def best_estimator(model: DesignModel[Any], posterior: Distribution) -> Estimator:
    """Return the quickest estimator that is good to 0.01 nats or so, or states its error."""
    law = model.law
    if isinstance(posterior, Gaussian):
        return ClosedForm()
    if isinstance(law, PreparedNoise) and law.rough:
        return Prepared()
    return Channel() if isinstance(law, UnitNoise) else Exact(draws=64)
