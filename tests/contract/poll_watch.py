"""A watcher with a state of its own on the embedded GitLab, and the hands that move GitLab's tags and clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.adapters.clock import utc_now
from bot.adapters.gitlab.account import GitLabAccount
from bot.adapters.gitlab.budget import Budget, monotonic
from bot.adapters.gitlab.events import GitLabEvents
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.store.store import Store
from bot.domain.policy import HygienePolicy, Policy, ReleaseRule
from bot.sandbox.world.flow import remove_ref
from bot.sandbox.world.places import Project
from bot.watch.enrol import Enroller
from bot.watch.look import Looker
from bot.watch.poll import Tick, Watcher
from bot.watch.scope import Scope
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org
from tests.contract.states import file_store

POLICY = Policy(releases=(ReleaseRule(projects=("acme/**",), tags=("v*",)),), indexes=(), hygiene=HygienePolicy())
MANY = 1_000  # projects to look at in one tick
LONG = timedelta(hours=3)  # beyond the hour within which `last_activity_at` does not move, and the slack


@dataclass
class Ours:
    """The bot's clock, which can be moved."""

    offset: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.offset


@dataclass
class Watch:
    """A watcher of `acme/**` with a state of its own, and the organisation it watches."""

    org: Org
    store: Store
    watcher: Watcher
    ours: Ours

    def poll(self) -> list[tuple[str, str, str]]:
        """One poll: project, tag and action of each change, sorted."""
        return told(self.watcher.tick(MANY))

    def releases(self) -> set[tuple[str, str]]:
        return {(one.project, one.id.ref) for one in self.store.releases.releases()}

    def tag(self, project: Project, name: str, ref: str = "main", message: str = "") -> str:
        return self.org.world.create_tag(project, name, ref, self.org.people["maintainer"], message)

    def untag(self, project: Project, name: str) -> None:
        remove_ref(self.org.world, project, f"refs/tags/{name}", self.org.people["maintainer"])

    def later(self, by: timedelta, *, heard: bool = True) -> None:
        """GitLab's clock jumps; with `heard` the bot has had an answer since, as it would have in earnest."""
        self.org.world.clock.offset += by
        if heard:
            self.watcher.projects.project(self.org.project.id)

    def pass_time(self, by: timedelta) -> None:
        """Our own clock, by which what was put off comes again."""
        self.ours.offset += by

    def requests(self) -> list[str]:
        """Paths asked for since the last look."""
        found = [one["path"] for one in self.org.control("GET", "requests").json()]
        self.org.control("DELETE", "requests")
        return found


def told(tick: Tick) -> list[tuple[str, str, str]]:
    changes = (one.change for one in tick.changes)
    return sorted((change.project, change.ref, change.action.value) for change in changes)


def watching(
    org: Org, folder: Path, *, since: datetime | None = None, scope: Scope | None = None, policy: Policy = POLICY
) -> Watch:
    store = file_store(folder / "ropewalk.db")
    ours = Ours()
    # The steady clock, by which the bot waits for GitLab, goes along with our own.
    budget = Budget(org.url, clock=lambda: monotonic() + ours.offset // timedelta(milliseconds=1))
    one = api(org.url, token=org.tokens["owner"], budget=budget)
    projects, scope = GitLabProjects(one), scope or Scope(groups=("acme",))
    watcher = Watcher(
        account=GitLabAccount(one),
        projects=projects,
        intake=store.intake,
        enrolment=store.enrolment,
        enroller=Enroller(projects=projects, enrolment=store.enrolment, scope=scope, membership=True, clock=ours),
        looker=Looker(
            refs=GitLabRefs(one),
            events=GitLabEvents(one),
            intake=store.intake,
            waker=store.releases,
            policy=policy,
            clock=ours,
        ),
        scope=scope,
        configured=since,
        clock=ours,
    )
    return Watch(org, store, watcher, ours)
