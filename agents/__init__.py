"""Agents: who chooses. Every agent has stable-baselines3's `predict`, batched over episodes.

An agent is written as a call: ``random``, ``fixed(batch_size=96)``, ``optimal``, or the name of a
rule with its settings and, optionally, its belief: ``bayes_ucb(width=2,
belief=linear(noise_std=0.2))``. What is not ours is named by where it is: ``module:Name`` or
``./file.py:Name(setting=2)``, for an `Agent` class, a rule, a belief, something with ``predict``, a
function of one observation, or a function ``make(env, seed)`` that returns one of the last two.
"""

from .agent import Agent
from .beliefs import AdditiveNoise, Arrivals, Belief, Probabilities
from .making import available, make, register_agent, register_belief, register_rule
from .rules import Decision, Rule, best

__all__ = [
    "AdditiveNoise",
    "Agent",
    "Arrivals",
    "Belief",
    "Decision",
    "Probabilities",
    "Rule",
    "available",
    "best",
    "make",
    "register_agent",
    "register_belief",
    "register_rule",
]
