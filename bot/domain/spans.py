"""Pieces of work that are measured and traced: their names, and what may be said of them."""

from __future__ import annotations

from enum import StrEnum

Fact = str | int
"""What is said of a piece of work: names, counts and paths of an API. Never a body, a header or a query."""


class SpanName(StrEnum):
    """A piece of work, from its beginning to its end."""

    TURN = "turn"
    JOB = "job"
    LOOK = "look"
    ACTION = "action"
    UPLOAD = "upload"
    REQUEST = "gitlab.request"
