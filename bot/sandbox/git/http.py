"""git over HTTP: authentication and GitLab's push rules in front of git's own `http-backend`."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.answers import RefusalError
from bot.sandbox.auth import Identity, identify, identify_basic, token_reaches
from bot.sandbox.git.pushes import PushRefusedError, PushRequest, check_push, forbids_force, read_push, refusal
from bot.sandbox.git.run import git_environment
from bot.sandbox.world import access
from bot.sandbox.world.people import Level, TokenKind, User
from bot.sandbox.world.places import Project

if TYPE_CHECKING:
    from bot.sandbox.world.world import World

_PATH = re.compile(r"/(?P<project>.+?)\.git(?P<rest>/info/refs|/git-upload-pack|/git-receive-pack)")
_CHUNK = 65536
_MISSING = "The project you were looking for could not be found or you don't have permission to view it."


@cache
def backend() -> Path:
    """Where git keeps `git-http-backend`."""
    found = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()) / "git-http-backend"


def is_git_path(path: str) -> bool:
    """Whether the decoded path is one git asks for."""
    return _PATH.fullmatch(path) is not None


class GitError(Exception):
    """An answer other than git's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        headers = {"WWW-Authenticate": 'Basic realm="GitLab"'} if status == 401 else {}
        self.response = PlainTextResponse(text, status, headers)


class GitOverHttp:
    """Clone, fetch and push. After a push its consequences have happened before git is told."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            await self._serve(request, send)
        except GitError as error:
            await error.response(scope, receive, send)
        except ClientDisconnect:
            return

    async def _serve(self, request: Request, send: Send) -> None:
        match = _PATH.fullmatch(request.url.path)
        if match is None:
            raise GitError(404, "Not found")
        rest = match["rest"]
        service = request.query_params.get("service", "") if rest == "/info/refs" else rest[1:]
        if service not in ("git-upload-pack", "git-receive-pack"):
            raise GitError(403, "Git access over dumb HTTP is not allowed")
        identity = self._identify(request)
        request.scope["sandbox.user"] = identity.user.username if identity.user else None
        project = self._project(match["project"], identity, push=service == "git-receive-pack")
        chunks = request.stream()
        if rest != "/git-receive-pack":
            await self._run(request, send, project, rest, identity.user, chunks, {})
            return
        try:
            push = await read_push(chunks)
        except ValueError as error:
            raise GitError(400, f"malformed push: {error}") from None
        try:
            check_push(project, identity.user, push.changes)
        except PushRefusedError as error:
            async for _ in chunks:
                pass  # git sends its pack before it reads the answer
            media = "application/x-git-receive-pack-result"
            answer = Response(refusal(push, str(error)), media_type=media, headers={"Cache-Control": "no-cache"})
            await answer(request.scope, request.receive, send)
            return
        await self._push(request, send, project, identity.user, push, chunks)

    def _identify(self, request: Request) -> Identity:
        header = request.headers.get("authorization", "")
        try:
            if header.lower().startswith("basic "):
                return identify_basic(self._world, header, oauth=True)
            return identify(self._world, request.headers, {}, job_token=True, deploy_token=True)
        except RefusalError:
            raise GitError(401, "HTTP Basic: Access denied") from None

    def _project(self, path: str, identity: Identity, *, push: bool) -> Project:
        """The project, if this identity may read (or `push` to) it. Raises: GitError."""
        found = self._world.project_paths.get(path.lower())
        token = identity.token
        if token is None:
            if found is None or found.visibility != "public" or push:
                raise GitError(401, "HTTP Basic: Access denied")
            return found
        scopes = {"api", "write_repository"} if push else {"api", "read_api", "read_repository", "write_repository"}
        if token.kind is TokenKind.JOB:
            if push:
                raise GitError(403, "You are not allowed to push code to this project.")
        elif token.scopes.isdisjoint(scopes):
            raise GitError(403, "HTTP Basic: Access denied. The token does not have the scope this needs.")
        if token.kind is TokenKind.DEPLOY:
            if found is None or not token_reaches(token, found):
                raise GitError(404, _MISSING)
            return found
        if found is None or not access.can_see(identity.user, found):
            raise GitError(404, _MISSING)
        if not access.can_read_code(identity.user, found):
            raise GitError(403, "You are not allowed to download code from this project.")
        if push and access.project_level(identity.user, found) < Level.DEVELOPER:
            raise GitError(403, "You are not allowed to push code to this project.")
        return found

    async def _push(
        self,
        request: Request,
        send: Send,
        project: Project,
        user: User | None,
        push: PushRequest,
        chunks: AsyncIterator[bytes],
    ) -> None:
        async def replayed() -> AsyncIterator[bytes]:
            yield push.consumed
            async for chunk in chunks:
                yield chunk

        settings = {}
        if forbids_force(project, push.changes):
            settings = {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "receive.denyNonFastForwards",
                "GIT_CONFIG_VALUE_0": "true",
            }

        def settle() -> None:
            if user is None or not push.changes:
                return
            project.git.forget()
            refs = project.git.refs()
            done = [one for one in push.changes if (refs[one.ref].target if one.ref in refs else "0" * 40) == one.after]
            self._adopt_default_branch(project)
            self._world.activity.pushed(project, user, done, push_options=push.options)

        await self._run(request, send, project, "/git-receive-pack", user, replayed(), settings)
        await run_in_threadpool(settle)
        await send({"type": "http.response.body", "body": b""})

    def _adopt_default_branch(self, project: Project) -> None:
        """The first branch pushed to an empty project becomes its default branch, protected."""
        branches = project.git.branches()
        if not branches or project.git.branch(project.default_branch) is not None:
            if branches and not project.protected_branches and len(branches) == 1:
                self._world.protect_branch(project, project.default_branch)
            return
        project.default_branch = branches[0].name
        project.git.run("symbolic-ref", "HEAD", branches[0].full_name)
        self._world.protect_branch(project, project.default_branch)

    async def _run(
        self,
        request: Request,
        send: Send,
        project: Project,
        rest: str,
        user: User | None,
        chunks: AsyncIterator[bytes],
        settings: Mapping[str, str],
    ) -> None:
        """Let git answer. For a push the last, empty body message is left to the caller."""
        repository = await run_in_threadpool(lambda: project.repository)
        environment = git_environment(settings) | {
            "GIT_PROJECT_ROOT": str(repository),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": rest,
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.url.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_USER": user.username if user else "",
            "REMOTE_ADDR": "127.0.0.1",
        }
        process = await asyncio.create_subprocess_exec(
            str(backend()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError("pipes were asked for")
        feeding = asyncio.create_task(_feed(process.stdin, chunks))
        try:
            await _send_head(process.stdout, send)
            while chunk := await process.stdout.read(_CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await feeding
            await process.wait()
        finally:
            feeding.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
        if rest != "/git-receive-pack":
            await send({"type": "http.response.body", "body": b""})


async def _feed(stdin: asyncio.StreamWriter, chunks: AsyncIterator[bytes]) -> None:
    try:
        async for chunk in chunks:
            if chunk:
                stdin.write(chunk)
                await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # git has read what it wanted
    finally:
        stdin.close()


async def _send_head(stdout: asyncio.StreamReader, send: Send) -> None:
    """Turn the CGI head into the start of the response."""
    status = 200
    headers: list[tuple[bytes, bytes]] = []
    while line := (await stdout.readline()).rstrip(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value.strip()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
