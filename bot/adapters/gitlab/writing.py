"""Somebody is told of what changes GitLab: before it is sent, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.domain.errors import PutOffError, RefusedError

OnWrite = Callable[[str, str], Callable[[str], None]]
"""Is told method and path of a request that is to change something, before it is sent, and may raise: then it is not
sent. What it gives is told the outcome: `accepted`, `refused`, `unclear`, nothing for what was not sent after all."""


@contextmanager
def told_of(on_write: OnWrite | None, method: str, path: str) -> Iterator[None]:
    """Around one such request. What `on_write` raises is raised."""
    told = on_write(method, path) if on_write is not None else None
    outcome = "unclear"
    try:
        yield
        outcome = "accepted"
    except PutOffError:
        outcome = ""
        raise
    except RefusedError:
        outcome = "refused"
        raise
    finally:
        if told is not None:
            told(outcome)
