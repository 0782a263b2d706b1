"""Faults, held requests and the request log under `/-/sandbox/`."""

import json
import re
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.answers import Json
from bot.sandbox.control.reading import Asked, MisuseError, read_object
from bot.sandbox.control.routing import Handlers, wait_for
from bot.sandbox.draw import Draw
from bot.sandbox.faults import Fault, FaultKind, Faults, Held

DRAW_FIELDS = ("times", "skip", "every", "probability", "seed")
_FIELDS = ("kind", "path", "method", "after_effect", "seconds", "status", "body", "headers", "fields", *DRAW_FIELDS)
_GRAPHQL = (FaultKind.GRAPHQL_TIMEOUT, FaultKind.GRAPHQL_CANCELLED)
_NAME, _VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_STATUSES = range(200, 600)


def read_draw(asked: Asked, seed: int, times: int | None = 1) -> Draw:
    """Which ones are to be hit. Raises: MisuseError."""
    return Draw(
        times=asked.whole_or_none("times", times),
        skip=asked.whole("skip", 0),
        every=asked.whole("every", 1, least=1),
        probability=asked.part("probability"),
        seed=asked.whole("seed", seed),
    )


def read_fault(number: int, asked: Asked, seed: int) -> Fault:
    """The fault a request describes. Raises: MisuseError."""
    asked.only("a fault", _FIELDS)
    if asked.values.get("kind") not in list(FaultKind):
        raise MisuseError(f"kind must be one of {', '.join(FaultKind)}, not {asked.values.get('kind')!r}")
    kind = FaultKind(asked.text("kind"))
    body = asked.values.get("body", "")
    status = asked.whole("status", 503)
    if status not in _STATUSES:
        raise MisuseError(f"status is an HTTP status from 200 to 599, not {status}")
    return Fault(
        id=number,
        kind=kind,
        path=asked.pattern("path", "/api/graphql$" if kind in _GRAPHQL else ""),
        method=asked.text("method").upper() or None,
        after_effect=asked.flag("after_effect"),
        draw=read_draw(asked, seed),
        seconds=asked.seconds("seconds"),
        status=status,
        body=body if isinstance(body, str) else json.dumps(body),
        headers=_headers(asked.inner("headers")),
        fields=asked.pattern("fields", r"Query\..*").pattern,
    )


def _headers(asked: Asked) -> dict[str, str]:
    found = {name: str(value) for name, value in asked.values.items()}
    for name, value in found.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise MisuseError(f"{name!r}: {value!r} is no header")
    return found


def _shown(one: Fault) -> Json:
    return {
        "id": one.id,
        "kind": one.kind.value,
        "method": one.method,
        "path": one.path.pattern,
        "after_effect": one.after_effect,
        "times": one.draw.times,
        "every": one.draw.every,
        "probability": one.draw.probability,
        "seed": one.draw.seed,
        "seen": one.draw.seen,
        "hits": one.draw.hits,
    }


def _shown_held(one: Held) -> Json:
    return {"id": one.id, "method": one.method, "path": one.path, "after_effect": one.after_effect}


class FaultControl:
    """What steers requests."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def handlers(self) -> Handlers:
        """Path, handler, method."""
        return [
            ("requests", self._list_requests, "GET"),
            ("requests", self._forget_requests, "DELETE"),
            ("counters", self._show_counters, "GET"),
            ("faults", self._list, "GET"),
            ("faults", self._add, "POST"),
            ("faults", self._clear, "DELETE"),
            ("faults/{id:int}", self._remove, "DELETE"),
            ("held", self._list_held, "GET"),
            ("held/release", self._release_all, "POST"),
            ("held/{id:int}/release", self._release, "POST"),
        ]

    async def _list_requests(self, request: Request) -> Response:
        """The log, oldest first; `path` (regex), `method`, `since` (id) choose; `wait` as for held requests."""
        method, since = request.query_params.get("method"), request.query_params.get("since", "0")
        try:
            wanted, first = re.compile(request.query_params.get("path", "")), int(since)
        except (re.error, ValueError):
            raise MisuseError("path is a regular expression, since the id of a request") from None

        def rows() -> list[Json]:
            return [
                asdict(one)
                for one in self._faults.log
                if one.id > first and wanted.search(one.path) and method in (None, one.method)
            ]

        await wait_for(request, self._faults.news, lambda: bool(rows()))
        return JSONResponse(rows())

    async def _forget_requests(self, request: Request) -> Response:
        del request
        self._faults.reset_log()
        return Response(status_code=204)

    async def _show_counters(self, request: Request) -> Response:
        del request
        return JSONResponse(dict(self._faults.counters))

    async def _list(self, request: Request) -> Response:
        del request
        return JSONResponse([_shown(one) for one in self._faults.active.values()])

    async def _add(self, request: Request) -> Response:
        fault = read_fault(next(self._faults.ids), await read_object(request), self._faults.seed)
        self._faults.active[fault.id] = fault
        return JSONResponse(_shown(fault), 201)

    async def _clear(self, request: Request) -> Response:
        del request
        self._faults.active.clear()
        return Response(status_code=204)

    async def _remove(self, request: Request) -> Response:
        if self._faults.active.pop(request.path_params["id"], None) is None:
            raise MisuseError(f"there is no fault {request.path_params['id']}")
        return Response(status_code=204)

    async def _list_held(self, request: Request) -> Response:
        """Requests held now; with `wait=SECONDS` answers as soon as there is one, or empty after that time."""
        await wait_for(request, self._faults.news, lambda: bool(self._faults.held))
        return JSONResponse([_shown_held(one) for one in self._faults.held.values()])

    async def _release_all(self, request: Request) -> Response:
        reset = (await read_object(request)).flag("reset")
        for one in list(self._faults.held.values()):
            one.reset = reset
            one.released.set()
        return Response(status_code=204)

    async def _release(self, request: Request) -> Response:
        one = self._faults.held.get(request.path_params["id"])
        if one is None:
            raise MisuseError(f"no request {request.path_params['id']} is held")
        one.reset = (await read_object(request)).flag("reset")
        one.released.set()
        return Response(status_code=204)
