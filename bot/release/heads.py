"""See whether a new commit is to be tagged or proposed by itself: what changes ask for, once its pipeline is green."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from packaging.version import InvalidVersion, Version

from bot.domain.errors import RefusedError
from bot.domain.policy import HygienePolicy, ReleaseRule
from bot.domain.refs import Project, RefKind
from bot.domain.releases import ReleaseId
from bot.domain.verdicts import Consequence, GateResult
from bot.domain.versioning import Auto, NewHead, VersioningPolicy
from bot.ports.gitlab import Contents, Pipelines, Projects
from bot.release.belonging import metadata_paths
from bot.release.choose import choose_pipeline
from bot.release.facts import Facts, PipelineFacts, Seen, Wanted
from bot.release.gates import pipeline_green
from bot.release.names import stated
from bot.release.proposing import ReleaseProposer
from bot.release.tagging import NextTag, Tagger

MENDED = timedelta(hours=1)  # what a person has to mend is looked at so often
UNAUTHORIZED = 401
FORGOTTEN = timedelta(days=3)  # and no longer than this


class Outcome(StrEnum):
    """What came of a look at a new commit."""

    TAGGED = "tagged"
    PROPOSED = "proposed"
    NOTHING = "nothing"
    WAITS = "waits"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minded:
    """A new commit as it is to be kept, and what was done about it."""

    head: NewHead
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Minder:
    """All that minding new commits needs. `obstacles` says what would stop a release of a project by that tag."""

    tagger: Tagger
    proposer: ReleaseProposer
    projects: Projects
    pipelines: Pipelines
    contents: Contents
    obstacles: Callable[[Project, str], tuple[str, ...]]
    clock: Callable[[], datetime]

    def mind(self, head: NewHead) -> Minded:
        """Tag or propose, wait, or leave it; it can be run again at any time.

        Raises: TransientError, RefusedError with 401.
        """
        project = self.projects.project(head.project_id)
        if project is None:
            return _settled(head, Outcome.NOTHING, "the project is not there any more")
        if self.tagger.policy.watched_head(project.full_path, project.default_branch) != head.branch:
            return _settled(head, Outcome.NOTHING, f"policy does not speak of new commits on {head.branch} any more")
        rule, versioning = self.tagger.rule(project)
        try:
            wanted = self.tagger.look(project)
            if wanted.name is None or wanted.made:
                return self._propose(project, head, wanted, versioning)
            return self._tag(project, head, wanted, rule, versioning)
        except RefusedError as error:
            if error.status == UNAUTHORIZED:
                raise  # the token, not the project
            return self._person(head, str(error))

    def _propose(self, project: Project, head: NewHead, wanted: NextTag, versioning: VersioningPolicy) -> Minded:
        if versioning.auto is not Auto.PROPOSE:
            there = f"{wanted.name}: " if wanted.name else ""
            return _settled(head, Outcome.NOTHING, f"{there}{wanted.reason}")
        done = self.proposer.propose(project, dry_run=False)
        if not done.done:
            return _settled(head, Outcome.REFUSED, done.reason)
        acted = done.state in ("opened", "updated")
        return _settled(head, Outcome.PROPOSED if acted else Outcome.NOTHING, done.reason)

    def _tag(
        self, project: Project, head: NewHead, wanted: NextTag, rule: ReleaseRule, versioning: VersioningPolicy
    ) -> Minded:
        assert wanted.name is not None, "a tag is wanted"
        green = self._pipeline(project, head, wanted.sha, rule)
        if green.consequence is Consequence.WAIT:
            again = self.clock() + (green.look_again or MENDED)
            return Minded(head=replace(head, due_at=again, told=green.reason), outcome=Outcome.WAITS)
        if green.consequence is not Consequence.NONE:
            return self._person(head, green.reason)
        other = self._other_version(project, wanted, versioning)
        stopping = (other,) if other else self.obstacles(project, wanted.name)
        if stopping:
            return self._person(head, f"{wanted.name} is not tagged: {'; '.join(stopping)}")
        made = self.tagger.make(project, wanted)
        return _settled(head, Outcome.TAGGED, f"{made.name}: {made.reason}")

    def _pipeline(self, project: Project, head: NewHead, sha: str, rule: ReleaseRule) -> GateResult:
        """What the gate of the same name says of the branch's own pipeline of that commit."""
        found = choose_pipeline(
            self.pipelines.pipelines(project.id, sha=sha, ref=head.branch), ref=head.branch, sha=sha
        )
        jobs = self.pipelines.jobs(project.id, found.id) if found is not None and found.status.still else ()
        facts = PipelineFacts(pipeline=found, jobs=jobs) if found is not None else None
        wanted = Wanted(
            id=ReleaseId(project_id=project.id, kind=RefKind.BRANCH, ref=head.branch, sha=sha),
            project=project,
            rule=rule,
            indexes=(),
            hygiene=HygienePolicy(),
            asked=head.seen_at,
        )
        said = pipeline_green.judge(wanted, Facts(now=self.clock(), pipeline=Seen(facts)))
        assert isinstance(said, GateResult), "the pipeline was looked at, and the source is known"
        return said

    def _other_version(self, project: Project, wanted: NextTag, versioning: VersioningPolicy) -> str:
        """A version written down at the commit that is not the tag's: its gate would stop the release."""
        assert wanted.name is not None, "a tag is wanted"
        version = versioning.read(wanted.name)
        id_ = ReleaseId(project_id=project.id, kind=RefKind.TAG, ref=wanted.name, sha=wanted.sha)
        for path in metadata_paths(id_):
            text = self.contents.file(project.id, path, wanted.sha)
            written = stated(path.rpartition("/")[2], text).version if text is not None else None
            if written is None:
                continue
            try:
                if Version(written) == version:
                    return ""
            except InvalidVersion:
                pass  # no release has that version
            return f"{path} says {written}; raise it, or have `merge_request: true` propose it"
        return ""

    def _person(self, head: NewHead, why: str) -> Minded:
        """Somebody has to mend it; it is looked at again for a while."""
        now = self.clock()
        again = now + MENDED if now - head.seen_at < FORGOTTEN else None
        return Minded(head=replace(head, due_at=again, tries=0, told=why), outcome=Outcome.REFUSED)


def _settled(head: NewHead, outcome: Outcome, why: str) -> Minded:
    return Minded(head=replace(head, due_at=None, tries=0, told=why), outcome=outcome)
