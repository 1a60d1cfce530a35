"""Pools: adaptive sampling for discovery, where each item is labelled once."""

from .feature_pool import FeaturePool
from .labels import labels_arrived
from .pool import Pool

__all__ = ["FeaturePool", "Pool", "labels_arrived"]
