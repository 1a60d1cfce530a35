"""The families of environments, told by their models and not by where a file lies."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from discovery_gym import registered
from discovery_gym.envs.campaigns.campaign import Batches, Campaign
from discovery_gym.envs.conditions.general_conditions import GeneralConditions
from discovery_gym.envs.core import Model
from discovery_gym.envs.design.design import DesignModel
from discovery_gym.envs.pools import Pool


def model_class(env_id: str) -> type[Model[Any]]:
    """Return the model of a registered environment, without making one."""
    point = gym.spec(env_id).entry_point
    assert isinstance(point, str)
    creator: Any = gym.envs.registration.load_env_creator(point)
    found: type[Model[Any]] = creator.model_class
    return found


def _those(family: type[Model[Any]]) -> list[str]:
    return [env_id for env_id in registered() if issubclass(model_class(env_id), family)]


CAMPAIGNS, POOLS, DESIGNS = map(_those, (Campaign, Pool, DesignModel))
COUNTED = [one for one in POOLS if one != "discovery/ScreeningPool-v0"]  # in labels, not in money
BATCHES = _those(Batches)  # the campaigns of batches of one kind
CONDITIONS = _those(GeneralConditions)
assert sorted(CAMPAIGNS + POOLS + DESIGNS + CONDITIONS) == registered()
