"""What no agent earns without foresight, whatever it does."""

from __future__ import annotations

import numpy as np

from ..runs.evaluation import Evaluation
from ..runs.replay import TOLERANCE

SURE = 4.0
"""Standard errors by which no mean return exceeds the exact optimum by chance."""


def beyond(played: Evaluation) -> str | None:
    """Return which bound the episodes pass that no agent can pass without foresight, in words.

    Where every episode knows what it offered, no regret is below 0. Elsewhere the optimum is that of
    the best agent, and no mean return is above it but by chance.
    """
    if played.regret is not None:
        below = played.regret < -TOLERANCE * np.maximum(1, abs(played.returns))
        if below.any():
            index = int(below.argmax())
            return (
                f"episode {played.seed + index}: its regret is {played.regret[index]:.6g}, below 0"
            )
        return None
    if played.optimal_value is None or len(played.returns) < 2:
        return None
    error = played.returns.std(ddof=1) / np.sqrt(len(played.returns))
    most = played.optimal_value + SURE * error + TOLERANCE * max(1, abs(played.optimal_value))
    if played.returns.mean() <= most:
        return None
    return (
        f"its mean return is {played.returns.mean():.6g}, more than {SURE:g} standard errors of "
        f"{error:.2g} above the exact optimum {played.optimal_value:.6g}"
    )
