"""Environments: what the world does. Importing this package registers all of them."""

from .core import register

for name, module in {
    "BinomialDiscovery": "campaigns.binomial_discovery",
    "ConstantElasticity": "design.constant_elasticity",
    "DeathProcess": "design.death_process",
    "GaussianStep": "campaigns.gaussian_step",
    "GraphPool": "pools.graph_pool",
    "KnowledgeLadder": "campaigns.knowledge_ladder",
    "LinearGaussianDesign": "design.linear_gaussian",
    "LinearPool": "pools.linear_pool",
    "LocationFinding": "design.location_finding",
    "LogisticPool": "pools.logistic_pool",
    "LowRankPool": "pools.low_rank_pool",
    "PreyPopulation": "design.prey_population",
    "SimulatorDesign": "design.simulator_design",
    "TablePool": "pools.table_pool",
    "TemporalDiscounting": "design.temporal_discounting",
    "UnstructuredPool": "pools.unstructured_pool",
    "Weinberg": "design.weinberg",
    "WeinbergToy": "design.weinberg_toy",
}.items():
    register(name, f"{__name__}.{module}")
del name, module
