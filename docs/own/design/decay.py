"""Decays that are watched for a while: how long each lasts, at most as long as one watches."""

import random
import sys


def decay(theta, phi, n_events, seed):
    """Return how long each of some decays at the rate theta was seen, watched for the time phi."""
    draw = random.Random(seed)
    return [min(draw.expovariate(theta[0]), phi[0]) for _ in range(n_events)]


if __name__ == "__main__":  # as a program: RATE WINDOW EVENTS SEED
    rate, window, events, seed = map(float, sys.argv[1:])
    print(*decay([rate], [window], int(events), int(seed)), sep="\n")
