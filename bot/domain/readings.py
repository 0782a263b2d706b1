"""What the bot shows of itself while it runs: numbers at one moment, for `status` and for metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.replicas import Replica

FRESH = timedelta(seconds=30)  # a daemon writes every ten seconds; two that fail to come may be a busy disk


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """What one limit of GitLab still allows us.

    `left` are the requests that may be made at once, of at most `size`; it fills by `per_minute`. All three are None
    where no limit is known. `paused_until` is set while GitLab told us to stay away; `refused` counts its 429s and
    `put_off` the requests that were therefore not made, both since the start.
    """

    name: str
    left: int | None
    size: int | None
    per_minute: float | None
    paused_until: datetime | None
    refused: int
    put_off: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBudgetReading:
    """How a budget is shared: among so many processes; `away` says that the database could not be asked last time, and
    that this process lives on its fair share. `trades` counts the times it was asked, `failures` those that failed.
    """

    processes: int
    away: bool
    trades: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReading:
    """The API budget of one GitLab. `last_minute` counts the requests of the last minute.

    `requests` counts those since the start by endpoint class and how they were answered: `2xx` to `5xx`, `429`, `none`
    (no answer), `unseen` (made by twine, which does not say). `shared` is None where there is but one process.
    """

    instance: str
    lines: tuple[BudgetLine, ...]
    last_minute: int
    requests: tuple[tuple[str, str, int], ...]
    shared: SharedBudgetReading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonReading:
    """What a daemon wrote down of itself at `at`; `stopped` says that it then ended in good order.

    `polled_at` is when its last poll was completed, by our clock; None before the first.
    """

    version: str
    started_at: datetime
    at: datetime
    stopped: bool
    polled_at: datetime | None
    budget: BudgetReading


def is_alive(daemon: DaemonReading | None, replicas: Sequence[Replica], now: datetime) -> bool:
    """Whether a daemon was seen lately: where several share the state, one may have said goodbye for itself."""
    if daemon is None or now - daemon.at >= FRESH:
        return False
    return not daemon.stopped or any(one.alive for one in replicas)
