"""Pools: adaptive sampling for discovery, where each item is labelled once."""

from .feature_pool import FeaturePool
from .labels import FeatureLabels, Labels, labels_arrived, labels_lost
from .pool import Pool

__all__ = ["FeatureLabels", "FeaturePool", "Labels", "Pool", "labels_arrived", "labels_lost"]
