"""Random streams: what the seed of an episode means.

Every row of a vector environment owns the generator of its seed. Hidden parameters are drawn from it
at each reset. Then the first reset takes a key of 64 bits from it, and all noise is keyed: number j of
step t of the n-th episode is output 2^32 n + m t + j of SplitMix64 started at the key, with m the most
numbers that a step may read. Where one uniform number is not enough, as for a histogram, noise is drawn
from a generator of the step, seeded by a hash of (key, n, t).

Source of the hash: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014, with the constants of S. Vigna.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray

from .arrays import Array, Whole
from .seeding import BORROWED, Generators, Words, doubles, packed, seeded, set_state

GOLDEN = 0x9E3779B97F4A7C15
"""Distance of two numbers of SplitMix64 before they are mixed."""
EPISODE = 2**32
"""Numbers that an episode may read."""
TOGETHER = 1024
"""Numbers that are hashed together: few, since those of an episode that restarts are hashed again."""
MOST_STEPS = 16
"""Steps that are hashed together at most."""
MADE = 32
"""Episodes from which on their generators are borrowed for normal numbers, and not made."""
FEW = 64
"""Normal numbers of an episode up to which hashing is the quickest way to them."""
PART = 8192
"""Episodes whose numbers stay in the cache while they are hashed."""


def _constant(value: int) -> Words:
    """Return a number as an array, which NumPy takes in faster than a scalar."""
    return np.array(value % 2**64, np.uint64)


_FIRST, _SECOND = _constant(0xBF58476D1CE4E5B9), _constant(0x94D049BB133111EB)
_30, _27, _31, _11 = map(_constant, (30, 27, 31, 11))
_UNIT = np.array(2.0**-53)
_ONE, _GOLDEN = _constant(1), _constant(GOLDEN)
_EPISODE = _constant(EPISODE * GOLDEN)


def mix(words: Words, work: Words | None = None) -> Words:
    """Mix the bits of words as SplitMix64 does, in place, and return them.

    Args:
        words: Any number of words.
        work: An array of the same shape to work in; None makes one.
    """
    work = np.right_shift(words, _30, work)
    np.bitwise_xor(words, work, words)
    np.multiply(words, _FIRST, words)
    np.right_shift(words, _27, work)
    np.bitwise_xor(words, work, words)
    np.multiply(words, _SECOND, words)
    np.right_shift(words, _31, work)
    return np.bitwise_xor(words, work, words)


def hashed(key: Words, number: NDArray[Any]) -> Words:
    """Return the outputs ``number`` (from 0 on) of SplitMix64 started at ``key``, broadcast."""
    return mix(key + (number.astype(np.uint64) + _ONE) * _GOLDEN)


class Random(Protocol):
    """What arrays of random numbers are drawn from: NumPy's generator, or one for each episode."""

    def random(self, size: Any) -> Array:
        """Return numbers in [0, 1)."""

    def standard_normal(self, size: Any, dtype: Any = np.float64) -> NDArray[Any]:
        """Return normal numbers."""


class KeyedRandom:
    """The random numbers of one step of B episodes, each a function of the episode's key alone.

    It draws arrays as NumPy's generator does, with the B episodes along the first axis.

    Args:
        keys: A key for each episode and step, ``(B,)``.
        root: Key of what the episodes may share, ``(1,)``; None: they share nothing.
        steps: The step of each episode, ``(B,)``: those of one step share what is drawn once for all.
    """

    def __init__(self, keys: Words, root: Words | None = None, steps: Whole | None = None) -> None:
        self._keys, self._root, self._steps = keys, root, steps
        self._read = 0
        self._made: dict[int, np.random.Generator] = {}  # the generators that were handed out
        self._seeds: Words | None = None  # (B, 4) of all of them, once one is asked for
        self._states: list[bytes] = []  # of those that were not handed out, once many were needed

    def __len__(self) -> int:
        return len(self._keys)

    def random(self, size: int | tuple[int, ...]) -> Array:
        """Return the next numbers in [0, 1) of every episode, for a few of them, ``(B, ...)``."""
        shape = self._shape(size)
        count = prod(shape[1:])
        numbers = np.arange(self._read, self._read + count)
        self._read += count
        return doubles(hashed(self._keys[:, None], numbers)).reshape(shape)

    def standard_normal(self, size: int | tuple[int, ...], dtype: Any = np.float64) -> NDArray[Any]:
        """Return normal numbers, many of an episode from its generator, ``(B, ...)``."""
        shape = self._shape(size)
        if prod(shape[1:]) <= FEW:  # then a generator would take longer to make
            from scipy.special import ndtri  # slow to import, so only when it is needed

            return np.asarray(ndtri(np.maximum(self.random(shape), 2.0**-54)), dtype)
        numbers = np.empty(shape, dtype)
        for i in range(shape[0]):
            self[i].standard_normal(dtype=dtype, out=numbers[i : i + 1])
        return numbers

    def normals(self, episodes: Whole, counts: Whole) -> Array:
        """Return so many normal numbers of the generator of each of some episodes, in one row."""
        numbers, begin, rows = np.empty(counts.sum()), 0, episodes.tolist()
        memory = BORROWED.memory if len(rows) > MADE else None
        each = map(self.__getitem__, rows) if memory is None else self._borrow(rows, memory)
        for generator, end in zip(each, counts.cumsum().tolist(), strict=True):
            generator.standard_normal(out=numbers[begin:end])
            begin = end
        return numbers

    def _borrow(self, episodes: list[int], memory: Any) -> Iterator[np.random.Generator]:
        """Return the generator of each of some episodes, to draw doubles from before the next one."""
        states = self._states = self._states or packed(seeded(*self._seed_words().T))
        generator, made = BORROWED.generator, self._made
        for i in episodes:
            if i in made:
                yield made[i]
            else:
                memory.raw = states[i]
                yield generator
                states[i] = memory.raw

    def __getitem__(self, episode: int) -> np.random.Generator:
        """Return the generator of an episode for this step; asked again, it goes on."""
        if episode not in self._made:
            bits = np.random.PCG64(_Words(self._seed_words()[episode]))  # type: ignore[arg-type]
            if self._states:
                set_state(bits, self._states[episode])
            self._made[episode] = np.random.Generator(bits)
        return self._made[episode]

    def _seed_words(self) -> Words:
        """Return what seeds the generators, far from the numbers hashed from their keys, ``(B, 4)``."""
        if self._seeds is None:
            self._seeds = hashed(self._keys[:, None], np.arange(4) + 2**62)
        return self._seeds

    def groups(self) -> Iterator[tuple[Whole, np.random.Generator]]:
        """Return the groups of episodes that share what is drawn once for all, with a generator each."""
        if self._root is None or self._steps is None:
            for i in range(len(self)):
                yield np.array([i]), self[i]
            return
        for step in np.unique(self._steps):
            key = hashed(self._root, np.array([step]))[0]
            yield (self._steps == step).nonzero()[0], keyed_generator(key)

    def _shape(self, size: int | tuple[int, ...]) -> tuple[int, ...]:
        shape = (size,) if isinstance(size, int | np.integer) else tuple(size)
        assert shape[0] == len(self)  # the first axis is that of the episodes
        return shape


def keyed_generator(key: Any) -> np.random.Generator:
    """Return the generator of a key."""
    return KeyedRandom(np.array([key], np.uint64))[0]


def generator_of(random: Random, episode: int) -> np.random.Generator:
    """Return the generator of an episode, or the one of all."""
    return random[episode] if isinstance(random, KeyedRandom) else random  # type: ignore[return-value]


def groups_of(random: Random, count: int) -> Iterator[tuple[Whole, np.random.Generator]]:
    """Return groups of the B episodes that may share what is drawn, and the generator of each group."""
    if isinstance(random, KeyedRandom):
        yield from random.groups()
    else:
        yield np.arange(count), random  # type: ignore[misc]


class _Words(ISeedSequence):
    """Words that seed a generator as they are."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint64) -> NDArray[Any]:
        return self.words


class Streams:
    """The random numbers of B rows, each with one episode after the other.

    At a reset, parameters are drawn from `generators`. In a step, noise comes by `uniform` or, where
    one number is not enough, from `noise`.

    Args:
        num_episodes: The number B.
        per_step: The most numbers m that a step reads by `uniform` (`Model.uniforms`).
    """

    def __init__(self, num_episodes: int, per_step: int) -> None:
        self.generators = Generators(num_episodes)
        self._per_step = max(1, per_step)
        # Where the numbers of this step begin if step 0 began at 0; where those of each episode begin
        # less what that was at its start; and where those of its next episode begin.
        self._place, self._stride = 0, self._per_step * GOLDEN
        self._key = np.zeros(num_episodes, np.uint64)
        self._next = np.zeros(num_episodes, np.uint64)
        steps = max(1, min(TOGETHER // (num_episodes * self._per_step), MOST_STEPS))
        self._block = np.empty((steps * self._per_step, num_episodes))
        self._parts: list[tuple[Words, ...]] | None = None
        # First row of this step in the block, and the next one to read; its end, if none are left.
        self._step = self._row = len(self._block)
        self._rows = (np.arange(len(self._block), dtype=np.uint64)[:, None] + 1) * np.uint64(GOLDEN)
        self._noise: KeyedRandom | None = None

    def begin(self, index: Whole) -> None:
        """Start the noise of new episodes in the rows ``index``; parameters have been drawn."""
        if self.generators.any_fresh:
            fresh = self.generators.take_fresh(index)
            self._next[fresh] = self.generators.words(fresh)
        start = self._next.take(index)
        self._key[index] = start - self._place
        self._next[index] = start + _EPISODE
        self._noise = None
        if len(index) == len(self._key):
            self._row = self._step = len(self._block)
        elif self._row < len(self._block):
            rows = self._rows[: len(self._block) - self._row]
            self._block[self._row :, index] = doubles(mix(start + rows))

    def next_step(self) -> None:
        """Go on to the next step of all episodes."""
        self._place = (self._place + self._stride) % 2**64
        # This skips the numbers that were not read, and perhaps the end of the block.
        self._row = self._step = self._step + self._per_step
        self._noise = None

    def uniform(self) -> Array:
        """Return the next number in [0, 1) of each episode in this step, shape ``(B,)``.

        It may be a view: for use at once, not to be kept or written to.
        """
        if self._row >= len(self._block):
            self._fill()
            self._row = self._step = 0
        self._row += 1
        numbers: Array = self._block[self._row - 1]
        return numbers

    def _fill(self) -> None:
        """Hash the numbers of this step and of the next ones."""
        if self._parts is None:
            self._parts = self._split()
        for key, rows, ahead, words, work, signed, block in self._parts:
            np.add(rows, self._place, ahead)
            np.add(key, ahead, words)
            np.right_shift(mix(words, work), _11, words)
            np.multiply(signed, _UNIT, block)

    def _split(self) -> list[tuple[Words, ...]]:
        """Return what each part of the block is made of, in, and written to: views, and room to work."""
        one = 0 if len(self._block) == 1 else slice(None)  # NumPy takes arrays of one axis faster
        rows, parts = self._rows[one], list[tuple[Words, ...]]()
        ahead = np.empty_like(rows)
        room = np.empty((2, len(self._block), min(len(self._key), PART)), np.uint64)
        for first in range(0, len(self._key), PART):
            key, block = self._key[first : first + PART], self._block[one, first : first + PART]
            words, work = (part[one, : len(key)] for part in room)
            parts.append((key, rows, ahead, words, work, words.view(np.int64), block))
        if len(self._key) == 1:  # likewise
            (key, *others), *_ = parts
            parts = [(key.reshape(()), *(other.reshape(-1) for other in others))]
        return parts

    def __getstate__(self) -> dict[str, Any]:
        """Leave the views out: those of a copy would be of nothing."""
        return {**self.__dict__, "_parts": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickle, also of one whose places were arrays."""
        places = {name: int(state[name]) for name in ("_place", "_stride") if name in state}
        self.__dict__.update(state, **places)

    @property
    def noise(self) -> KeyedRandom:
        """Further random numbers of this step: a generator for each episode."""
        if self._noise is None:
            # Far from what `uniform` reads.
            self._noise = KeyedRandom(mix(~(self._key + self._place)))
        return self._noise
