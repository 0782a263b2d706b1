"""`POST /api/graphql`: authentication, limits, execution. Source: app/controllers/graphql_controller.rb."""

import json
from typing import TYPE_CHECKING

from graphql import (
    ASTValidationRule,
    GraphQLError,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bot.sandbox.answers import Json, RefusalError
from bot.sandbox.auth import identify
from bot.sandbox.graphql.nodes import Nodes, variables
from bot.sandbox.graphql.paging import Info, Node
from bot.sandbox.graphql.schema import SCHEMA
from bot.sandbox.rest.identity import REVISION, VERSION
from bot.sandbox.world import access
from bot.sandbox.world.people import User

if TYPE_CHECKING:
    from bot.sandbox.world.world import World

QUERY_LIMIT = 10_000
"""Characters of query text in one request, variables not counted, multiplexed ones together."""
FULL_PATHS_LIMIT = 50

LIMIT_RULES: tuple[type[ASTValidationRule], ...] = ()
"""Validation rules beyond the language's own; query complexity and depth belong here."""

_MODEL = build_schema(SCHEMA)


class _Root:
    """What a query starts from, for one viewer."""

    def __init__(self, world: "World", viewer: User | None) -> None:
        self._world = world
        self._viewer = viewer
        self._nodes = Nodes(world, viewer)

    def fields(self) -> Node:
        """The root value."""
        return {
            "currentUser": self._current_user,
            "metadata": {"version": VERSION, "revision": REVISION, "enterprise": True} if self._viewer else None,
            "project": self._project,
            "projects": self._projects,
            "group": self._group,
            "ciVariables": self._instance_variables,
        }

    def _current_user(self, _: Info) -> Node | None:
        user = self._viewer
        if user is None:
            return None
        return {
            "id": f"gid://gitlab/User/{user.id}",
            "username": user.username,
            "name": user.name,
            "webUrl": f"{self._world.url}/{user.username}",
            "bot": user.bot,
        }

    def _project(self, _: Info, *, fullPath: str) -> Node | None:  # noqa: N803  # GraphQL's name
        found = self._world.project_paths.get(fullPath.lower())
        return self._nodes.project(found) if found and access.can_see(self._viewer, found) else None

    def _group(self, _: Info, *, fullPath: str) -> Node | None:  # noqa: N803  # GraphQL's name
        found = self._world.groups.get(fullPath.lower())
        return self._nodes.group(found) if found and access.can_see(self._viewer, found) else None

    def _projects(self, _: Info, **arguments: object) -> Node:
        world, ids, paths = self._world, arguments.get("ids"), arguments.get("fullPaths")
        rows = list(world.projects.values())
        if isinstance(ids, list):
            numbers = {_number(str(one), "Project") for one in ids}
            rows = [world.projects[number] for number in numbers if number in world.projects]
        if isinstance(paths, list):
            if len(paths) > FULL_PATHS_LIMIT:
                raise GraphQLError(f"You cannot provide more than {FULL_PATHS_LIMIT} full_paths")
            wanted = {str(one).lower() for one in paths}
            rows = [one for one in rows if one.full_path.lower() in wanted]
        search = str(arguments.get("search") or "").lower()
        topics = arguments.get("topics")
        return self._nodes.projects(
            (
                one
                for one in rows
                if access.can_see(self._viewer, one)
                and search in one.full_path.lower()
                and (not isinstance(topics, list) or set(topics) <= set(one.topics))
                and (not arguments.get("membership") or (self._viewer and access.is_member(self._viewer, one)))
            ),
            arguments,
        )

    def _instance_variables(self, _: Info, **arguments: object) -> Node | None:
        if self._viewer is None or not self._viewer.admin:
            return None
        return variables("Ci::InstanceVariable", self._world.instance_variables, arguments)


def _number(text: str, kind: str) -> int:
    number = text.removeprefix(f"gid://gitlab/{kind}/")
    if not number.isdecimal():
        raise GraphQLError(f'"{text}" is not a valid GitLab ID.')
    return int(number)


class GraphqlApi:
    """The endpoint. Queries only; an array body is a multiplex."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        status, body = await self._answer(request)
        await JSONResponse(body, status)(scope, receive, send)

    async def _answer(self, request: Request) -> tuple[int, Json | list[Json]]:
        if request.method != "POST":
            return 404, {"errors": [{"message": "Not found"}]}
        try:
            identity = identify(self._world, request.headers, {}, job_token=False, deploy_token=False)
        except RefusalError:
            return 401, _failed("Invalid token")
        if identity.token is not None and not identity.has_scope("api", "read_api"):
            return 401, _failed("Invalid token")
        request.scope["sandbox.user"] = identity.user.username if identity.user else None
        try:
            asked = json.loads(await request.body())
        except ValueError:
            return 422, _failed("Unexpected end of document")
        queries = asked if isinstance(asked, list) else [asked]
        if not all(isinstance(one, dict) for one in queries):
            return 422, _failed("Invalid query")
        if sum(len(str(one.get("query") or "")) for one in queries) > QUERY_LIMIT:
            return 422, _failed("Query too large")
        answers = [await run_in_threadpool(self._execute, one, identity.user) for one in queries]
        return 200, answers if isinstance(asked, list) else answers[0]

    def _execute(self, asked: Json, viewer: User | None) -> Json:
        given, operation = asked.get("variables"), asked.get("operationName")
        try:
            document = parse(str(asked.get("query") or ""))
        except GraphQLError as error:
            return {"errors": [error.formatted]}
        errors = validate(_MODEL, document, [*specified_rules, *LIMIT_RULES])
        if errors:
            return {"errors": [error.formatted for error in errors]}
        result = execute_sync(
            _MODEL,
            document,
            root_value=_Root(self._world, viewer).fields(),
            variable_values=given if isinstance(given, dict) else None,
            operation_name=operation if isinstance(operation, str) else None,
        )
        return dict(result.formatted)


def _failed(message: str) -> Json:
    return {"errors": [{"message": message}]}
