"""Pictures of episodes: texts and images of campaigns, and the description they are drawn from."""

import families
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from discovery_gym.envs.core import Model
from discovery_gym.envs.rendering import draw
from discovery_gym.envs.rendering.picture import Cloud, Curves, Picture, Series
from discovery_gym.envs.rendering.text import title

CAMPAIGNS = [
    ("discovery/BinomialDiscovery-v0", {"objective": "count"}),
    (
        "discovery/BinomialDiscovery-v0",
        {
            "success_probs": (0.01, 0.02),
            "objective": "count",
            "model_upgrade": (2.0, 5.0, 2),
            "throughput_upgrade": (2, 5.0, 2),
        },
    ),
    ("discovery/BinomialDiscovery-v0", {"beta_priors": ((1, 9), (2, 8)), "objective": "count"}),
    ("discovery/FidelityLadder-v0", {}),
    (
        "discovery/FidelityLadder-v0",
        {"money": 20.0, "objective": "rungs", "careful_sizes": (1, 16)},
    ),
    ("discovery/GaussianStep-v0", {"horizon": 50}),
    ("discovery/GaussianStep-v0", {"horizon": 50, "stds": (1.0, 3.0), "std_costs": (0.0, 1.0)}),
    ("discovery/KnowledgeLadder-v0", {}),
]
names = [f"{env_id.split('/')[1]}{i}" for i, (env_id, _) in enumerate(CAMPAIGNS)]


def test_every_campaign_is_here():
    assert {env_id for env_id, _ in CAMPAIGNS} == set(families.CAMPAIGNS)


@pytest.mark.parametrize(("env_id", "kwargs"), CAMPAIGNS, ids=names)
def test_text_names_the_last_action(env_id, kwargs):
    env = gym.make(env_id, render_mode="ansi", **kwargs)
    observation, _ = env.reset(seed=0)
    model = env.unwrapped.model
    first = env.render()
    assert type(model).__name__ in first
    assert model.summary(observation) in first
    assert "none yet" in first
    for action in range(env.action_space.n):
        observation, *_ = env.step(action)
        text = env.render()
        assert model.action_name(action) in text
        assert model.summary(observation) in text
    assert text != first


@pytest.mark.parametrize(("env_id", "kwargs"), CAMPAIGNS, ids=names)
def test_image_shows_the_episode(env_id, kwargs):
    env = gym.make(env_id, render_mode="rgb_array", **kwargs)
    env.reset(seed=0)
    frames = [env.render()]
    for action in range(2):
        env.step(action)
        frames.append(env.render())
    for frame in frames:
        assert frame.shape == (480, 640, 3)
        assert frame.dtype == np.uint8
        assert 0.01 < (frame != 255).any(-1).mean() < 0.5
    assert (frames[0] != frames[1]).any()
    assert (frames[1] != frames[2]).any()
    # The figure is reused from frame to frame; nothing of the later ones may be left on it.
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), frames[0])


@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
@pytest.mark.parametrize(("env_id", "kwargs"), CAMPAIGNS, ids=names)
def test_gymnasium_accepts_the_rendering(env_id, kwargs, mode):
    check_env(gym.make(env_id, render_mode=mode, **kwargs).unwrapped)


def test_vector_environments_show_every_episode():
    actions = np.array([0, 1, 1])
    short = {"horizon": 50, "render_mode": "rgb_array"}
    env = gym.make_vec("discovery/GaussianStep-v0", num_envs=3, **short)
    env.reset(seed=0)
    env.step(actions)
    frames = env.render()
    assert len(frames) == 3
    for seed, (action, frame) in enumerate(zip(actions, frames, strict=True)):
        single = gym.make("discovery/GaussianStep-v0", **short)
        single.reset(seed=seed)
        single.step(action)
        np.testing.assert_array_equal(frame, single.render())
    assert (frames[0] != frames[1]).any()


def test_long_episodes_and_the_end_of_the_budget():
    env = gym.make("discovery/KnowledgeLadder-v0", render_mode="rgb_array", horizon=300)
    env.reset(seed=0)
    ended = False
    while not ended:
        _, _, ended, _, _ = env.step(0)
    assert env.render().shape == (480, 640, 3)


# ---- the description


def test_campaign_tells_batches_and_costs():
    env = gym.make(
        "discovery/BinomialDiscovery-v0",
        render_mode="ansi",
        objective="count",
        batch_sizes=(1, 8),
        throughput_upgrade=(2, 5.0, 1),
        cost_per_experiment=0.5,
    ).unwrapped
    env.reset(seed=0)
    for action in (1, 2, 1, 0):
        env.step(action)
    picture = env.model.picture(env._trace)
    _, batches, cost = picture.panels
    np.testing.assert_array_equal(batches.series[0].values, [8, np.nan, 16, 2])
    np.testing.assert_array_equal(batches.marks["upgrade throughput"], [2])
    np.testing.assert_allclose(cost.series[0].values, [0, 5, 10, 19, 21])
    assert (picture.unit, picture.length) == ("epoch", 100)


class Pool:
    """Stands in for a model: only what rendering asks of one."""

    def __init__(self, picture):
        self.shown = picture

    def picture(self, trace):
        return self.shown

    def summary(self, observation):
        return "two labels"

    def action_name(self, action):
        return f"item {action}"


def cloud(n, d, known=3):
    values = np.full(n, np.nan)
    values[:known] = np.arange(known)
    points = np.random.default_rng(0).normal(size=(n, d))
    return Cloud(label="label", points=points, values=values, last=known - 1 if known else None)


TRACE = [(None, 0.0, 0), (4, 1.0, 0), (2, 2.0, 0)]


@pytest.mark.parametrize(
    ("n", "d", "known"), [(5, 1, 3), (5, 2, 0), (40, 7, 3), (2, 9, 2), (5000, 3, 9)]
)
def test_cloud_of_items(n, d, known):
    labels = Series(values=np.array([1.0, 2.0]), style="points")
    panels = (Curves(label="label", series=(labels,)), cloud(n, d, known))
    frame = draw(Pool(Picture(panels=panels)), TRACE, "rgb_array")
    alone = draw(Pool(Picture(panels=panels[1:])), TRACE, "rgb_array")
    assert frame.shape == alone.shape == (480, 640, 3)
    assert (frame != alone).any()
    text = draw(Pool(Picture(panels=panels)), TRACE, "ansi")
    assert "item 2" in text
    assert "return       3" in text


def test_a_picture_to_be_shown_small_has_two_panels_and_larger_letters():
    labels = Series(values=np.array([1.0, 2.0]), style="points")
    panels = tuple(Curves(label=f"label {i}", series=(labels,)) for i in range(3))
    three, two = (Pool(Picture(panels=some)) for some in (panels, panels[:2]))
    compact = draw(three, TRACE, "rgb_array", compact=True)
    assert compact.shape == (480, 640, 3)
    np.testing.assert_array_equal(compact, draw(two, TRACE, "rgb_array", compact=True))
    full = draw(two, TRACE, "rgb_array")
    rows = [(frame.min(2) < 128).any(1) for frame in (compact, full)]
    last = [ink.nonzero()[0][-1] for ink in rows]  # the foot of the lowest name
    high, low = (end - (~ink[:end]).nonzero()[0][-1] for ink, end in zip(rows, last, strict=True))
    assert high > 1.4 * low
    np.testing.assert_array_equal(full, draw(two, TRACE, "rgb_array"))  # a sheet for each


def test_text_fills_gaps_and_shows_the_goal():
    series = (Series(values=np.array([1.0, np.nan])), Series(values=np.array([np.nan, 5.0])))
    text = draw(Pool(Picture(panels=(Curves(label="x", series=series, goal=10.0),))), TRACE, "ansi")
    assert "▁█  5 of 10 [####################....................]" in text


def test_default_picture_is_the_return():
    picture = Model.picture(None, TRACE)
    np.testing.assert_array_equal(picture.panels[0].series[0].values, [0.0, 1.0, 3.0])


def test_proxies_are_in_the_picture():
    """What every test shows stands at its place in the order in which they came."""
    tests = ((1, 0.1, 0.5), (2, 0.1, 0.8), (5, 0, 1))
    kwargs = {"num_items": 6, "num_features": 2, "fidelities": tests, "budget": 20}
    env = gym.make("discovery/LinearPool-v0", **kwargs)
    trace = [(None, 0.0, env.reset(seed=0)[0])]
    for action in (0, 5, 7, 2):
        observation, reward, *_ = env.step(action)
        trace.append((action, reward, observation))
    picture, shown = env.unwrapped.model.picture(trace), observation["labels"][:4]
    labels, sums, proxies, _ = picture.panels
    points, best = labels.series
    np.testing.assert_array_equal(points.values, np.where([0, 1, 0, 1], shown, np.nan))
    np.testing.assert_array_equal(
        best.values, [np.nan, shown[1], shown[1], max(shown[1], shown[3])]
    )
    np.testing.assert_allclose(sums.series[0].values, np.cumsum([0, *[r for _, r, _ in trace[1:]]]))
    assert [one.name for one in proxies.series] == ["proxy 0", "proxy 1"]
    np.testing.assert_array_equal(proxies.series[0].values, np.where([1, 0, 0, 0], shown, np.nan))
    np.testing.assert_array_equal(proxies.series[1].values, np.where([0, 0, 1, 0], shown, np.nan))
    assert picture.unit == "test"


@pytest.mark.parametrize(
    "late", [{"batch_size": 3}, {"delay": 2}, {"batch_size": 3, "delay": 2, "loss": 0.3}, {}]
)
def test_pools_are_drawn_label_by_label(late):
    """Also where an action brings several labels, none yet, or none at all since it is wasted."""
    kwargs = {"num_items": 12, "topology": "star", "hub_fraction": 0.2, "edge_prob": 0.1}
    env = gym.make("discovery/GraphPool-v0", **kwargs, horizon=12, illegal="penalise", **late)
    observation, _ = env.reset(seed=2)
    trace, width = [(None, 0.0, observation)], late.get("batch_size", 1)
    seen = {0: 0}  # the nodes seen after the action that brought at least so many labels
    for first in (0, 0, 3, 6)[not width - 1 :]:
        items = np.arange(first, first + width)
        observation, reward, *_ = env.step(items if width > 1 else first)
        trace.append((items, reward, observation))
        count = int(
            observation.get("arrived", (observation["labelled"] >= 0).sum(keepdims=True))[0]
        )
        for k in range(max(seen) + 1, count + 1):
            seen[k] = np.count_nonzero(observation["seen_count"])
    picture = env.unwrapped.model.picture(trace)
    assert picture.after(trace) == max(seen) > 0
    curves = [panel for panel in picture.panels if isinstance(panel, Curves)]
    labels, total, nodes = (panel.series[0].values for panel in curves)
    np.testing.assert_array_equal(labels, observation["labels"][: max(seen)])
    assert len(total) == len(labels) + 1
    assert nodes.tolist() == list(seen.values())
    assert title(env.unwrapped.model, trace, picture)[1].startswith(f"label {max(seen)} of 12")
