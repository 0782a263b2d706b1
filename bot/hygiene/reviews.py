"""Looking at a merge request: what it does to hygiene, told in one note that is edited when the outcome changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.findings import HygieneChange, Waiver
from bot.domain.merge_requests import DiffRefs, FileText, OpenMergeRequest
from bot.hygiene.catalogue import Rule
from bot.hygiene.changes import Ci, accepted, hygiene_change, local_files, unseen
from bot.hygiene.facts import ProjectFacts
from bot.ports.gitlab import Notes
from bot.ports.merge_requests import CiTexts, MergeRequests, ReviewRecords, ReviewTexts
from bot.ports.stickies import Kept, keep_note

DEEPEST = 5  # files of the project that take each other in
MOST_KEPT = 256  # parsed files
_CHANGED = CiUnknown(reason="the CI file changed while it was read")
TOLD, QUIET = "told", "quiet"


class Outcome(StrEnum):
    """What came of a look at a merge request."""

    SEEN = "seen before"
    UNPREPARED = "not prepared yet"
    UNTOUCHED = "changes no CI file"
    NOTHING = "changes nothing about hygiene"
    POSTED = Kept.POSTED.value
    EDITED = Kept.EDITED.value
    SAME = Kept.SAME.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """All that looking at merge requests needs.

    `parse` makes facts of a text; `facts` tells what there is to know of a project (by full path) besides, None if it
    is gone; `now` is our clock.
    """

    requests: MergeRequests
    ci: CiTexts
    notes: Notes
    records: ReviewRecords
    texts: ReviewTexts
    parse: Callable[[str], CiFacts | CiUnknown]
    facts: Callable[[str], ProjectFacts | None]
    rules: Sequence[Rule]
    waivers: Sequence[Waiver]
    now: Callable[[], datetime]
    parsed: dict[str, CiFacts | CiUnknown] = field(default_factory=dict)

    def review(self, request: OpenMergeRequest) -> Outcome:
        """Look once at each head; tell what changes. What fails is looked at again.

        Raises: TransientError, RefusedError.
        """
        seen = self.records.seen(request.key)
        if seen is not None and seen.rpartition(" ")[0] == _mark(request, request.sha):
            return Outcome.SEEN
        refs = self.requests.refs(request.project_id, request.iid)
        if refs is None:
            return Outcome.UNPREPARED
        change = self.change(request, refs)
        quiet = change is None or change.nothing
        if quiet and seen is not None and seen.endswith(QUIET):
            outcome = Outcome.UNTOUCHED if change is None else Outcome.NOTHING
        else:
            outcome = self._told(request, change)
        told = outcome in (Outcome.POSTED, Outcome.EDITED, Outcome.SAME)
        self.records.keep(request.key, f"{_mark(request, refs.head)} {TOLD if told else QUIET}", self.now())
        return outcome

    def give_up(self, request: OpenMergeRequest) -> None:
        """Do not look at this head again: GitLab will not have it."""
        self.records.keep(request.key, f"{_mark(request, request.sha)} {TOLD}", self.now())

    def change(self, request: OpenMergeRequest, refs: DiffRefs) -> HygieneChange | None:
        """What it does to hygiene; None if it touches no CI file."""
        root = self.ci.path(request.project)
        if root is None or "@" in root or "://" in root:
            return None
        sides = {sha: self._side(request.project, sha, [root]) for sha in (refs.base, refs.head)}
        for _ in range(DEEPEST):
            known = sides[refs.head]
            taken_in = local_files(*(ci for side in sides.values() for ci in side.values()))
            fresh = [path for path in taken_in if path not in known]
            if not fresh:
                break
            for sha, side in sides.items():
                side |= self._side(request.project, sha, fresh)
        before, after = sides[refs.base], sides[refs.head]
        changed = [path for path in after if before[path] is not after[path]]
        facts = self.facts(request.project) if changed else None
        if facts is None:
            return None
        change = hygiene_change(
            replace(facts, ci_path=root),
            {path: before[path] for path in changed},
            {path: after[path] for path in changed},
            self.rules,
            moved=unseen(before, after),
        )
        return accepted(change, self.waivers, self.now().date())

    def _side(self, project: str, sha: str, paths: Sequence[str]) -> dict[str, Ci]:
        """What is in these files at a commit. The same blob gives the same object."""
        oids = self.ci.oids(project, sha, paths) if paths else {}
        fresh = [path for path, oid in oids.items() if oid not in self.parsed]
        for file in self.ci.texts(project, sha, fresh).values() if fresh else ():
            self._keep(file)
        return {path: self.parsed.get(oids[path], _CHANGED) if path in oids else None for path in paths}

    def _keep(self, file: FileText) -> None:
        if len(self.parsed) >= MOST_KEPT:
            del self.parsed[next(iter(self.parsed))]
        unknown = CiUnknown(reason="the CI file could not be read: it is larger than 1 MiB")
        self.parsed[file.oid] = unknown if file.text is None else self.parse(file.text)

    def _told(self, request: OpenMergeRequest, change: HygieneChange | None) -> Outcome:
        """Keep the note, which is begun only where there is something to tell."""
        ours = self.texts.own(self.notes.notes(request.project_id, request.iid), request)
        if not ours and (change is None or change.nothing):
            return Outcome.UNTOUCHED if change is None else Outcome.NOTHING
        body = self.texts.note(request, change or HygieneChange())
        return Outcome(keep_note(self.notes, request.project_id, request.iid, ours, body))


def _mark(request: OpenMergeRequest, head: str) -> str:
    return f"{head} {request.target_branch}"
