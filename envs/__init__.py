"""Environments: what the world does. Importing this package registers all of them."""

from .core import register

for name, module in {
    "BinomialDiscovery": "campaigns.binomial_discovery",
    "GaussianStep": "campaigns.gaussian_step",
    "GraphPool": "pools.graph_pool",
    "KnowledgeLadder": "campaigns.knowledge_ladder",
    "LinearPool": "pools.linear_pool",
    "LogisticPool": "pools.logistic_pool",
    "LowRankPool": "pools.low_rank_pool",
    "TablePool": "pools.table_pool",
    "UnstructuredPool": "pools.unstructured_pool",
}.items():
    register(name, f"{__name__}.{module}")
del name, module
