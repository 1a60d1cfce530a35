"""Benchmarks: programs that print ratios measured in one run, ours against a peer.

Machines are shared and noisy, so nothing is timed alone: the subjects take turns, and a ratio is the
median over the turns. Each benchmark takes the number of turns and returns the head and the rows of
its table. Run ``python -m discovery_gym.experiments.benchmarks``.
"""
