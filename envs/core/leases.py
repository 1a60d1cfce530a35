"""Leases: who of some processes, on one machine or many, works on what, told by files that they share.

A lease saves work, and nothing rests on it: what is done under it must be a pure function of its key, so
that a second owner finds the same once more.

Each owner has a file, its pulse, into which a thread writes a new number now and then. A lease is
another name of that file: a hard link, which the file system gives to one of those who ask at once, and
which costs no write. Whoever meets a lease whose pulse has stood still for a while, by its own monotonic
clock, takes it away: clocks of two machines are never compared. On Linux it need not wait for a process
of its own machine that is dead.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from .files import SUFFIX, link, sweep, writing_to

EXPIRY = 60.0
"""Seconds after which a pulse that has stood still is that of a dead owner; tests set fewer."""
VARIABLE = "DISCOVERY_GYM_EXPIRY"
LEASE = ".lease"
"""How the name of a lease ends, after its key."""
BEATS = 6
"""Beats within the time after which an owner counts as dead."""


class Leases:
    """Leases of keys in a folder, as one owner: claim, work, release; close it in the end.

    Args:
        folder: The folder, which is made if it is not there; other files may be in it.

    Raises:
        InputError: Nothing can be written there. So does every method once the folder is gone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.expiry = float(os.environ.get(VARIABLE, EXPIRY))
        self.owner = f"{_home()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._pulse = (
            folder / f".{self.owner}{SUFFIX}"
        )  # swept as a rest some time after the last beat
        self._beats = 0
        self._mine: set[str] = set()
        self._seen: dict[bytes, tuple[bytes, float]] = {}
        self._closed = threading.Event()
        self._lock = threading.Lock()  # nothing is claimed while, or after, all is let go
        with writing_to(folder, "leases"):
            folder.mkdir(parents=True, exist_ok=True)
            sweep(folder)
            self._beat()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        self._thread.start()

    def claim(self, key: str) -> bool:
        """Return whether a key is ours from now on; False if it is ours already, or another's."""
        lease = self._path(key)
        with self._lock, writing_to(self.folder, "leases"):
            while key not in self._mine and not self._closed.is_set():
                try:
                    link(self._pulse, lease)
                except FileExistsError:
                    if not self._is_ours(lease):  # on a network the reply may have been lost
                        if self._taken_away(lease):
                            continue
                        return False
                except FileNotFoundError:  # we slept for long, and it was swept
                    self._beat()
                    continue
                self._mine.add(key)
                return True
        return False

    def release(self, key: str) -> None:
        """Let a key go; it may have been taken away meanwhile."""
        self._mine.discard(key)
        lease = self._path(key)
        if self._is_ours(lease):
            with contextlib.suppress(OSError):
                lease.unlink()

    def close(self) -> None:
        """Let all keys go, and claim no more."""
        self._closed.set()
        self._thread.join(1.0)
        with self._lock:
            for key in list(self._mine):
                self.release(key)
            with contextlib.suppress(OSError):
                self._pulse.unlink()

    def __enter__(self) -> Leases:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{LEASE}"

    # ---- our pulse

    def _beat(self) -> None:
        """Write our pulse, in place: all our leases show it, and a full disk does not hinder it."""
        self._beats += 1
        with os.fdopen(os.open(self._pulse, os.O_WRONLY | os.O_CREAT, 0o644), "w") as file:
            file.write(f"{self.owner} {self._beats:012d}")

    def _keep_beating(self) -> None:
        while not self._closed.wait(self.expiry / BEATS):
            with contextlib.suppress(OSError):  # then others do our work once more
                self._beat()

    def _is_ours(self, lease: Path) -> bool:
        try:
            return lease.samefile(self._pulse) or lease.read_text().startswith(self.owner)
        except (OSError, ValueError):
            return False

    # ---- those of others

    def _taken_away(self, lease: Path) -> bool:
        """Take a lease away if its owner is dead; return whether it is gone."""
        try:
            content = lease.read_bytes()
            if not self._is_dead(content):
                return False
            aside = self.folder / f".{uuid.uuid4().hex}{SUFFIX}"
            lease.rename(aside)
        except FileNotFoundError:  # its owner has finished, or another thief was first
            return True
        try:
            if aside.read_bytes() == content:
                return True
            with contextlib.suppress(FileExistsError):  # it had got a new owner: give it back
                link(aside, lease)
            return False
        finally:
            aside.unlink(missing_ok=True)

    def _is_dead(self, content: bytes) -> bool:
        """Return whether a pulse has stood still for long enough, since we saw it for the first time."""
        owner = content.partition(b" ")[0]
        last, deadline = self._seen.get(owner, (None, 0.0))
        if content == last:
            return _has_ended(owner) or time.monotonic() >= deadline
        wait = self.expiry * (1 + os.urandom(1)[0] / 512)  # thieves do not come all at once
        self._seen[owner] = content, time.monotonic() + wait
        return _has_ended(owner)


@lru_cache
def _home() -> str:
    """Return what tells processes that see each other's numbers from others; empty if nothing does."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text()
        return sha256(f"{started} {Path('/proc/self/ns/pid').readlink()}".encode()).hexdigest()[:12]
    except OSError:
        return ""


def _has_ended(owner: bytes) -> bool:
    """Return whether an owner was a process of this machine and is no more."""
    home, _, rest = owner.decode(errors="replace").partition("-")
    pid = rest.partition("-")[0]
    if not home or home != _home() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False
