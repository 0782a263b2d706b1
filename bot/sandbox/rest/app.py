"""The REST API as an ASGI application: finds the route, reads the body, runs the handler in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.answers import Answer, RefusalError
from bot.sandbox.auth import identify, require_scope
from bot.sandbox.git.run import GitError
from bot.sandbox.malformed import check_text, malformed
from bot.sandbox.rest import (
    access_tokens,
    applications,
    archives,
    artifacts,
    branches,
    changelog,
    commits,
    discussions,
    emoji,
    events,
    files,
    freeze_periods,
    groups,
    hooks,
    identity,
    issues,
    job_token_scope,
    jobs,
    limits,
    lint,
    members,
    merge_requests,
    milestones,
    notes,
    packages,
    pipelines,
    projects,
    protection,
    pypi,
    releases,
    schedules,
    triggers,
    users,
    variables,
)
from bot.sandbox.rest.call import Call, Upload
from bot.sandbox.rest.params import Params, parse_body, parse_pairs
from bot.sandbox.rest.routing import Route, Router

if TYPE_CHECKING:
    from bot.sandbox.ci.pipelines import Pipelines
    from bot.sandbox.hooks.delivery import HookSender
    from bot.sandbox.world.world import World

PREFIX = "/api/v4"
FIELD_LIMIT_BYTES = 16 * 1024 * 1024
"""Largest text field of a multipart body (a long description); files are not limited here."""

RESOURCES = (
    access_tokens,
    applications,
    artifacts,
    branches,
    archives,
    changelog,
    commits,
    discussions,
    emoji,
    events,
    files,
    freeze_periods,
    groups,
    hooks,
    identity,
    issues,
    job_token_scope,
    jobs,
    lint,
    members,
    merge_requests,
    milestones,
    notes,
    packages,
    pipelines,
    projects,
    protection,
    pypi,
    releases,
    schedules,
    triggers,
    users,
    variables,
)

_REGISTRY_REALM = 'Basic realm="GitLab Packages Registry"'


def all_routes() -> list[Route]:
    """Every route of the API, in no particular order."""
    return [route for resource in RESOURCES for route in resource.ROUTES.table]


def _header(value: str) -> str:
    """A header's value as it goes out: UTF-8 bytes, and no line break."""
    return " ".join(value.split("\n")).replace("\r", " ").encode().decode("latin-1")


def respond(answer: Answer) -> Response:
    """An answer as the response to send."""
    headers = {name: _header(value) for name, value in answer.headers.items()}
    if answer.path is not None:
        return FileResponse(answer.path, answer.status, headers, media_type=answer.media_type)
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    return Response(answer.payload(), answer.status, headers, media_type=answer.media_type)


class RestApi:
    """`/api/v4`. `scope["sandbox.user"]` is set for the request log."""

    def __init__(self, world: World, pipelines: Pipelines, hooks: HookSender) -> None:
        self._world = world
        self._pipelines = pipelines
        self._hooks = hooks
        self._router = Router(all_routes())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except RefusalError as refusal:
            answer = refusal.answer
        except GitError:  # a name, path or range that git refuses; what GitLab says of it better, the routes say
            answer = Answer(status=400, body={"message": "400 Bad request"})
        except MultiPartException:
            answer = malformed().answer
        await respond(answer)(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        raw_path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        found = self._router.find(request.method, raw_path.removeprefix(PREFIX))
        if found is None:
            raise RefusalError(404, {"error": "404 Not Found"})
        if found.route is None:
            raise RefusalError(405, {"error": "405 Not Allowed"}, {"Allow": ", ".join(found.methods)})
        try:
            return await self._call(request, raw_path, found.route, found.arguments)
        except RefusalError as refusal:
            if refusal.answer.status == 401 and "/packages/pypi" in found.route.template:
                body = refusal.answer.body if isinstance(refusal.answer.body, dict) else {}
                raise RefusalError(401, body, {"WWW-Authenticate": _REGISTRY_REALM}) from None
            raise

    async def _call(self, request: Request, raw_path: str, route: Route, arguments: Mapping[str, str]) -> Answer:
        text = request.scope["query_string"].decode("latin-1")
        values = parse_pairs(text)
        identified = identify(
            self._world, request.headers, values, job_token=route.job_token, deploy_token=route.deploy_token
        )
        request.scope["sandbox.user"] = identified.user.username if identified.user else None
        require_scope(identified, request.method, route.scopes)
        limits.count(self._world, route.method, route.template, identified, arguments)
        if identified.token is None and not route.anonymous and request.method not in ("GET", "HEAD"):
            raise RefusalError(401, {"message": "401 Unauthorized"})
        uploads: dict[str, Upload] = {}
        # the parameters and files are filled in below, before the handler sees them
        call = Call(
            world=self._world,
            pipelines=self._pipelines,
            hooks=self._hooks,
            identity=identified,
            method=request.method,
            raw_path=raw_path,
            query=parse_qsl(text, keep_blank_values=True),
            params=Params(values),
            headers=request.headers,
            arguments=arguments,
            files=uploads,
        )
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_part_size=FIELD_LIMIT_BYTES) as form:
                for name, value in form.multi_items():
                    if isinstance(value, UploadFile):
                        uploads[name] = Upload(filename=value.filename or name, stream=value.file)
                    else:
                        check_text(name)
                        check_text(value)
                        values[name] = value
                return await run_in_threadpool(route.handler, call)
        values |= parse_body(request.headers.get("content-type", ""), await request.body())
        return await run_in_threadpool(route.handler, call)
