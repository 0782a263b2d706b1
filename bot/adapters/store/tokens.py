"""When tokens end: what an audit read takes the place of what was known, what it could not read stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store.rows import Redact, Values
from bot.adapters.store.token_tables import token_lists, tokens
from bot.domain.tokens import SOON, KnownList, TokenDate, TokenKind, TokenList, TokenReading

AT_ONCE = 500  # rows a statement
PROJECT, GROUP = "project/", "group/"  # what places of projects and of groups begin with
_GONE = {
    table: delete(table).where(table.c.place == bindparam("old_place"), table.c.kind == bindparam("old_kind"))
    for table in (tokens, token_lists)
}

T = TypeVar("T")


def write(connection: Connection, lists: Sequence[TokenList], at: datetime, redact: Redact) -> None:
    """Within a transaction: put down what an audit at that moment saw of these lists."""
    statement = upsert(token_lists)
    anew = {
        "trouble": statement.excluded["trouble"],
        "read_at": func.coalesce(statement.excluded["read_at"], token_lists.c.read_at),
    }
    looked = statement.on_conflict_do_update(index_elements=["place", "kind"], set_=anew)
    for part in _parts([_list_row(one, at, redact) for one in lists]):
        connection.execute(looked, part)
    read = [one for one in lists if one.tokens is not None]
    for part in _parts([_key(one.place, one.kind) for one in read]):
        connection.execute(_GONE[tokens], part)
    for part in _parts([_row(one, token) for one in read for token in one.tokens or ()]):
        connection.execute(insert(tokens), part)


def forget(connection: Connection, lists: Iterable[tuple[str, TokenKind]]) -> None:
    """Within a transaction: drop lists, with their tokens."""
    for part in _parts([_key(*one) for one in lists]):
        for statement in _GONE.values():
            connection.execute(statement, part)


def forget_projects(connection: Connection, ids: Sequence[int]) -> None:
    """Within a transaction: drop what is known of projects that are none of ours any more."""
    for part in _parts(ids):
        for table in (tokens, token_lists):
            connection.execute(delete(table).where(table.c.project_id.in_(part)))


def kept(connection: Connection) -> frozenset[tuple[str, TokenKind]]:
    """Which lists are on record."""
    query = select(token_lists.c.place, token_lists.c.kind)
    return frozenset((place, TokenKind(kind)) for place, kind in connection.execute(query))


def known(connection: Connection, places: Sequence[str]) -> Mapping[str, tuple[KnownList, ...]]:
    """What is known of places, by place; those that nobody looked at are absent."""
    dates: dict[tuple[str, str], list[TokenDate]] = defaultdict(list)
    for row in connection.execute(select(tokens).where(tokens.c.place.in_(places)).order_by(tokens.c.token_id)):
        token = TokenDate(token_id=row.token_id, expires_on=row.expires_on, publishes=row.publishes)
        dates[row.place, row.kind].append(token)
    found: dict[str, tuple[KnownList, ...]] = {}
    for row in connection.execute(select(token_lists).where(token_lists.c.place.in_(places))):
        one = KnownList(
            kind=TokenKind(row.kind),
            read_at=row.read_at,
            trouble=row.trouble,
            tokens=tuple(dates[row.place, row.kind]),
        )
        found[row.place] = (*found.get(row.place, ()), one)
    return found


def readings(connection: Connection, today: date) -> tuple[TokenReading, ...]:
    """Of those that can publish, and of those that cannot: what ends from today on."""
    ends = tokens.c.expires_on
    soon = func.count(case((ends <= today + SOON, 1)))
    query = select(tokens.c.publishes, soon, func.min(ends)).where(ends >= today).group_by(tokens.c.publishes)
    found = {publishes: (count, first) for publishes, count, first in connection.execute(query)}
    nothing = (0, None)
    return tuple(
        TokenReading(publishes=one, soon=found.get(one, nothing)[0], first=found.get(one, nothing)[1])
        for one in (True, False)
    )


def _key(place: str, kind: TokenKind) -> Values:
    return {"old_place": place, "old_kind": kind.value}


def _list_row(one: TokenList, at: datetime, redact: Redact) -> Values:
    return {
        "place": one.place,
        "kind": one.kind.value,
        "project_id": _project(one.place),
        "read_at": None if one.tokens is None else at,
        "trouble": redact(one.trouble),
    }


def _row(one: TokenList, token: TokenDate) -> Values:
    return {
        "place": one.place,
        "kind": one.kind.value,
        "token_id": token.token_id,
        "project_id": _project(one.place),
        "expires_on": token.expires_on,
        "publishes": token.publishes,
    }


def _project(place: str) -> int | None:
    return int(place.removeprefix(PROJECT)) if place.startswith(PROJECT) else None


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]
