"""Hooks on their way: what is lost, held, sent twice or out of order, and GitLab's auto-disabling."""

import asyncio
import random
import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.answers import Json
from bot.sandbox.control.faults import DRAW_FIELDS, read_draw
from bot.sandbox.control.reading import Asked, MisuseError, read_object
from bot.sandbox.control.routing import Handlers, patience
from bot.sandbox.hooks.delivery import HookSender
from bot.sandbox.hooks.tampering import HeldParcel, HookFault, Tampering

_ORDERS = ("first", "last", "shuffled")


def read_hook_fault(number: int, asked: Asked, seed: int) -> HookFault:
    """The fault a request describes. Raises: MisuseError."""
    asked.only("a hook fault", ("kind", "trigger", "count", *DRAW_FIELDS))
    if asked.values.get("kind") not in list(Tampering):
        raise MisuseError(f"kind must be one of {', '.join(Tampering)}, not {asked.values.get('kind')!r}")
    kind, size = Tampering(asked.text("kind")), asked.whole("count", 2, least=2)
    # to bring two out of order, two have to be met
    draw = read_draw(asked, seed, times=size if kind is Tampering.REORDER else 1)
    return HookFault(id=number, kind=kind, trigger=asked.pattern("trigger"), draw=draw, count=size)


def _shown(one: HookFault) -> Json:
    return {
        "id": one.id,
        "kind": one.kind.value,
        "trigger": one.trigger.pattern,
        "times": one.draw.times,
        "seen": one.draw.seen,
        "hits": one.draw.hits,
        "waiting": len(one.waiting),
    }


def _shown_held(one: HeldParcel) -> Json:
    return {"id": one.id, "hook_id": one.parcel.hook.id, "trigger": one.parcel.trigger, "url": one.parcel.hook.url}


class HookControl:
    """What steers deliveries."""

    def __init__(self, hooks: HookSender, seed: int) -> None:
        self._hooks = hooks
        self._seed = seed
        self._dice = random.Random(seed)

    def handlers(self) -> Handlers:
        """Path, handler, method."""
        return [
            ("hooks/drain", self._drain, "POST"),
            ("hooks/settings", self._settings, "GET"),
            ("hooks/settings", self._change_settings, "PUT"),
            ("hooks/faults", self._list, "GET"),
            ("hooks/faults", self._add, "POST"),
            ("hooks/faults", self._clear, "DELETE"),
            ("hooks/held", self._list_held, "GET"),
            ("hooks/held/release", self._release, "POST"),
        ]

    async def _drain(self, request: Request) -> Response:
        """Answer once everything under way has been delivered or has failed; held ones are not waited for."""
        del request
        await run_in_threadpool(self._hooks.drain)
        return Response(status_code=204)

    async def _settings(self, request: Request) -> Response:
        del request
        return JSONResponse({"auto_disable": self._hooks.auto_disable})

    async def _change_settings(self, request: Request) -> Response:
        asked = await read_object(request)
        asked.only("the settings of hooks", ("auto_disable",))
        self._hooks.auto_disable = asked.flag("auto_disable", self._hooks.auto_disable)
        return await self._settings(request)

    async def _list(self, request: Request) -> Response:
        del request
        return JSONResponse([_shown(one) for one in self._hooks.faults.values()])

    async def _add(self, request: Request) -> Response:
        fault = read_hook_fault(next(self._hooks.ids), await read_object(request), self._seed)
        self._hooks.faults[fault.id] = fault
        return JSONResponse(_shown(fault), 201)

    async def _clear(self, request: Request) -> Response:
        """No more faults. What one had collected to reorder is lost with it; held deliveries stay held."""
        del request
        self._hooks.faults.clear()
        return Response(status_code=204)

    async def _list_held(self, request: Request) -> Response:
        """Deliveries held now; `wait=SECONDS` and `count=N` answer as soon as there are so many."""
        least = request.query_params.get("count", "1")
        if not re.fullmatch(r"\d+", least):
            raise MisuseError("count is a whole number of deliveries")
        seconds = patience(request)
        if seconds > 0:
            await asyncio.to_thread(self._await_held, int(least), seconds)
        return JSONResponse([_shown_held(one) for one in list(self._hooks.held.values())])

    def _await_held(self, least: int, seconds: float) -> None:
        with self._hooks.news:
            self._hooks.news.wait_for(lambda: len(self._hooks.held) >= least, timeout=seconds)

    async def _release(self, request: Request) -> Response:
        """Send held deliveries one after the other: `order` first, last or shuffled; `ids` chooses some."""
        asked = await read_object(request)
        asked.only("a release", ("order", "ids"))
        order, ids = asked.text("order", "first"), asked.values.get("ids")
        if order not in _ORDERS:
            raise MisuseError(f"order is one of {', '.join(_ORDERS)}, not {order!r}")
        numbers = sorted(self._hooks.held)
        if ids is not None:
            if not isinstance(ids, list) or not set(ids) <= set(numbers):
                raise MisuseError(f"ids are those of held deliveries: {numbers}")
            numbers = ids
        if order == "last":
            numbers.reverse()
        elif order == "shuffled":
            self._dice.shuffle(numbers)
        self._hooks.release(numbers)
        return Response(status_code=204)
