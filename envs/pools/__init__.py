"""Pools: adaptive sampling for discovery, where each item is labelled once."""

from .feature_pool import FeaturePool
from .labels import FeatureLabels, Labels, labels_arrived, labels_lost
from .pool import Pool
from .shop import BinaryProxy, GaussianProxy, Proxy, Shop

__all__ = [
    "BinaryProxy",
    "FeatureLabels",
    "FeaturePool",
    "GaussianProxy",
    "Labels",
    "Pool",
    "Proxy",
    "Shop",
    "labels_arrived",
    "labels_lost",
]
