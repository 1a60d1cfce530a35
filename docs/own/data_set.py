"""A table of your own: the reactions in reactions.csv, which lies beside this file, as a pool."""

from pathlib import Path

from discovery_gym.envs.core import register
from discovery_gym.envs.pools.table_pool import TablePool

REACTIONS = str(Path(__file__).with_name("reactions.csv"))
register("lab/Reactions-v0", TablePool, dataset=REACTIONS, target="yield", horizon=8)
