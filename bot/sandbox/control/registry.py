"""Where downloads and absent packages lead: `/-/sandbox/storage` and `/-/sandbox/registry`."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.answers import Json
from bot.sandbox.control.reading import MisuseError, read_object
from bot.sandbox.control.routing import Handlers
from bot.sandbox.storage import StorageSwitch
from bot.sandbox.world.world import World


class RegistryControl:
    """What steers object storage and the forwarding of PyPI requests."""

    def __init__(self, world: World, storage: StorageSwitch) -> None:
        self._world = world
        self._storage = storage

    def handlers(self) -> Handlers:
        """Path, handler, method."""
        return [
            ("storage", self._show_storage, "GET"),
            ("storage", self._switch_storage, "PUT"),
            ("registry", self._show_registry, "GET"),
            ("registry", self._change_registry, "PUT"),
        ]

    async def _show_storage(self, request: Request) -> Response:
        """`leaked` names the credentials that clients carried to the storage."""
        del request
        return JSONResponse(self._storage.state())

    async def _switch_storage(self, request: Request) -> Response:
        """`enabled`: whether downloads of artifacts and packages are 302 to object storage."""
        asked = await read_object(request)
        asked.only("storage", ("enabled",))
        if not asked.has("enabled"):
            raise MisuseError("enabled is true or false")
        await run_in_threadpool(self._storage.on if asked.flag("enabled") else self._storage.off)
        return await self._show_storage(request)

    async def _show_registry(self, request: Request) -> Response:
        """Where absent names lead, and the groups that do not forward."""
        del request
        return JSONResponse(self._registry())

    def _registry(self) -> Json:
        off = [one.full_path for one in list(self._world.groups.values()) if not one.forwards_pypi]
        return {"forward_url": self._world.pypi_forward_url, "not_forwarding": off}

    async def _change_registry(self, request: Request) -> Response:
        """`forwarding` of `group` and the groups below it; of all groups without `group`."""
        asked = await read_object(request)
        asked.only("registry", ("forwarding", "group"))
        if not asked.has("forwarding"):
            raise MisuseError("forwarding is true or false")
        groups = list(self._world.groups.values())
        if asked.has("group"):
            found = self._world.groups.get(asked.text("group").lower())
            if found is None:
                raise MisuseError(f"there is no group {asked.text('group')!r}")
            groups = list(found.tree())
        for one in groups:
            one.forwards_pypi = asked.flag("forwarding")
        return JSONResponse(self._registry())
