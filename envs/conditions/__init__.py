"""Conditions: which of a few works best for most substrates."""

from .conditions import Conditions

__all__ = ["Conditions"]
