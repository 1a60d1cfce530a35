r"""A pool on a graph: labelling a node also shows something of its neighbours.

Node x has the value theta_x ~ N(0, prior_std^2), independent of the others. Labelling it pays and
shows theta_x + noise, and shows theta_z + noise of every neighbour z, each noise N(0, noise_std^2)
of its own. A neighbour is not labelled by that: it stays legal, and only its own label pays. What
was shown of a node is summed up by the sum and the number of its noisy values:

    theta_x | s, c ~ N(prior_std^2 s / a, prior_std^2 noise_std^2 / a),  a = noise_std^2 + c prior_std^2.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, the graph model
of section 4 and its simulations in section 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import InputError, KeyedRandom, Observation, Streams, box, environments
from ..core.arrays import Flags, Single, Whole
from ..core.checks import choice, integer, quantity, real
from ..rendering.picture import Curves, Picture, Series, Trace
from .labels import ANY_LABEL, Labels, labels_arrived
from .order_statistics import top_sum
from .pool import Pool
from .shown import Shown

TOPOLOGIES = ("random", "complete", "star")

MOST_EDGES = 10**8
"""Graphs that may have more edges are refused: the edge list of one episode would take 800 MB."""

TOGETHER = 2**16
"""About how many nodes are shown together: so much of them stays in the cache."""

RARE = 1e-12
"""Probability below which a graph may be redrawn because its edges overflow the edge list."""


@dataclass(kw_only=True, eq=False)
class GraphLabels(Labels):
    """State of a pool on a graph."""

    hubs: Shown  # (B, n) int8, 1 for nodes that are linked to all others
    edges: Shown  # (B, 2 E) int32, links between the rest
    starts: NDArray[np.int32]  # (B, n + 1) where the neighbours of each node begin in `linked`
    linked: NDArray[np.int32]  # (B, 2 E) sorted neighbours of each node, one node after the other
    seen_sum: Single  # (B, n) sum of the noisy values seen of every node
    seen_count: Single  # (B, n) number of them

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickle, also of one that held a list of neighbours for each episode."""
        super().__setstate__(state)
        if "neighbours" in state:
            edges = self.edges.rows
            self.starts = np.zeros((len(edges), self.values.shape[1] + 1), np.int32)
            self.linked = np.zeros_like(edges)
            for i, (start, neighbour) in enumerate(self.__dict__.pop("neighbours")):
                self.starts[i], self.linked[i, : len(neighbour)] = start, neighbour


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphPool(Pool[GraphLabels]):
    """Find the best nodes of a graph, where a label also shows something of the neighbours.

    ## Description
    The graph model of adaptive sampling for discovery (Xu et al. 2022). The items are the nodes of a
    graph. Each has a value theta ~ N(0, prior_std^2), independent of the others. Labelling a node pays
    and shows its value with noise, and shows the values of its neighbours with noise of their own;
    these are not labelled by it. A well-connected node tells much and pays little on average:
    information has a price. The graph is drawn for every episode and is known to the agent.

    ## Observation space
    - `hubs`: int8, `(n,)`, 1 for nodes that are linked to all others; constant within an episode. In
      a complete graph these are all nodes, in a random one none.
    - `edges`: int32, `(2 E,)`, the links between the rest: the two ends of each side by side, each
      link once, -1 behind the last; constant within an episode. E bounds their number: its mean plus
      a margin that holds with probability 1 - 1e-12, beyond which the graph is redrawn. Where there
      are none (E = 0: complete graphs, stars with `edge_prob=0`), there is no such entry.
    - `seen_sum`: float32, `(n,)`, sum of the noisy values seen of each node, its own label included.
    - `seen_count`: float32, `(n,)`, their number.

    ## Starting state
    New values and a new graph with at least one edge, nothing seen.

    ## Arguments
    - `num_items`: number n of nodes, at least 2.
    - `topology`: "random" links each pair with probability `edge_prob`, given that there is at least
      one edge; "star" links round(hub_fraction n) random nodes, at least one, to all nodes, and each
      pair of the rest with probability `edge_prob`; "complete" links all pairs. The paper's graphs have
      n = 900 and `edge_prob=0.01`.
    - `edge_prob`: above 0 and below 1; a star may have 0.
    - `hub_fraction` (1/3): above 0 and at most 1.
    - `prior_std`: standard deviation of the values, in units of the label.
    - `noise_std`: standard deviation of the noise of everything that is shown.
    """

    num_items: int = 100
    topology: str = "random"
    edge_prob: float = 0.1
    hub_fraction: float = 1 / 3
    prior_std: float = 1.0
    noise_std: float = 1.0

    beliefs = ("nodes",)

    def __post_init__(self) -> None:
        self._set(
            num_items=integer("num_items", self.num_items, low=2, high=2**31 - 1),
            topology=choice("topology", self.topology, TOPOLOGIES),
            edge_prob=real("edge_prob", self.edge_prob, low=0, high=1),
            hub_fraction=real("hub_fraction", self.hub_fraction, low=0, high=1, open_low=True),
            prior_std=quantity("prior_std", self.prior_std),
            noise_std=quantity("noise_std", self.noise_std, zero=True),
        )
        if self.edge_prob == 1 or (self.edge_prob == 0 and self.topology == "random"):
            raise InputError(
                f"edge_prob must be above 0 and below 1, got {self.edge_prob}: at 0 the graph has no "
                "edges (a star may have 0), and a graph with all edges is topology='complete'."
            )
        if self.max_edges > MOST_EDGES:
            raise InputError(
                f"edge_prob={self.edge_prob} with num_items={self.num_items} makes graphs of up to "
                f"{self.max_edges} edges, allowed are {MOST_EDGES}; lower one of the two, or take "
                "topology='complete', which needs no list of them."
            )
        super().__post_init__()

    @property
    def num_hubs(self) -> int:
        """The number of nodes that are linked to all others."""
        if self.topology == "star":
            return max(1, round(self.hub_fraction * self.num_items))
        return self.num_items if self.topology == "complete" else 0

    @property
    def max_edges(self) -> int:
        """The number E of links between nodes that are no hubs, for which `edges` has room."""
        return _most(self._pairs, self.edge_prob)

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself."""
        return super().size + 4 * self.num_items + 4 * self.max_edges

    @cached_property
    def _together(self) -> int:
        """The number of episodes whose labels are shown together."""
        return max(1, TOGETHER // (1 + self.num_hubs + 2 * self.max_edges // self.num_items))

    @property
    def _pairs(self) -> int:
        """The number of pairs of nodes that are no hubs."""
        rest = self.num_items - self.num_hubs
        return rest * (rest - 1) // 2

    # ---- spaces

    def extra_spaces(self) -> dict[str, spaces.Box]:
        """Return the spaces of the graph and of what was seen."""
        n, room = self.num_items, 2 * self.max_edges
        return {
            **({"edges": box(-1, n - 1, (room,), np.int32)} if room else {}),
            "hubs": box(0, 1, (n,), np.int8),
            "seen_count": box(0, self._horizon, (n,)),
            "seen_sum": box(-ANY_LABEL, ANY_LABEL, (n,)),
        }

    # ---- dynamics

    def new_state(self, num_episodes: int) -> GraphLabels:
        """Return the arrays of ``num_episodes`` episodes."""
        shape = num_episodes, self.num_items
        return GraphLabels(
            **self.common(np.zeros(shape)),
            hubs=Shown(np.full(shape, self.num_hubs == self.num_items, np.int8)),
            edges=Shown(np.full((num_episodes, 2 * self.max_edges), -1, np.int32)),
            starts=np.zeros((num_episodes, self.num_items + 1), np.int32),
            linked=np.zeros((num_episodes, 2 * self.max_edges), np.int32),
            seen_sum=np.zeros(shape, np.float32),
            seen_count=np.zeros(shape, np.float32),
        )

    def reset(self, state: GraphLabels, index: Whole, streams: Streams) -> None:
        """Draw values and a graph, and take all labels back."""
        edges = state.edges.anew(index)
        hubs = state.hubs.anew(index) if self.topology == "star" else state.hubs.rows
        for i in index.tolist():
            generator = streams.generators[i]
            generator.standard_normal(out=state.values[i])
            if self.topology == "star":
                hubs[i] = 0
                hubs[i, generator.permutation(self.num_items)[: self.num_hubs]] = 1
            if self.max_edges:
                ends = self._links(generator, (hubs[i] == 0).nonzero()[0])
                edges[i, : ends.size] = ends.reshape(-1)
                edges[i, ends.size :] = -1
                state.starts[i], linked = _lists(ends, self.num_items)
                state.linked[i, : ends.size] = linked
        state.values[index] *= self.prior_std
        state.seen_sum[index] = 0
        state.seen_count[index] = 0
        super().reset(state, index, streams)

    def _links(self, generator: np.random.Generator, rest: Whole) -> Whole:
        """Return new links between the nodes ``rest``, which are no hubs, ``(links, 2)``."""
        # Pairs u < v in the order of v, then of u: pair number v (v - 1) / 2 + u.
        pair = _successes(generator, self._pairs, self.edge_prob, least=0 if self.num_hubs else 1)
        v = ((1 + np.sqrt(1 + 8.0 * pair)) / 2).astype(np.int64)
        v -= v * (v - 1) // 2 > pair  # the root may have been rounded up to the next row
        return np.asarray(rest[np.stack([pair - v * (v - 1) // 2, v], axis=1)])

    def _show(
        self,
        state: GraphLabels,
        before: Whole,
        streams: Streams,
        done: Flags | None,
    ) -> None:
        """Note the labels that arrived, and what is seen of the neighbours with them."""
        new = state.arrived - before
        first, slots = before, np.arange(self._horizon)
        if state.late is not None:
            first, slots = new.cumsum() - new, state.late.new.nonzero()[1]
        if done is not None:
            new[done] = 0
        # One label of each episode at a time: two of them may show the same node.
        for turn in range(new.max()):
            who = (new > turn).nonzero()[0]
            slot = slots[first[who] + turn]
            for start in range(0, len(who), self._together):
                part = slice(start, start + self._together)
                self._see(state, who[part], slot[part], streams.noise)

    def _see(
        self,
        state: GraphLabels,
        who: Whole,
        slot: Whole,
        noise: KeyedRandom,
    ) -> None:
        """Add what one label of each of the episodes ``who`` shows."""
        node, first = state.labelled[who, slot], who * self.num_items
        start = state.starts[who, node]
        count = state.starts[who, node + 1] - start
        linked = _ranges(who * state.linked.shape[1] + start, count)
        at = state.linked.reshape(-1).take(linked) + first.repeat(count)
        if self.num_hubs:
            at, count = self._with_hubs(state.hubs[who].view(np.bool_), first, node, at, count)
        shown = noise.normals(who, count)
        shown *= self.noise_std
        shown += state.values.reshape(-1).take(at)
        sums, counts = state.seen_sum.reshape(-1), state.seen_count.reshape(-1)
        shown += sums.take(at)  # `take`, and a copy of the same type, take half the time of `+=`
        sums[at] = shown.astype(np.float32)
        counts[at] = counts.take(at) + 1
        own = first + node
        sums[own] += state.labels[who, slot]
        counts[own] += 1

    def _with_hubs(
        self,
        seen: Flags,
        first: Whole,
        node: Whole,
        at: Whole,
        count: NDArray[np.int32],
    ) -> tuple[Whole, NDArray[Any]]:
        """Return what is shown, and how many of each episode: the links ``at``, and behind them hubs.

        A hub has no links, and shows all others. ``seen`` are the hubs ``(E, n)``; it is written to.
        """
        row = np.arange(len(seen))
        is_hub = seen[row, node]
        seen[is_hub] = True
        seen[row, node] = False
        more = np.where(is_hub, self.num_items - 1, self.num_hubs)
        hubs = seen.reshape(-1).nonzero()[0] + (first - row * self.num_items).repeat(more)
        return np.insert(hubs, (more.cumsum() - more).repeat(count), at), count + more

    def extra(self, state: GraphLabels) -> dict[str, NDArray[Any]]:
        """Return the graph and what was seen."""
        return {
            **({"edges": state.edges.view()} if self.max_edges else {}),
            "hubs": state.hubs.view(),
            "seen_count": state.seen_count.copy(),
            "seen_sum": state.seen_sum.copy(),
        }

    # ---- truth

    def random_value(self) -> float:
        """Return the expected return of uniform choices: values have mean 0."""
        self._check_waste()
        return 0.0

    def optimal_value(self) -> float:
        """Return the expected return of an oracle that knows all values: the sum of the best T."""
        return self.kept * self.prior_std * top_sum(self.taken, self.num_items, self.most_labels)

    # ---- words

    def item_name(self, item: int) -> str:
        """Return a node in words."""
        return f"node {item}"

    def places(self, observation: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the nodes in a spiral, those with most links in the middle."""
        n, edges = self.num_items, observation.get("edges", np.empty(0, np.int32))
        links = np.bincount(edges[edges >= 0], minlength=n) + n * (observation["hubs"] > 0)
        places, turn = np.empty((n, 2)), np.pi * (3 - np.sqrt(5.0)) * np.arange(n)
        spiral = np.sqrt(np.arange(n) + 0.5)[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
        places[np.argsort(-links, kind="stable")] = spiral
        return places

    def picture(self, trace: Trace) -> Picture:
        """Return the labels in the order chosen, their sum, and how many nodes were seen."""
        picture = super().picture(trace)
        come, seen = np.array(
            [
                (labels_arrived(moment[2]), np.count_nonzero(moment[2]["seen_count"]))
                for moment in trace
            ]
        ).T
        seen = seen[np.searchsorted(come, np.arange(come[-1] + 1))]  # after each label
        curves = Curves(label="nodes seen", series=(Series(values=seen, style="steps"),))
        return replace(picture, panels=(*picture.panels, curves))

    def summary(self, observation: Observation) -> str:
        """Return where the episode stands, in words."""
        assert isinstance(observation, dict)
        seen = np.count_nonzero(observation["seen_count"])
        return f"{super().summary(observation)}, {seen} of {self.num_items} nodes seen"


def _most(trials: int, prob: float) -> int:
    """Return a number of successes that is exceeded with probability below `RARE` (Bernstein)."""
    if not trials * prob:
        return 0
    rare = -math.log(RARE)
    margin = rare / 3 + math.sqrt(rare**2 / 9 + 2 * rare * trials * prob)
    return min(trials, math.ceil(trials * prob + margin))


def _successes(generator: np.random.Generator, trials: int, prob: float, *, least: int) -> Whole:
    """Return which of some independent trials succeed, in order, given that ``least`` 0 or 1 do.

    Drawn as the gaps between them, so that the cost is that of the successes and not of the trials.
    """
    most, miss = _most(trials, prob), math.log1p(-prob)
    while True:
        # The first success by inversion of its geometric law, cut off behind the last trial if
        # there must be one.
        u = generator.random() * (-math.expm1(trials * miss) if least else 1.0)
        first = min(int(math.log1p(-u) / miss), trials - least)
        gaps = np.minimum(generator.geometric(prob, most), trials)
        # In floating point, which is exact as far as the trials go and does not wrap around.
        success = first + np.append(0.0, gaps.cumsum(dtype=np.float64))
        success = success[success < trials]
        if len(success) <= most:
            return success.astype(np.int64)


def _lists(ends: Whole, num_nodes: int) -> tuple[Whole, NDArray[np.int32]]:
    """Return the adjacency lists of links ``(links, 2)`` between n nodes.

    Returns:
        ``start`` ``(n + 1,)`` and ``neighbour`` ``(2 links,)``: the sorted neighbours of node x are
        ``neighbour[start[x]:start[x + 1]]``.
    """
    u, v = ends.T
    key = np.sort(np.concatenate([u * num_nodes + v, v * num_nodes + u]))
    start = np.searchsorted(key, np.arange(num_nodes + 1) * num_nodes)
    return start, (key % num_nodes).astype(np.int32)


def _ranges(start: NDArray[Any], count: NDArray[Any]) -> Whole:
    """Return the numbers start, start + 1, ..., ``count`` of them, for each start, all in one row."""
    first = start - count.cumsum() + count
    return np.asarray(first.repeat(count) + np.arange(count.sum()))


GraphPoolEnv, GraphPoolVectorEnv = environments(GraphPool)
