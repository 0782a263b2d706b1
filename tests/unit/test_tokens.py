"""When tokens end: which is next, what an audit keeps of them, and what it forgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.estate import AccessToken, GroupTokens, ProjectFacts, Scope
from bot.domain.tokens import Expiries, KnownList, TokenDate, TokenKind, TokenList
from bot.hygiene.audit import Order, audit
from bot.hygiene.catalogue import selected
from bot.hygiene.tokens import forgotten, token_lists
from tests.fakes import Clock, FakeEstate
from tests.unit.hygiene_facts import LOCKED, access, place

TODAY = date(2026, 11, 29)
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def ending(number: int, days: int | None) -> TokenDate:
    ends = None if days is None else TODAY + timedelta(days=days)
    return TokenDate(token_id=number, expires_on=ends, publishes=True)


def known(*tokens: TokenDate, kind: TokenKind = TokenKind.ACCESS) -> KnownList:
    return KnownList(kind=kind, read_at=NOON, tokens=tokens)


@pytest.mark.parametrize(
    ("days", "number"),
    [
        ((), None),
        ((None,), 0),
        ((None, 400), 1),
        ((9, 4, 0, None), 2),
        ((-1, 300), 1),
        ((-9, -1, None), 1),
        ((4, 4), 0),
    ],
)
def test_the_next_is_the_first_that_ends_from_today_on(days: tuple[int | None, ...], number: int | None) -> None:
    tokens = [ending(one, left) for one, left in enumerate(days)]
    found = Expiries(lists=(known(*tokens), known(kind=TokenKind.DEPLOY))).next(TODAY)
    assert (None if found is None else found.token.token_id) == number
    if found is not None:
        assert found.days == days[found.token.token_id]


DAYS = st.lists(st.none() | st.integers(-400, 400), max_size=8)


@given(access=DAYS, deploy=DAYS)
def test_none_ends_before_the_next(access: list[int | None], deploy: list[int | None]) -> None:
    """Whichever list it stands in."""
    lists = [
        known(*(ending(number, left) for number, left in enumerate(days)), kind=kind)
        for kind, days in ((TokenKind.ACCESS, access), (TokenKind.DEPLOY, deploy))
    ]
    found = Expiries(lists=tuple(lists)).next(TODAY)
    left = [one for one in (*access, *deploy) if one is not None]
    ahead = [one for one in left if one >= 0]
    wanted = min(ahead) if ahead else max(left, default=None)
    assert (None if found is None else found.days) == wanted
    assert (found is None) is (not access and not deploy)


@pytest.mark.parametrize(
    ("lists", "read", "since", "troubles"),
    [
        ((), False, None, ()),
        ((known(),), True, NOON, ()),
        ((known(), replace(known(), read_at=NOON - timedelta(days=3), trouble="no")), True, -3, ("no",)),
        ((known(), KnownList(kind=TokenKind.DEPLOY, read_at=None, trouble="no")), False, NOON, ("no",)),
        ((KnownList(kind=TokenKind.DEPLOY, read_at=None, trouble="no"),), False, None, ("no",)),
    ],
)
def test_what_is_known_says_since_when_and_what_could_not_be_read(
    lists: tuple[KnownList, ...], read: bool, since: datetime | int | None, troubles: tuple[str, ...]
) -> None:
    found = Expiries(lists=lists)
    wanted = NOON + timedelta(days=since) if isinstance(since, int) else since
    assert (found.read, found.read_at, found.troubles) == (read, wanted, troubles)


def token(number: int, expires: date | None, *scopes: str) -> AccessToken:
    return AccessToken(id=number, scopes=scopes, expires_on=expires)


GROUP = GroupTokens(group="acme", access_tokens=LOCKED, deploy_tokens=(token(9, TODAY, "read_registry"),))
HELD = replace(
    access(),
    access_tokens=(token(7, TODAY, "api"), token(8, None, "read_api")),
    deploy_tokens=(token(3, None, "write_package_registry", "read_registry"),),
    groups=(GROUP,),
)


def project(number: int) -> ProjectFacts:
    return replace(place(), project_id=number, full_path=f"acme/p{number}", access=HELD)


def kept(one: TokenList) -> tuple[str, str, object]:
    return one.place, one.kind.value, None if one.tokens is None else [(t.token_id, t.publishes) for t in one.tokens]


OWN = [("access_tokens", [(7, True), (8, False)]), ("deploy_tokens", [(3, True)])]
SHARED = [("group/acme", "access_tokens", None), ("group/acme", "deploy_tokens", [(9, False)])]


def test_dates_are_kept_of_each_list_with_neither_names_nor_scopes() -> None:
    found = list(token_lists(project(1)))
    assert [kept(one) for one in found] == [("project/1", *one) for one in OWN] + SHARED
    assert [one.trouble for one in found] == ["", "", "could not look at it all", ""]
    assert list(token_lists(replace(project(1), access=None))) == [], "nobody looked"


def test_an_audit_looks_at_the_tokens_of_a_group_once() -> None:
    order = Order(scope=Scope(groups=("acme",)), rules=selected(("RW314",), ()))
    audited = audit(FakeEstate([project(1), project(2)]), order, Clock(NOON), lambda done, total: None)
    assert [kept(one) for one in audited.tokens] == [
        *(("project/1", *one) for one in OWN),
        *SHARED,
        *(("project/2", *one) for one in OWN),
    ]


def test_only_what_belongs_to_no_audited_place_is_forgotten() -> None:
    places = {"project/1", "group/acme/tools", "group/acme/access_tokens"}
    lists = [
        (place, kind)
        for place in ("project/1", "project/11", "group/acme", "group/acme/tools", "group/gone")
        for kind in TokenKind
    ]
    assert set(forgotten(lists, places)) == {
        ("project/11", TokenKind.ACCESS),
        ("project/11", TokenKind.DEPLOY),
        ("group/acme", TokenKind.DEPLOY),
        ("group/gone", TokenKind.ACCESS),
        ("group/gone", TokenKind.DEPLOY),
    }
