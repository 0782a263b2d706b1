"""Tells every listener of pieces of work; there may be none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager

from bot.domain.spans import Fact, SpanName
from bot.ports.spans import UNHEARD, Span, Spans

Heard = Callable[[SpanName, Mapping[str, Fact], float], None]
"""Takes a piece of work that has ended: its name, what was said of it, and its seconds."""


class Hub:
    """Spans for all who asked to hear of them."""

    def __init__(self) -> None:
        self._listeners: tuple[Spans, ...] = ()

    def add(self, listener: Spans) -> None:
        """From now on it hears, too."""
        self._listeners = (*self._listeners, listener)

    def span(self, name: SpanName, **facts: Fact) -> AbstractContextManager[Span]:
        """See bot.ports.spans.Spans."""
        match self._listeners:
            case ():
                return UNHEARD.span(name, **facts)
            case (one,):
                return one.span(name, **facts)
            case several:
                return _together(several, name, facts)


class Timed:
    """Tells of each piece of work once it has ended, however it did."""

    def __init__(self, heard: Heard, clock: Callable[[], float] = time.monotonic) -> None:
        self._heard = heard
        self._clock = clock

    @contextmanager
    def span(self, name: SpanName, **facts: Fact) -> Iterator[Span]:
        """See bot.ports.spans.Spans."""
        notes = _Notes(facts)
        began = self._clock()
        try:
            yield notes
        finally:
            self._heard(name, notes.facts, self._clock() - began)


class _Notes:
    """What was said of one piece of work."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = dict(facts)

    def tell(self, **facts: Fact) -> None:
        """Remember it."""
        self.facts |= facts


class _All:
    """One piece of work as all listeners have it."""

    def __init__(self, spans: tuple[Span, ...]) -> None:
        self._spans = spans

    def tell(self, **facts: Fact) -> None:
        """Tell each."""
        for one in self._spans:
            one.tell(**facts)


@contextmanager
def _together(listeners: tuple[Spans, ...], name: SpanName, facts: Mapping[str, Fact]) -> Iterator[Span]:
    with ExitStack() as stack:
        yield _All(tuple(stack.enter_context(one.span(name, **facts)) for one in listeners))
