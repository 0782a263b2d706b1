"""`POST /api/graphql`: authentication, limits, execution.

Source: app/controllers/graphql_controller.rb, app/graphql/gitlab_schema.rb.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.answers import Answer, Json, RefusalError
from bot.sandbox.auth import identify
from bot.sandbox.graphql.analysis import Analysis, Bounds, analyse, too_complex
from bot.sandbox.graphql.nodes import Nodes
from bot.sandbox.graphql.paging import Info, Node
from bot.sandbox.graphql.records import variables
from bot.sandbox.graphql.schema import SCHEMA
from bot.sandbox.malformed import check_values, whole_number
from bot.sandbox.rest.identity import REVISION, VERSION
from bot.sandbox.rest.params import parse_pairs
from bot.sandbox.world import access
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project

if TYPE_CHECKING:
    from bot.sandbox.world.world import World

QUERY_LIMIT = 10_000
"""Characters of query text in one request, variables not counted, multiplexed ones together."""
FULL_PATHS_LIMIT = 50

ANONYMOUS = Bounds(complexity=200, depth=15)
AUTHENTICATED = Bounds(complexity=250, depth=20)
ADMIN = Bounds(complexity=300, depth=20)
INTROSPECTION_COMPLEXITY = 217
"""What an anonymous `IntrospectionQuery` may cost."""

TIMEOUT_KEY = "sandbox.graphql_timeout"
"""Key in the ASGI scope: a pattern of `Type.field`; fields that match it time out."""

_MODEL = build_schema(SCHEMA)


class _Root:
    """What a query starts from, for one viewer."""

    def __init__(self, world: "World", viewer: User | None, score: int, limit: int) -> None:
        self._world = world
        self._viewer = viewer
        self._nodes = Nodes(world, viewer)
        self._complexity: Node = {"score": score, "limit": limit}

    def fields(self) -> Node:
        """The root value."""
        return {
            "currentUser": self._current_user,
            "metadata": {"version": VERSION, "revision": REVISION, "enterprise": True} if self._viewer else None,
            "project": self._project,
            "projects": self._projects,
            "group": self._group,
            "ciVariables": self._instance_variables,
            "note": lambda _, **arguments: self._nodes.note(str(arguments["id"])),
            "queryComplexity": self._complexity,
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
        viewer, membership = self._viewer, bool(arguments.get("membership"))

        def keep(one: Project) -> bool:
            return (
                search in one.full_path.lower()
                and (not isinstance(topics, list) or set(topics) <= set(one.topics))
                and (not membership or (viewer is not None and access.is_member(viewer, one)))
            )

        return self._nodes.projects(rows, arguments, keep=keep)

    def _instance_variables(self, _: Info, **arguments: object) -> Node | None:
        if self._viewer is None or not self._viewer.admin:
            return None
        return variables("Ci::InstanceVariable", self._world.instance_variables, arguments)


def _number(text: str, kind: str) -> int:
    number = text.removeprefix(f"gid://gitlab/{kind}/")
    if not number.isdecimal():
        raise GraphQLError(f'"{text}" is not a valid GitLab ID.')
    return whole_number(number)


class GraphqlApi:
    """The endpoint. Queries only; an array body is a multiplex."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        status, body = await self._answer(request)
        if isinstance(body, Answer):
            await Response(body.payload(), status, media_type=body.media_type)(scope, receive, send)
            return
        await JSONResponse(body, status)(scope, receive, send)

    async def _answer(self, request: Request) -> tuple[int, Json | list[Json] | Answer]:
        if request.method not in ("GET", "POST"):
            return 404, {"errors": [{"message": "Not found"}]}
        try:
            identity = identify(self._world, request.headers, {}, job_token=False, deploy_token=False)
        except RefusalError:
            return 401, _failed("Invalid token")
        if identity.token is not None and not identity.has_scope("api", "read_api"):
            return 401, _failed("Invalid token")
        request.scope["sandbox.user"] = identity.user.username if identity.user else None
        try:
            asked = await _asked(request)
        except RefusalError as refusal:
            return 400, refusal.answer
        except (ValueError, RecursionError):
            return 422, _failed("Unexpected end of document")
        sent = asked if isinstance(asked, list) else [asked]
        queries: list[Json] = [one for one in sent if isinstance(one, dict)]
        if len(queries) < len(sent):
            return 422, _failed("Invalid query")
        if sum(len(str(one.get("query") or "")) for one in queries) > QUERY_LIMIT:
            return 422, _failed("Query too large")
        try:
            queries = [{**one, "variables": _variables(one.get("variables"))} for one in queries]
        except ValueError as error:
            return 422, _failed(str(error))
        timeout = request.scope.get(TIMEOUT_KEY)
        run = _Run(self._world, identity.user, timeout, multiplex=isinstance(asked, list))
        answers = await run_in_threadpool(run.answers, queries)
        request.scope["sandbox.operations"] = run.operations
        return 200, answers if isinstance(asked, list) else answers[0]


async def _asked(request: Request) -> object:
    """What was sent: in the query of a GET or of a POST without a body, as a form, or as JSON.

    Raises: RefusalError (400) for text that is none, ValueError and RecursionError for JSON that is none.
    """
    body = await request.body()
    if request.method == "GET" or not body:
        return parse_pairs(request.scope["query_string"].decode("latin-1"))
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_pairs(body.decode(errors="surrogateescape"))
    asked: object = json.loads(body)
    check_values(asked)
    return asked


def _variables(given: object) -> Json:
    """The variables of a query, which may be JSON in a text. Source: lib/gitlab/graphql/variables.rb.

    Raises: ValueError, for the 422.
    """
    if isinstance(given, str) and given.strip():
        return _variables(json.loads(given))
    if not given and (given is None or isinstance(given, str)):
        return {}
    if not isinstance(given, dict):
        raise ValueError(f"Unexpected parameter: {given}")
    return given


@lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """A query's document and what the language has against it; clients send the same texts again and again."""
    try:
        document = parse(text)
        found = validate(_MODEL, document)
    except GraphQLError as error:
        return None, (error,)
    except RecursionError:
        return None, (GraphQLError("This query is too deeply nested to execute."),)
    return document, tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """One query of a request, with what it would cost. Without `document` or `operation` it cannot run."""

    document: DocumentNode | None
    operation: OperationDefinitionNode | None
    variables: Json
    operation_name: str | None
    errors: tuple[GraphQLError, ...]
    analysis: Analysis | None


def _prepare(asked: Json) -> _Query:
    document, errors = _parsed(str(asked.get("query") or ""))
    given, name = asked.get("variables"), asked.get("operationName")
    values = given if isinstance(given, dict) else {}
    operation_name = name if isinstance(name, str) else None
    operation = get_operation_ast(document, operation_name) if document and not errors else None
    analysis = None
    if document and operation:
        coerced = get_variable_values(_MODEL, operation.variable_definitions or (), values)
        # what is wrong with variables the execution tells
        analysis = None if isinstance(coerced, list) else analyse(_MODEL, document, operation, coerced)
    return _Query(
        document=document,
        operation=operation,
        variables=values,
        operation_name=operation_name,
        errors=errors,
        analysis=analysis,
    )


class _Run:
    """The queries of one request, for one viewer."""

    def __init__(self, world: "World", viewer: User | None, timeout: str | None, *, multiplex: bool) -> None:
        self._world = world
        self._viewer = viewer
        self._timeout = timeout
        self._multiplex = multiplex
        self.operations: tuple[str, ...] = ()  # the kinds of operation that were asked for, for the request log

    def answers(self, asked: list[Json]) -> list[Json]:
        """Answers in order. A multiplex that costs too much as a whole is refused as a whole."""
        queries = [_prepare(one) for one in asked]
        self.operations = tuple(one.operation.operation.value if one.operation else "invalid" for one in queries)
        bounds = self._bounds(queries[0] if len(queries) == 1 else None)
        total = sum(one.analysis.complexity for one in queries if one.analysis)
        together = [too_complex(total, bounds.complexity)] if self._multiplex and total > bounds.complexity else []
        return [self._answer(one, bounds, together) for one in queries]

    def _bounds(self, alone: _Query | None) -> Bounds:
        if self._viewer is not None:
            return ADMIN if self._viewer.admin else AUTHENTICATED
        operation = alone.operation if alone and not self._multiplex else None
        if operation and operation.name and operation.name.value == "IntrospectionQuery":
            return Bounds(complexity=INTROSPECTION_COMPLEXITY, depth=ANONYMOUS.depth)
        return ANONYMOUS

    def _answer(self, one: _Query, bounds: Bounds, together: list[str]) -> Json:
        if one.errors or one.document is None:
            return {"errors": [error.formatted for error in one.errors]}
        refusals = [*together, *(one.analysis.refusals(bounds) if one.analysis else [])]
        if refusals:
            return {"errors": [{"message": text} for text in refusals]}
        score = one.analysis.complexity if one.analysis else 0
        result = execute_sync(
            _MODEL,
            one.document,
            root_value=_Root(self._world, self._viewer, score, bounds.complexity).fields(),
            variable_values=one.variables,
            operation_name=one.operation_name,
            middleware=[_timing_out(self._timeout)] if self._timeout else None,
        )
        return dict(result.formatted)


def _timing_out(pattern: str) -> Callable[..., object]:
    """Fields that match end as those do that graphql-ruby reaches after its deadline: null, with this error."""
    wanted = re.compile(pattern)

    def resolve(following: Callable[..., object], source: object, info: Info, **arguments: object) -> object:
        path = f"{info.parent_type.name}.{info.field_name}"
        if wanted.fullmatch(path):
            raise GraphQLError(f"Timeout on {path}")
        return following(source, info, **arguments)

    return resolve


def _failed(message: str) -> Json:
    return {"errors": [{"message": message}]}
