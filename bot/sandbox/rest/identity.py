"""The caller and the instance: /user, /users, the token itself, /metadata."""

from bot.sandbox.answers import Answer, Json, bad_request, not_found
from bot.sandbox.auth import PERSONAL_KINDS
from bot.sandbox.rest.call import Call, no_content, ok
from bot.sandbox.rest.entities import people
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.people import User

ROUTES = Routes()

VERSION = "19.3.0-pre"
REVISION = "9479feaa8d1"

_ANY_SCOPE = (
    "read_user",
    "read_repository",
    "write_repository",
    "read_registry",
    "write_registry",
    "create_runner",
    "self_rotate",
)


@ROUTES.get("/user", scopes=("read_user",))
def current_user(call: Call) -> Answer:
    """The user behind the token."""
    return ok(people.current_user(call.world, call.user()))


@ROUTES.get("/user/emails", scopes=("read_user",))
def own_emails(call: Call) -> Answer:
    """The caller's addresses besides the primary one. Source: lib/api/users.rb, lib/api/entities/email.rb."""
    user = call.user()
    rows = [
        {"id": number, "email": email, "confirmed_at": stamp(user.created_at)}
        for number, email in enumerate(user.more_emails, start=1)
    ]
    return paged(call, rows, lambda row: dict(row))


@ROUTES.get("/users", scopes=("read_user",))
def list_users(call: Call) -> Answer:
    """Users, by `username` or `search`: names, or a whole e-mail address that is public or asked for by an admin.

    Source: app/models/user.rb, `search`; doc/api/users.md.
    """
    name, search, admin = call.params.text("username"), (call.params.text("search") or "").lower(), call.user().admin
    users = [
        user
        for user in list(call.world.users.values())
        if (name is None or user.username.lower() == name.lower())
        and (search in user.username.lower() or search in user.name.lower() or search in _addresses(user, admin))
    ]
    return paged(call, sorted(users, key=lambda user: -user.id), lambda user: people.user_basic(call.world, user))


@ROUTES.get("/users/:user_id", scopes=("read_user",))
def get_user(call: Call) -> Answer:
    """One user."""
    user = call.world.users.get(call.number("user_id"))
    if user is None:
        raise not_found("User")
    return ok(people.user_public(call.world, user, addresses=call.user().admin))


def _addresses(user: User, admin: bool) -> set[str]:
    found = {user.public_email} if user.public_email else set()
    return {one.lower() for one in (found | {user.email, *user.more_emails} if admin else found)}


@ROUTES.get("/personal_access_tokens/self", scopes=_ANY_SCOPE)
def own_token(call: Call) -> Answer:
    """The token itself, whatever its scopes. Source: lib/api/personal_access_tokens/self_information.rb."""
    call.user()
    token = call.identity.token
    if token is None or token.kind not in PERSONAL_KINDS:
        raise bad_request("This endpoint requires token type to be a personal access token")
    return ok(people.token_details(call.world, token))


@ROUTES.delete("/personal_access_tokens/self")
def revoke_own_token(call: Call) -> Answer:
    """The token revokes itself."""
    call.user()
    token = call.identity.token
    if token is None or token.kind not in PERSONAL_KINDS:
        raise bad_request("This endpoint requires token type to be a personal access token")
    token.revoked = True
    return no_content()


@ROUTES.get("/metadata", scopes=("read_user",))
def metadata(call: Call) -> Answer:
    """Version and edition."""
    call.user()
    kas: Json = {"enabled": False, "externalUrl": None, "version": None}
    return ok({"version": VERSION, "revision": REVISION, "kas": kas, "enterprise": True})


@ROUTES.get("/version", scopes=("read_user",))
def version(call: Call) -> Answer:
    """The deprecated alias of /metadata."""
    return metadata(call)
