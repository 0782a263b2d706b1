"""A door with GitLab's lock on the embedded GitLab, browsers in front of it, and releases behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.app import App
from bot.domain.commands import DEFAULT_ROLES
from bot.domain.gitlab import Role
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState, TargetState, TargetStatus
from bot.domain.secrets import Redactor
from bot.sandbox.world.applications import Application
from bot.settings import Settings, load
from bot.web.dashboard.site import noticed
from bot.web.sign_in.opening import open_door
from bot.web.viewer import Door
from tests.contract.oauth_client import consented
from tests.contract.sandbox_org import LEVELS, WAIT, Org, organisation

PUBLIC = "https://ropewalk.example.com"
CALLBACK = f"{PUBLIC}/sign-in/callback"
FORM = {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}
CONFIG = """\
gitlab: {{url: "{url}", token_file: token}}
watch: {{groups: [acme]}}
state: sqlite:///state.db
dashboard: {{public_url: "{public}", sign_in: {{client_id: "{client}", client_secret_file: secret}}}}
indexes: {{registry: {{kind: gitlab}}}}
releases:
  - projects: ["acme/tools/**"]
    tags: ["v*"]
    source: artifacts
    indexes: [registry]
    approval: {{from: maintainer, authors: commit}}
"""


@dataclass
class Clock:
    """Seconds of the door's own clock."""

    now: float = 5_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(kw_only=True)
class Bench:
    """All of it."""

    org: Org
    application: Application
    app: App
    door: Door
    release: Release
    loop: asyncio.Runner
    clock: Clock = field(default_factory=Clock)
    woken: list[None] = field(default_factory=list)
    signed_in: dict[str, httpx.Client] = field(default_factory=dict)

    started: float = Clock.now
    told: int = 0

    @cached_property
    def settings(self) -> Settings:
        """As they were read."""
        return self.app.settings

    def reset(self) -> None:
        """Everybody and everything as at first."""
        org, world, id_ = self.org, self.org.world, self.release.id
        for who, user in org.people.items():
            user.state, user.bot = "active", False
            if who in LEVELS and who != "owner":
                world.add_member(org.project, user, LEVELS[who])
        org.project.visibility = "private"
        self.application.trusted, self.application.scopes = True, frozenset({"read_api", "read_user"})
        for token in list(world.tokens.values()):
            token.revoked = token.revoked or token.application is not None
        if world.clock.offset:
            self.world_clock(0)
        org.gitlab.faults.active.clear()
        self.app.store.holds.lift(id_.project_id, id_.ref)
        with self.app.store.engine.begin() as connection:
            for statement in ("DELETE FROM approvals", "UPDATE releases SET wake = 0, state = 'waiting'"):
                connection.exec_driver_sql(statement)
        self.told = len(self.everything())
        self.woken.clear()
        self.app.settings = self.settings
        self.app.__dict__.pop("presses", None)
        self.clock.now = self.started
        self.door = open_door(self.app, lambda: self.woken.append(None), noticed, self.clock)

    def at_gitlab(self, who: str) -> httpx.Client:
        """Somebody's browser as GitLab knows it: they are signed in there for long."""
        if who not in self.signed_in:
            self.signed_in[who] = httpx.Client(trust_env=False, verify=False, timeout=WAIT)
        return self.signed_in[who]

    def roles(self, **roles: str) -> None:
        """Other roles for verbs."""
        words = {role.word: role for role in Role}
        chosen = {
            verb: words[roles[verb.value]] if verb.value in roles else role for verb, role in DEFAULT_ROLES.items()
        }
        self.app.settings = replace(self.settings, commands=replace(self.settings.commands, roles=chosen))
        self.app.__dict__.pop("presses", None)

    def world_clock(self, seconds: float) -> None:
        """GitLab's clock, ahead of the real one."""
        self.org.world.clock.offset = timedelta(seconds=seconds)

    def fault(self, kind: str, path: str, **more: object) -> None:
        """Something goes wrong with a request to GitLab, always."""
        answer = self.org.control("POST", "faults", json={"kind": kind, "path": path, "times": None, **more})
        assert answer.status_code == 201, answer.text

    def live_tokens(self) -> int:
        """How many tokens of the application open something."""
        world = self.org.world
        now = world.clock.now()
        return sum(
            one.application is self.application and not one.revoked and not one.over(now)
            for one in list(world.tokens.values())
        )

    def browser(self) -> Browser:
        """A new one."""
        return Browser(self)

    def entered(self, who: str = "maintainer") -> Browser:
        """One that somebody signed in with."""
        browser = self.browser()
        answer = browser.enter(who)
        assert answer.status_code == 303, answer.text
        return browser

    def row(self) -> Release:
        """The release as it is on record."""
        found = self.app.store.releases.release(self.release.key)
        assert found is not None
        return found

    def everything(self) -> list[str]:
        """What people decided, as the ledger has it."""
        rows = self.app.store.journal.entries()
        return [f"{row.written.outcome}: {row.written.words}" for row in rows if row.written.kind.value == "command"]

    def ledger(self) -> list[str]:
        """What they decided since the test began."""
        return self.everything()[self.told :]

    def untouched(self) -> bool:
        """Whether nobody approved, held or woke anything."""
        id_ = self.release.id
        store = self.app.store
        held = store.holds.hold(id_.project_id, id_.ref)
        return held is None and not store.approvals.approvals(self.release.key) and self.row().wake == 0

    def secrets(self) -> list[str]:
        """Every secret of a sign-in that GitLab knows."""
        book = self.org.world.applications
        tokens = [token for token in self.org.world.tokens.values() if token.application is self.application]
        return [
            self.application.secret,
            *book.grants,
            *(token.secret for token in tokens),
            *(token.refresh for token in tokens),
        ]


class Browser:
    """One browser in front of the door. It follows nothing by itself."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        transport = httpx.ASGITransport(site(bench.door, bench.release))
        self.client = httpx.AsyncClient(transport=transport, base_url=PUBLIC)
        self.pages: list[str] = []

    def send(self, method: str, path: str, **more: object) -> httpx.Response:
        """Anything at all."""
        answer = self.bench.loop.run(self.client.request(method, path, **more))  # type: ignore[arg-type]  # passed on
        self.pages.append(answer.text + str(answer.headers.get("location", "")))
        return answer

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """A page."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, data: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        """A form, as a page of ours would send it."""
        return self.send("POST", path, data=data, headers=FORM if headers is None else headers)

    def begin(self, next_: str | None = None) -> str:
        """The address at GitLab that a sign-in leads to."""
        answer = self.get("/sign-in" + ("" if next_ is None else f"?next={quote(next_, safe='')}"))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def agree(self, address: str, who: str = "maintainer", *, button: int = 0) -> str:
        """The way back from GitLab, path and query."""
        back = consented(self.bench.at_gitlab(who), self.bench.org, who, address, button=button)
        assert back.startswith(CALLBACK), back
        return back.removeprefix(PUBLIC)

    def enter(self, who: str = "maintainer", next_: str | None = None) -> httpx.Response:
        """Sign in."""
        return self.get(self.agree(self.begin(next_), who))

    @property
    def session(self) -> str | None:
        """The session's cookie."""
        return self.client.cookies.get("__Host-ropewalk")

    def who(self) -> str | None:
        """Whom a page greets."""
        answer = self.get("/")
        return None if answer.status_code == 303 else str(answer.json()["user"])

    def csrf(self) -> str:
        """What a page puts into its forms."""
        return str(self.get("/").json()["csrf"])

    def press(self, act: str, **changed: str) -> httpx.Response:
        """Press a button as the page of the release has it."""
        usual = {"csrf": self.csrf(), "sha": self.bench.release.id.sha, "span": "2d", "reason": "why"}
        sent = {**usual, **changed}
        return self.post(f"/releases/{quote(self.bench.release.key, safe='/@')}/{act}", sent)


def site(door: Door, release: Release) -> Starlette:
    """The door, and pages as the dashboard has them: they tell who looks and what they may."""

    def page(request: Request) -> Response:
        viewer = door.viewer(request)
        if viewer is None:
            return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", 303)
        ids = [int(one) for one in request.query_params.getlist("project")]
        return JSONResponse(
            {
                "user": viewer.person.username if viewer.person else None,
                "csrf": viewer.csrf,
                "sees": sorted(viewer.visible(ids)),
                "may": {str(one): sorted(act.value for act in viewer.may(one)) for one in ids[:1]},
                "approvers": viewer.approvers(release),
                "maintains": [one for one in ids[:1] if viewer.maintains(one)],
            }
        )

    return Starlette(routes=[*door.routes, Route("/releases/{key:path}", page), Route("/", page)])


@contextmanager
def door_bench(folder: Path) -> Iterator[Bench]:
    """The owner tagged what the developer wrote; a release of it waits for a yes."""
    with organisation() as org:
        world, project, owner = org.world, org.project, org.people["owner"]
        robot = world.create_user("ropewalk")
        world.add_member(project, robot, LEVELS["maintainer"])
        world.protect_tag(project, "v*")
        world.commit(project, "change", "Change it", {"a": "b"}, org.people["developer"])
        request = world.create_merge_request(project, org.people["developer"], "change", "Change it")
        world.merge(project, request, owner)
        world.create_tag(project, "v1.0.0", "main", owner)
        scopes = ["read_api", "read_user"]
        application = world.applications.create("Ropewalk", [CALLBACK], scopes, trusted=True, owner=owner)
        (folder / "token").write_text(world.create_token(robot, ["api"], "bot"))
        (folder / "secret").write_text(application.secret)
        (folder / "ropewalk.yaml").write_text(CONFIG.format(url=org.url, public=PUBLIC, client=application.uid))
        for name in ("token", "secret"):
            (folder / name).chmod(0o600)
        app = App(load(folder / "ropewalk.yaml", {}, folder), Redactor())
        with asyncio.Runner() as loop:
            bench = opened(org, application, app, loop)
            yield bench
        for client in bench.signed_in.values():
            client.close()
        app.close()


def opened(org: Org, application: Application, app: App, loop: asyncio.Runner) -> Bench:
    """A bench whose release is on record."""
    found = app.projects.project(org.project.id)
    assert found is not None
    app.store.enrolment.enrolled([found], app.clock())
    sha = org.project.git.resolve("v1.0.0")
    assert sha is not None
    now = app.clock()
    release = Release(
        id=ReleaseId(project_id=org.project.id, kind=RefKind.TAG, ref="v1.0.0", sha=sha),
        project=org.project.full_path,
        state=ReleaseState.WAITING,
        created_at=now,
        updated_at=now,
        asked_at=now,
        due_at=now + timedelta(hours=1),
        targets=(TargetStatus(name="note:!1", state=TargetState.DONE),),
    )
    app.store.releases.add(release)
    woken: list[None] = []
    clock = Clock()
    door = open_door(app, lambda: woken.append(None), noticed, clock)
    return Bench(
        org=org,
        application=application,
        app=app,
        door=door,
        release=release,
        loop=loop,
        clock=clock,
        woken=woken,
    )
