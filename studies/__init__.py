"""Studies: the campaign of your own laboratory, decided one plate after the other."""

from ..envs.pools.status import Status
from .study import Study

__all__ = ["Status", "Study"]
