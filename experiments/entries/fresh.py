"""Fresh seeds: does an entry earn as much on episodes that nobody could know?

Public seeds can be read, tuned on, and the best of many runs on them handed in. So a verifier keeps a
secret, publishes its `commitment`, waits until the entry is deposited, which fixes its digest, and only
then derives the seeds from both: neither side can choose them. The code that plays is named by the
verifier and never taken from an entry.

Means are compared, for a score is a mean, by Welch's test, which lets variances and numbers of episodes
differ; the test of Mann and Whitney compares ranks, which a few very good episodes hardly move. It is
one-sided: only what is better on public seeds is suspicious. Tasks of an entry share its level.

Sources: B. Welch, Biometrika 34 (1947) 28; H. Krawczyk, M. Bellare, R. Canetti, "HMAC", RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...envs.core import InputError, shown
from ...envs.core.arrays import Array
from ...envs.core.checks import integer
from ..runs.chunks import stage
from ..runs.evaluation import EVALUATION_SEED, Evaluation, joined, played, player_of
from ..runs.record import Record
from ..runs.scores import gains
from ..runs.spec import RunSpec

LEVEL = 0.001
"""Chance that an honest entry is not confirmed, over all its tasks together."""
SEEDS = 2**62
"""Seeds of episodes are smaller."""
SHORTEST = 16
"""Bytes of a secret at least, so that its commitment does not give it away."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What an entry earned on fresh seeds, against what it earned on public ones.

    Args:
        task: The task.
        episodes: Number of fresh episodes.
        public: Mean of minus the regret, or else of the return, on the public seeds.
        fresh: The same on the fresh seeds.
        p: Chance of so large a fall if both had the same mean.
        level: The p below which the entry is not confirmed.
        evaluation: The fresh episodes.
    """

    task: str
    episodes: int
    public: float
    fresh: float
    p: float
    level: float
    evaluation: Evaluation

    @property
    def confirmed(self) -> bool:
        """Whether the public result holds."""
        return self.p >= self.level

    @property
    def words(self) -> str:
        """What was found, in one sentence."""
        found = "which confirms it" if self.confirmed else "which does NOT confirm it"
        what, sign = ("return", 1) if self.evaluation.regret is None else ("regret", -1)
        new, public = sign * self.fresh, sign * self.public
        return (
            f"{self.task}: {what} {new:,.5g} on {self.episodes:,} fresh seeds, {public:,.5g} on the "
            f"public ones (one-sided p = {self.p:.2g}), {found}."
        )


def commitment(secret: bytes) -> str:
    """Return what a verifier publishes before entries come: the SHA-256 of the secret."""
    return hashlib.sha256(_checked(secret)).hexdigest()


def seeds_of(secret: bytes, digest: str, count: int) -> list[int]:
    """Return fresh seeds: HMAC-SHA256 of the digest and a number, keyed by the secret.

    Args:
        secret: The verifier's secret, at least 16 bytes.
        digest: Digest of the entry.
        count: Number of seeds; they lie in the range of evaluation, from `EVALUATION_SEED` on.
    """
    key = _checked(secret)
    count = integer("count", count, low=2, high=1_000_000)
    codes = (hmac.digest(key, f"{digest}:{i}".encode(), "sha256") for i in range(count))
    room = SEEDS - EVALUATION_SEED
    return [EVALUATION_SEED + int.from_bytes(code[:16]) % room for code in codes]


def fresh(agent_text: str, spec: RunSpec, count: int, secret: bytes, digest: str) -> Evaluation:
    """Play fresh seeds of a run's task and return what the agent achieved; no exact value is computed.

    Args:
        agent_text: What plays, as the verifier names it; the agent of the run is not looked at.
        spec: The run whose environment is played.
        count: Number of episodes.
        secret: The verifier's secret.
        digest: Digest of the entry.

    Raises:
        InputError: What `evaluate` raises of an agent or an environment.
    """
    seeds, parts = seeds_of(secret, digest, count), []
    width = min(spec.chunk, count)
    for first in range(0, count, width):
        with stage(spec.env_id, spec.env_kwargs, width) as venv:
            player = player_of(agent_text, venv, 0, first)
            parts.append(played(venv, player, seeds[first : first + width]))
    return joined(parts).changed(env_id=spec.env_id, env_kwargs=spec.env_kwargs)


def confirm(
    records: Iterable[Record], agent_text: str, count: int, secret: bytes
) -> list[Confirmation]:
    """Return how the runs of an entry compare with fresh seeds, task by task.

    Args:
        records: The runs of one entry, as they were verified.
        agent_text: What plays, as the verifier names it, such as ``"module:Name(width=2)"``.
        count: Number of fresh episodes of each task.
        secret: The verifier's secret, at least 16 bytes.

    Raises:
        InputError: A run that belongs to no entry or has failed, or what `evaluate` raises.
    """
    records, found = list(records), []
    for record in records:
        if record.entry is None or record.evaluation is None:
            raise InputError(
                f"The run on {shown(record.spec.task)} is not a verified one of an entry."
            )
        again = fresh(agent_text, record.spec, count, secret, record.entry["digest"])
        public, new = gains(record.evaluation), gains(again)
        found.append(
            Confirmation(
                task=record.spec.task,
                episodes=count,
                public=float(public.mean()),
                fresh=float(new.mean()),
                p=_fall(public, new),
                level=LEVEL / len(records),
                evaluation=again,
            )
        )
    return found


def _fall(public: Array, new: Array) -> float:
    """Return the p of Welch's one-sided test that the mean on new seeds is no lower."""
    if len(public) < 2:
        raise InputError(
            "One public episode is too few to compare with; an entry needs two at least."
        )
    scale = max(np.abs(public).max(), np.abs(new).max(), 1e-300)
    if max(np.ptp(public), np.ptp(new)) <= 1e-12 * scale:  # nothing varies: they are equal or not
        return float(public.mean() <= new.mean() + 1e-9 * scale)
    from scipy.stats import ttest_ind_from_stats  # slow to import, so only when it is asked for

    moments = [(one.mean(), one.std(ddof=1), len(one)) for one in (public, new)]
    # Not ttest_ind, which warns where one of them does not vary.
    test = ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False, alternative="greater")
    return float(test.pvalue)


def _checked(secret: Any) -> bytes:
    """Return a secret that is long enough."""
    if not isinstance(secret, bytes) or len(secret) < SHORTEST:
        found = f"{len(secret)} of them" if isinstance(secret, bytes) else type(secret).__name__
        raise InputError(
            f"A secret must be at least {SHORTEST} bytes, such as secrets.token_bytes(32), not {found}."
        )
    return secret
