"""Checks of environments, beliefs, rules and agents of your own.

    from discovery_gym.testing import check_belief, check_model, check_rule

    check_model("environment:lab/Squares-v0", num_items=30)
    check_belief("belief:ByGroup", "belief:lab/Groups-v0")
    check_rule("./rule.py:Optimist(width=2)", "LinearPool")

An environment is named as everywhere: in short, by its id, or with the module that registers it.

A check returns nothing where all is well. Otherwise it raises `CheckFailed`, which says what was found
and what was expected. Seeds are fixed, so that a check always says the same.
"""

from .agent import check_agent
from .belief import check_belief
from .checks import CheckFailed
from .model import check_model
from .rule import check_rule

__all__ = ["CheckFailed", "check_agent", "check_belief", "check_model", "check_rule"]
