"""An organisation on record: projects, releases in every state, receipts, findings old and new; for pages to show."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import insert, update

from bot.adapters.store import schema
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.store import Store
from bot.domain.distributions import Distribution, DistributionKind, Metadata
from bot.domain.findings import Finding
from bot.domain.policy import Source
from bot.domain.readings import BudgetLine, BudgetReading, DaemonReading
from bot.domain.refs import ChangeSource, Project, RefAction, RefChange, RefKind
from bot.domain.releases import (
    Attempt,
    AttemptOutcome,
    Receipt,
    Release,
    ReleaseId,
    ReleaseState,
    TargetState,
    TargetStatus,
)
from bot.domain.tokens import TokenDate, TokenKind, TokenList
from bot.domain.verdicts import Consequence, GateResult, Severity, Verdict
from bot.hygiene.catalogue import RULES

AUDITS = 50  # one a day
GROUPS = ("tools", "libs", "apps", "platform", "data", "edge")
NAMES = (
    "widget", "gauge", "beacon", "almanac", "anvil", "furnace", "sextant", "quoin", "lantern", "bollard", "fathom",
    "hawser", "splice", "capstan", "pennant", "halyard", "windlass", "marline", "thimble", "shackle", "cleat",
    "binnacle", "chandler", "ratline", "bobstay", "tiller", "gimbal", "pulley", "ballast", "rigger",
)  # fmt: skip
WAYS = ("registry", "pypi")
NEXT = {
    ReleaseState.PLANNED: "its first turn is about to begin",
    ReleaseState.WAITING: "waits for pipeline 4711 of the tag: job `build` is running",
    ReleaseState.PUBLISHING: "uploads the wheel to registry, then the sdist",
    ReleaseState.VERIFYING: "reads back what stands on pypi and compares it",
    ReleaseState.BLOCKED: "TWINE_PASSWORD is not protected: protect it, or the next tag publishes with a token "
    "that every branch can read",
    ReleaseState.FAILED: "job `build` of the tag's pipeline failed: mend it, then `/ropewalk retry`",
    ReleaseState.PARTIAL: "the wheel stands on registry, pypi refused the sdist: resume it once pypi takes it",
    ReleaseState.CONFLICT: "other bytes stand on pypi under the same file name: release a new version",
}
STATES = (
    (ReleaseState.PUBLISHED, 78),
    (ReleaseState.BLOCKED, 6),
    (ReleaseState.FAILED, 5),
    (ReleaseState.WITHDRAWN, 3),
    (ReleaseState.CONFLICT, 2),
    (ReleaseState.PARTIAL, 1),
)
UNDER_WAY = (
    ReleaseState.WAITING,
    ReleaseState.PLANNED,
    ReleaseState.WAITING,
    ReleaseState.VERIFYING,
    ReleaseState.PUBLISHING,
    ReleaseState.PUBLISHING,
)
"""Of the newest, which come last."""
HELD_UP = {ReleaseState.BLOCKED: "hygiene", ReleaseState.FAILED: "pipeline_green", ReleaseState.CONFLICT: "index_guard"}
GATES = {
    "ref_protected": "v* is protected, Maintainers may create such tags",
    "tag_reachable": "the commit is on main, which is protected",
    "tag_unmoved": "the tag is where it was",
    "version_matches": "tag, metadata and file names say the same version",
    "hygiene": "every publishing variable is masked and protected",
    "approval": "nobody has to approve it",
    "pipeline_green": "pipeline 4711 succeeded",
    "twine_check": "both files pass `twine check --strict`",
    "index_guard": "nothing of that version stands on the indexes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything there is. `releases` and `findings` in all."""

    projects: int = 60
    releases: int = 180
    findings: int = 240
    told: int = 180  # releases with receipts, files and a ledger


def projects(size: Size) -> list[Project]:
    """Named after what lies about on a quay; the rest are numbered."""
    found = []
    for number in range(size.projects):
        name = NAMES[number % len(NAMES)] + (f"-{number // len(NAMES)}" if number >= len(NAMES) else "")
        path = f"acme/{GROUPS[number % len(GROUPS)]}/{name}"
        url = f"https://gitlab.example.com/{path}"
        found.append(Project(id=number + 1, full_path=path, web_url=url, default_branch="main"))
    return found


def fill(store: Store, now: datetime, size: Size = Size(), seed: int = 7) -> list[Release]:
    """Put it all on record, as the bot itself would have; the same for a seed. Returns the releases, oldest first."""
    chance = random.Random(seed)
    places = projects(size)
    made = [_release(chance, places, number, size, now) for number in range(size.releases)]
    with store.database.gather():
        store.enrolment.enrolled(places, now - timedelta(days=90))
    with store.engine.begin() as connection:
        seen = update(schema.projects).where(schema.projects.c.id % 17 != 5)
        connection.execute(seen.values(compared_at=now - timedelta(minutes=40)))
        connection.execute(update(schema.projects).values(seen_at=now))
    for start in range(0, len(made), 500):
        with store.database.gather():
            for release in made[start : start + 500]:
                store.intake.take([_change(chance, release)], [release], release.created_at)
    with store.database.gather():
        for release in made[-size.told :]:
            _tell(store, release)
    _findings(store, chance, places, size, now)
    SqliteReadings(store.database).keep(reading(now))
    with store.engine.begin() as connection:
        connection.execute(insert(schema.cursors).values(name="poll", moment=now - timedelta(seconds=21)))
    return made


def _release(chance: random.Random, places: list[Project], number: int, size: Size, now: datetime) -> Release:
    project = places[number % len(places) if number < len(places) else chance.randrange(len(places))]
    age = timedelta(days=60) * ((size.releases - number) / size.releases) ** 2
    at = now - age - timedelta(seconds=chance.randrange(30, 900))
    (state,) = chance.choices([one for one, _ in STATES], [weight for _, weight in STATES])
    if state.open:
        state = ReleaseState.PUBLISHED
    if number >= size.releases - len(UNDER_WAY):
        state = UNDER_WAY[number - size.releases]
    version = f"{1 + number // 400}.{number // 20 % 20}.{number % 20}"
    after = at + timedelta(seconds=chance.randrange(20, 400))
    sha = sha256(f"commit {number}".encode()).hexdigest()[:40]
    return Release(
        id=ReleaseId(project_id=project.id, kind=RefKind.TAG, ref=f"v{version}", sha=sha),
        project=project.full_path,
        state=state,
        created_at=at,
        updated_at=min(after, now),
        asked_at=at,
        due_at=now + timedelta(seconds=chance.randrange(3, 90)) if state.open else None,
        turn=chance.randrange(3, 9),
        version=version,
        source=Source.ARTIFACTS,
        source_reason="the tag's pipeline built the files and did not upload them",
        next=NEXT.get(state),
        gates=gates(state),
        targets=targets(state),
        requests=(("observe", 12),),
    )


def gates(state: ReleaseState) -> tuple[GateResult, ...]:
    """All of them, the one that holds a release up not passed."""
    if state is ReleaseState.PLANNED:
        return ()
    bad = HELD_UP.get(state)
    found = [
        GateResult(name=name, verdict=Verdict.PASS, reason=reason)
        if name != bad
        else GateResult(name=name, verdict=Verdict.FAIL, reason=NEXT[state], consequence=Consequence.BLOCK)
        for name, reason in GATES.items()
    ]
    if state is ReleaseState.BLOCKED:
        found[-1] = replace(
            found[-1], verdict=Verdict.UNKNOWN, reason="pypi could not be asked: it did not answer in time"
        )
    return tuple(found)


def targets(state: ReleaseState) -> tuple[TargetStatus, ...]:
    """How far each is."""
    names = ("distributions", *(f"index:{way}" for way in WAYS), "gitlab_release", "note:!12")
    done = {
        ReleaseState.PUBLISHED: 5,
        ReleaseState.VERIFYING: 3,
        ReleaseState.PUBLISHING: 1,
        ReleaseState.PARTIAL: 2,
        ReleaseState.CONFLICT: 2,
    }.get(state, 0)
    bad = {ReleaseState.CONFLICT: TargetState.CONFLICT, ReleaseState.PARTIAL: TargetState.FAILED}.get(state)
    return tuple(
        TargetStatus(
            name=name,
            state=TargetState.DONE if place < done else bad if bad and place == done else TargetState.PENDING,
            reason=NEXT[state] if bad and place == done else "",
            attempts=int(place <= done),
        )
        for place, name in enumerate(names)
    )


def _change(chance: random.Random, release: Release) -> RefChange:
    return RefChange(
        project_id=release.id.project_id,
        project=release.project,
        kind=release.id.kind,
        ref=release.id.ref,
        sha=release.id.sha,
        action=RefAction.CREATED,
        source=ChangeSource.HOOK if chance.random() < 0.9 else ChangeSource.POLL,
    )


def _tell(store: Store, release: Release) -> None:
    """Files, tries and receipts, as far as the targets are."""
    done = {target.name for target in release.targets if target.state is TargetState.DONE}
    name = release.project.rpartition("/")[2]
    files = (f"{name}-{release.version}-py3-none-any.whl", f"{name}-{release.version}.tar.gz")
    at = release.created_at
    if "distributions" in done:
        store.kept.keep(release.key, [_file(file, name, str(release.version)) for file in files])
    for number, (way, file) in enumerate((way, file) for way in WAYS if f"index:{way}" in done for file in files):
        at += timedelta(seconds=4)
        sent = Attempt(target=f"index:{way}", item=file, number=number, at=at, outcome=AttemptOutcome.ACCEPTED)
        store.ledger.attempt(release.key, sent)
        where = f"https://{way}.example.com/simple/{name}/#{file}"
        digest = sha256(file.encode()).hexdigest()
        receipt = Receipt(target=f"index:{way}", kind="upload", where=where, at=at, file=file, sha256=digest)
        store.ledger.record(release.key, [receipt])
    if "gitlab_release" in done:
        where = f"https://gitlab.example.com/{release.project}/-/releases/{release.id.ref}"
        store.ledger.record(
            release.key, [Receipt(target="gitlab_release", kind="release", where=where, at=release.updated_at)]
        )


def _file(filename: str, name: str, version: str) -> Distribution:
    return Distribution(
        filename=filename,
        kind=DistributionKind.WHEEL if filename.endswith(".whl") else DistributionKind.SDIST,
        sha256=sha256(filename.encode()).hexdigest(),
        size=20_000 + len(filename) * 997,
        metadata=Metadata(name=name, version=version),
        origin="job 31 (build)",
    )


def _findings(store: Store, chance: random.Random, places: list[Project], size: Size, now: datetime) -> None:
    """Noted audit by audit, so that some are old, some fixed."""
    made = list(_made(chance, places, size.findings))
    begun = len(made) // 2  # found by the first audit of all
    known: list[str] = []
    ends = tuple(token_lists(places, now))
    with store.database.gather():  # nothing is made up meanwhile: a server ends transactions that idle
        for number in range(AUDITS + 1):
            new = made[:begun] if number == 0 else made[begun + number - 1 :: AUDITS]
            fixed = [identity for identity in known if chance.random() < 0.035]
            at = now - timedelta(days=AUDITS - number, hours=chance.randrange(4))
            store.findings.note(new, fixed, at, ends if number == AUDITS else ())
            gone = set(fixed)
            known = [one for one in known if one not in gone] + [one.identity for one in new]


def token_lists(places: Sequence[Project], now: datetime) -> Iterator[TokenList]:
    """Of most projects and of their groups: tokens that end sooner or later, or never, some that cannot be read."""
    for project in places:
        if project.id % 4:
            yield from _lists(f"project/{project.id}", project.id, now)
    for number, path in enumerate(sorted({project.full_path.rpartition("/")[0] for project in places})):
        yield from _lists(f"group/{path}", 1_000_000 + number, now)


def _lists(place: str, number: int, now: datetime) -> Iterator[TokenList]:
    def token(token_id: int) -> TokenDate:
        ends = (now + timedelta(days=token_id * 37 % 400)).date()
        return TokenDate(token_id=token_id, expires_on=ends if token_id % 5 else None, publishes=token_id % 3 == 0)

    access = tuple(token(2 * number + one) for one in range(number % 3))
    yield TokenList(place=place, kind=TokenKind.ACCESS, tokens=access)
    deploy = (token(5 * number + 1),) if number % 2 else ()
    unread = TokenList(place=place, kind=TokenKind.DEPLOY, tokens=None, trouble="could not look at deploy tokens")
    yield unread if number % 7 == 6 else replace(unread, tokens=deploy, trouble="")


def _made(chance: random.Random, places: list[Project], count: int) -> Iterator[Finding]:
    keys = ("TWINE_PASSWORD", "PYPI_TOKEN", "TWINE_USERNAME", "DEPLOY_KEY", "NPM_TOKEN")
    for number in range(count):
        info = RULES[number % len(RULES) if chance.random() < 0.5 else chance.randrange(4)].info
        project = places[number % len(places)]
        resource = f"project/{project.id}/variables/{keys[number // len(places) % len(keys)]}"
        if number % 29 == 28:
            path = project.full_path.rpartition("/")[0]
            project = replace(project, full_path=path)
            resource = f"group/{path}/variables/SHARED_{number}"
        elif info.id == "RW314":
            resource = f"project/{project.id}/access_tokens/{number}"
        yield Finding(
            rule=info.id,
            severity=Severity(info.severity),
            verdict=Verdict.FAIL,
            project=project.full_path,
            resource=resource,
            reason=_reason(info.id, resource, project.full_path),
            remedy=info.remedy,
            scope="*" if number % 7 else "production",
        )


def _reason(rule: str, resource: str, path: str) -> str:
    """As the rules themselves tell it, of those that most findings are of."""
    called = f"`{resource.rpartition('/')[2]}` of {resource.partition('/')[0]} {path}"
    told = {
        "RW101": "is not masked",
        "RW102": "is not protected",
        "RW103": "can be revealed in the settings",
        "RW104": "reaches every job (scope `*`)",
    }
    return f"{called} {told.get(rule, 'is not as it must be')}"


def reading(now: datetime) -> DaemonReading:
    """What a daemon in good health writes down."""
    lines = (
        BudgetLine(name="api", left=1_640, size=2_000, per_minute=2_000.0, paused_until=None, refused=0, put_off=0),
        BudgetLine(name="notes", left=41, size=60, per_minute=60.0, paused_until=None, refused=2, put_off=9),
        BudgetLine(name="search", left=27, size=30, per_minute=30.0, paused_until=None, refused=0, put_off=0),
    )
    requests = (("reads", "2xx", 48_211), ("graphql", "2xx", 1_204), ("notes", "2xx", 310), ("reads", "429", 3))
    return DaemonReading(
        version="0.1.0",
        started_at=now - timedelta(days=3, hours=2),
        at=now - timedelta(seconds=4),
        stopped=False,
        polled_at=now - timedelta(seconds=21),
        budget=BudgetReading(instance="gitlab.example.com", lines=lines, last_minute=37, requests=requests),
    )
