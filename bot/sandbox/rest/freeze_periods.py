"""Deploy freezes. Source: lib/api/freeze_periods.rb, app/models/ci/freeze_period.rb."""

from bot.sandbox.answers import Answer, Json, message, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.cron import ZoneError, next_run
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.starts import FreezePeriod

ROUTES = Routes()

_PATH = "/projects/:id/freeze_periods"


def _show(one: FreezePeriod) -> Json:
    """API::Entities::FreezePeriod."""
    return {
        "id": one.id,
        "freeze_start": one.freeze_start,
        "freeze_end": one.freeze_end,
        "cron_timezone": one.cron_timezone,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
    }


def _found(call: Call, project: Project) -> FreezePeriod:
    one = project.freeze_periods.get(call.number("freeze_period_id"))
    if one is None:
        raise not_found()
    return one


def _check(call: Call, one: FreezePeriod) -> None:
    errors: dict[str, list[str]] = {}
    for name in ("freeze_start", "freeze_end"):
        try:
            next_run(getattr(one, name), one.cron_timezone, call.world.clock.now())
        except ZoneError:
            errors["cron_timezone"] = ["is invalid syntax"]
        except ValueError:
            errors[name] = ["is invalid syntax"]
    if errors:
        raise message(400, dict(errors))


@ROUTES.get(_PATH)
def list_periods(call: Call) -> Answer:
    """Freezes of a project, oldest first; Reporter."""
    call.user()
    return paged(call, list(call.project(Level.REPORTER).freeze_periods.values()), _show)


@ROUTES.get(f"{_PATH}/:freeze_period_id")
def get_period(call: Call) -> Answer:
    """One freeze."""
    call.user()
    return ok(_show(_found(call, call.project(Level.REPORTER))))


@ROUTES.post(_PATH)
def create_period(call: Call) -> Answer:
    """A new freeze; Maintainer."""
    params, now = call.params, call.world.clock.now()
    params.require("freeze_start", "freeze_end")
    project = call.project(Level.MAINTAINER)
    one = FreezePeriod(
        id=call.world.next_id("freeze_period"),
        freeze_start=params.needed("freeze_start").strip(),
        freeze_end=params.needed("freeze_end").strip(),
        cron_timezone=params.text("cron_timezone") or "UTC",
        created_at=now,
        updated_at=now,
    )
    _check(call, one)
    project.freeze_periods[one.id] = one
    return created(_show(one))


@ROUTES.delete(f"{_PATH}/:freeze_period_id")
def delete_period(call: Call) -> Answer:
    """The freeze is lifted."""
    project = call.project(Level.MAINTAINER)
    del project.freeze_periods[_found(call, project).id]
    return no_content()
