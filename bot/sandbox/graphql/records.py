"""Records as GraphQL nodes, whoever looks: what a viewer may see is for `nodes.py` to say."""

from collections.abc import Iterable

from bot.sandbox.ci.model import Job, Pipeline
from bot.sandbox.graphql.paging import Node, connection
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.people import User
from bot.sandbox.world.settings import Variable
from bot.sandbox.world.starts import Schedule
from bot.sandbox.world.work import Note, Release
from bot.sandbox.world.world import World

_LIMITS = {"Ci::Variable": 8000, "Ci::GroupVariable": 30_000}


def variable(kind: str, one: Variable) -> Node:
    """A variable. A hidden one's value is null; an instance variable has no scope."""
    return {
        "id": f"gid://gitlab/{kind}/{one.id}",
        "key": one.key,
        "value": None if one.hidden else one.value,
        "variableType": one.variable_type.upper(),
        "raw": one.raw,
        "description": one.description,
        "protected": one.protected,
        "masked": one.masked,
        "hidden": one.hidden,
        "environmentScope": None if kind == "Ci::InstanceVariable" else one.environment_scope,
    }


def variables(kind: str, rows: Iterable[Variable], arguments: dict[str, object]) -> Node:
    """A connection of variables."""
    ordered = sorted(rows, key=lambda one: one.id)
    if arguments.get("sort"):
        ordered.sort(key=lambda one: one.key, reverse=arguments["sort"] == "KEY_DESC")
    page = connection(ordered, arguments, lambda one: one.id, lambda one: variable(kind, one))
    return page | {"limit": _LIMITS.get(kind, 25)}


def user(world: World, one: User) -> Node:
    """A user as everybody sees them."""
    web = f"{world.url}/{one.username}"
    return {"id": f"gid://gitlab/User/{one.id}", "username": one.username, "name": one.name, "webUrl": web}


def note(world: World, one: Note) -> Node:
    """A note on a merge request or an issue."""
    return {
        "id": f"gid://gitlab/Note/{one.id}",
        "body": one.body,
        "createdAt": stamp(one.created_at),
        "updatedAt": stamp(one.updated_at),
        "lastEditedAt": stamp(one.edited_at or one.updated_at),
        "lastEditedBy": None if one.edited_by is None else user(world, one.edited_by),
        "author": user(world, one.author),
        "system": one.system,
        "internal": one.internal,
    }


def blob(path: str, oid: str, data: bytes) -> Node:
    """A file at a commit."""
    text = data.decode(errors="replace")
    return {
        "id": f"gid://gitlab/Blob/{oid}",
        "oid": oid,
        "path": path,
        "name": path.rsplit("/", 1)[-1],
        "rawBlob": text,
        "rawTextBlob": text,
        "size": len(data),
    }


def release(one: Release) -> Node:
    """A release."""
    return {
        "id": f"gid://gitlab/Release/{one.tag}",
        "name": one.name,
        "tagName": one.tag,
        "description": one.description,
        "releasedAt": stamp(one.released_at),
        "createdAt": stamp(one.created_at),
    }


def pipeline(one: Pipeline) -> Node:
    """A pipeline."""
    return {
        "id": f"gid://gitlab/Ci::Pipeline/{one.id}",
        "iid": str(one.iid),
        "sha": one.sha,
        "ref": one.ref,
        "status": one.status.upper(),
        "createdAt": stamp(one.created_at),
        "source": one.source,
    }


def job(one: Job) -> Node:
    """A job."""
    return {
        "id": f"gid://gitlab/Ci::Build/{one.id}",
        "name": one.name,
        "status": one.status.upper(),
        "refName": one.ref,
        "createdAt": stamp(one.created_at),
    }


def kept(row: tuple[int, Variable]) -> Node:
    """A variable of a schedule, by its place among them."""
    place, one = row
    return {
        "id": f"gid://gitlab/Ci::PipelineScheduleVariable/{place + 1}",
        "key": one.key,
        "value": one.value,
        "variableType": one.variable_type.upper(),
        "raw": one.raw,
    }


def schedule(one: Schedule) -> Node:
    """A schedule, without its variables: who sees those is not for the record to say."""
    return {
        "id": f"gid://gitlab/Ci::PipelineSchedule/{one.id}",
        "description": one.description,
        "active": one.active,
        "cron": one.cron,
        "cronTimezone": one.cron_timezone,
        "ref": one.ref,
        "createdAt": stamp(one.created_at),
    }
