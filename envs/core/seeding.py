"""The generators of many episodes: array arithmetic, bit for bit `numpy.random.default_rng`.

A vector environment seeds episode i with s + i. One by one, the generators of 100,000 episodes take
more than a second. Their states are integers: here all of them are computed at once, and a generator
is made when something asks for it.

Source: M. O'Neill, "PCG: a family of simple fast space-efficient statistically good algorithms for
random number generation" (2014), XSL-RR 128/64; the hash is NumPy's `SeedSequence` (NEP 19), which
NumPy keeps as it is for the sake of reproducible streams.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.random.bit_generator import ISpawnableSeedSequence
from numpy.typing import DTypeLike, NDArray

from .arrays import Array, Whole

Words: TypeAlias = NDArray[Any]
"""An array of uint64 (or uint32); NumPy's types do not say that shifts keep it."""

LARGEST = 2**128
"""Seeds from here on have more words than the hash takes in at once."""
FEW = 64
"""Numbers of an episode up to which arithmetic on all episodes beats a generator for each."""
BLOCK = 4096
"""Seeds handled together: what is known of them stays in the cache."""
_POOL = 4  # words of the hash's state
_MULTIPLIER = np.uint64(2549297995355413924), np.uint64(4865540595714422341)


class ByEpisode(Protocol):
    """Whatever gives the generator of each episode."""

    def __getitem__(self, episode: int, /) -> np.random.Generator:
        """Return the generator of an episode."""


class Generators:
    """The generators of B episodes, each made when it is asked for.

    Args:
        count: The number B of episodes; they need `reseed` or `adopt` before use.
    """

    def __init__(self, count: int) -> None:
        self._seeds: Sequence[int] = [-1] * count
        self._states = np.zeros((4, count), np.uint64)
        self._made: list[np.random.Generator | None] = [None] * count  # these keep their own state
        self._fresh = np.zeros(count, np.bool_)  # episodes whose generator is new
        self.any_fresh = False

    def reseed(self, index: Sequence[int], seeds: Sequence[int] | range) -> None:
        """Give the episodes ``index``, in rising order, the generators of seeds >= 0."""
        if not len(seeds):
            return
        large = seeds[-1] >= LARGEST if isinstance(seeds, range) else max(seeds) >= LARGEST
        if len(index) == len(self) and not large:
            self._seeds, self._made = seeds, [None] * len(self)
            self._states = default_states(seeds)
            self._fresh[:] = self.any_fresh = True
            return
        for i, seed in zip(index, seeds, strict=True):
            self.adopt(i, np.random.default_rng(seed), seed)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of every episode; -1 where there is none yet, or a generator was adopted."""
        return tuple(self._seeds)

    def adopt(self, episode: int, generator: np.random.Generator, seed: int = -1) -> None:
        """Give an episode a generator that was made elsewhere; its own one changes nothing."""
        if self._made[episode] is generator:
            return
        if not isinstance(self._seeds, list):
            self._seeds = list(self._seeds)
        self._seeds[episode], self._made[episode] = seed, generator
        self._fresh[episode] = self.any_fresh = True

    def take_fresh(self, index: Whole) -> Whole:
        """Return which of some episodes have a generator that is new since this was asked last."""
        fresh = index[self._fresh[index]]
        self._fresh[fresh] = False
        self.any_fresh = bool(self._fresh.any())
        return fresh

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, episode: int) -> np.random.Generator:
        made = self._made[episode]
        if made is None:
            made = np.random.Generator(
                np.random.PCG64(_Seed(self._seeds[episode]))  # type: ignore[arg-type]
            )
            set_state(made.bit_generator, packed(self._states[:, episode, None])[0])
            self._made[episode] = made
        return made

    def __iter__(self) -> Iterator[np.random.Generator]:
        return (self[i] for i in range(len(self)))

    def words(self, index: Whole) -> Words:
        """Return the next 64 random bits of some episodes, ``(E,)``."""
        if not self._unmade(index):
            return np.array([self[i].integers(2**64, dtype=np.uint64) for i in index.tolist()])
        if len(index) == len(self):
            return advance(self._states)
        states = self._states[:, index]
        drawn = advance(states)
        self._states[:, index] = states
        return drawn

    def uniforms(self, index: Whole, count: int) -> Array:
        """Return ``random(count)`` of some episodes, numbers in [0, 1), ``(E, count)``."""
        numbers = np.empty((len(index), count))
        if count <= FEW and self._unmade(index):
            for column in numbers.T:
                column[:] = doubles(self.words(index))
        else:
            for i, row in zip(index.tolist(), numbers, strict=True):
                self[i].random(out=row)
        return numbers

    def _unmade(self, index: Whole) -> bool:
        """Return whether all of some episodes still have their state here."""
        if len(index) == len(self):
            return self._made.count(None) == len(self)
        return all(self._made[i] is None for i in index.tolist())


class _Seed(ISpawnableSeedSequence):
    """The seed of a generator whose state is set afterwards; it serves `spawn` alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._sequence: np.random.SeedSequence | None = None

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint32) -> NDArray[Any]:
        """Return zeros, which stand for the state."""
        return np.zeros(n_words, dtype)

    def spawn(self, n_children: int) -> list[Any]:
        """Return the children that ``SeedSequence(seed)`` has."""
        if self._sequence is None:
            self._sequence = np.random.SeedSequence(self.seed)
        return self._sequence.spawn(n_children)


class Borrowed(threading.local):
    """A generator of each thread that takes the states of others, much quicker than they are made.

    `memory.raw` is its state, as `packed` gives it, to be read and set. NumPy tells where its struct
    lies but not what stands in it: so far a pointer to the state, which follows. Where something else
    is found, `memory` is None. What leaves half of a number behind must not be drawn: 32 bits.
    """

    memory: ctypes.Array[ctypes.c_char] | None = None

    def __init__(self) -> None:
        bits = np.random.PCG64(0)
        self.generator = np.random.Generator(bits)
        struct = bits.ctypes.state_address
        address = ctypes.c_uint64.from_address(struct).value
        if 0 < address - struct <= 64:  # in the same object
            memory = (ctypes.c_char * 32).from_address(address)
            self.memory = memory if memory.raw == packed(default_states(range(1)))[0] else None


def packed(states: Words) -> list[bytes]:
    """Return B states ``(4, B)``, in the order of `default_states`, as bytes, the lowest first."""
    rows: list[bytes] = states[[1, 0, 3, 2]].T.astype("<u8", "C").view("V32")[:, 0].tolist()
    return rows


def set_state(bits: Any, packed: bytes) -> None:
    """Give a PCG64 a state that is `packed`."""
    state, step = (int.from_bytes(half, "little") for half in (packed[:16], packed[16:]))
    inner = {"state": state, "inc": step}
    bits.state = {"bit_generator": "PCG64", "state": inner, "has_uint32": 0, "uinteger": 0}


def default_states(seeds: Sequence[int] | range) -> Words:
    """Return state and increment of ``default_rng(seed)`` for B seeds in ``[0, 2^128)``.

    Returns:
        High and low word of the states, high and low word of the increments, ``(4, B)``.
    """
    states = np.empty((4, len(seeds)), np.uint64)
    for first in range(0, len(seeds), BLOCK):
        high, low = _split(seeds[first : first + BLOCK])
        out = _hash([half.astype(np.uint32) for word in (low, high) for half in (word, word >> 32)])
        words = [
            out[2 * i].astype(np.uint64) | out[2 * i + 1].astype(np.uint64) << 32 for i in range(4)
        ]
        states[:, first : first + BLOCK] = seeded(*words)
    return states


def seeded(start_high: Words, start_low: Words, odd_high: Words, odd_low: Words) -> Words:
    """Return the states ``(4, B)`` of PCG64, as in `default_states`, that four words each seed."""
    step = (odd_high << 1) | (odd_low >> 63), (odd_low << 1) | np.uint64(1)
    state = _add(*_multiply(*_add(*step, start_high, start_low), *_MULTIPLIER), *step)
    return np.stack([*state, *step])


def advance(states: Words) -> Words:
    """Let B generators ``(4, B)`` draw 64 bits each, in place; return them, ``(B,)``."""
    drawn = np.empty(states.shape[1], np.uint64)
    for first in range(0, len(drawn), BLOCK):
        part = states[:, first : first + BLOCK]
        high, low = _add(*_multiply(part[0], part[1], *_MULTIPLIER), part[2], part[3])
        part[0], part[1] = high, low
        folded, turn = high ^ low, high >> 58
        drawn[first : first + BLOCK] = (folded >> turn) | (folded << ((64 - turn) & 63))
    return drawn


def doubles(words: Words) -> Array:
    """Return the numbers in [0, 1) that NumPy makes of 64 random bits, of the same shape."""
    return np.asarray((words >> 11).view(np.int64) * 2.0**-53, np.float64)


def _split(seeds: Sequence[int] | range) -> tuple[Words, Words]:
    """Return the high and the low word of seeds below 2^128, each ``(B,)``."""
    if isinstance(seeds, range) and seeds.step == 1 and len(seeds):
        high, first = divmod(seeds.start, 2**64)
        low = np.arange(len(seeds), dtype=np.uint64) + np.uint64(first)
        return np.uint64(high) + (low < first).astype(np.uint64), low
    pairs = [divmod(seed, 2**64) for seed in seeds]
    high_words, low_words = np.array(pairs, np.uint64).reshape(-1, 2).T
    return high_words, low_words


def _hash(entropy: list[Words]) -> list[Words]:
    """Return the eight words that ``SeedSequence`` makes of four words of entropy."""
    factor = 0x43B0D7E5

    def mixed(value: Words) -> Words:
        nonlocal factor
        value = value ^ np.uint32(factor)
        factor = factor * 0x931E8875 & 0xFFFFFFFF
        value *= np.uint32(factor)
        value ^= value >> 16
        return value

    pool = [mixed(word) for word in entropy]
    for source in range(_POOL):
        for target in range(_POOL):
            if source != target:
                other = mixed(pool[source]) * np.uint32(0x4973F715)
                value = pool[target] * np.uint32(0xCA01F9DD) - other
                pool[target] = value ^ value >> 16
    factor, out = 0x8B51F9DD, []
    for i in range(2 * _POOL):
        value = pool[i % _POOL] ^ np.uint32(factor)
        factor = factor * 0x58F38DED & 0xFFFFFFFF
        value *= np.uint32(factor)
        out.append(value ^ value >> 16)
    return out


def _multiply(
    a_high: Words, a_low: Words, b_high: np.uint64, b_low: np.uint64
) -> tuple[Words, Words]:
    """Return the product of 128-bit numbers, modulo 2^128."""
    mask = np.uint64(0xFFFFFFFF)
    a0, a1, b0, b1 = a_low & mask, a_low >> 32, b_low & mask, b_low >> np.uint64(32)
    cross, other, lowest = a1 * b0, a0 * b1, a0 * b0
    middle = (lowest >> 32) + (other & mask) + (cross & mask)
    carry = a1 * b1 + (other >> 32) + (cross >> 32) + (middle >> 32)
    return carry + a_high * b_low + a_low * b_high, a_low * b_low


def _add(a_high: Words, a_low: Words, b_high: Words, b_low: Words) -> tuple[Words, Words]:
    """Return the sum of 128-bit numbers, modulo 2^128."""
    low = a_low + b_low
    return a_high + b_high + (low < a_low), low


BORROWED = Borrowed()
