"""Connections: cursors, `first` and `last`, at most a hundred rows."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
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
    rows: Sequence[T], arguments: Mapping[str, object], key: Callable[[T], object], show: Callable[[T], Node]
) -> Node:
    """The page of `rows` the arguments ask for. More than a hundred are never given, without complaint."""
    first, last = arguments.get("first"), arguments.get("last")
    after, before = arguments.get("after"), arguments.get("before")
    for name, value in (("first", first), ("last", last)):
        if isinstance(value, int) and value < 0:
            raise GraphQLError(f"{name} must not be negative")
    keys = [str(key(row)) for row in rows]
    start, end = 0, len(rows)
    if isinstance(after, str) and (mark := _decoded(after)) in keys:
        start = keys.index(mark) + 1
    if isinstance(before, str) and (mark := _decoded(before)) in keys:
        end = keys.index(mark)
    low, high = start, end
    if isinstance(last, int) and not isinstance(first, int):
        low = max(start, end - min(last, PAGE_LIMIT))
    else:
        high = min(end, start + min(first if isinstance(first, int) else PAGE_LIMIT, PAGE_LIMIT))
    chosen = rows[low:high]
    return {
        "nodes": [show(row) for row in chosen],
        "edges": [{"cursor": encode_cursor(key(row)), "node": show(row)} for row in chosen],
        "count": len(rows),
        "pageInfo": {
            "hasNextPage": high < len(rows),
            "hasPreviousPage": low > 0,
            "startCursor": encode_cursor(key(chosen[0])) if chosen else None,
            "endCursor": encode_cursor(key(chosen[-1])) if chosen else None,
        },
    }
