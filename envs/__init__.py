"""Environments: what the world does. Importing this package registers all of them."""

from .core import register

for name, module in {
    "BinomialDiscovery": "campaigns.binomial_discovery",
    "GaussianStep": "campaigns.gaussian_step",
    "KnowledgeLadder": "campaigns.knowledge_ladder",
    "TablePool": "pools.table_pool",
}.items():
    register(name, f"{__name__}.{module}")
del name, module
