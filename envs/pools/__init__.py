"""Pools: adaptive sampling for discovery, where each item is labelled once."""

from .feature_pool import FeaturePool
from .labels import Labels, best_sums, labels_arrived
from .pool import Pool

__all__ = ["FeaturePool", "Labels", "Pool", "best_sums", "labels_arrived"]
