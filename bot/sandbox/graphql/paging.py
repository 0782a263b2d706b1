"""Connections: cursors, `first` and `last`, at most a hundred rows."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo

Node: TypeAlias = dict[str, object]
Info: TypeAlias = "GraphQLResolveInfo[object]"
PAGE_LIMIT = 100

T = TypeVar("T")


def encode_cursor(key: object) -> str:
    """An opaque cursor for a row's key."""
    return base64.urlsafe_b64encode(json.dumps({"id": str(key)}).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    try:
        return str(json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))["id"])
    except (ValueError, KeyError, TypeError):
        raise GraphQLError("Please provide a valid cursor") from None


def connection(
    rows: Sequence[T],
    arguments: Mapping[str, object],
    key: Callable[[T], object],
    show: Callable[[T], Node],
    *,
    keep: Callable[[T], bool] = lambda _: True,
) -> Node:
    """The page the arguments ask for of those `rows` to `keep`; no more rows are asked than the page needs.

    More than a hundred are never given, without complaint.
    """
    first, last = arguments.get("first"), arguments.get("last")
    after, before = arguments.get("after"), arguments.get("before")
    for name, value in (("first", first), ("last", last)):
        if isinstance(value, int) and value < 0:
            raise GraphQLError(f"{name} must not be negative")
    low, high = 0, len(rows)
    if isinstance(after, str):
        low = _place(rows, key, _decoded(after), default=-1) + 1
    if isinstance(before, str):
        high = _place(rows, key, _decoded(before), default=high)
    backwards = isinstance(last, int) and not isinstance(first, int)
    wanted = last if backwards else first
    size = min(wanted, PAGE_LIMIT) if isinstance(wanted, int) else PAGE_LIMIT
    span = range(high - 1, low - 1, -1) if backwards else range(low, high)
    found = list(islice((rows[at] for at in span if keep(rows[at])), size + 1))
    more = len(found) > size
    chosen = found[:size]
    if backwards:
        chosen.reverse()
    return {
        "nodes": lambda _: [show(row) for row in chosen],
        "edges": lambda _: [{"cursor": encode_cursor(key(row)), "node": show(row)} for row in chosen],
        "count": lambda _: sum(1 for row in rows if keep(row)),
        "pageInfo": {
            "hasNextPage": high < len(rows) if backwards else more,
            "hasPreviousPage": more if backwards else low > 0,
            "startCursor": encode_cursor(key(chosen[0])) if chosen else None,
            "endCursor": encode_cursor(key(chosen[-1])) if chosen else None,
        },
    }


def _place(rows: Sequence[T], key: Callable[[T], object], mark: str, *, default: int) -> int:
    return next((at for at, row in enumerate(rows) if str(key(row)) == mark), default)
