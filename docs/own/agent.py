"""An agent that is a function of one observation: label the neighbours of the best label so far."""


def neighbours(observation, random):
    """Choose the item nearest to the best one, in the order of the items."""
    legal = observation["action_mask"].nonzero()[0]
    if not observation["labels"].any():
        return random.choice(legal)
    best = observation["labelled"][observation["labels"].argmax()]
    return legal[abs(legal - best).argmin()]
