"""The embedded GitLab as a server on loopback."""

import errno
import ipaddress
import logging
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.sandbox import wellknown
from bot.sandbox.answers import Json
from bot.sandbox.ci import id_tokens
from bot.sandbox.ci.model import CiProject, Job, Pipeline
from bot.sandbox.ci.pipelines import Pipelines
from bot.sandbox.control.app import ControlApi
from bot.sandbox.fault_layer import ABORT, END, FaultLayer, abort_hard
from bot.sandbox.faults import CONTROL_PREFIX, Faults
from bot.sandbox.git.http import GitOverHttp, is_git_path
from bot.sandbox.graphql.endpoint import GraphqlApi
from bot.sandbox.hooks.delivery import HookSender
from bot.sandbox.malformed import MalformedLayer
from bot.sandbox.oauth.app import OauthFace, is_oauth_path
from bot.sandbox.rest.app import PREFIX, RestApi
from bot.sandbox.signing import Signer
from bot.sandbox.storage import StorageSwitch
from bot.sandbox.throttle import ThrottleLayer
from bot.sandbox.world import access
from bot.sandbox.world.components import component_project
from bot.sandbox.world.people import TokenKind
from bot.sandbox.world.world import World

if TYPE_CHECKING:
    from bot.sandbox.index import PackageIndex

MAX_JOBS = 2
# Jobs run pushed scripts: whatever honours a proxy setting ends at a port where nobody listens (TCP port 1 of our own
# machine), so that no job reaches a real index by a URL on its command line.
_NOWHERE = "http://127.0.0.1:1"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
ON_LOOPBACK_ONLY = {
    **{name: _NOWHERE for proxy in _PROXIES for name in (proxy, proxy.lower())},
    "NO_PROXY": "127.0.0.1,localhost,::1",
    "no_proxy": "127.0.0.1,localhost,::1",
    "PIP_NO_INDEX": "1",
}
_BACKLOG = 2048


class AddressError(Exception):
    """The sandbox cannot listen where it was told to."""


class _Protocol(HttpToolsProtocol):
    """httptools with one addition: the app can cut or end the connection."""

    def on_headers_complete(self) -> None:
        """Put cut and end into the scope before the app is called."""
        transport, scope = self.transport, cast("dict[str, object]", self.scope)
        scope[ABORT] = lambda: abort_hard(transport)
        scope[END] = transport.close
        super().on_headers_complete()


class _Server(uvicorn.Server):
    """uvicorn that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        self.listening.set()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on a loopback address; port 0 picks a free one.

    Raises:
        AddressError: not loopback, or the port is taken.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise AddressError(f"the sandbox listens on a loopback address, and {host!r} is none") from None
    if not address.is_loopback:
        raise AddressError(f"the sandbox runs pushed scripts, so it listens on loopback only, not on {host}")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        # asyncio turns off Nagle's delay only on sockets that name their protocol
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((str(address), port))
        listening.listen(_BACKLOG)
    except OverflowError:
        raise AddressError(f"{port} is no port: choose one from 1 to 65535, or 0 for a free one") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressError(
                f"port {port} on {host} is in use, perhaps by another sandbox; choose another port or 0 for a free one"
            ) from None
        raise AddressError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listening


class Gitlab:
    """A running sandbox: its URL, an admin's token, the control token, and the parts behind them.

    `index` is the package index beside it, when there is one; jobs upload there whatever their script says.
    `latency_seconds` is added to every answer. Names that the registry lacks are redirected to that index, or, without
    one, to a page that has nothing.
    """

    def __init__(
        self,
        world: World,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        index: "PackageIndex | None" = None,
        job_environment: Mapping[str, str] | None = None,
        max_jobs: int = MAX_JOBS,
        latency_seconds: float = 0.0,
    ) -> None:
        self.world = world
        self.index = index
        self._socket = bind(host, port)
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._socket.getsockname()[1]}"
        world.url = self.url
        if world.pypi_forward_url is None:
            # another name of this machine: GitLab forwards to another origin, and clients tell by that
            other, port = "127.0.0.1" if host == "localhost" else "localhost", self._socket.getsockname()[1]
            nowhere = f"http://{other}:{port}{wellknown.NOWHERE_PATH}"
            world.pypi_forward_url = index.simple_url if index else nowhere
        self.signer = Signer()
        self.storage = StorageSwitch(world)
        self.control_token = world.secret()
        admin = world.user_named("root") or world.create_user("root", admin=True, name="Administrator")
        self.admin_token = world.create_token(admin, ["api", "read_api", "read_user", "write_repository"], "sandbox")
        upload_url = index.upload_url if index else f"{self.url}/-/no-index/"
        forced = {"TWINE_REPOSITORY_URL": upload_url, **ON_LOOPBACK_ONLY} | dict(job_environment or {})
        self._changed = threading.Condition()
        self._face: ASGIApp | None = None
        self.hooks = HookSender(
            world.clock.now,
            lambda: world.url,
            world.next_id,
            crowded=lambda namespace: world.limits.exceeds("web_hook_calls", (namespace,)),
        )
        self.pipelines = Pipelines(
            clock=world.clock,
            server_url=lambda: world.url,
            workdir=world.data / "jobs",
            forced_environment=forced,
            max_jobs=max_jobs,
            mint_job_token=self._mint_job_token,
            mint_id_token=self._mint_id_token,
            revoke_job_token=world.revoke_token,
            on_change=self._pipeline_changed,
            next_id=world.next_id,
            find_project=lambda *who: component_project(world, *who),
            throttled=lambda *scope: world.limits.exceeds("pipelines_create", scope),
        )
        world.activity.hooks, world.activity.pipelines = self.hooks, self.pipelines
        self.faults = Faults(seed=world.seed or 0, latency_seconds=latency_seconds)
        config = uvicorn.Config(
            self._application(),
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)

    def _pipeline_changed(self, project: CiProject, pipeline: Pipeline, job: Job | None) -> None:
        known = self.world.projects.get(project.id)
        if known is not None:
            self.world.activity.pipeline_changed(known, pipeline, job)
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Whether `true` became so within that time; it is asked again after every change of a pipeline or job."""
        with self._changed:
            return self._changed.wait_for(true, timeout=seconds)

    def _mint_job_token(self, project: CiProject, job: Job) -> str:
        user = self.world.users.get(job.user_id)
        token = self.world.add_token(
            TokenKind.JOB, f"job {job.id}", ["api"], user=user, project_id=project.id, job_id=job.id
        )
        return token.secret

    def _mint_id_token(self, project: CiProject, pipeline: Pipeline, job: Job, audiences: tuple[str, ...]) -> str:
        place, user = self.world.projects[project.id], self.world.users[job.user_id]
        holder = id_tokens.Holder(
            namespace_id=place.namespace.id,
            user_id=user.id,
            username=user.username,
            email=user.email,
            level=access.project_level(user, place).name.lower(),
        )
        return self.signer.sign(
            id_tokens.claims(
                project,
                pipeline,
                job,
                audiences,
                server=self.url,
                now=self.world.clock.now(),
                unique=str(uuid.uuid4()),
                holder=holder,
            )
        )

    def state(self) -> Json:
        """URLs and tokens, as `GET /-/sandbox/state` tells them."""
        return {
            "url": self.url,
            "admin_token": self.admin_token,
            "control_token": self.control_token,
            "password": self.world.applications.password,
            "index": None
            if self.index is None
            else {
                "upload_url": self.index.upload_url,
                "simple_url": self.index.simple_url,
                "username": self.index.username,
                "token": self.index.token,
            },
            "tokens": [
                {
                    "name": token.name,
                    "kind": token.kind.value,
                    "user": token.user.username if token.user else token.username,
                    "scopes": sorted(token.scopes),
                    "token": token.secret,
                }
                for token in list(self.world.tokens.values())
                if token.kind not in (TokenKind.JOB, TokenKind.OAUTH) and not token.revoked
            ],
            "projects": [
                {"id": one.id, "path": one.full_path, "web_url": f"{self.url}/{one.full_path}"}
                for one in list(self.world.projects.values())[:1000]
            ],
        }

    def _application(self) -> ASGIApp:
        rest = RestApi(self.world, self.pipelines, self.hooks)
        graphql = GraphqlApi(self.world)
        git, oauth = GitOverHttp(self.world), OauthFace(self.world, self.signer)
        control = ControlApi(self.world, self.faults, self.hooks, self.storage, self.state, token=self.control_token)

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            path: str = scope["path"]
            if path.startswith(f"{PREFIX}/"):
                await rest(scope, receive, send)
            elif path == "/api/graphql":
                await graphql(scope, receive, send)
            elif path.startswith(CONTROL_PREFIX):
                await control(scope, receive, send)
            elif is_git_path(path):
                await git(scope, receive, send)
            elif is_oauth_path(path):
                await oauth(scope, receive, send)
            elif found := wellknown.answer(Request(scope), self.url, self.signer):
                await found(scope, receive, send)
            else:
                await self._web_face()(scope, receive, send)

        return FaultLayer(ThrottleLayer(MalformedLayer(dispatch), self.world), self.faults, self.world.clock)

    def _web_face(self) -> ASGIApp:
        """The pages, loaded when somebody first looks at one: templates and Markdown would slow every start."""
        if self._face is None:
            from bot.sandbox.web.app import WebFace

            self._face = WebFace(self.world, self.pipelines)
        return self._face

    def run(self) -> None:
        """Serve until `stop`, or until a signal when this is the main thread; then end jobs and deliveries."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self.world.activity.hooks = self.world.activity.pipelines = None
            self.pipelines.close()
            self.hooks.close()
            self.storage.off()

    def wait_listening(self, seconds: float) -> bool:
        """Whether the server listens within that time."""
        return self._server.listening.wait(seconds)

    def stop(self) -> None:
        """Ask a server in another thread to end."""
        self._server.should_exit = True


def serve(world: World, *, host: str = "127.0.0.1", port: int = 0, index: "PackageIndex | None" = None) -> None:
    """Serve in this thread until interrupted. Raises: AddressError."""
    Gitlab(world, host=host, port=port, index=index).run()


@contextmanager
def running(
    world: World,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    index: "PackageIndex | None" = None,
    job_environment: Mapping[str, str] | None = None,
    max_jobs: int = MAX_JOBS,
    latency_seconds: float = 0.0,
) -> Iterator[Gitlab]:
    """A sandbox serving from a thread for the length of the block. Raises: AddressError."""
    gitlab = Gitlab(
        world,
        host=host,
        port=port,
        index=index,
        job_environment=job_environment,
        max_jobs=max_jobs,
        latency_seconds=latency_seconds,
    )
    thread = threading.Thread(target=gitlab.run, name="sandbox", daemon=True)
    thread.start()
    if not gitlab.wait_listening(30):
        raise AddressError(f"the sandbox did not start on {gitlab.url}")
    try:
        yield gitlab
    finally:
        gitlab.stop()
        thread.join()
