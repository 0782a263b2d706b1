"""Asking for many things at once: rate limits are waited out, what is too much at once is asked for in parts.

GitLab refuses a query that is too complex and gives up on one that takes too long, so the number of things per request
is found by trying: half as many after a refusal, twice as many after a success.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import CredentialsError, RefusedError, TransientError

AT_FIRST, AT_MOST = 50, 100  # things a request; a page of GraphQL has a hundred at most
FORGIVEN = 8  # portions in a row after which a larger one is tried again
TRIES = 6  # where GitLab does not say when to come back
SHORTEST_WAIT = timedelta(milliseconds=100)
LONGEST_WAIT = timedelta(minutes=10)  # for one answer; a limit that opens later is told, not waited for
TOO_MANY = 429
UNWELL = (TOO_MANY, 502, 503, 504)

T = TypeVar("T")
R = TypeVar("R")


class Asker:
    """GitLab with patience, and a count of the calls. Safe to share between threads."""

    def __init__(self, api: Api, count: Callable[[], int], wait: Callable[[float], None]) -> None:
        """`count` are the calling thread's requests so far; `wait` sleeps so many seconds."""
        self.api = api
        self._count = count
        self._wait = wait
        self._lock = threading.Lock()
        self._requests = 0

    @property
    def requests(self) -> int:
        """Calls so far, repeated ones included."""
        return self._requests

    def graphql(self, query: str, variables: Mapping[str, Json]) -> dict[str, Json]:
        """See Api.graphql."""
        return self.patiently(lambda: self.api.graphql(query, variables))

    def patiently(self, call: Callable[[], R]) -> R:
        """What `call` returns, tried anew while GitLab is busy or our budget is spent.

        Raises: TransientError, RefusedError.
        """
        waited, failures = timedelta(), 0
        while True:
            before = self._count()
            try:
                return call()
            except TransientError as error:
                told = error.retry_after
                failures += told is None
                pause = timedelta(seconds=2**failures) if told is None else max(told, SHORTEST_WAIT)
                waited += pause
                busy = told is not None or error.status in UNWELL
                if not busy or failures == TRIES or waited > LONGEST_WAIT:
                    raise
            finally:
                with self._lock:
                    self._requests += self._count() - before
            self._wait(pause.total_seconds())


class Portion:
    """How many things to ask for at once."""

    def __init__(self) -> None:
        self.size = AT_FIRST
        self._ceiling = AT_MOST
        self._fine = 0

    def grew(self) -> None:
        """The last portion was fine."""
        self._fine += 1
        if self._fine % FORGIVEN == 0:
            self._ceiling = min(AT_MOST, self._ceiling * 2)
        self.size = min(self._ceiling, self.size * 2)

    def refused(self) -> None:
        """The last portion was too much. Half of it is the most for some time."""
        self._fine = 0
        self.size = self._ceiling = max(1, self.size // 2)


def hopeless(error: RefusedError | TransientError) -> bool:
    """Whether asking for less would not help: it is about who we are, or about too many requests."""
    return isinstance(error, CredentialsError) or error.status == TOO_MANY


def in_portions(
    things: Sequence[T], portion: Portion, ask: Callable[[Sequence[T]], R]
) -> Iterator[tuple[Sequence[T], R | RefusedError | TransientError]]:
    """Ask for all things, a portion at a time; a thing that fails even alone comes with its error."""
    place = 0
    while place < len(things):
        some = things[place : place + portion.size]
        try:
            answer = ask(some)
        except (RefusedError, TransientError) as error:
            if hopeless(error):
                raise
            if len(some) > 1:
                portion.refused()
                continue
            yield some, error
            portion.grew()
        else:
            yield some, answer
            portion.grew()
        place += len(some)
