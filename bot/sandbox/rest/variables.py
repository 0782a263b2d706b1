"""CI/CD variables of projects, groups and the instance, with GitLab's exact refusals.

Source: lib/api/ci/variables.rb, lib/api/group_variables.rb, lib/api/admin/ci/variables.rb,
lib/api/helpers/variables_helpers.rb, app/models/concerns/ci/{maskable,hidable_variable}.rb.
"""

import re

from bot.sandbox.answers import Answer, message, not_found
from bot.sandbox.rest.call import Call, created, no_content, ok
from bot.sandbox.rest.entities import work
from bot.sandbox.rest.paging import paged
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.settings import Variable

ROUTES = Routes()

KEY = re.compile(r"[A-Za-z0-9_]+")
"""What a variable may be called."""
_SCOPE = re.compile(r"[a-zA-Z0-9_/${}. *-]+")
_BAD_SCOPE = "can contain only letters, digits, '-', '_', '/', '$', '{', '}', '.', '*' and spaces"
_MASKABLE = re.compile(r"[a-zA-Z0-9_+=/@:.~-]{8,}")
_MASKABLE_RAW = re.compile(r"\S{8,}")
_KEY_LIMIT = _DESCRIPTION_LIMIT = 255
_INSTANCE_VALUE_LIMIT = {"env_var": 10_000, "file": 50_000}
_LIMITS: dict[type | None, tuple[int, str]] = {
    Project: (8000, "project"),
    Group: (30_000, "group"),
    None: (25, "instance"),
}
_MULTIPLE = "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'"
_HIDDEN = "The visibility setting cannot be changed for masked and hidden variables."


def maskable(value: str, *, raw: bool) -> bool:
    """Whether GitLab can mask the value: no spaces, eight characters, and unless raw only its mask alphabet."""
    return (_MASKABLE_RAW if raw else _MASKABLE).fullmatch(value) is not None


def _check(one: Variable, others: list[Variable], owner: Project | Group | None) -> None:
    errors: dict[str, list[str]] = {}
    if len(one.key) > _KEY_LIMIT:
        errors["key"] = ["is too long (maximum is 255 characters)"]
    elif not KEY.fullmatch(one.key):
        errors["key"] = ["can contain only letters, digits and '_'."]
    elif any((other.key, other.environment_scope) == (one.key, one.environment_scope) for other in others):
        errors["key"] = [f"({one.key}) has already been taken"]
    if one.masked and not maskable(one.value, raw=one.raw):
        errors["value"] = ["is invalid"]
    if len(one.environment_scope) > _KEY_LIMIT:
        errors["environment_scope"] = ["is too long (maximum is 255 characters)"]
    elif not _SCOPE.fullmatch(one.environment_scope):
        errors["environment_scope"] = [_BAD_SCOPE]
    if one.description and len(one.description) > _DESCRIPTION_LIMIT:
        errors["description"] = ["is too long (maximum is 255 characters)"]
    if owner is None and len(one.value) > _INSTANCE_VALUE_LIMIT[one.variable_type]:
        limit = _INSTANCE_VALUE_LIMIT[one.variable_type]
        errors["value"] = [f"The value of the provided variable exceeds the {limit} character limit"]
    most, where = _LIMITS[None if owner is None else type(owner)]
    if len(others) >= most:
        errors["base"] = [f"Maximum number of ci {where} variables ({most}) exceeded"]
    if errors:
        raise message(400, dict(errors))


def _owner(call: Call, kind: str) -> Project | Group | None:
    call.user()  # before anything is looked up
    if kind == "project":
        return call.project(Level.MAINTAINER)
    if kind == "group":
        return call.group(Level.OWNER)
    call.admin()
    return None


def _pick(call: Call, owner: Project | Group | None, *, strict: bool = True) -> Variable:
    """The variable of the path. Several scopes and no filter: 409, or the first match when not `strict`."""
    rows = [one for one in call.world.variables_of(owner) if one.key == call.arguments["key"]]
    scope = call.params.nested("filter").text("environment_scope")
    if scope is not None and owner is not None:
        rows = [one for one in rows if one.environment_scope == scope]
    if not rows:
        raise not_found("Variable")
    if len(rows) > 1 and strict:
        raise message(409, _MULTIPLE)
    return rows[0]


def _list(call: Call, kind: str) -> Answer:
    owner = _owner(call, kind)
    return paged(call, list(call.world.variables_of(owner)), lambda one: work.variable(one, instance=owner is None))


def _get(call: Call, kind: str) -> Answer:
    owner = _owner(call, kind)
    return ok(work.variable(_pick(call, owner), instance=owner is None))


def _create(call: Call, kind: str) -> Answer:
    owner, params = _owner(call, kind), call.params
    params.require("key", "value")
    hidden = owner is not None and params.flag("masked_and_hidden")
    scope = (params.text("environment_scope") or "*").strip()
    made = Variable(
        id=call.world.next_id("variable"),
        key=params.needed("key"),
        value=params.needed("value"),
        variable_type=params.choice("variable_type", ("env_var", "file"), "env_var"),
        protected=params.flag("protected"),
        masked=params.flag("masked") or hidden,
        hidden=hidden,
        raw=params.flag("raw"),
        environment_scope="*" if owner is None else scope,
        description=params.text("description"),
    )
    with call.world.lock:
        rows = call.world.variables_of(owner)
        _check(made, rows, owner)
        rows.append(made)
    return created(work.variable(made, instance=owner is None))


def _update(call: Call, kind: str) -> Answer:
    """Only what was sent changes; the key never does, nor whether the variable is hidden."""
    owner, params = _owner(call, kind), call.params
    with call.world.lock:
        one = _pick(call, owner, strict=kind == "project")
        changed = Variable(
            id=one.id,
            key=one.key,
            value=params.text("value", one.value) or "",
            variable_type=params.choice("variable_type", ("env_var", "file"), one.variable_type),
            protected=params.flag("protected", one.protected),
            masked=params.flag("masked", one.masked),
            hidden=one.hidden,
            raw=params.flag("raw", one.raw),
            environment_scope="*" if owner is None else params.text("environment_scope") or one.environment_scope,
            description=params.text("description", one.description),
        )
        if one.hidden and not changed.masked:
            raise message(400, {"base": [_HIDDEN]})
        rows = call.world.variables_of(owner)
        _check(changed, [other for other in rows if other is not one], owner)
        rows[rows.index(one)] = changed
    return ok(work.variable(changed, instance=owner is None))


def _delete(call: Call, kind: str) -> Answer:
    owner = _owner(call, kind)
    with call.world.lock:
        call.world.variables_of(owner).remove(_pick(call, owner))
    return no_content()


def _register(kind: str, path: str) -> None:
    ROUTES.get(path)(lambda call: _list(call, kind))
    ROUTES.post(path)(lambda call: _create(call, kind))
    ROUTES.get(f"{path}/:key")(lambda call: _get(call, kind))
    ROUTES.put(f"{path}/:key")(lambda call: _update(call, kind))
    ROUTES.delete(f"{path}/:key")(lambda call: _delete(call, kind))


_register("project", "/projects/:id/variables")
_register("group", "/groups/:id/variables")
_register("instance", "/admin/ci/variables")
