"""OAuth applications of people, which GitLab lets them make on their own pages only."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.control.reading import MisuseError, read_object
from bot.sandbox.control.routing import Handlers
from bot.sandbox.oauth.asking import objection
from bot.sandbox.oauth.words import SCOPES
from bot.sandbox.world.world import World


class ApplicationControl:
    """What makes applications."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handlers(self) -> Handlers:
        """Path, handler, method."""
        return [("applications", self._create, "POST")]

    async def _create(self, request: Request) -> Response:
        """`user` owns it, `redirect_uri` and `scopes` are separated by spaces; a `trusted` one asks nobody."""
        asked = await read_object(request)
        asked.only("an application", ("user", "name", "redirect_uri", "scopes", "confidential", "trusted"))
        owner = self._world.user_named(asked.needed("user"))
        if owner is None:
            raise MisuseError(f"there is no user {asked.text('user')!r}")
        uris, scopes = asked.needed("redirect_uri").split(), asked.needed("scopes").split()
        for uri in uris:
            if said := objection(uri):
                raise MisuseError(f"redirect_uri {said}")
        if not set(scopes) <= set(SCOPES):
            raise MisuseError(f"scopes are {', '.join(SCOPES)}")
        made = self._world.applications.create(
            asked.needed("name"),
            uris,
            scopes,
            confidential=asked.flag("confidential", default=True),
            trusted=asked.flag("trusted"),
            owner=owner,
        )
        return JSONResponse({"id": made.id, "application_id": made.uid, "secret": made.secret}, 201)
