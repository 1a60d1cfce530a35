"""The environments under test: every registered id, in its default and in telling settings."""

from __future__ import annotations

import math
from typing import Any

import discovery_gym

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "discovery/BinomialDiscovery-v0": {
        "count": {"success_probs": (0.05, 0.2), "objective": "count", "horizon": 12},
        "priors": {"beta_priors": ((1, 3), (2, 5)), "batch_sizes": (1, 3), "horizon": 6},
        "priors-count": {
            "beta_priors": ((1, 3),),
            "batch_sizes": (1, 3, 6),
            "objective": "count",
            "horizon": 6,
            "cost_per_batch": 0.3,
            "cost_per_experiment": 0.1,
            "throughput_upgrade": (2, 0.5, 2),
        },
        "upgrades": {
            "success_probs": (0.02,),
            "horizon": 15,
            "success_reward": 20.0,
            "cost_per_experiment": 0.02,
            "batch_sizes": (1, 8),
            "model_upgrade": (2.0, 1.5, 3),
            "throughput_upgrade": (2, 1.0, 2),
        },
    },
    "discovery/FidelityLadder-v0": {
        "money": {
            "target": 6,
            "p_scale": 8.0,
            "plates": ((5, 0.8, 0.1, 3.0, 0.1, 1.0),),
            "money": 20.2,
            "objective": "rungs",
        },
        "late": {
            "target": 4,
            "p_scale": 9.0,
            "growth": 0.5,
            "plates": ((6, 0.5, 0.0, 1.0, 0.0, 2.0), (3, 1.0, 0.2, 0.5, 0.0, 0.5)),
            "careful_sizes": (1, 3),
            "price_per_day": 0.2,
            "money": 15.0,
            "days": 12.0,
            "target_reward": 30.0,
        },
        "sizes": {
            "target": 5,
            "p_scale": 20.0,
            "plates": ((8, 0.9, 0.1, 0.5, 0.05, 1.0),),
            "careful_sizes": (1, 4),
            "price_per_day": 2.0,
            "target_reward": 5.0,
            "horizon": 3000,
        },
        "tests": {"target": 8, "p_scale": 10.0, "plates": (), "horizon": 1000},
    },
    "discovery/GaussianStep-v0": {
        "priced": {
            "target": 20.0,
            "horizon": 12,
            "batch_sizes": (1, 8, 64),
            "stds": (1.0, 2.5),
            "std_costs": (0.0, 1.0),
            "cost_per_experiment": 0.02,
            "target_reward": 30.0,
        },
    },
    "discovery/GeneralConditions-v0": {
        "late": {"num_conditions": 2, "horizon": 6, "delay": ("geometric", 0.4), "loss": 0.3},
        "paid": {
            "objective": "yields",
            "prior": (1.0, 3.0),
            "horizon": 9,
            "delay": ("lognormal", 2.0, 0.7),
            "loss": 0.2,
        },
        "table": {
            "world": "table",
            "yields": [[10.0, 90.0, 45.0], [51.0, 49.0, math.nan], [80.0, 70.0, 130.0]],
            "horizon": 7,
            "names": ("A", "B", "C"),
        },
        "binary": {
            "world": "table",
            "yields": [[10.0, 90.0], [51.0, 49.0], [80.0, 70.0]],
            "outcome": "binary",
            "objective": "yields",
            "horizon": 6,
            "delay": 2,
        },
    },
    "discovery/GraphPool-v0": {
        "priced": {
            "num_items": 8,
            "edge_prob": 0.3,
            "price": (1, 2, 1, 3, 1, 2, 2, 1.5),
            "budget": 5.2,
            "delay": 1,
        },
        "star": {"topology": "star", "num_items": 30, "hub_fraction": 0.1, "horizon": 9},
        "stars": {"topology": "star", "num_items": 9, "edge_prob": 0, "illegal": "penalise"},
        "late": {"num_items": 20, "edge_prob": 0.3, "batch_size": 3, "delay": 2, "horizon": 12},
        "lost": {
            "num_items": 12,
            "edge_prob": 0.3,
            "batch_size": 2,
            "horizon": 8,
            "delay": ("geometric", 0.4),
            "loss": 0.3,
        },
        "complete": {"topology": "complete", "num_items": 8, "horizon": 8, "noise_std": 2.0},
        "sparse": {
            "num_items": 25,
            "edge_prob": 0.001,
            "prior_std": 3.0,
            "noise_std": 0.0,
            "illegal_reward": -1.0,
        },
    },
    "discovery/KnowledgeLadder-v0": {
        "priced": {
            "start": 2,
            "target": 12,
            "p_scale": 40.0,
            "horizon": 30,
            "cost_per_experiment": 0.05,
            "target_reward": 25.0,
        },
    },
    "discovery/LinearPool-v0": {
        "fidelities": {
            "num_items": 30,
            "num_features": 3,
            "fidelities": ((0.25, 0.5, 0.8), (0.5, 0.0, -0.9), (1, 0.1, 1)),
            "budget": 6,
        },
        "fidelities-late": {
            "num_items": 30,
            "num_features": 3,
            "fidelities": ((0.1, 0.0, 0.5), (None, 0.0, 1)),
            "price": [1 + 0.1 * (i % 4) for i in range(30)],
            "budget": 4,
            "batch_size": 3,
            "delay": 2,
        },
        "priced": {
            "num_items": 7,
            "num_features": 2,
            "price": (1, 2, 1, 3, 1, 2, 0.5),
            "budget": 4,
            "illegal_reward": -0.5,
        },
        "sparse": {
            "num_items": 30,
            "num_features": 6,
            "sparsity": 2,
            "feature_std": 0.5,
            "prior_std": 2.0,
            "horizon": 8,
        },
        "late": {"num_items": 12, "num_features": 3, "delay": 3, "horizon": 10},
        "lost": {
            "num_items": 12,
            "num_features": 3,
            "horizon": 9,
            "batch_size": 3,
            "delay": ("lognormal", 1.0, 1.0),
            "loss": 0.2,
        },
    },
    "discovery/UnstructuredPool-v0": {
        "priced": {"num_items": 9, "price": 1.1, "budget": 5, "noise_std": 0.2, "batch_size": 2},
        "few": {"num_items": 6, "horizon": 4, "noise_std": 0.0},
        "batches": {"num_items": 6, "horizon": 6, "batch_size": 2, "illegal_reward": -1.0},
        "lost": {"num_items": 9, "horizon": 6, "delay": 1, "loss": 0.4, "illegal_reward": -1.0},
    },
    "discovery/LogisticPool-v0": {
        "fidelities": {
            "num_items": 12,
            "num_features": 3,
            "fidelities": ((0.25, 0.9, 0.2), (1, 1, 0)),
            "budget": 5,
        },
        "fidelities-late": {
            "num_items": 12,
            "num_features": 3,
            "fidelities": ((1, 0.7, 0), (2, 0.9, 0.2), (4, 1, 0)),
            "budget": 17,
            "batch_size": 2,
            "delay": ("geometric", 0.5),
            "loss": 0.1,
        },
        "priced": {"num_items": 12, "num_features": 3, "price": 2, "budget": 9},
        "sparse": {
            "num_items": 12,
            "num_features": 4,
            "sparsity": 1,
            "feature_std": 2.0,
            "prior_std": 1.5,
            "horizon": 5,
            "illegal_reward": -1.0,
        },
        "all": {"num_items": 9, "num_features": 3, "prior_std": 0.5, "horizon": 9},
        "late": {"num_items": 30, "num_features": 3, "horizon": 15, "batch_size": 5, "delay": 1},
        "lost": {"num_items": 9, "num_features": 3, "horizon": 9, "delay": ("geometric", 0.25)},
    },
    "discovery/LowRankPool-v0": {
        "priced": {"num_rows": 4, "num_cols": 5, "price": 3.5, "budget": 12, "batch_size": 2},
        "wide": {
            "num_rows": 3,
            "num_cols": 7,
            "rank": 3,
            "factor_std": 1.5,
            "noise_std": 0.0,
            "horizon": 21,
            "illegal_reward": -1.0,
        },
        "row": {"num_rows": 1, "num_cols": 40, "rank": 1, "horizon": 9, "noise_std": 2.0},
        "late": {"num_rows": 6, "num_cols": 6, "horizon": 12, "batch_size": 4, "delay": 1},
        "lost": {"num_rows": 4, "num_cols": 5, "horizon": 8, "batch_size": 2, "loss": 0.5},
    },
    "discovery/ConstantElasticity-v0": {
        "listed": {
            "settings": [[10, 10, 10, 20, 5, 5], [90, 1, 1, 1, 90, 1], [3, 50, 50, 100, 1, 9]],
            "noise": 3.0,
            "num_particles": 10,
            "num_moves": 1,
            "horizon": 3,
            "reward": "spce",
            "contrasts": 30,
        },
        "moves": {
            "squashed": True,
            "move_budget": 500.0,
            "start": "random",
            "noise": 5.0,
            "num_particles": 10,
            "num_moves": 1,
            "horizon": 4,
        },
    },
    "discovery/DeathProcess-v0": {
        "steps": {"max_step": 0.5, "price": 0.3, "budget": 1.0, "grid_size": 100},
    },
    "discovery/LinearGaussianDesign-v0": {
        "listed": {
            "settings": [[1, 0], [0, 1], [0.6, 0.8]],
            "reward": "spce",
            "contrasts": 50,
            "horizon": 5,
        },
        "steps": {"max_step": (0.5, 1.0), "step_norm": "l2", "start": (0.0, 0.5), "horizon": 5},
    },
    "discovery/LocationFinding-v0": {
        "square": {
            "num_sources": 1,
            "source_range": 0.5,
            "reach": 0.5,
            "max_step": 0.1,
            "start": "random",
            "num_particles": 20,
            "num_moves": 1,
            "horizon": 5,
        },
        "hill": {
            "price": "hill",
            "budget": 1.2,
            "max_step": 3.0,
            "num_particles": 20,
            "num_moves": 1,
            "horizon": 5,
        },
    },
    "discovery/PreyPopulation-v0": {
        "few": {
            "most_prey": 40,
            "settings": [[1], [7], [40]],
            "duration": 5.0,
            "grid_size": (8, 40),
            "reward": "entropy",
            "horizon": 5,
        },
        "moves": {
            "most_prey": 40,
            "settings": [[1], [7], [20], [40]],
            "grid_size": (8, 40),
            "move_budget": 30.0,
            "max_step": 13,
            "horizon": 5,
        },
        "all": {"settings": 300, "grid_size": (8, 40), "reward": "spce", "contrasts": 30},
    },
    "discovery/SimulatorDesign-v0": {
        "fresh": {
            "fresh": True,
            "settings": [[40.1], [45], [48.7]],
            "grid_size": 6,
            "simulated_events": 500,
            "num_bins": 8,
            "seeds": [3, 4],
            "horizon": 5,
            "reward": "log_evidence",
        },
        "two": {
            "simulator": "discovery_gym.envs.design.simulator_design:muons",
            "unknown_ranges": {"theta": [0.5, 1.5], "nuisance": [0, 1]},
            "knob_ranges": {"phi": [40, 50], "idle": [-1, 1]},
            "settings": 3,
            "grid_size": [5, 2],
            "num_events": 100,
            "horizon": 4,
            "reward": "spce",
            "contrasts": 20,
        },
        "paid": {
            "settings": [[40], [43], [45], [48]],
            "price": [1.0, 0.2, 0.1, 2.0],
            "budget": 2.5,
            "max_step": 5.0,
            "grid_size": 6,
            "simulated_events": 500,
            "num_bins": 8,
            "horizon": 5,
        },
    },
    "discovery/TemporalDiscounting-v0": {
        "moves": {
            "grid_size": 12,
            "max_step": (20.0, None),
            "move_budget": 50.0,
            "overdraft": True,
            "horizon": 5,
        },
        "small": {"settings": 4, "grid_size": 12, "reward": "log_evidence", "horizon": 5},
    },
    "discovery/WeinbergToy-v0": {
        "moves": {"settings": 5, "start": "random", "move_budget": 10.0, "grid_size": 100},
        "listed": {"settings": 5, "horizon": 4, "reward": "entropy", "grid_size": 100},
    },
    "discovery/Weinberg-v0": {
        "steps": {
            "max_step": (20.0, None, 0.3),
            "price": 0.5,
            "budget": 2.0,
            "start": (91.0, 0.0, 0.0),
            "num_events": 100,
            "grid_size": 40,
            "horizon": 6,
        },
        "both": {
            "unknown": "both",
            "luminosity": 0.1,
            "horizon": 4,
            "reward": "log_evidence",
            "grid_size": 20,
        },
        "fermi": {
            "unknown": "fermi",
            "settings": [[60, 0.8, 0], [91.19, 0, 0], [150, -0.8, 0.3]],
            "num_events": 100,
            "horizon": 5,
        },
    },
    "discovery/ScreeningPool-v0": {
        "unknown": {
            "num_items": 6,
            "budget": 15.0,
            "fidelities": ((1.0, 0.9, 0.1), (3.0, 1.0, 0.0)),
            "models": ((0.5, 0.1, 0.9, 0.1), (0.5, 0.6, 0.9, 0.1)),
            "illegal_reward": -1.0,
        },
        "late": {"num_items": 9, "hit_chance": 0.4, "budget": 25.5, "batch_size": 2, "delay": 2},
        "lost": {"num_items": 8, "hit_chance": 0.4, "delay": ("geometric", 0.4), "loss": 0.2},
    },
    "discovery/TablePool-v0": {
        "proxies": {
            "features": [[0.0], [1.0], [2.0], [4.0], [5.0], [7.0], [9.0]],
            "labels": [1.0, 2.0, 3.0, 0.5, 3.5, 8.0, 4.0],
            "fidelities": ((1, (1, 2, 2, 1, 3, 6, 5)), (3,)),
            "budget": 10,
        },
        "proxies-drawn": {
            "features": [[0.0], [1.0], [2.0], [4.0], [5.0], [7.0], [9.0]],
            "labels": [1.0, 2.0, 3.0, 0.5, 3.5, 8.0, 4.0],
            "fidelities": ((0.1, (1, 2, 2, 1, 3, 6, 5), 0.8), (None,)),
            "price": (1, 2, 1, 1.5, 2, 3, 1),
            "rows": 5,
            "budget": 4,
            "batch_size": 2,
            "delay": 1,
        },
        "priced": {
            "features": [[0.0], [1.0], [2.0], [4.0], [5.0], [7.0], [9.0]],
            "labels": [1.0, -2.0, 3.0, 0.5, 3.5, 8.0, -4.0],
            "price": (1, 2, 1, 1.5, 2, 3, 1),
            "budget": 5,
            "noise_std": 0.3,
        },
        "noisy": {"noise_std": 0.5, "horizon": 7},
        "late": {"noise_std": 0.5, "batch_size": 11, "delay": 4},
        "small": {
            "features": [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]],
            "labels": [1.0, -2.0, 3.0, 0.5],
            "horizon": 4,
            "illegal_reward": -5.0,
            "scaling": "standard",
        },
        "lost": {"noise_std": 0.5, "horizon": 12, "delay": ("lognormal", 2, 0.5), "loss": 0.1},
        "half": {"rows": 0.5, "horizon": 30},
        "drawn": {
            "features": [[0.0], [1.0], [2.0], [4.0], [4.0], [7.0], [9.0]],
            "labels": [1.0, -2.0, 3.0, 0.5, 3.0, 8.0, -4.0],
            "rows": 5,
            "horizon": 4,
            "noise_std": 0.3,
            "batch_size": 2,
            "delay": 1,
        },
    },
}

QUICK: dict[str, dict[str, Any]] = {
    "discovery/ConstantElasticity-v0": {
        "noise": 5.0,
        "num_particles": 10,
        "num_moves": 1,
        "horizon": 4,
    },
    "discovery/LocationFinding-v0": {"num_particles": 20, "num_moves": 1, "horizon": 6},
    "discovery/PreyPopulation-v0": {"grid_size": (10, 60)},
}
"""Instead of the default settings, where these would take minutes."""

PROBLEMS: list[tuple[str, dict[str, Any]]] = [
    (env_id, kwargs)
    for env_id in discovery_gym.registered()
    for kwargs in (QUICK.get(env_id, {}), *VARIANTS[env_id].values())
]

NAMES: list[str] = [
    f"{env_id.split('/')[1]}-{name}"
    for env_id in discovery_gym.registered()
    for name in ("default", *VARIANTS[env_id])
]
