"""Users as an admin makes them. Source: lib/api/users.rb."""

from bot.sandbox.answers import Answer, invalid, message, not_found
from bot.sandbox.rest.access_tokens import new_personal_token
from bot.sandbox.rest.call import Call, created, no_content
from bot.sandbox.rest.entities import people
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import User

ROUTES = Routes()

_WITH_PASSWORD = ("password", "reset_password", "force_random_password")


def _user(call: Call) -> User:
    call.admin()
    found = call.world.users.get(call.number("user_id"))
    if found is None:
        raise not_found("User")
    return found


@ROUTES.post("/users")
def create_user(call: Call) -> Answer:
    """A new user; 409 when the name or the address is taken."""
    call.admin()
    params = call.params
    params.require("email", "name", "username")
    if not any(params.has(name) for name in _WITH_PASSWORD):
        raise invalid(f"{', '.join(_WITH_PASSWORD)} are missing, at least one parameter must be provided")
    username, email = params.needed("username"), params.needed("email")
    with call.world.lock:
        if any(user.email.lower() == email.lower() for user in call.world.users.values()):
            raise message(409, "Email has already been taken")
        if call.world.user_named(username) or username.lower() in call.world.groups:
            raise message(409, "Username has already been taken")
        made = call.world.create_user(username, params.flag("admin"), name=params.needed("name"))
        made.email = email
    return created(people.current_user(call.world, made))


@ROUTES.delete("/users/:user_id")
def delete_user(call: Call) -> Answer:
    """The user signs in no more; what they wrote stays."""
    user = _user(call)
    user.state = "deactivated"
    return no_content()


@ROUTES.post("/users/:user_id/block")
def block_user(call: Call) -> Answer:
    """Blocked users are refused with 403."""
    _user(call).state = "blocked"
    return Answer(status=201, content=b"true")


@ROUTES.post("/users/:user_id/unblock")
def unblock_user(call: Call) -> Answer:
    """Let in again."""
    _user(call).state = "active"
    return Answer(status=201, content=b"true")


@ROUTES.post("/users/:user_id/personal_access_tokens")
def create_token_for(call: Call) -> Answer:
    """A personal access token of the user; only this answer shows its secret."""
    return created(new_personal_token(call, _user(call)))
