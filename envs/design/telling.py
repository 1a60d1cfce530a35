"""What settings would tell: the picture of a design problem has it beside the course of the rounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.arrays import Array
from ..rendering.picture import Cloud, Picture, Profile, Trace
from .design import DesignModel, PosteriorT
from .information import best_estimator
from .posteriors import Distribution

LINE, SIDE = 81, 15
"""Settings on a line, and on a side of a map."""
LABEL = "expected nats"


@dataclass(frozen=True, kw_only=True, eq=False)
class Telling(DesignModel[PosteriorT]):
    """A design problem whose posterior follows quickly from what was observed: it is drawn, too."""

    def picture(self, trace: Trace) -> Picture:
        """Return information, settings and uncertainty over the rounds, and what settings would tell."""
        picture, posterior = super().picture(trace), self.new_posterior(1)
        posterior.reset(np.arange(1), ())
        settings, outcomes = self.history(trace[-1][2])
        for setting, outcome in zip(settings[::-1], outcomes[::-1], strict=True):
            posterior.update(outcome[None], setting[None])
        last = settings[0] if len(settings) else None
        return replace(picture, panels=(*picture.panels, told(self, posterior, last)))


def told(model: DesignModel[Any], posterior: Distribution, last: Array | None) -> Cloud | Profile:
    """Return the expected information of settings in one episode, as axes to be drawn.

    One knob gives a curve, two a map. With more, the first one is varied and the others stay as they
    were last. Where settings are listed, these are shown.

    Args:
        model: The problem.
        posterior: What is believed in the episode.
        last: The last setting ``(d,)``; None before the first.
    """
    names, settings = tuple(model.knobs), _settings(model, last)
    # The same numbers for every picture, so that pictures differ by what was learned only.
    random = np.random.default_rng(0)
    nats = best_estimator(model, posterior)(model, posterior, settings, random)[0][0]
    if len(names) == 2 or (model.num_settings and len(names) > 1):
        chosen = None if last is None else int(np.abs(settings - last).sum(1).argmin())
        low, high = model.ranges
        points = (settings - low) / (high - low)
        seen: dict[str, Any] = {"names": names[:2], "tiles": model.num_settings == 0}
        return Cloud(label=LABEL, points=points, values=nats, last=chosen, **seen)
    order, at = settings[:, 0].argsort(kind="stable"), None if last is None else float(last[0])
    choices, values = settings[order, 0], nats[order]
    return Profile(label=LABEL, name=names[0], choices=choices, values=values, last=at)


def _settings(model: DesignModel[Any], last: Array | None) -> Array:
    """Return the settings that are shown, ``(S, d)``."""
    if model.num_settings:
        few = np.linspace(0, model.num_settings - 1, min(model.num_settings, SIDE**2))
        return model.setting(few.astype(np.int64))
    if len(model.knobs) == 2:
        return model.evenly(SIDE)
    low, high = model.ranges
    settings = np.tile((low + high) / 2 if last is None else last, (LINE, 1))
    settings[:, 0] = np.linspace(low[0], high[0], LINE)
    return settings
