"""Project and system hooks, their deliveries and redelivery. Source: lib/api/{hooks,project_hooks}.rb."""

import base64
import binascii
import uuid

from bot.sandbox.answers import Answer, Json, invalid, message, no_record
from bot.sandbox.git.changes import BLANK, RefChange
from bot.sandbox.hooks import payloads
from bot.sandbox.hooks.delivery import is_loopback
from bot.sandbox.rest.call import Call, created, no_content
from bot.sandbox.rest.call import ok as answered
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.settings import HOOK_EVENTS, SYSTEM_HOOK_EVENTS, Hook

ROUTES = Routes()

HOOKS_LIMIT = 100
_SYSTEM_DEFAULTS = {"repository_update_events": True}
_PROJECT_DEFAULTS = {"push_events": True}


def _shelf(call: Call, kind: str) -> tuple[dict[int, Hook], int | None]:
    if kind == "project":
        project = call.project(Level.MAINTAINER)
        return project.hooks, project.id
    call.admin()
    return call.world.system_hooks, None


def _hook(call: Call, kind: str) -> Hook:
    found = _shelf(call, kind)[0].get(call.number("hook_id"))
    if found is None:
        raise no_record()
    return found


def _apply(call: Call, one: Hook) -> None:
    """Take in what was sent. Raises: RefusalError for a URL or signing token that cannot work."""
    params = call.params
    url = params.text("url", one.url) or ""
    if not url.startswith(("http://", "https://")):
        raise message(422, {"url": ["is blocked: Only allowed schemes are http, https"]})
    if not is_loopback(url):
        raise message(422, {"url": ["is blocked: the embedded GitLab delivers to this machine only"]})
    one.url = url
    one.name = params.text("name", one.name)
    one.description = params.text("description", one.description)
    one.token = params.text("token", one.token)
    signing = params.text("signing_token", one.signing_token)
    if signing:
        try:
            base64.b64decode(signing.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise message(422, {"signing_token": ["is invalid"]}) from None
    one.signing_token = signing
    one.enable_ssl_verification = params.flag("enable_ssl_verification", one.enable_ssl_verification)
    one.push_events_branch_filter = params.text("push_events_branch_filter", one.push_events_branch_filter)
    names = SYSTEM_HOOK_EVENTS if one.project_id is None else HOOK_EVENTS
    for name in names:
        one.events[name] = params.flag(name, one.events.get(name, False))


def _list(call: Call, kind: str) -> Answer:
    return paged(call, list(_shelf(call, kind)[0].values()), work.hook)


def _get(call: Call, kind: str) -> Answer:
    return answered(work.hook(_hook(call, kind)))


def _create(call: Call, kind: str) -> Answer:
    call.params.require("url")
    shelf, project_id = _shelf(call, kind)
    if len(shelf) >= HOOKS_LIMIT:
        raise message(422, {"base": [f"Maximum number of project hooks ({HOOKS_LIMIT}) exceeded"]})
    defaults = _SYSTEM_DEFAULTS if project_id is None else _PROJECT_DEFAULTS
    one = Hook(
        id=call.world.next_id("hook"),
        url="",
        created_at=call.world.clock.now(),
        uuid=str(uuid.uuid4()),
        project_id=project_id,
        events=dict(defaults),
    )
    _apply(call, one)
    shelf[one.id] = one
    return created(work.hook(one))


def _update(call: Call, kind: str) -> Answer:
    one = _hook(call, kind)
    _apply(call, one)
    return answered(work.hook(one))


def _delete(call: Call, kind: str) -> Answer:
    one = _hook(call, kind)
    del _shelf(call, kind)[0][one.id]
    return no_content()


def _deliveries(call: Call, kind: str) -> Answer:
    """Deliveries of the last seven days, newest first; `status` takes codes and classes."""
    wanted = call.params.texts("status")
    classes = {"successful": "2", "client_failure": "4", "server_failure": "5"}
    prefixes = tuple(classes.get(one, one) for one in wanted)
    rows = [one for one in reversed(_hook(call, kind).deliveries) if one.response_status.startswith(prefixes or "")]
    return paged(call, rows, work.delivery)


def _resend(call: Call, kind: str) -> Answer:
    """Deliver again: same body, same key."""
    one, number = _hook(call, kind), call.number("hook_log_id")
    past = next((row for row in one.deliveries if row.id == number), None)
    if past is None:
        raise no_record()
    again = call.hooks.resend(one, past)
    status = again.response_status
    body: Json = {"response_status": int(status) if status.isdecimal() else status}
    return created(body)


@ROUTES.post("/projects/:id/hooks/:hook_id/test/:trigger")
def test(call: Call) -> Answer:
    """Send a push or tag push of what is in the repository now; 422 when there is nothing to tell."""
    project, one, trigger = call.project(Level.MAINTAINER), _hook(call, "project"), call.arguments["trigger"]
    if trigger not in ("push_events", "tag_push_events"):
        raise invalid("trigger does not have a valid value")
    refs = project.git.tags() if trigger == "tag_push_events" else project.git.branches()
    if not refs:
        raise message(422, "Ensure the project has at least one commit.")
    change = RefChange(ref=refs[-1].full_name, before=BLANK, after=refs[-1].target)
    commits = [project.git.commits([refs[-1].commit])[refs[-1].commit]]
    told = payloads.push(
        call.world, project, call.user(), change, commits, total=1, message=refs[-1].message or None, push_options={}
    )
    call.hooks.send(one, told)
    return created({"message": "201 Created"})


def _register(kind: str, path: str) -> None:
    ROUTES.get(path)(lambda call: _list(call, kind))
    ROUTES.post(path)(lambda call: _create(call, kind))
    ROUTES.get(f"{path}/:hook_id")(lambda call: _get(call, kind))
    ROUTES.put(f"{path}/:hook_id")(lambda call: _update(call, kind))
    ROUTES.delete(f"{path}/:hook_id")(lambda call: _delete(call, kind))
    ROUTES.get(f"{path}/:hook_id/events")(lambda call: _deliveries(call, kind))
    ROUTES.post(f"{path}/:hook_id/events/:hook_log_id/resend")(lambda call: _resend(call, kind))


_register("project", "/projects/:id/hooks")
_register("system", "/hooks")
