"""Trigger tokens and what they start. Source: lib/api/ci/triggers.rb, app/services/ci/pipeline_trigger_service.rb."""

import json

from bot.sandbox.answers import Answer, Json, forbidden, message, not_found, unauthorized
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import ci
from bot.sandbox.rest.entities.people import user_basic
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.pipeline_creation import Order, create
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.people import Level, TokenKind, User
from bot.sandbox.world.places import Project
from bot.sandbox.world.starts import Trigger

ROUTES = Routes()

_SHOWN_LENGTH = 4


def _show(call: Call, one: Trigger) -> Json:
    """API::Entities::Trigger; the token is whole for its owner and for admins only."""
    user = call.user()
    return {
        "id": one.id,
        "token": one.token if user is one.owner or user.admin else one.token[:_SHOWN_LENGTH],
        "description": one.description,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "last_used": stamp_or_none(one.last_used),
        "expires_at": None,
        "owner": user_basic(call.world, one.owner),
    }


def _found(call: Call, project: Project) -> Trigger:
    one = project.triggers.get(call.number("trigger_id"))
    if one is None:
        raise not_found("Trigger")
    return one


@ROUTES.get("/projects/:id/triggers")
def list_triggers(call: Call) -> Answer:
    """Trigger tokens of a project; Maintainer."""
    call.user()
    return paged(call, list(call.project(Level.MAINTAINER).triggers.values()), lambda one: _show(call, one))


@ROUTES.get("/projects/:id/triggers/:trigger_id")
def get_trigger(call: Call) -> Answer:
    """One trigger token."""
    call.user()
    return ok(_show(call, _found(call, call.project(Level.MAINTAINER))))


@ROUTES.post("/projects/:id/triggers")
def create_trigger(call: Call) -> Answer:
    """A new token, which acts with its creator's rights."""
    call.params.require("description")
    project, now = call.project(Level.MAINTAINER), call.world.clock.now()
    one = Trigger(
        id=call.world.next_id("trigger"),
        description=call.params.needed("description"),
        token=f"glptt-{call.world.secret(40)}",
        owner=call.user(),
        created_at=now,
        updated_at=now,
    )
    project.triggers[one.id] = one
    return created(_show(call, one))


@ROUTES.put("/projects/:id/triggers/:trigger_id")
def update_trigger(call: Call) -> Answer:
    """A new description: for the token's owner and for admins."""
    one = _found(call, call.project(Level.MAINTAINER))
    if call.user() is not one.owner and not call.user().admin:
        raise forbidden()
    one.description = call.params.text("description", one.description) or ""
    one.updated_at = call.world.clock.now()
    return ok(_show(call, one))


@ROUTES.delete("/projects/:id/triggers/:trigger_id")
def delete_trigger(call: Call) -> Answer:
    """The token starts nothing any more."""
    project = call.project(Level.MAINTAINER)
    del project.triggers[_found(call, project).id]
    return no_content()


def _starter(call: Call, project: Project, secret: str) -> tuple[User, str]:
    """Who starts the pipeline, and its source. Unknown tokens do not reveal the project: 404."""
    for one in project.triggers.values():
        if one.token == secret:
            one.last_used = call.world.clock.now()
            return one.owner, "trigger"
    token = call.world.tokens.get(secret)
    if token is None or token.kind is not TokenKind.JOB or token.user is None:
        raise not_found()
    if token.revoked:
        raise unauthorized()
    if not access.can_see(token.user, project) or not access.job_token_reaches(call.world, token, project):
        raise not_found()
    return token.user, "pipeline"


def _start(call: Call, ref: str) -> Answer:
    params = call.params
    secret, project = params.needed("token"), call.any_project()
    if call.headers.get("x-gitlab-event") == "Pipeline Hook":
        raise forbidden()  # a pipeline hook that triggers pipelines would never end
    given = params.nested("variables").values
    if not all(isinstance(value, str) for value in given.values()):
        raise message(400, "variables needs to be a map of key-valued strings")
    user, source = _starter(call, project, secret)
    payload = {key: value for key, value in params.values.items() if key != "token"}
    order = Order(
        user=user,
        ref=ref,
        source=source,
        variables=tuple({"key": key, "value": str(value)} for key, value in given.items()),
        own=({"key": "TRIGGER_PAYLOAD", "value": json.dumps(payload), "variable_type": "file"},),
        inputs=params.nested("inputs").values,
    )
    return created(ci.pipeline(call.world, project, create(call, project, order)))


@ROUTES.add("POST", "/projects/:id/trigger/pipeline", anonymous=True)
def trigger(call: Call) -> Answer:
    """Start a pipeline with a trigger token or a job token in `token`; no other credential is asked for."""
    call.params.require("ref", "token")
    return _start(call, call.params.needed("ref"))


@ROUTES.add("POST", "/projects/:id/ref/:ref/trigger/pipeline", anonymous=True)
def trigger_ref(call: Call) -> Answer:
    """The same, with the ref in the path, as webhooks need it."""
    call.params.require("token")
    return _start(call, call.arguments["ref"])
