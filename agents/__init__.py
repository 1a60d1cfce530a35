"""Agents: who chooses. Every agent has stable-baselines3's `predict`, batched over episodes.

An agent is written as a call: ``random``, ``fixed(batch_size=96)``, ``optimal``, or the name of a
rule with its settings and, optionally, its belief: ``bayes_ucb(width=2,
belief=linear(noise_std=0.2))``.
"""

from .agent import Agent
from .making import available, make

__all__ = ["Agent", "available", "make"]
