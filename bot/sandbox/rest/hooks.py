"""Project, group and system hooks, their deliveries, redelivery and tests.

Source: lib/api/{hooks,project_hooks}.rb, ee/lib/api/group_hooks.rb, lib/api/hooks/*.rb.
"""

import re
import uuid
from datetime import timedelta

from bot.sandbox.answers import Answer, Json, RefusalError, invalid, message, no_record, not_found
from bot.sandbox.hooks.delivery import INTERNAL_ERROR, is_loopback
from bot.sandbox.hooks.samples import NoSampleError, Samples
from bot.sandbox.rest.call import Call, created, no_content
from bot.sandbox.rest.call import ok as answered
from bot.sandbox.rest.entities import hooks as entities
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world import access
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.settings import GROUP_HOOK_EVENTS, HOOK_EVENTS, Delivery, Hook

ROUTES = Routes()

LIMITS = {"project": 100, "group": 50, "system": 100}
"""Hooks of one place. GitLab has no limit for system hooks; the sandbox keeps one."""
RECENT = timedelta(days=7)
"""How long deliveries are listed and may be sent again. Source: app/models/hooks/web_hook_log.rb."""
_DEFAULTS = {
    "project": {"push_events": True},
    "group": {"push_events": True},
    "system": {"repository_update_events": True},
}
_EVENTS_PER_PAGE = 20
_CUSTOM_HEADERS_LIMIT = 20
_HEADER_LENGTH, _HEADER_VALUE_LENGTH = 255, 2048
_HEADER = re.compile(r"[A-Za-z]+[0-9]*(?:[._-][A-Za-z0-9]+)*")
_SIGNING_TOKEN = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
"""A key of 32 bytes. Source: app/models/concerns/web_hooks/hook.rb, SIGNING_TOKEN_FORMAT."""
_CLASSES = {"successful": "2", "client_failure": "4", "server_failure": "5"}
_STATUS = re.compile(r"[1-5]\d\d")


def _shelf(call: Call, kind: str) -> dict[int, Hook]:
    """The place's hooks: a Maintainer's, a group Owner's, an admin's."""
    if kind == "project":
        return call.project(Level.MAINTAINER).hooks
    if kind == "group":
        return call.group(Level.OWNER).hooks
    call.admin()
    return call.world.system_hooks


def _hook(call: Call, kind: str) -> Hook:
    found = _shelf(call, kind).get(call.number("hook_id"))
    if found is None:
        raise no_record()
    return found


def _show(call: Call, one: Hook) -> Json:
    return entities.hook(one, call.hooks.alert_status(one))


def _signing_token(text: str | None) -> str | None:
    if text is not None and not _SIGNING_TOKEN.fullmatch(text):
        raise message(422, {"signing_token": ["is invalid"]})
    return text


def _custom_headers(rows: dict[str, str]) -> dict[str, str]:
    good = len(rows) <= _CUSTOM_HEADERS_LIMIT and all(
        _HEADER.fullmatch(name) and len(name) <= _HEADER_LENGTH and 0 < len(value) <= _HEADER_VALUE_LENGTH
        for name, value in rows.items()
    )
    if not good:
        raise RefusalError(422, {"error": "Illegal key or value"})
    return rows


def _apply(call: Call, one: Hook) -> None:
    """Take in what was sent. Raises: RefusalError for a URL, header or signing token that cannot work."""
    params = call.params
    url = params.text("url", one.url) or ""
    if not url.startswith(("http://", "https://")):
        raise message(422, {"url": ["is blocked: Only allowed schemes are http, https"]})
    if not is_loopback(url):
        raise message(422, {"url": ["is blocked: the embedded GitLab delivers to this machine only"]})
    signing = _signing_token(params.text("signing_token", one.signing_token))
    if params.has("custom_headers"):
        rows = params.rows("custom_headers")
        one.custom_headers = _custom_headers({row.needed("key"): row.text("value") or "" for row in rows})
    one.url = url
    one.name = params.text("name", one.name)
    one.description = params.text("description", one.description)
    one.token = params.text("token", one.token)
    one.signing_token = signing
    one.enable_ssl_verification = params.flag("enable_ssl_verification", one.enable_ssl_verification)
    one.push_events_branch_filter = params.text("push_events_branch_filter", one.push_events_branch_filter)
    for name in entities.events_of(one):
        one.events[name] = params.flag(name, one.events.get(name, False))


def _list(call: Call, kind: str) -> Answer:
    return paged(call, list(_shelf(call, kind).values()), lambda one: _show(call, one))


def _get(call: Call, kind: str) -> Answer:
    return answered(_show(call, _hook(call, kind)))


def _create(call: Call, kind: str) -> Answer:
    call.params.require("url")
    shelf, most = _shelf(call, kind), LIMITS[kind]
    if len(shelf) >= most:
        raise message(422, {"base": [f"Maximum number of {kind} hooks ({most}) exceeded"]})
    one = Hook(
        id=call.world.next_id("hook"),
        url="",
        created_at=call.world.clock.now(),
        uuid=str(uuid.uuid4()),
        project_id=call.project().id if kind == "project" else None,
        group_id=call.group().id if kind == "group" else None,
        events=dict(_DEFAULTS[kind]),
    )
    _apply(call, one)
    shelf[one.id] = one
    return created(_show(call, one))


def _update(call: Call, kind: str) -> Answer:
    one = _hook(call, kind)
    _apply(call, one)
    return answered(_show(call, one))


def _delete(call: Call, kind: str) -> Answer:
    one = _hook(call, kind)
    del _shelf(call, kind)[one.id]
    return no_content()


def _recent(call: Call, one: Hook) -> list[Delivery]:
    """Deliveries of the last seven days, newest first."""
    oldest = call.world.clock.now() - RECENT
    return [row for row in reversed(one.deliveries) if row.created_at >= oldest]


def _deliveries(call: Call, kind: str) -> Answer:
    """Recent deliveries, at most twenty a page; `status` takes codes and classes."""
    one, wanted = _hook(call, kind), call.params.texts("status")
    if any(name not in _CLASSES and not _STATUS.fullmatch(name) for name in wanted):
        raise invalid("status does not have a valid value")
    size = call.params.integer("per_page")
    if size is not None and not 1 <= size <= _EVENTS_PER_PAGE:
        raise invalid("per_page does not have a valid value")
    prefixes = tuple(_CLASSES.get(name, name) for name in wanted)
    broken = "server_failure" in wanted
    rows = [
        row
        for row in _recent(call, one)
        if row.response_status.startswith(prefixes or "") or (broken and row.response_status == INTERNAL_ERROR)
    ]
    return paged(call, rows, entities.delivery)


def _resend(call: Call, kind: str) -> Answer:
    """Deliver again: same body, same key. Source: app/services/web_hooks/events/resend_service.rb."""
    one, number = _hook(call, kind), call.number("hook_log_id")
    past = next((row for row in _recent(call, one) if row.id == number), None)
    if past is None:
        raise no_record()
    if past.url != one.url:
        raise message(422, "The hook URL has changed, and this log entry cannot be retried")
    if not call.hooks.executable(one):
        raise message(422, "Hook disabled")
    again = call.hooks.resend(one, past)
    if again.response_status == INTERNAL_ERROR:
        raise message(422, again.error)
    return created({"response_status": int(again.response_status)})


def _test(call: Call, kind: str) -> Answer:
    """Send the newest thing of the trigger's kind and wait; 422 when there is none, or the receiver refuses."""
    one, trigger = _hook(call, kind), call.arguments["trigger"]
    if trigger not in (HOOK_EVENTS if kind == "project" else GROUP_HOOK_EVENTS):
        raise invalid("trigger does not have a valid value")
    project = call.project() if kind == "project" else _first_project(call)
    try:
        told = Samples(call.world, call.pipelines, project, call.user()).make(trigger)
    except NoSampleError as error:
        raise message(422, str(error)) from None
    except KeyError:
        raise message(422, "Testing not available for this hook") from None
    done = call.hooks.test(one, told, trigger)
    if not done.response_status.startswith("2"):
        raise message(422, done.error or done.response_body)
    return created({"message": "201 Created"})


def _first_project(call: Call) -> Project:
    """The project a group hook is tested with. Source: ee/app/services/test_hooks/group_service.rb."""
    group, user = call.group(), call.user()
    for place in group.tree():
        for project in list(place.projects):
            if access.can_see(user, project):
                return project
    raise message(422, "Ensure the group has a project with commits.")


def _set_header(call: Call, kind: str) -> Answer:
    one = _hook(call, kind)
    one.custom_headers = _custom_headers({**one.custom_headers, call.arguments["key"]: call.params.needed("value")})
    return no_content()


def _drop_header(call: Call, kind: str) -> Answer:
    one = _hook(call, kind)
    if one.custom_headers.pop(call.arguments["key"], None) is None:
        raise not_found("Custom header")
    return no_content()


@ROUTES.post("/hooks/:hook_id")
def test_system_hook(call: Call) -> Answer:
    """Run a system hook with GitLab's mock data. Source: lib/api/system_hooks.rb."""
    told: Json = {
        "event_name": "project_create",
        "name": "Ruby",
        "path": "ruby",
        "project_id": 1,
        "owner_name": "Someone",
        "owner_email": "example@gitlabhq.com",
    }
    call.hooks.send(_hook(call, "system"), told)
    return created(told)


def _register(kind: str, path: str) -> None:
    ROUTES.get(path)(lambda call: _list(call, kind))
    ROUTES.post(path)(lambda call: _create(call, kind))
    ROUTES.get(f"{path}/:hook_id")(lambda call: _get(call, kind))
    ROUTES.put(f"{path}/:hook_id")(lambda call: _update(call, kind))
    ROUTES.delete(f"{path}/:hook_id")(lambda call: _delete(call, kind))
    if kind == "system":
        return
    ROUTES.get(f"{path}/:hook_id/events")(lambda call: _deliveries(call, kind))
    ROUTES.post(f"{path}/:hook_id/events/:hook_log_id/resend")(lambda call: _resend(call, kind))
    ROUTES.post(f"{path}/:hook_id/test/:trigger")(lambda call: _test(call, kind))
    ROUTES.put(f"{path}/:hook_id/custom_headers/:key")(lambda call: _set_header(call, kind))
    ROUTES.delete(f"{path}/:hook_id/custom_headers/:key")(lambda call: _drop_header(call, kind))


_register("project", "/projects/:id/hooks")
_register("group", "/groups/:id/hooks")
_register("system", "/hooks")
