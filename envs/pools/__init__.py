"""Pools: adaptive sampling for discovery, where each item is labelled once."""

from .pool import Pool

__all__ = ["Pool"]
