"""Pools: adaptive sampling for discovery, where each item is labelled once."""

from .pool import FeaturePool, Pool, labels_arrived

__all__ = ["FeaturePool", "Pool", "labels_arrived"]
