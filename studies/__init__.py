"""Studies: the campaign of your own laboratory, decided one plate after the other."""

from .status import Status
from .study import Study

__all__ = ["Status", "Study"]
