"""Benchmarks: programs that print ratios measured in one run, ours against a peer or a floor.

Machines are shared and noisy, so nothing is timed alone: a work and its floor take turns, and a ratio is
the median over the turns. A table is a generator of `Row`; the first line of its docstring is its title.
Run ``python -m discovery_gym.experiments.benchmarks``.
"""
