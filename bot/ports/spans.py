"""Who hears of pieces of work: metrics count and time them, traces show them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from bot.domain.spans import Fact, SpanName


class Span(Protocol):
    """A piece of work under way."""

    def tell(self, **facts: Fact) -> None:
        """Say more of it. Never raises."""


class Spans(Protocol):
    """Hears of pieces of work. One that is begun within another, in the same thread, is a part of it."""

    def span(self, name: SpanName, **facts: Fact) -> AbstractContextManager[Span]:
        """A piece of work, as long as the block; what the block raises goes on its way."""


class Unheard:
    """Both, where nobody listens."""

    def span(self, name: SpanName, **facts: Fact) -> AbstractContextManager[Span]:
        """Nothing."""
        del name, facts
        return nullcontext(self)

    def tell(self, **facts: Fact) -> None:
        """Nobody."""


UNHEARD = Unheard()
