"""An organisation on the fakes whose hooks are looked after."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.domain.errors import TransientError
from bot.domain.gitlab import Identity
from bot.domain.hooks import Hook, HookPlace, HookWish, PlaceKind
from bot.domain.refs import Project
from bot.domain.secrets import Secret
from bot.watch.hook_care import HookCare, HookReport
from bot.watch.hook_health import HookVerdict
from bot.watch.hook_mending import Errand, HookHands
from bot.watch.scope import Scope
from tests.fake_hooks import FakeHookRecords, FakeHooks
from tests.fakes import Clock, FakeAccount, FakeProjects

URL = "https://bot.example.com/hooks/gitlab"
SIGNING, PLAIN = Secret(f"whsec_{'A' * 43}="), Secret("a plain secret of ours")
ME = Identity(user_id=5, username="bot", admin=False, scopes=("api",), expires_on=None, version="19.3.0")
GROUP = HookPlace(kind=PlaceKind.GROUP, key="acme", path="acme")
CHECK, INSTALL, REPAIR = Errand.CHECK, Errand.INSTALL, Errand.REPAIR
OK, MISSING, DISABLED, FAILING = HookVerdict.OK, HookVerdict.MISSING, HookVerdict.DISABLED, HookVerdict.FAILING
CANNOT_LOOK, WRONG_EVENTS = HookVerdict.CANNOT_LOOK, HookVerdict.WRONG_EVENTS
WRONG_SECRET = HookVerdict.WRONG_SECRET
LATER = TransientError(what="429 for that", where="gitlab", status=429, retry_after=timedelta(minutes=1))
BROKEN = TransientError(what="500 for that", where="gitlab", status=500)


def project(number: int, path: str) -> Project:
    return Project(id=number, full_path=path, web_url="", default_branch="main")


def place_of(number: int, path: str = "") -> HookPlace:
    return HookPlace(kind=PlaceKind.PROJECT, key=str(number), path=path)


@dataclass(slots=True)
class Bench:
    """An organisation with a group `acme` of three projects, and who looks after its hooks."""

    scope: Scope = field(default_factory=lambda: Scope(groups=("acme",)))
    secret: Secret = SIGNING
    clock: Clock = field(default_factory=lambda: Clock(datetime(2026, 8, 1, 12, tzinfo=UTC)))
    records: FakeHookRecords = field(default_factory=FakeHookRecords)
    gitlab: FakeHooks = field(init=False)
    projects: FakeProjects = field(init=False)

    def __post_init__(self) -> None:
        self.gitlab = FakeHooks(clock=self.clock)
        self.projects = FakeProjects(
            {1: project(1, "acme/a"), 2: project(2, "acme/b"), 3: project(3, "acme/tools/c"), 4: project(4, "else/d")}
        )

    def care(self) -> HookCare:
        hands = HookHands(
            hooks=self.gitlab,
            log=self.gitlab,
            records=self.records,
            wish=HookWish(url=URL, secret=self.secret),
            fingerprint=f"digest of {self.secret.reveal()}",
            clock=self.clock,
        )
        return HookCare(
            hands=hands,
            projects=self.projects,
            account=FakeAccount(ME, self.clock),
            scope=self.scope,
            membership=True,
            user_id=ME.user_id,
        )

    def tend(self, errand: Errand, *, dry_run: bool = False, most: int | None = None) -> HookReport:
        return self.care().tend(errand, dry_run=dry_run, most=most)

    def verdicts(self, errand: Errand) -> dict[str, HookVerdict]:
        return {row.place.path: row.verdict for row in self.tend(errand).rows}

    def hook(self, place: HookPlace = GROUP) -> Hook:
        (hook,) = self.gitlab.there[place.name].values()
        return hook

    def free(self) -> Bench:
        """A GitLab without group hooks."""
        self.gitlab.closed[GROUP.name] = 404
        return self

    def writes(self) -> list[str]:
        """What was written since the last time this was asked."""
        found = list(self.gitlab.wire.writes)
        self.gitlab.wire.writes.clear()
        return found


def fail(bench: Bench, times: int, place: HookPlace = GROUP, answer: str = "503") -> None:
    """The receiver is down while something happens; then it is up again."""
    bench.gitlab.answer = answer
    for _ in range(times):
        bench.gitlab.tell(place)
    bench.gitlab.answer = "202"
    bench.writes()
