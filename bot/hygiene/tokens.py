"""When tokens end: what an audit reads of them anyway, kept for whoever wants to know in time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from bot.domain.estate import Access, AccessToken, GroupTokens, ProjectFacts, Unread
from bot.domain.tokens import TokenDate, TokenKind, TokenList

PUBLISHING_SCOPES = frozenset({"api", "write_package_registry"})
"""What the upload of a package needs: lib/api/pypi_packages.rb."""


def token_lists(facts: ProjectFacts, seen: Collection[tuple[str, TokenKind]] = ()) -> Iterator[TokenList]:
    """The lists of a project and of the groups above it that were not seen with another project; none where nobody
    asked who may do what.
    """
    if facts.access is None:
        return
    holders: list[tuple[str, Access | GroupTokens]] = [(facts.place, facts.access)]
    holders += [(f"group/{one.group}", one) for one in facts.access.groups]
    for place, holder in holders:
        for kind in TokenKind:
            if (place, kind) not in seen:
                yield _list(place, kind, holder.access_tokens if kind is TokenKind.ACCESS else holder.deploy_tokens)


def forgotten(known: Iterable[tuple[str, TokenKind]], places: Collection[str]) -> Iterator[tuple[str, TokenKind]]:
    """Of the lists on record those that belong to no place of an audit of everything: their places are gone."""
    for place, kind in known:
        if place not in places and f"{place}/{kind.value}" not in places:
            yield place, kind


def _list(place: str, kind: TokenKind, tokens: tuple[AccessToken, ...] | Unread) -> TokenList:
    if isinstance(tokens, Unread):
        return TokenList(place=place, kind=kind, tokens=None, trouble=f"could not look at {tokens.what}")
    return TokenList(place=place, kind=kind, tokens=tuple(map(_dated, tokens)))


def _dated(token: AccessToken) -> TokenDate:
    publishes = bool(PUBLISHING_SCOPES & set(token.scopes))
    return TokenDate(token_id=token.id, expires_on=token.expires_on, publishes=publishes)
