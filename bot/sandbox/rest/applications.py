"""OAuth applications of the instance, as an admin makes them. Source: lib/api/applications.rb."""

from bot.sandbox.answers import Answer, Json, invalid, message, not_found
from bot.sandbox.oauth.asking import objection
from bot.sandbox.oauth.words import SCOPES
from bot.sandbox.rest.call import Call, created, no_content
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.applications import Application

ROUTES = Routes()


def _shown(one: Application) -> Json:
    """API::Entities::Application."""
    return {
        "id": one.id,
        "application_id": one.uid,
        "application_name": one.name,
        "callback_url": "\n".join(one.redirect_uris),
        "confidential": one.confidential,
    }


def _with_secret(one: Application) -> Answer:
    return created(_shown(one) | {"secret": one.secret})


def _one(call: Call) -> Application:
    call.admin()
    number = call.number("application_id")
    found = [one for one in call.world.applications.by_uid.values() if one.id == number and one.owner is None]
    if not found:
        raise not_found("Application")
    return found[0]


@ROUTES.post("/applications")
def create_application(call: Call) -> Answer:
    """A new application; `redirect_uri` holds one URI a line."""
    call.admin()
    params = call.params
    params.require("name", "redirect_uri", "scopes")
    scopes = (params.text("scopes") or "").split()
    if not scopes:
        raise invalid("scopes is empty")
    uris = (params.text("redirect_uri") or "").split()
    faults: dict[str, object] = {}
    objections = [said for said in map(objection, uris or [""]) if said]
    if objections:
        faults["redirect_uri"] = objections
    if not set(scopes) <= set(SCOPES):
        faults["scopes"] = ["doesn't match configured on the server."]
    if faults:
        raise message(400, faults)
    confidential = params.flag("confidential", default=True)
    return _with_secret(call.world.applications.create(params.needed("name"), uris, scopes, confidential=confidential))


@ROUTES.get("/applications")
def list_applications(call: Call) -> Answer:
    """All of the instance, without their secrets."""
    call.admin()
    rows = [one for one in list(call.world.applications.by_uid.values()) if one.owner is None]
    return paged(call, rows, _shown)


@ROUTES.delete("/applications/:application_id")
def delete_application(call: Call) -> Answer:
    """The application is gone, and its tokens open nothing."""
    one = _one(call)
    call.world.applications.remove(one)
    return no_content()


@ROUTES.post("/applications/:application_id/renew-secret")
def renew_secret(call: Call) -> Answer:
    """A new secret; the old one is none any more."""
    one = _one(call)
    one.secret = call.world.applications.fresh_secret()
    return _with_secret(one)
