"""A world in one value: indexes, a GitLab Release, notes and a clock. It answers looks and takes actions.

It is what the planner plans for, without ports and processes: a turn begins without facts, a rest lets time pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from bot.domain.anatomy import Differences
from bot.domain.distributions import Distribution
from bot.domain.gitlab import GitLabRelease, Note
from bot.domain.policy import IndexSpec
from bot.domain.releases import Attempt, AttemptOutcome, Receipt
from bot.ports.index import Gathered
from bot.release.actions import (
    Action,
    AttachMilestones,
    ChangeIssue,
    CreateRelease,
    DescribeRelease,
    DropNote,
    EditNote,
    InstallCheck,
    LinkRelease,
    OpenIssue,
    PlayJob,
    PostNote,
    StartPipeline,
    Upload,
)
from bot.release.facts import ChangelogFile, Facts, IndexFacts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.plan import Act, Plan, Rest, plan
from tests.unit.release_facts import NOON, PlainTexts, attempt, changes, good_facts, index, listed, release_of

TEXTS = PlainTexts()
MOST_STEPS = 2_000
TICK = timedelta(milliseconds=50)


class Sending(StrEnum):
    """How an index may treat a file that is sent to it."""

    TAKE = "take"
    BUSY = "busy"  # refused for now
    REFUSE = "refuse"  # refused for good
    LOSE = "lose"  # no reply, nothing stored
    SWALLOW = "swallow"  # no reply, stored some seconds later
    PRETEND = "pretend"  # accepted, never stored


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that an index has, and from when on it lists it."""

    sha256: str
    listed_from: datetime
    ours: bool


@dataclass(slots=True)
class World:
    """`sendings` are the answers to the next uploads of (index, file), then it takes them."""

    files: tuple[Distribution, ...]
    indexes: dict[str, dict[str, Stored]]
    sendings: dict[tuple[str, str], list[Sending]] = field(default_factory=dict)
    delays: dict[str, timedelta] = field(default_factory=dict)  # from acceptance to listing
    release: GitLabRelease | None = None
    notes: dict[int, list[Note]] = field(default_factory=dict)
    now: datetime = NOON
    attempts: list[Attempt] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    writes: list[Action] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def stands(self, index_name: str, file: Distribution) -> bool:
        """Whether the index has that file with those bytes, listed or not."""
        stored = self.indexes[index_name].get(file.filename)
        return stored is not None and stored.sha256 == file.sha256

    @property
    def public(self) -> bool:
        """Whether something of ours stands in public."""
        return any(stored.ours for files in self.indexes.values() for stored in files.values())


def begin(world: World) -> Facts:
    """What a turn knows before it looks."""
    return Facts(now=world.now, attempts=tuple(world.attempts), receipts=tuple(world.receipts))


def look(world: World, wanted: Wanted, facts: Facts, what: Look) -> Facts:
    """The facts with one answer more; every look takes a moment."""
    world.now += TICK
    facts, good = replace(facts, now=world.now), good_facts()
    match what.kind:
        case LookKind.REF:
            return replace(facts, ref=good.ref, hold=good.hold, ref_fresh=True)
        case LookKind.HOLD:
            return replace(facts, hold=good.hold)
        case LookKind.REACH:
            return replace(facts, reach=good.reach)
        case LookKind.APPROVALS:
            return replace(facts, approvals=good.approvals)
        case LookKind.VARIABLES:
            return replace(facts, variables=good.variables)
        case LookKind.PIPELINE:
            return replace(facts, pipeline=good.pipeline)
        case LookKind.CI_FILE | LookKind.SOURCE:
            raise AssertionError("artifacts are released, as policy says")
        case LookKind.FILES:
            return replace(facts, files=Seen(Gathered(files=world.files)))
        case LookKind.NAMES:
            return replace(facts, names=good.names)
        case LookKind.INDEX:
            seen: Seen[IndexFacts] | Unreadable = Seen(_list(world, _spec(wanted, what.index)))
            facts = replace(facts, indexes={**facts.indexes, what.index: seen})
            _prove(world, what.index)
            return replace(facts, receipts=tuple(world.receipts))
        case LookKind.CHANGES:
            return replace(facts, changes=Seen(changes(*world.notes)))
        case LookKind.RELEASE:
            return replace(facts, release=Seen(world.release))
        case LookKind.CHANGELOG_FILE:
            return replace(facts, changelog_file=Seen(ChangelogFile(there=False)))
        case LookKind.MILESTONES:
            return replace(facts, milestones=Seen(()))
        case LookKind.CHANGELOG | LookKind.CLOSED_ISSUES | LookKind.ISSUE_NOTES | LookKind.ISSUES | LookKind.FREEZES:
            raise AssertionError(f"nothing asks for {what.kind}")
        case LookKind.NOTES:
            return replace(facts, notes={**facts.notes, what.iid: Seen(tuple(world.notes[what.iid]))})
        case LookKind.DIFFERENCES:
            return replace(facts, differences=Seen(Differences(since=None, index=None)))
    assert_never(what.kind)


def _spec(wanted: Wanted, name: str) -> IndexSpec:
    return next(spec for spec in wanted.indexes if spec.name == name)


def _list(world: World, spec: IndexSpec) -> IndexFacts:
    shown = [
        listed(name, stored.sha256, spec.name)
        for name, stored in world.indexes[spec.name].items()
        if stored.listed_from <= world.now
    ]
    return index(spec, *shown, at=world.now)


def _prove(world: World, name: str) -> None:
    for filename, stored in world.indexes[name].items():
        target = f"index:{name}"
        known = any((r.target, r.file) == (target, filename) for r in world.receipts)
        if stored.ours and stored.listed_from <= world.now and not known:
            proof = Receipt(target=target, kind="upload", where=name, at=world.now, file=filename, sha256=stored.sha256)
            world.receipts.append(proof)


def act(world: World, wanted: Wanted, facts: Facts, action: Action) -> Facts:
    """Do it to the world, complain of what must never be done, and forget what it made stale."""
    world.now += TICK
    world.writes.append(action)
    outcome, again = AttemptOutcome.ACCEPTED, True
    match action:
        case Upload():
            _watch_order(world, wanted, action)
            outcome, again = _send(world, action)
        case StartPipeline() | PlayJob():
            world.complaints.append("the pipeline was steered")
        case InstallCheck():
            outcome = AttemptOutcome.ACCEPTED
        case CreateRelease():
            if world.release is not None:
                world.complaints.append("a GitLab Release was created twice")
            world.release = release_of(description=action.description, links=action.links)
        case DescribeRelease():
            world.release = replace(_there(world), description=action.description)
        case LinkRelease():
            others = tuple(link for link in _there(world).links if link.name != action.link.name)
            if action.moved != (len(others) < len(_there(world).links)):
                world.complaints.append(f"{action.words}, which is not so")
            world.release = replace(_there(world), links=(*others, action.link))
        case PostNote():
            number = 1 + max((n.id for notes in world.notes.values() for n in notes), default=0)
            world.notes[action.place.iid].append(Note(id=number, body=action.body, author_id=TEXTS.OURS))
        case EditNote():
            edited = (
                replace(n, body=action.body) if n.id == action.note_id else n for n in world.notes[action.place.iid]
            )
            world.notes[action.place.iid] = list(edited)
        case DropNote():
            kept = [n for n in world.notes[action.place.iid] if n.id != action.note_id]
            world.notes[action.place.iid] = kept
        case AttachMilestones():
            world.release = replace(_there(world), milestones=action.titles)
        case OpenIssue() | ChangeIssue():
            world.complaints.append("an issue was touched that the policy does not ask for")
        case _:
            assert_never(action)
    world.now += TICK
    number = len(world.attempts) + 1
    done = attempt(outcome, at=world.now, number=number, target=action.target, item=action.item, again=again)
    world.attempts.append(done)
    notes = {iid: seen for iid, seen in facts.notes.items() if action.target != f"note:!{iid}"}
    release = None if action.target == "gitlab_release" else facts.release
    return replace(facts, now=world.now, attempts=tuple(world.attempts), notes=notes, release=release)


def _there(world: World) -> GitLabRelease:
    assert world.release is not None, "what is changed exists"
    return world.release


def _send(world: World, upload: Upload) -> tuple[AttemptOutcome, bool]:
    answers = world.sendings.get((upload.index, upload.filename), [])
    answer = answers.pop(0) if answers else Sending.TAKE
    file = next(f for f in world.files if f.filename == upload.filename)
    delay = world.delays.get(upload.index, timedelta())
    match answer:
        case Sending.TAKE:
            world.indexes[upload.index][file.filename] = Stored(file.sha256, world.now + delay, ours=True)
            return AttemptOutcome.ACCEPTED, True
        case Sending.SWALLOW:
            landed = world.now + timedelta(seconds=6)
            world.indexes[upload.index][file.filename] = Stored(file.sha256, landed, ours=True)
            return AttemptOutcome.UNCLEAR, True
        case Sending.PRETEND:
            return AttemptOutcome.ACCEPTED, True
        case Sending.LOSE:
            return AttemptOutcome.UNCLEAR, True
        case Sending.BUSY:
            return AttemptOutcome.REFUSED, True
        case Sending.REFUSE:
            return AttemptOutcome.REFUSED, False
    assert_never(answer)


def _watch_order(world: World, wanted: Wanted, upload: Upload) -> None:
    """Note every upload that comes too early, or although the file is there."""
    file = next(f for f in world.files if f.filename == upload.filename)
    if upload.filename in world.indexes[upload.index]:
        world.complaints.append(f"{upload.filename} was sent although {upload.index} has it")
    names = [spec.name for spec in wanted.indexes]
    for before in names[: names.index(upload.index)]:
        missing = [f.filename for f in world.files if not world.stands(before, f)]
        if missing:
            world.complaints.append(f"{upload.filename} was sent to {upload.index} before {before} had {missing}")
    for other in world.files:
        if file.filename.endswith(".tar.gz") and other.filename.endswith(".whl"):
            accepted = any(
                (a.target, a.item, a.outcome) == (upload.target, other.filename, AttemptOutcome.ACCEPTED)
                for a in world.attempts
            )
            if not accepted and not world.stands(upload.index, other):
                world.complaints.append(f"{file.filename} was sent to {upload.index} before {other.filename}")


def drive(world: World, wanted: Wanted) -> Plan:
    """Turn after turn until nothing is left to do; returns the last plan.

    Raises: AssertionError if that takes more than `MOST_STEPS` steps.
    """
    facts = begin(world)
    for _ in range(MOST_STEPS):
        drawn = plan(wanted, facts, TEXTS)
        match drawn.step:
            case Look():
                facts = look(world, wanted, facts, drawn.step)
            case Act():
                facts = act(world, wanted, facts, drawn.step.actions[0])
            case Rest():
                if drawn.step.again is None:
                    return drawn
                world.now += drawn.step.again
                facts = begin(world)
    raise AssertionError(f"no end after {MOST_STEPS} steps: {drawn}")


def dry_run(world: World, wanted: Wanted) -> Plan:
    """What a dry run says; touches nothing."""
    facts = begin(world)
    for _ in range(MOST_STEPS):
        drawn = plan(wanted, facts, TEXTS, through=True)
        if not isinstance(drawn.step, Look):
            return drawn
        facts = look(world, wanted, facts, drawn.step)
    raise AssertionError("a dry run looks without end")
