"""``python -m discovery_gym.experiments`` is the command ``discovery-gym``."""

from .cli import main

if __name__ == "__main__":  # the worker processes of a run import this file too
    main()
