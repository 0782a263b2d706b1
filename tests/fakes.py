"""One dict-backed class per port. What they share is the wire: it counts calls, loses replies and lets things happen.

The adapters keep the same promises over the embedded GitLab and real indexes; see tests/contract. The store's fakes are
in tests/fake_store.py, those of webhooks in tests/fake_hooks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.domain.ci import CiUnknown
from bot.domain.ci_plan import PlannedPipeline
from bot.domain.distributions import Distribution, IndexFile
from bot.domain.errors import RefusedError, RopewalkError, TransientError
from bot.domain.estate import ProjectFacts, Wishes
from bot.domain.estate import Scope as AuditScope
from bot.domain.gitlab import (
    Changes,
    Commit,
    GitLabRelease,
    Identity,
    Issue,
    Job,
    Level,
    MergeRequest,
    Note,
    Pipeline,
    PipelineStatus,
    ReleaseLink,
    Variables,
)
from bot.domain.policy import IndexKind, IndexSpec, InputValue
from bot.domain.refs import Branch, Project, Pushed, Tag
from bot.domain.releases import AttemptOutcome, ReleaseId
from bot.ports.index import Gathered, IndexPlace, Sent


class Clock:
    """Our clock: moves by a millisecond with every look at it, and as told."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time; never twice the same."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def wait(self, delay: timedelta) -> None:
        """Let time pass."""
        self.now += delay


@dataclass(slots=True)
class Wire:
    """Every call of a fake passes here.

    `before` and `lost` hold, by the call's name, errors to raise before it has its effect and after; `coming` is called
    with the name of each call before its effect, `wrote` with the number of each write (from 1) after it.
    """

    calls: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    before: dict[str, list[RopewalkError]] = field(default_factory=dict)
    lost: dict[str, list[RopewalkError]] = field(default_factory=dict)
    coming: Callable[[str], None] = lambda _: None
    wrote: Callable[[int], None] = lambda _: None
    requests: int = 0

    @contextmanager
    def call(self, name: str, *, write: bool = False) -> Iterator[None]:
        """One call: counted, refused if so planned, and its reply lost if so planned."""
        self.calls.append(name)
        self.requests += 1
        self.coming(name)
        if planned := self.before.get(name):
            raise planned.pop(0)
        yield
        if write:
            self.writes.append(name)
            self.wrote(len(self.writes))
        if planned := self.lost.get(name):
            raise planned.pop(0)


@dataclass(slots=True)
class FakeAccount:
    """See bot.ports.gitlab.Account."""

    me: Identity
    clock: Callable[[], datetime]
    roles: dict[str, int] = field(default_factory=dict)

    def identity(self) -> Identity:
        """Who we are."""
        return self.me

    def role(self, user_id: int, place: str, *, group: bool) -> int | None:
        """The level we were given there."""
        del user_id, group
        return self.roles.get(place)

    def now(self) -> datetime:
        """GitLab's clock, to the second."""
        return self.clock().replace(microsecond=0)


@dataclass(slots=True)
class FakeProjects:
    """See bot.ports.gitlab.Projects. `member` are the ids of projects that the token's user is a member of."""

    projects: dict[int, Project]
    wire: Wire = field(default_factory=Wire)
    member: set[int] = field(default_factory=set)

    def project(self, path_or_id: str | int) -> Project | None:
        """By id or path."""
        with self.wire.call("project"):
            return next((p for p in self.projects.values() if path_or_id in (p.id, p.full_path)), None)

    def active_since(self, moment: datetime | None, *, membership: bool) -> Iterator[Project]:
        """Those with activity after `moment`, by id."""
        with self.wire.call("active_since"):
            for _, project in sorted(self.projects.items()):
                active = moment is None or (project.last_activity_at is not None and project.last_activity_at > moment)
                if active and (not membership or project.id in self.member):
                    yield project

    def of_group(self, full_path: str) -> Iterator[Project]:
        """Those below a group."""
        with self.wire.call("of_group"):
            yield from (p for p in self.projects.values() if p.full_path.startswith(f"{full_path}/"))


@dataclass(slots=True)
class FakeRefs:
    """See bot.ports.gitlab.Refs and Contents. `history` holds the commits each commit comes after, itself left out."""

    heads: dict[int, dict[str, Tag]] = field(default_factory=dict)
    lines: dict[int, dict[str, Branch]] = field(default_factory=dict)
    history: dict[str, frozenset[str]] = field(default_factory=dict)
    texts: dict[tuple[int, str, str], str] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def tag(self, project_id: int, name: str) -> Tag | None:
        """As it is now."""
        with self.wire.call("tag"):
            return self.heads.get(project_id, {}).get(name)

    def tags(self, project_id: int) -> tuple[Tag, ...]:
        """All of them."""
        with self.wire.call("tags"):
            return tuple(self.heads.get(project_id, {}).values())

    def branch(self, project_id: int, name: str) -> Branch | None:
        """As it is now."""
        with self.wire.call("branch"):
            return self.lines.get(project_id, {}).get(name)

    def branches(self, project_id: int) -> tuple[Branch, ...]:
        """All of them."""
        with self.wire.call("branches"):
            return tuple(self.lines.get(project_id, {}).values())

    def contains(self, project_id: int, ref: str, sha: str) -> bool:
        """By name or commit."""
        with self.wire.call("contains"):
            line = self.lines.get(project_id, {}).get(ref)
            head = line.sha if line else ref
            return sha == head or sha in self.history.get(head, ())

    def containing(self, project_id: int, sha: str) -> tuple[str, ...]:
        """By the history of each branch."""
        with self.wire.call("containing"):
            lines = self.lines.get(project_id, {}).values()
            return tuple(one.name for one in lines if sha == one.sha or sha in self.history.get(one.sha, ()))

    def file(self, project_id: int, path: str, sha: str) -> str | None:
        """A file at a commit."""
        with self.wire.call("file"):
            return self.texts.get((project_id, path, sha))

    def names(self, project_id: int, folder: str, sha: str) -> tuple[str, ...]:
        """By the paths of the texts."""
        with self.wire.call("names"):
            here = (path for number, path, commit in self.texts if (number, commit) == (project_id, sha))
            return tuple(path for path in here if path.rpartition("/")[0] == folder)


@dataclass(slots=True)
class FakeEvents:
    """See bot.ports.gitlab.Events."""

    rows: dict[int, tuple[Pushed, ...]] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def pushed(self, project_id: int, since: datetime) -> tuple[Pushed, ...]:
        """Those after it."""
        with self.wire.call("pushed"):
            return tuple(one for one in self.rows.get(project_id, ()) if one.at >= since)


@dataclass(slots=True)
class FakePipelines:
    """See bot.ports.gitlab.Pipelines and PipelineControl.

    `archives` are the bytes of artifacts by job id, written to `folder`; `starting` is the pipeline that comes to be by
    ref, `given` what each was started with.
    """

    folder: Path
    rows: dict[int, tuple[Pipeline, ...]] = field(default_factory=dict)
    jobs_of: dict[int, tuple[Job, ...]] = field(default_factory=dict)
    archives: dict[int, bytes] = field(default_factory=dict)
    starting: dict[str, Pipeline] = field(default_factory=dict)
    given: list[dict[str, InputValue]] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)

    def pipelines(self, project_id: int, *, sha: str, ref: str) -> tuple[Pipeline, ...]:
        """Newest first."""
        with self.wire.call("pipelines"):
            found = [p for p in self.rows.get(project_id, ()) if (p.sha, p.ref) == (sha, ref)]
            return tuple(sorted(found, key=lambda p: -p.id))

    def jobs(self, project_id: int, pipeline_id: int) -> tuple[Job, ...]:
        """Of one pipeline."""
        with self.wire.call("jobs"):
            return self.jobs_of.get(pipeline_id, ())

    def start(self, project_id: int, ref: str, inputs: Mapping[str, InputValue]) -> Pipeline:
        """The one that `starting` holds for the ref."""
        with self.wire.call("start_pipeline", write=True):
            self.given.append(dict(inputs))
            pipeline = self.starting[ref]
            self.rows[project_id] = (*self.rows.get(project_id, ()), pipeline)
            return pipeline

    def play(self, project_id: int, job_id: int) -> Job:
        """It runs from then on, and so does its pipeline."""
        with self.wire.call(f"play {job_id}", write=True):
            for number, jobs in self.jobs_of.items():
                for job in jobs:
                    if job.id == job_id:
                        if job.status is not PipelineStatus.MANUAL:
                            raise RefusedError(what="400 Unplayable Job", where="GitLab", status=400)
                        played = replace(job, status=PipelineStatus.RUNNING)
                        self.jobs_of[number] = tuple(played if one.id == job_id else one for one in jobs)
                        self.rows[project_id] = tuple(
                            replace(one, status=PipelineStatus.RUNNING) if one.id == number else one
                            for one in self.rows[project_id]
                        )
                        return played
            raise RefusedError(what="404 Not found", where="GitLab", status=404)

    def artifacts(self, project_id: int, job_id: int) -> Path | None:
        """To a new file."""
        with self.wire.call("artifacts"):
            if job_id not in self.archives:
                return None
            path = self.folder / f"{job_id}-{len(self.wire.calls)}.zip"
            path.write_bytes(self.archives[job_id])
            return path


@dataclass(slots=True)
class FakePlanner:
    """See bot.ports.ci.Planner. What the CI file of a commit runs, by sha."""

    files: dict[str, PlannedPipeline | CiUnknown] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def planned(self, project: Project, release: ReleaseId, source: str) -> PlannedPipeline | CiUnknown | None:
        """As laid out."""
        with self.wire.call("planned"):
            return self.files.get(release.sha)


@dataclass(slots=True)
class FakeVariables:
    """See bot.ports.gitlab.VariableReader."""

    flags: dict[str, Variables] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def variables(self, full_path: str) -> Variables:
        """Names and flags."""
        with self.wire.call("variables"):
            return self.flags.get(full_path, Variables(flags=()))


@dataclass(slots=True)
class FakeHistory:
    """See bot.ports.gitlab.History. Merge requests by the commit they are shipped with."""

    merged: dict[str, tuple[MergeRequest, ...]] = field(default_factory=dict)
    commits: tuple[Commit, ...] = ()
    paths: frozenset[str] | None = frozenset()
    closed: dict[int, tuple[Issue, ...]] = field(default_factory=dict)
    made: str | RefusedError = ""
    wire: Wire = field(default_factory=Wire)

    def changes(self, project_id: int, *, tag: Tag, previous: Sequence[Tag]) -> Changes:
        """Those of the tag's commit."""
        with self.wire.call("changes"):
            name = previous[0].name if previous else None
            return Changes(
                previous_tag=name, merge_requests=self.merged.get(tag.sha, ()), commits=self.commits, paths=self.paths
            )

    def closed_issues(self, project_id: int, iid: int) -> tuple[Issue, ...]:
        """Those of that merge request."""
        with self.wire.call("closed_issues"):
            return self.closed.get(iid, ())

    def changelog(self, project_id: int, *, version: str, sha: str, previous: str | None) -> str:
        """What was planned."""
        with self.wire.call("changelog"):
            if isinstance(self.made, RefusedError):
                raise self.made
            return self.made

    def of_commit(self, project_id: int, sha: str) -> Changes:
        """Those of that commit."""
        with self.wire.call("of_commit"):
            return Changes(previous_tag=None, merge_requests=self.merged.get(sha, ()))


@dataclass(slots=True)
class FakeReleases:
    """See bot.ports.gitlab.Releases and Milestones."""

    there: dict[tuple[int, str], GitLabRelease] = field(default_factory=dict)
    titles: tuple[str, ...] = ()
    wire: Wire = field(default_factory=Wire)

    def milestones(self, project_id: int, titles: Sequence[str]) -> tuple[str, ...]:
        """Those of the project's."""
        with self.wire.call("milestones"):
            return tuple(title for title in titles if title in self.titles)

    def attach(self, project_id: int, tag: str, titles: Sequence[str]) -> None:
        """Replace the milestones."""
        with self.wire.call("attach_milestones", write=True):
            self.there[project_id, tag] = replace(self.there[project_id, tag], milestones=tuple(titles))

    def release(self, project_id: int, tag: str) -> GitLabRelease | None:
        """As it stands."""
        with self.wire.call("release"):
            return self.there.get((project_id, tag))

    def create(
        self, project_id: int, *, tag: str, name: str, description: str, links: Sequence[ReleaseLink]
    ) -> GitLabRelease:
        """One that exists is returned as it stands."""
        with self.wire.call("create_release", write=True):
            made = GitLabRelease(
                tag=tag,
                name=name,
                description=description,
                links=tuple(links),
                web_url=f"https://gitlab.example.com/-/releases/{tag}",
            )
            return self.there.setdefault((project_id, tag), made)

    def describe(self, project_id: int, tag: str, description: str) -> None:
        """Replace the description."""
        with self.wire.call("describe_release", write=True):
            self.there[project_id, tag] = replace(self.there[project_id, tag], description=description)

    def link(self, project_id: int, tag: str, link: ReleaseLink) -> None:
        """Add one of a new URL, or lead the one of that name there."""
        with self.wire.call("link_release", write=True):
            there = self.there[project_id, tag]
            if not any(link.url == old.url for old in there.links):
                others = tuple(old for old in there.links if old.name != link.name)
                self.there[project_id, tag] = replace(there, links=(*others, link))


@dataclass(slots=True)
class FakeNotes:
    """See bot.ports.gitlab.Notes."""

    author_id: int
    there: dict[tuple[int, int], dict[int, Note]] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)
    _last: int = 0

    def notes(self, project_id: int, iid: int) -> tuple[Note, ...]:
        """Oldest first."""
        with self.wire.call("notes"):
            return tuple(note for _, note in sorted(self.there.get((project_id, iid), {}).items()))

    def create(self, project_id: int, iid: int, body: str) -> Note:
        """With the next id."""
        with self.wire.call("create_note", write=True):
            self._last += 1
            note = Note(id=self._last, body=body, author_id=self.author_id)
            self.there.setdefault((project_id, iid), {})[note.id] = note
            return note

    def update(self, project_id: int, iid: int, note_id: int, body: str) -> None:
        """Replace the body."""
        with self.wire.call("update_note", write=True):
            notes = self.there[project_id, iid]
            notes[note_id] = replace(notes[note_id], body=body)

    def delete(self, project_id: int, iid: int, note_id: int) -> None:
        """Remove it."""
        with self.wire.call("delete_note", write=True):
            del self.there[project_id, iid][note_id]


@dataclass(slots=True)
class FakeIndex:
    """See bot.ports.index.Index. `files_on` are digests by index and file name; None stands for a hash not shown."""

    files_on: dict[str, dict[str, str | None]] = field(default_factory=dict)
    refusals: dict[tuple[str, str], list[Sent]] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def place(self, spec: IndexSpec, project_id: int, name: str) -> IndexPlace:
        """URLs of that index."""
        return IndexPlace(
            spec=spec,
            upload_url=f"https://{spec.name}.example.com/upload",
            simple_url=f"https://{spec.name}.example.com/simple",
            page_url=None,
            immediate=spec.kind is IndexKind.GITLAB,
        )

    def install_line(self, place: IndexPlace, name: str, version: str) -> str:
        """A line to paste."""
        return f"pip install --index-url {place.simple_url} {name}=={version}"

    def files(self, place: IndexPlace, name: str, wanted: Collection[str]) -> tuple[IndexFile, ...]:
        """What it lists."""
        with self.wire.call(f"files {place.spec.name}"):
            there = self.files_on.get(place.spec.name, {})
            url = f"https://{place.spec.name}.example.com"
            return tuple(IndexFile(filename=f, sha256=digest, url=f"{url}/{f}") for f, digest in there.items())

    def send(self, place: IndexPlace, distribution: Distribution) -> Sent:
        """Takes what is not there, unless a refusal is planned; a lost reply is an unclear outcome."""
        if planned := self.refusals.get((place.spec.name, distribution.filename)):
            return planned.pop(0)
        there = self.files_on.setdefault(place.spec.name, {})
        try:
            with self.wire.call(f"upload {place.spec.name} {distribution.filename}", write=True):
                if distribution.filename in there:
                    return Sent(outcome=AttemptOutcome.REFUSED, reason="400 File already exists", again=False)
                there[distribution.filename] = distribution.sha256
        except TransientError as error:
            return Sent(outcome=AttemptOutcome.UNCLEAR, reason=str(error))
        return Sent(outcome=AttemptOutcome.ACCEPTED)


@dataclass(slots=True)
class FakeDistributions:
    """See bot.ports.index.Distributions. `inside` is what an archive of those bytes holds."""

    inside: dict[bytes, Gathered] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def gather(self, archives: Sequence[tuple[int | None, str, Path]]) -> Gathered:
        """All of what the archives hold, kept."""
        found = [self.inside[path.read_bytes()] for _, _, path in archives]
        files = tuple(file for gathered in found for file in gathered.files)
        self.kept |= {file.sha256 for file in files}
        problems = tuple(p for gathered in found for p in gathered.problems)
        left = tuple(one for gathered in found for one in gathered.left_out or ())
        return Gathered(files=files, problems=problems, empty=all(gathered.empty for gathered in found), left_out=left)

    def has(self, sha256: str) -> bool:
        """Whether kept."""
        return sha256 in self.kept

    def forget(self, sha256: str) -> None:
        """Keep no more."""
        self.kept.discard(sha256)


@dataclass(slots=True)
class FakeEstate:
    """See bot.ports.estate.Estate. `places` come in order; `breaks` is raised after as many of them as it says."""

    places: Sequence[ProjectFacts]
    breaks: tuple[int, BaseException] | None = None
    asked: list[AuditScope] = field(default_factory=list)

    def sweep(self, scope: AuditScope, wishes: Wishes) -> Iterator[ProjectFacts]:
        """Those that the scope keeps."""
        self.asked.append(scope)
        for place, facts in enumerate(self.places):
            if self.breaks is not None and self.breaks[0] == place:
                raise self.breaks[1]
            if facts.level is not Level.PROJECT or scope.keep(facts):
                yield facts

    def expected(self) -> int | None:
        """All of them."""
        return len(self.places)

    def requests(self) -> int:
        """One a sweep."""
        return len(self.asked)
