"""Posteriors over the parameters of B episodes; environments pay by them, agents decide by them."""

from .gaussian import Gaussian
from .grid import Grid
from .particles import Particles
from .posterior import Distribution, Posterior, by_weight
from .problem import Problem

__all__ = ["Distribution", "Gaussian", "Grid", "Particles", "Posterior", "Problem", "by_weight"]
