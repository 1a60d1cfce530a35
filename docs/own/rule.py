"""A rule: the highest value that is still likely."""

from discovery_gym.agents import Rule, best


class Optimist(Rule):  # takes the highest mean plus `width` standard deviations
    def __init__(self, width=2.0):
        self.width = width

    def choose(self, belief, decision, random):
        return best(belief.mean() + self.width * belief.std(), decision.mask, random)
