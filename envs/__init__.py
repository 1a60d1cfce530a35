"""Environments: what the world does. Importing this package registers all of them."""

from .core import DiscoveryEnv, DiscoveryVectorEnv, Model, environments, register

__all__ = ["DiscoveryEnv", "DiscoveryVectorEnv", "Model", "environments", "register"]

for model in (
    "campaigns.binomial_discovery:BinomialDiscovery",
    "campaigns.fidelity_ladder:FidelityLadder",
    "campaigns.gaussian_step:GaussianStep",
    "campaigns.knowledge_ladder:KnowledgeLadder",
    "conditions.general_conditions:GeneralConditions",
    "design.constant_elasticity:ConstantElasticity",
    "design.death_process:DeathProcess",
    "design.linear_gaussian:LinearGaussianDesign",
    "design.location_finding:LocationFinding",
    "design.prey_population:PreyPopulation",
    "design.simulator_design:SimulatorDesign",
    "design.temporal_discounting:TemporalDiscounting",
    "design.weinberg:Weinberg",
    "design.weinberg_toy:WeinbergToy",
    "pools.graph_pool:GraphPool",
    "pools.linear_pool:LinearPool",
    "pools.logistic_pool:LogisticPool",
    "pools.low_rank_pool:LowRankPool",
    "pools.screening_pool:ScreeningPool",
    "pools.table_pool:TablePool",
    "pools.unstructured_pool:UnstructuredPool",
):
    register(f"discovery/{model.partition(':')[2]}-v0", f"{__name__}.{model}")
del model
