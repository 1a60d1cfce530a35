"""Pictures of an episode with what its player thinks: for people, who see what an agent goes by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..envs.core.arrays import Array
from ..envs.design.telling import told
from ..envs.rendering.picture import Cloud, Curves, Picture, Trace
from .agent import Agent, batch_of_one
from .belief_agent import BeliefAgent
from .design import DesignAgent


def with_thoughts(picture: Picture, agent: Agent, trace: Trace) -> Picture:
    """Return a picture of an episode with what its player believes at that point.

    The map of a pool is coloured by the posterior mean, and grey where that is not sure. Of a design
    whose posterior only agents follow, the information over settings is drawn. Anything else stays as it
    is. What is believed is found anew from the last observation of the trace.

    Args:
        picture: What `model.picture(trace)` says.
        agent: Who plays.
        trace: The episode so far.
    """
    panels, batch = picture.panels, batch_of_one(trace[-1][2])
    mapped = any(isinstance(one, Cloud) for one in panels)
    if isinstance(agent, BeliefAgent) and mapped:
        belief = agent.new_belief(1)
        belief.take_keys(~agent.keys)
        belief.update(batch, np.ones(1, np.bool_))
        mean, std = (np.asarray(one[0], np.float64) for one in (belief.mean(), belief.std()))
        known: dict[str, Any] = {"believed": mean, "sure": _sure(mean, std)}
        every = (replace(one, **known) if isinstance(one, Cloud) else one for one in panels)
        return replace(picture, panels=tuple(every))
    drawn = all(isinstance(one, Curves) for one in panels)
    if isinstance(agent, DesignAgent) and drawn and len(agent.model.knobs) < 3:
        settings, _ = agent.model.history(trace[-1][2])
        last = settings[0] if len(settings) else None
        return replace(picture, panels=(*panels, told(agent.model, agent.posterior(batch), last)))
    return picture


def _sure(mean: Array, std: Array) -> Array:
    """Return how sure values are, 0 to 1: by the share of all that varies between items, in any unit."""
    spread = np.sqrt(mean.var() + (std**2).mean())
    return np.asarray(np.clip(1 - std / max(spread, 1e-300), 0.0, 1.0))
