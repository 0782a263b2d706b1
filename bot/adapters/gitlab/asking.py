"""The way of every request to GitLab: the budget is asked first and hears how it ended; it is counted and timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.adapters.gitlab.answers import Answer
from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.endpoints import route
from bot.adapters.meter import Meter
from bot.domain.spans import SpanName
from bot.ports.spans import Spans


@dataclass(slots=True)
class Asked:
    """A request that may be made; whoever makes it puts down the answer, if there is one."""

    answer: Answer | None = None


class Asking:
    """Lets requests through, one after another as far as the budget allows. Safe to share between threads."""

    def __init__(self, budget: Budget, meter: Meter, spans: Spans) -> None:
        self._budget = budget
        self._meter = meter
        self._spans = spans

    @contextmanager
    def request(self, method: str, path: str) -> Iterator[Asked]:
        """Wait until there is room for a request; the block makes it. Raises: PutOffError, and what the block raises.

        `path` begins after `/api/v4`, or is a whole address; its host and what follows a `?` are told to nobody.
        """
        way = route(method, path)
        ticket = self._budget.ask(way)
        self._meter.tick()
        asked = Asked()
        facts = {"endpoint": way.endpoint.value, "method": method.upper(), "path": urlsplit(path).path}
        with self._spans.span(SpanName.REQUEST, **facts) as span:
            try:
                yield asked
            finally:
                self._budget.settle(ticket, asked.answer)
                span.tell(status=0 if asked.answer is None else asked.answer.status)
