"""Access tokens: personal ones, and those of projects and groups with their bot users; deploy tokens.

Source: lib/api/personal_access_tokens.rb, lib/api/resource_access_tokens.rb, lib/api/deploy_tokens.rb.
"""

from datetime import date, timedelta

from bot.sandbox.answers import Answer, Json, bad_request, invalid, not_found, unauthorized
from bot.sandbox.auth import PERSONAL_KINDS
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import people
from bot.sandbox.rest.issues import day
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import SCOPES as PERSONS
from bot.sandbox.world.people import Level, Token, TokenKind, User
from bot.sandbox.world.places import Group, Project

ROUTES = Routes()

SCOPES = (
    *PERSONS,
    "create_runner",
    "manage_runner",
    "ai_features",
    "k8s_proxy",
    "self_rotate",
    "admin_mode",
    "sudo",
    "read_service_ping",
)
DEPLOY_SCOPES = (
    "read_repository",
    "read_registry",
    "write_registry",
    "read_package_registry",
    "write_package_registry",
    "read_virtual_registry",
    "write_virtual_registry",
)
LIFETIME_LIMIT = timedelta(days=365)
"""The longest a token lives, and what one without a day gets."""


def _scopes(call: Call, known: tuple[str, ...]) -> list[str]:
    scopes = call.params.texts("scopes")
    if not scopes or not set(scopes) <= set(known):
        raise invalid("scopes does not have a valid value")
    return scopes


def _expiry(call: Call) -> date:
    today = call.world.clock.now().date()
    chosen = day(call, "expires_at") or today + LIFETIME_LIMIT
    if not today < chosen <= today + LIFETIME_LIMIT:
        raise bad_request(f"Expiration date must be before {(today + LIFETIME_LIMIT).isoformat()}")
    return chosen


def new_personal_token(call: Call, user: User) -> Json:
    """A new token of the user's, secret included."""
    call.params.require("name", "scopes")
    made = call.world.add_token(
        TokenKind.PERSONAL,
        call.params.needed("name"),
        _scopes(call, SCOPES),
        user=user,
        expires_at=_expiry(call),
        description=call.params.text("description"),
    )
    shown = people.token_details(call.world, made) | {"token": made.secret}
    del shown["last_used_ips"]
    return shown


def _rotated(call: Call, old: Token) -> Token:
    old.revoked = True
    today = call.world.clock.now().date()
    return call.world.add_token(
        old.kind,
        old.name,
        old.scopes,
        user=old.user,
        description=old.description,
        expires_at=day(call, "expires_at") or today + timedelta(days=7),
        project_id=old.project_id,
        group_id=old.group_id,
    )


@ROUTES.get("/personal_access_tokens")
def list_tokens(call: Call) -> Answer:
    """The caller's personal tokens; an admin sees everybody's, or one user's by `user_id`."""
    user, number, state = call.user(), call.params.integer("user_id"), call.params.text("state")
    if number is not None and number != user.id and not user.admin:
        raise unauthorized()
    today = call.world.clock.now().date()
    rows = [
        token
        for token in list(call.world.tokens.values())
        if token.kind is TokenKind.PERSONAL
        and token.user is not None
        and (token.user.id == number if number is not None else user.admin or token.user is user)
        and (state is None or token.active(today) == (state == "active"))
        and (not call.params.has("revoked") or call.params.flag("revoked") == token.revoked)
    ]
    return paged(call, sorted(rows, key=lambda token: token.id), lambda token: people.token_details(call.world, token))


def _personal(call: Call) -> Token:
    """The token of the path, if it is the caller's or the caller an admin. Raises: RefusalError (401, 404)."""
    user, number = call.user(), call.number("token_id")
    found = next((one for one in list(call.world.tokens.values()) if one.id == number), None)
    if found is None or found.kind is not TokenKind.PERSONAL:
        raise not_found() if user.admin else unauthorized()
    if found.user is not user and not user.admin:
        raise unauthorized()
    return found


@ROUTES.get("/personal_access_tokens/:token_id")
def get_token(call: Call) -> Answer:
    """One personal token."""
    return ok(people.token_details(call.world, _personal(call)))


@ROUTES.delete("/personal_access_tokens/:token_id")
def revoke_token(call: Call) -> Answer:
    """Revoked."""
    _personal(call).revoked = True
    return no_content()


@ROUTES.post("/personal_access_tokens/:token_id/rotate")
def rotate_token(call: Call) -> Answer:
    """Revoked, and a new one in its place; a week's life unless told."""
    fresh = _rotated(call, _personal(call))
    return ok(people.token_details(call.world, fresh) | {"token": fresh.secret})


@ROUTES.add("POST", "/personal_access_tokens/self/rotate", scopes=("self_rotate",))
def rotate_own_token(call: Call) -> Answer:
    """The token in use, replaced."""
    call.user()
    token = call.identity.token
    if token is None or token.kind not in PERSONAL_KINDS:
        raise bad_request("This endpoint requires token type to be a personal access token")
    fresh = _rotated(call, token)
    return ok(people.token_details(call.world, fresh) | {"token": fresh.secret})


# tokens of projects and groups


def _place(call: Call, kind: str) -> Project | Group:
    return call.project(Level.MAINTAINER) if kind == "projects" else call.group(Level.OWNER)


def _of_place(call: Call, place: Project | Group, *, deploy: bool = False) -> list[Token]:
    key = "project_id" if isinstance(place, Project) else "group_id"
    kind = TokenKind.PROJECT if isinstance(place, Project) else TokenKind.GROUP
    kind = TokenKind.DEPLOY if deploy else kind
    tokens = list(call.world.tokens.values())
    return [one for one in tokens if one.kind is kind and getattr(one, key) == place.id]


def _shown(call: Call, place: Project | Group, one: Token) -> Json:
    """API::Entities::ResourceAccessToken."""
    level = place.members.get(one.user.id, Level.NONE) if one.user else Level.NONE
    return people.token_details(call.world, one) | {
        "access_level": int(level),
        "resource_type": "project" if isinstance(place, Project) else "group",
        "resource_id": place.id,
    }


def _one(call: Call, place: Project | Group) -> Token:
    number = call.number("token_id")
    found = next((one for one in _of_place(call, place) if one.id == number), None)
    if found is None:
        raise not_found("Could not find " + ("project" if isinstance(place, Project) else "group") + " access token")
    return found


def _list(call: Call, kind: str) -> Answer:
    place = _place(call, kind)
    rows = [one for one in _of_place(call, place) if not one.revoked]
    return paged(call, rows, lambda one: _shown(call, place, one))


def _create(call: Call, kind: str) -> Answer:
    """A bot user of the level (Maintainer unless told), and its token."""
    call.params.require("name", "scopes")
    place, number = _place(call, kind), call.params.integer("access_level") or int(Level.MAINTAINER)
    if number not in (10, 15, 20, 30, 40, 50):
        raise invalid("access_level does not have a valid value")
    if isinstance(place, Project) and number > call.level(place):
        text = "Access level of the token can't be greater the access level of the user who created the token"
        raise bad_request(text)
    scopes, expiry = _scopes(call, SCOPES), _expiry(call)
    secret = call.world.create_access_token(place, scopes, call.params.needed("name"), level=Level(number))
    made = call.world.tokens[secret]
    made.expires_at, made.description = expiry, call.params.text("description")
    return created(_shown(call, place, made) | {"token": secret})


def _get(call: Call, kind: str) -> Answer:
    place = _place(call, kind)
    return ok(_shown(call, place, _one(call, place)))


def _revoke(call: Call, kind: str) -> Answer:
    _one(call, _place(call, kind)).revoked = True
    return no_content()


def _rotate(call: Call, kind: str) -> Answer:
    place = _place(call, kind)
    fresh = _rotated(call, _one(call, place))
    return ok(_shown(call, place, fresh) | {"token": fresh.secret})


def _deploy(call: Call, one: Token) -> Json:
    """API::Entities::DeployToken."""
    return {
        "id": one.id,
        "name": one.name,
        "username": one.username,
        "expires_at": f"{one.expires_at.isoformat()}T00:00:00.000Z" if one.expires_at else None,
        "scopes": sorted(one.scopes),
        "revoked": one.revoked,
        "expired": one.expired(call.world.clock.now().date()),
    }


def _create_deploy(call: Call, kind: str) -> Answer:
    call.params.require("name", "scopes")
    place = _place(call, kind)
    _, secret = call.world.create_deploy_token(place, _scopes(call, DEPLOY_SCOPES), call.params.needed("name"))
    made = call.world.tokens[secret]
    made.expires_at, made.username = day(call, "expires_at"), call.params.text("username") or made.username
    return created(_deploy(call, made) | {"token": secret})


def _list_deploy(call: Call, kind: str) -> Answer:
    """A group's are for its Maintainers to read, and for its Owners to make. Source: config/authz/roles."""
    place = _place(call, kind) if kind == "projects" else call.group(Level.MAINTAINER)
    return paged(call, _of_place(call, place, deploy=True), lambda one: _deploy(call, one))


def _register(kind: str) -> None:
    path = f"/{kind}/:id/access_tokens"
    ROUTES.get(path)(lambda call: _list(call, kind))
    ROUTES.post(path)(lambda call: _create(call, kind))
    ROUTES.get(f"{path}/:token_id")(lambda call: _get(call, kind))
    ROUTES.delete(f"{path}/:token_id")(lambda call: _revoke(call, kind))
    ROUTES.post(f"{path}/:token_id/rotate")(lambda call: _rotate(call, kind))
    ROUTES.get(f"/{kind}/:id/deploy_tokens")(lambda call: _list_deploy(call, kind))
    ROUTES.post(f"/{kind}/:id/deploy_tokens")(lambda call: _create_deploy(call, kind))


_register("projects")
_register("groups")
