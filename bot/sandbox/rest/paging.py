"""Lists: offset paging with GitLab's headers, keyset paging with its `Link`.

Source: doc/api/rest/_index.md, lib/gitlab/pagination/*.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar
from urllib.parse import urlencode

from bot.sandbox.answers import Answer, Json, RefusalError
from bot.sandbox.rest.call import Call

PER_PAGE = 20
PER_PAGE_LIMIT = 100
COUNT_LIMIT = 10_000
"""Above this many rows GitLab does not tell totals."""

T = TypeVar("T")


def per_page_of(call: Call) -> int:
    """`per_page` within 1 and 100; 20 when absent or not positive."""
    wanted = call.params.integer("per_page")
    return PER_PAGE if wanted is None or wanted < 1 else min(wanted, PER_PAGE_LIMIT)


def _link(call: Call, changed: dict[str, str], rel: str) -> str:
    query = [(name, value) for name, value in call.query if name not in changed]
    query.extend(changed.items())
    return f'<{call.base_url}{call.raw_path}?{urlencode(query)}>; rel="{rel}"'


def paged(
    call: Call,
    rows: Sequence[T],
    show: Callable[[T], Json],
    *,
    totals: bool = True,
    visible: Callable[[T], bool] = lambda _: True,
) -> Answer:
    """One page of `rows` by offset. Only the rows of the page are shown (`show` may be costly).

    Rows that are not `visible` are left out after the page was cut, so a page may be short and not the last.
    Above 10,000 rows, or without `totals`: no `X-Total`, no `X-Total-Pages`, no `rel="last"`.
    """
    size = per_page_of(call)
    page = max(1, call.params.integer("page") or 1)
    total = len(rows)
    pages = max(1, -(-total // size))
    counted = totals and total <= COUNT_LIMIT
    following = page + 1 if page * size < total else None
    headers = {
        "X-Page": str(page),
        "X-Per-Page": str(size),
        "X-Next-Page": str(following or ""),
        "X-Prev-Page": str(page - 1) if page > 1 else "",
    }
    links = []
    if page > 1:
        links.append(_link(call, {"page": str(page - 1), "per_page": str(size)}, "prev"))
    if following:
        links.append(_link(call, {"page": str(following), "per_page": str(size)}, "next"))
    links.append(_link(call, {"page": "1", "per_page": str(size)}, "first"))
    if counted:
        headers |= {"X-Total": str(total), "X-Total-Pages": str(pages)}
        links.append(_link(call, {"page": str(pages), "per_page": str(size)}, "last"))
    headers["Link"] = ", ".join(links)
    chosen = rows[(page - 1) * size : page * size]
    return Answer(body=[show(row) for row in chosen if visible(row)], headers=headers)


def keyset_by_id(
    call: Call,
    rows: Sequence[T],
    number: Callable[[T], int],
    show: Callable[[T], Json],
    *,
    keep: Callable[[T], bool] = lambda _: True,
) -> Answer:
    """One page by id of the rows to `keep`, asked of no more rows than the page needs.

    The `Link` carries `id_after` (ascending) or `id_before` (descending).

    Raises: RefusalError (405) unless `order_by=id`.
    """
    if call.params.text("order_by") != "id":
        raise RefusalError(405, {"error": "Keyset pagination is not yet available for this type of request"})
    rising = call.params.choice("sort", ("asc", "desc"), "desc") == "asc"
    mark = "id_after" if rising else "id_before"
    limit = call.params.integer(mark)
    ordered = sorted(rows, key=number, reverse=not rising)
    if limit is not None:
        sign = 1 if rising else -1
        ordered = ordered[bisect_right(ordered, sign * limit, key=lambda row: sign * number(row)) :]
    size = per_page_of(call)
    chosen = list(islice(filter(keep, ordered), size + 1))
    headers = {}
    if len(chosen) > size:
        chosen.pop()
        headers["Link"] = _link(call, {mark: str(number(chosen[-1]))}, "next")
    return Answer(body=[show(row) for row in chosen], headers=headers)


def keyset_by_name(call: Call, rows: Sequence[T], name: Callable[[T], str], show: Callable[[T], Json]) -> Answer:
    """One page after the row called `page_token`, in the order of `rows` (branches and tags)."""
    start = 0
    mark = call.params.text("page_token")
    if mark:
        names = [name(row) for row in rows]
        if mark not in names:
            raise RefusalError(400, {"message": f"Invalid page token: {mark}"})
        start = names.index(mark) + 1
    size = per_page_of(call)
    chosen = rows[start : start + size]
    headers = {}
    if start + size < len(rows):
        headers["Link"] = _link(call, {"page_token": name(chosen[-1])}, "next")
    return Answer(body=[show(row) for row in chosen], headers=headers)
