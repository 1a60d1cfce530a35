"""Pools: adaptive sampling for discovery, where each item is labelled once."""

from .pool import FeaturePool, Pool

__all__ = ["FeaturePool", "Pool"]
