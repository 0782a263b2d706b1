"""A bench for turns: one project with a protected tag, a green pipeline, two files, two indexes, two merge requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.domain.gitlab import Note, PipelineStatus, Variables
from bot.domain.notes import DEFAULT_NOTES, NotesPolicy
from bot.domain.policy import Source
from bot.domain.refs import Branch, Project, RefKind, Tag
from bot.domain.releases import Release, ReleaseId, ReleaseState
from bot.engine.turn import Tools, run_turn
from bot.engine.wanting import waiting_for
from bot.ports.index import Gathered
from bot.ports.spans import UNHEARD, Spans
from bot.ports.texts import Texts
from bot.release.apply import Hands
from bot.release.consenting import Consents
from bot.release.eyes import Eyes
from bot.release.facts import Wanted
from tests.fake_builder import FakeArchives, FakeBuilder
from tests.fake_consents import FakeApprovals, FakeFreezePeriods, FakeHolds, FakePeople
from tests.fake_index import FakeAnatomist, FakeInstaller
from tests.fake_issues import FakeIssues
from tests.fake_store import FakeKept, FakeLedger
from tests.fakes import (
    Clock,
    FakeDistributions,
    FakeHistory,
    FakeIndex,
    FakeNotes,
    FakePipelines,
    FakePlanner,
    FakeRefs,
    FakeReleases,
    FakeVariables,
    Wire,
)
from tests.unit.release_facts import (
    NOON,
    OTHER_SHA,
    PROJECT,
    SDIST,
    SHA,
    WHEEL,
    PlainTexts,
    distribution,
    job,
    merge_request,
    pipeline,
    tag,
    variable,
    wanted,
)

ARCHIVE = b"archive of job 31"
MOST_TURNS = 60
MOVED = tag(sha=OTHER_SHA)
# What a release that nothing gets in the way of writes, in order.
WRITES = [
    f"upload registry {WHEEL}",
    f"upload registry {SDIST}",
    f"upload public {WHEEL}",
    f"upload public {SDIST}",
    "create_release",
    "create_note",
    "create_note",
]
PUBLIC_WRITES = WRITES[:5]


def planned(project_id: int = PROJECT.id, ref: str = "v1.1.0", due_at: datetime | None = NOON) -> Release:
    """A release that nobody has worked on yet."""
    return Release(
        id=ReleaseId(project_id=project_id, kind=RefKind.TAG, ref=ref, sha=SHA),
        project=PROJECT.full_path,
        state=ReleaseState.PLANNED,
        created_at=NOON,
        updated_at=NOON,
        asked_at=NOON,
        due_at=due_at,
        source=Source.ARTIFACTS,
        source_reason="policy asks for artifacts",
    )


@dataclass(slots=True)
class Bench:
    """All the fakes of one project, behind one wire and one clock."""

    folder: Path
    wire: Wire = field(default_factory=Wire)
    clock: Clock = field(default_factory=lambda: Clock(NOON))
    ledger: FakeLedger = field(default_factory=FakeLedger)
    kept: FakeKept = field(default_factory=FakeKept)
    distributions: FakeDistributions = field(default_factory=FakeDistributions)
    anatomist: FakeAnatomist = field(default_factory=FakeAnatomist)
    installer: FakeInstaller = field(default_factory=FakeInstaller)
    patience: tuple[float, ...] = ()
    spans: Spans = UNHEARD
    telling: NotesPolicy = DEFAULT_NOTES
    texts: Texts = field(default_factory=PlainTexts)
    stopped_after: int | None = None  # writes; then a person stops the release
    refs: FakeRefs = field(init=False)
    pipelines: FakePipelines = field(init=False)
    planner: FakePlanner = field(init=False)
    variables: FakeVariables = field(init=False)
    history: FakeHistory = field(init=False)
    releases: FakeReleases = field(init=False)
    notes: FakeNotes = field(init=False)
    issue_notes: FakeNotes = field(init=False)
    issues: FakeIssues = field(init=False)
    index: FakeIndex = field(init=False)
    people: FakePeople = field(init=False)
    freezes: FakeFreezePeriods = field(init=False)
    holds: FakeHolds = field(default_factory=FakeHolds)
    approvals: FakeApprovals = field(default_factory=FakeApprovals)
    projects: dict[int, Project] = field(default_factory=dict)  # others, by id
    wants: Callable[[Wanted], Wanted] = lambda wanted: wanted  # what policy says besides
    archives: FakeArchives = field(init=False)
    builder: FakeBuilder = field(init=False)

    def __post_init__(self) -> None:
        """Lay everything out as it should be."""
        self.refs = FakeRefs(heads={PROJECT.id: {"v1.1.0": tag()}}, wire=self.wire)
        self.refs.lines[PROJECT.id] = {"main": Branch(name="main", sha=SHA, protected=True)}
        self.refs.texts[PROJECT.id, "pyproject.toml", SHA] = '[project]\nname = "acme-widget"\n'
        green = pipeline()
        self.pipelines = FakePipelines(folder=self.folder, wire=self.wire)
        self.pipelines.rows[PROJECT.id] = (green.pipeline,)
        self.pipelines.jobs_of[green.pipeline.id] = (job(),)
        self.pipelines.archives[31] = ARCHIVE
        self.distributions.inside[ARCHIVE] = Gathered(files=(distribution(WHEEL), distribution(SDIST)))
        self.variables = FakeVariables(flags={PROJECT.full_path: Variables(flags=(variable(),))}, wire=self.wire)
        self.history = FakeHistory(merged={SHA: (merge_request(1), merge_request(2))}, wire=self.wire)
        self.releases = FakeReleases(wire=self.wire)
        self.notes = FakeNotes(author_id=PlainTexts.OURS, wire=self.wire)
        self.issue_notes = FakeNotes(author_id=PlainTexts.OURS, wire=self.wire)
        self.issues = FakeIssues(author_id=PlainTexts.OURS, wire=self.wire)
        self.index = FakeIndex(wire=self.wire)
        self.planner = FakePlanner(wire=self.wire)
        self.people = FakePeople(wire=self.wire)
        self.freezes = FakeFreezePeriods(wire=self.wire)
        self.archives = FakeArchives(folder=self.folder, wire=self.wire)
        self.builder = FakeBuilder(folder=self.folder)

    @property
    def tools(self) -> Tools:
        """What a turn works with."""
        eyes = Eyes(
            refs=self.refs,
            contents=self.refs,
            pipelines=self.pipelines,
            variables=self.variables,
            history=self.history,
            releases=self.releases,
            milestones=self.releases,
            notes=self.notes,
            planner=self.planner,
            issues=self.issues,
            issue_notes=self.issue_notes,
            user_id=PlainTexts.OURS,
            index=self.index,
            anatomist=self.anatomist,
            distributions=self.distributions,
            archives=self.archives,
            builder=self.builder,
            kept=self.kept,
            ledger=self.ledger,
            consents=Consents(holds=self.holds, approvals=self.approvals, people=self.people),
            freezes=self.freezes,
            clock=self.clock,
            project=self.projects.get,
        )
        hands = Hands(
            index=self.index,
            installer=self.installer,
            pipelines=self.pipelines,
            releases=self.releases,
            milestones=self.releases,
            notes=self.notes,
            issues=self.issues,
            issue_notes=self.issue_notes,
            ledger=self.ledger,
            clock=self.clock,
        )
        return Tools(
            eyes=eyes,
            hands=hands,
            texts=self.texts,
            clock=self.clock,
            requests=lambda: self.wire.requests,
            current=self._current,
            wait=lambda seconds: self.clock.wait(timedelta(seconds=seconds)),
            patience=self.patience,
            spans=self.spans,
        )

    def _current(self, release: Release) -> bool:
        return self.stopped_after is None or len(self.wire.writes) < self.stopped_after

    def wanted(self, release: Release) -> Wanted:
        """What policy wants; costs a request the first time, as looking up a project does that is not enrolled yet."""
        self.wire.requests += release.turn == 0
        want = wanted(asked=release.asked_at)
        want = replace(want, rule=replace(want.rule, notes=self.telling), waiting_for=waiting_for(release))
        return self.wants(want)

    def turn(self, release: Release) -> Release:
        """One turn, counted as the store would."""
        ended = run_turn(self.tools, lambda _: self.wanted(release), release)
        return replace(ended, turn=release.turn + 1)

    def to_the_end(self, release: Release | None = None) -> Release:
        """Turn after turn, waiting as told, until nothing is due any more."""
        release = release or planned()
        for _ in range(MOST_TURNS):
            release = self.turn(release)
            if release.due_at is None:
                return release
            self.clock.wait(max(release.due_at - self.clock.now, timedelta()))
        raise AssertionError(f"still due after {MOST_TURNS} turns: {release}")

    def move_tag(self, there: Tag | None) -> None:
        """Set the tag elsewhere, or delete it."""
        if there is None:
            del self.refs.heads[PROJECT.id]["v1.1.0"]
        else:
            self.refs.heads[PROJECT.id]["v1.1.0"] = there

    def set_pipeline(self, status: PipelineStatus) -> None:
        """Give the pipeline another status."""
        self.pipelines.rows[PROJECT.id] = (pipeline(status).pipeline,)

    def told(self, iid: int) -> list[Note]:
        """Our notes on one merge request."""
        return list(self.notes.there.get((PROJECT.id, iid), {}).values())

    @property
    def public_writes(self) -> list[str]:
        """What was put where the public sees it, in order."""
        return [call for call in self.wire.writes if not call.endswith("_note")]
