"""Pages about releases: what is under way, all of them, one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.exceptions import HTTPException

from bot.domain.discretion import confidential, discreet
from bot.domain.releases import STOPPED, ReleaseState
from bot.domain.verdicts import Verdict
from bot.domain.views import ReleaseFilter, ReleasePlace, ReleaseRow, ReleaseStory
from bot.web.dashboard.places import read_release, spell_release
from bot.web.dashboard.sight import Of, Sheet
from bot.web.dashboard.site import Context, Visit
from bot.web.viewer import Act, Person

PAGE = 50  # rows
BUSY = 40  # releases under way that the first page shows; it says how many more there are
LATELY = 8  # of those that wait for a person, and of those that were published
OPEN = tuple(state for state in ReleaseState if state.open)
MOVING = (ReleaseState.PUBLISHING, ReleaseState.VERIFYING)
PERSON = tuple(state for state in ReleaseState if state in STOPPED)
OF_RELEASE: Of[ReleaseRow, ReleasePlace] = Of(
    place=lambda row: ReleasePlace(at=row.created_at, key=row.key), about=lambda row: (row.project_id, row.project)
)
ON_ITS_PAGE = "its page says what stops it"
GROUPS = {
    "open": ReleaseFilter(states=OPEN, unapproved=False),
    "person": ReleaseFilter(states=PERSON, unapproved=True),
}
"""Words that stand for several states in an address: what goes on by itself, and what waits for somebody's word."""


def now(visit: Visit) -> Context:
    """What is being released now and what it waits for; who must act; what was published last."""
    counted = visit.site.releases.counts(visit.sight.all())
    counts = Counter(counted.states)
    return {
        "busy": _busy(visit),
        "busy_in_all": sum(counts[state] for state in OPEN) - counted.unapproved,
        "person": _discreet(visit, _sheet(visit, GROUPS["person"], None, LATELY).rows),
        "person_in_all": sum(counts[state] for state in PERSON) + counted.unapproved,
        "shipped": _sheet(visit, ReleaseFilter(states=(ReleaseState.PUBLISHED,)), None, LATELY).rows,
        "shipped_in_all": counts[ReleaseState.PUBLISHED],
    }


def _busy(visit: Visit) -> tuple[ReleaseRow, ...]:
    """Those that move come first, however many younger ones wait."""
    moving = _sheet(visit, ReleaseFilter(states=MOVING, targets=True), None, BUSY).rows
    others = tuple(state for state in OPEN if state not in MOVING)
    waiting = ReleaseFilter(states=others, unapproved=False, targets=True)
    return (*moving, *_sheet(visit, waiting, None, BUSY - len(moving)).rows) if len(moving) < BUSY else moving


def listed(visit: Visit) -> Context:
    """Every release, with filters."""
    state, text = visit.asked("state"), visit.asked("q")
    wanted = replace(_wanted(state), text=text)
    sheet = _sheet(visit, wanted, read_release(visit.asked("after", 700)), PAGE)
    return {
        "rows": _discreet(visit, sheet.rows),
        "next": spell_release(sheet.next),
        "state": state if wanted.states else "",
        "text": text,
        "states": [one.value for one in ReleaseState],
        "first": not visit.asked("after"),
    }


def _wanted(word: str) -> ReleaseFilter:
    """What a word of an address means; all releases for one that means nothing."""
    known = {state.value: ReleaseFilter(states=(state,)) for state in ReleaseState} | GROUPS
    return known.get(word, ReleaseFilter())


def of_project(visit: Visit, project_id: int, size: int) -> Sheet[ReleaseRow, ReleasePlace]:
    """The newest of a project that was found to be visible."""
    sheet = _sheet(visit, ReleaseFilter(project_id=project_id), None, size)
    return replace(sheet, rows=_discreet(visit, sheet.rows))


def _discreet(visit: Visit, rows: Sequence[ReleaseRow]) -> tuple[ReleaseRow, ...]:
    """Lines as the viewer may read them: what stops a release may name variables, which is for its project's people.

    Its page says what everybody may know of it.
    """
    stopped = {row.project_id for row in rows if row.state in STOPPED and row.next}
    strangers = stopped - visit.inside.projects(stopped)
    hidden = (row.project_id in strangers and row.state in STOPPED for row in rows)
    return tuple(replace(row, next=ON_ITS_PAGE) if hide else row for row, hide in zip(rows, hidden, strict=True))


def _sheet(
    visit: Visit, wanted: ReleaseFilter, after: ReleasePlace | None, size: int
) -> Sheet[ReleaseRow, ReleasePlace]:
    return visit.sight.sheet(
        lambda place, limit, among: visit.site.releases.releases(replace(wanted, among=among), place, limit),
        OF_RELEASE,
        after,
        size,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a release's timeline. `kind` is its colour: good, bad, busy, wait or past."""

    at: datetime
    words: str
    kind: str = "past"
    detail: str = ""
    link: str = ""


def told(visit: Visit) -> Context:
    """One release. Raises: HTTPException with 404."""
    story = visit.site.releases.story(visit.request.path_params["key"])
    if story is None or not visit.sight.project(story.release.id.project_id):
        raise HTTPException(404)
    release = story.release
    if confidential(release) and not visit.inside.project(release.id.project_id):
        release = discreet(release)
    project = visit.site.projects.project(release.id.project_id)
    held = story.hold is not None and story.hold.holds(visit.now)
    return {
        "story": story,
        "release": release,
        "project": project,
        "held": held,
        "gates": sorted(release.gates, key=lambda gate: (gate.verdict in _WELL, gate.verdict is not Verdict.FAIL)),
        "receipts": {one.name: [r for r in story.receipts if r.target == one.name] for one in release.targets},
        "events": tuple(timeline(story)),
        "fitting": _fitting(story, visit.viewer.person) if visit.viewer.csrf else (),
        # These ask GitLab: what changes live need not know.
        "may": lambda: visit.viewer.may(release.id.project_id),
        "approvers": lambda: visit.viewer.approvers(release),
        "spans": ("4h", "1d", "3d", "7d"),
    }


_WELL = (Verdict.PASS, Verdict.WAIVED, Verdict.NOT_APPLICABLE)


def _fitting(story: ReleaseStory, person: Person | None) -> tuple[Act, ...]:
    """What can be done to it as it stands, by whoever may; nobody says yes twice."""
    release = story.release
    over = release.state in (ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN)
    asks = any(gate.name == "approval" and gate.verdict not in _WELL for gate in release.gates)
    given = person is not None and any(one.user_id == person.user_id for one in story.approvals)
    fitting = {
        Act.APPROVE: not over and asks and not given,
        Act.HOLD: not over,
        Act.RETRY: release.state in STOPPED,
    }
    return tuple(act for act in Act if fitting[act])


def timeline(story: ReleaseStory) -> Iterable[Event]:
    """What happened to a release, the newest first: what is on record, nothing that is only likely."""
    return sorted(_events(story), key=lambda event: event.at, reverse=True)


_HEARD = {"hook": "a webhook told", "poll": "found by polling", "person": "a person asked"}
_OUTCOMES = {"accepted": "good", "refused": "bad", "denied": "bad", "unclear": "unsure"}


def _events(story: ReleaseStory) -> Iterator[Event]:
    release = story.release
    if story.began is not None:
        words = f"{release.id.kind.value} {release.id.ref} was {story.began.action.value}"
        yield Event(at=story.began.at, words=words, detail=_HEARD[story.began.source.value])
    else:
        yield Event(at=release.created_at, words="the release was asked for")
    if release.asked_at > release.created_at:
        yield Event(at=release.asked_at, words="it was asked for anew")
    if release.heard_at is not None:
        yield Event(at=release.heard_at, words="its pipeline is under way", detail="a webhook told")
    for one in story.approvals:
        yield Event(at=one.at, words=f"{one.username} approved it", kind="good", detail=f"at {one.sha[:10]}")
    for accepted in story.acceptances:
        yield Event(at=accepted.at, words=f"{accepted.by} accepted what it changes", kind="good")
    if story.hold is not None:
        yield Event(at=story.hold.since, words=f"{story.hold.by} holds it", kind="wait", detail=story.hold.reason)
    for entry in story.entries:
        written = entry.written
        proof = written.kind.value == "receipt"
        yield Event(
            at=written.at,
            words=written.words,
            kind="good" if proof else _OUTCOMES.get(written.outcome, "past"),
            detail=written.outcome if proof else f"{written.outcome}, ledger entry {entry.sequence}",
            link=written.where,
        )
    for attempt in story.attempts:
        if attempt.outcome.value in ("claimed", "put off"):  # all else is in the ledger
            yield Event(
                at=attempt.at,
                words=f"{attempt.target} {attempt.item}",
                kind="busy",
                detail=attempt.reason or attempt.outcome.value,
            )
    if not release.state.open:
        kind = "good" if release.state is ReleaseState.PUBLISHED else "bad" if release.state in STOPPED else "past"
        yield Event(at=release.updated_at, words=f"the release is {release.state.value}", kind=kind)
