"""Planning: agents that know the exact optimum."""

from .optimal import OptimalAgent

__all__ = ["OptimalAgent"]
