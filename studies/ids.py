"""Ids that are numbers, "1" to "n", of which a large study holds none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload


@dataclass(frozen=True, eq=False)
class Numbers(Sequence[str]):
    """Whole numbers as texts, such as "1", "2", "3": made when they are looked at.

    It equals a tuple, or any other sequence, of the same texts.

    Args:
        range: The numbers.
    """

    range: range

    def __len__(self) -> int:
        return len(self.range)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Numbers: ...
    def __getitem__(self, index: int | slice) -> str | Numbers:
        found = self.range[index]
        return Numbers(found) if isinstance(found, range) else str(found)

    def __iter__(self) -> Iterator[str]:
        return map(str, self.range)

    def __contains__(self, text: object) -> bool:
        return text in Places(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Numbers):
            return self.range == other.range
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # that of an equal tuple would need all texts


@dataclass(frozen=True, eq=False)
class Places(Mapping[str, int]):
    """Where each text stands in `Numbers`, counted from 0."""

    numbers: Numbers

    def __getitem__(self, text: Any) -> int:
        try:
            number = int(text)
            if str(number) == text:
                return self.numbers.range.index(number)
        except (TypeError, ValueError, OverflowError):
            pass
        raise KeyError(text)

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def joined(first: Sequence[str], then: Sequence[str]) -> Sequence[str]:
    """Return ids one after the other; numbers that go on stay numbers."""
    if (
        isinstance(first, Numbers)
        and isinstance(then, Numbers)
        and first.range.stop == then.range.start
    ):
        return Numbers(range(first.range.start, then.range.stop))
    return *first, *then
