"""Runs on the machines of a Ray cluster: the lease loop stays here, and chunks travel."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Sequence

from ...envs.core import InputError
from ...envs.core.cluster import Calls
from .board import Chunk
from .sharing import Claim, Found, Played, WorkerLost, play_group

TRIES = 4
"""How often a chunk is played whose player is lost each time."""


class Nodes(Calls):
    """Plays a group of chunks on every CPU of a cluster; those of a lost machine are played again.

    Args:
        address: Of the cluster.
        look: Called now and then.
    """

    def __init__(self, address: str, look: Callable[[], None]) -> None:
        if importlib.util.find_spec("ray") is None:
            raise InputError(
                "--ray needs the extra 'ray'; install it with pip install 'discovery-gym[ray]'."
            )
        try:
            super().__init__(_play, address)
        except (ConnectionError, ValueError) as error:
            raise InputError(f"There is no Ray cluster at {address!r}: {error}") from None
        self._look, self._lost = look, Counter[str]()

    def play(self, claim: Claim) -> Played:
        """Play groups as long as there are any; yield those that have ended."""
        try:
            while self._start(claim):
                yield from self._ended()
        finally:
            self.end()

    def _start(self, claim: Claim) -> bool:
        """Begin to play as many groups as there are CPUs; return whether any is played."""
        while self.free and (group := claim()):
            self.call(group, group)
        return self.busy

    def _ended(self) -> Played:
        """Wait for a moment; yield the groups that have ended."""
        for group, found, lost in self.answers():
            if isinstance(found, str):
                raise InputError(found)
            if lost is not None:
                self._lost.update(chunk.id for chunk in group)
                chunk = max(group, key=lambda one: self._lost[one.id])
                if self._lost[chunk.id] >= TRIES:
                    spec = chunk.run.spec
                    raise WorkerLost(
                        f"{spec.name} on {spec.task} was lost by Ray {TRIES} times: {lost}"
                    )
            yield group, found
        self._look()


def _play(group: Sequence[Chunk]) -> list[Found] | str:
    """Play a group on one of the machines; return what came of it, or why nothing does."""
    try:
        return play_group(group)
    except InputError as error:  # code or data there is other than here
        return str(error)
