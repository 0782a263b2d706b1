"""What releases: eyes, hands and texts of a turn, and looking targets up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from time import sleep
from typing import TYPE_CHECKING

from bot.adapters.gitlab.archives import GitLabArchives
from bot.adapters.gitlab.freeze_periods import GitLabFreezePeriods
from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.people import GitLabPeople
from bot.adapters.gitlab.pipeline_control import GitLabPipelineControl
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.adapters.gitlab.policy_files import GitLabPolicyFiles
from bot.adapters.gitlab.proposals import GitLabProposals
from bot.adapters.gitlab.pushes import GitLabPushes
from bot.adapters.gitlab.tagging import GitLabTagging
from bot.adapters.gitlab.variables import GitLabVariables
from bot.adapters.store.readonly import ReadOnlyKept, ReadOnlyLedger
from bot.app.parts import Parts
from bot.domain.errors import RefusedError
from bot.domain.refs import Project, RefKind, Target
from bot.domain.releases import Release, ReleaseId
from bot.domain.spans import SpanName
from bot.engine.layering import Layering
from bot.engine.preview import Preview, preview
from bot.engine.turn import Tools, note_interrupted, run_turn
from bot.engine.wanting import Wanting
from bot.notes.release_request import RequestWords
from bot.notes.texts import ReleaseTexts
from bot.release.apply import Hands
from bot.release.consenting import Consents
from bot.release.eyes import Eyes
from bot.release.proposing import ReleaseProposer
from bot.release.requests import ReleaseRequests
from bot.release.retry import interrupted
from bot.release.tagging import Tagger
from bot.watch.compare import new_release

if TYPE_CHECKING:  # commands start sooner without what only the daemon needs
    from bot.engine.previews import Previewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What `PROJECT@REF` stands for on GitLab now: the project, and the release record of the ref or a new one."""

    project: Project
    release: Release
    recorded: bool


class Releasing(Parts):
    """What releases: eyes, hands and texts of a turn, and looking targets up."""

    @cached_property
    def texts(self) -> ReleaseTexts:
        """The texts, signed with the marker key."""
        return ReleaseTexts(marker_key=self._marker_key(), user_id=self.identity.user_id)

    @cached_property
    def tools(self) -> Tools:
        """What a turn works with."""
        hands = Hands(
            index=self.index,
            installer=self.index.installer,
            pipelines=GitLabPipelineControl(self.api),
            releases=self.releases,
            milestones=self.releases,
            notes=self.notes,
            issues=self.issues,
            issue_notes=self.issue_notes,
            ledger=self.store.ledger,
            clock=self.clock,
        )
        return Tools(
            eyes=self.eyes,
            hands=hands,
            texts=self.texts,
            clock=self.clock,
            requests=self.meter.count,
            current=self._current,
            wait=sleep,
            spans=self.spans,
        )

    @cached_property
    def eyes(self) -> Eyes:
        """What looks."""
        return Eyes(
            refs=self.refs,
            contents=self.refs,
            pipelines=GitLabPipelines(self.api, self.home / "downloads"),
            variables=GitLabVariables(self.api),
            history=GitLabHistory(self.api),
            releases=self.releases,
            milestones=self.releases,
            notes=self.notes,
            planner=self.planner,
            issues=self.issues,
            issue_notes=self.issue_notes,
            user_id=self.identity.user_id,
            index=self.index,
            anatomist=self.index.anatomist,
            distributions=self.index,
            archives=GitLabArchives(self.api, self.home / "downloads"),
            builder=self.builder,
            kept=self.store.kept,
            ledger=self.store.ledger,
            consents=Consents(holds=self.store.holds, approvals=self.store.approvals, people=GitLabPeople(self.api)),
            freezes=GitLabFreezePeriods(self.api),
            clock=self.clock,
            project=self.known_project,
        )

    def known_project(self, number: int) -> Project | None:
        """A project as last seen, or as GitLab has it now."""
        return self._met.get(number) or self.store.enrolment.project(number) or self.projects.project(number)

    @cached_property
    def previewer(self) -> Previewer:
        """What tells open merge requests what they merge as."""
        from bot.engine.previews import Previewer
        from bot.notes.merging import PreviewNotes

        return Previewer(
            requests=self.merge_requests,
            notes=self.notes,
            records=self.store.reviews,
            texts=PreviewNotes(marker_key=self._marker_key(), user_id=self.identity.user_id),
            eyes=self.eyes,
            policy=self.settings.policy,
            project=self.known_project,
            now=self.clock,
        )

    def _current(self, release: Release) -> bool:
        self.must_hold()
        row = self.store.releases.release(release.key)
        return row is not None and row.turn == release.turn

    def note_interrupted(self, release: Release) -> None:
        """Note of a stopped release what a process left without an outcome. Called where nobody is at its turn.

        One that was frozen, and wakes, notes nothing else.
        """
        if interrupted(self.store.ledger.attempts(release.key), self.clock()):
            with self.hold(release) as held:
                if held:
                    note_interrupted(self.store.ledger, release.key, self.clock())

    def turn(self, release: Release) -> Release:
        """One turn of a release; the caller writes the row."""
        span = self.spans.span(SpanName.TURN, project=release.project, ref=release.id.ref, turn=release.turn)
        with self.budget.work(), span as told:
            ended = run_turn(self.tools, lambda sparing: self.wanting.wanted(release, sparing=sparing), release)
            told.tell(state=ended.state.value)
            return ended

    def preview(self, release: Release, *, proof: bool = False) -> Preview:
        """What `apply` would do (or, with `proof`, whether everything is in place): reads only, writes no record."""
        eyes = replace(
            self.eyes,
            kept=ReadOnlyKept(self.store.kept),
            ledger=ReadOnlyLedger(self.store.ledger),
            need_bytes=not proof,
        )
        tools = replace(self.tools, eyes=eyes)
        with self.budget.work():
            return preview(tools, self.wanting.wanted(release), release, proof=proof)

    @cached_property
    def wanting(self) -> Wanting:
        """What the configuration wants of a release."""
        return Wanting(
            policy=self.settings.policy,
            path=self.settings.path,
            gitlab=self.api.where,
            project=self.known_project,
            published_before=self.store.releases.published_before,
            begun=lambda release: bool(self.store.ledger.attempts(release.key)),
            accepted=self.store.acceptances.accepted,
            tags=self.index.installer.tags,
            layering=self.layering,
        )

    @cached_property
    def tagger(self) -> Tagger:
        """What makes tags."""
        return Tagger(
            refs=self.refs,
            history=GitLabHistory(self.api),
            tagging=GitLabTagging(self.api),
            policy=self.settings.policy,
            where=self.api.where,
            requests=self.release_requests,
        )

    @cached_property
    def release_requests(self) -> ReleaseRequests:
        """What knows the bot's release merge requests again."""
        ours = GitLabProposals(self.api)
        key, user_id = self._marker_key(), self.identity.user_id
        pushes = GitLabPushes(self.api, self.settings.gitlab.token)
        return ReleaseRequests(
            branches=ours, proposals=ours, pushes=pushes, contents=self.refs, key=key, user_id=user_id
        )

    @cached_property
    def release_proposer(self) -> ReleaseProposer:
        """What opens release merge requests and keeps them up to date."""
        return ReleaseProposer(tagger=self.tagger, texts=RequestWords(), clock=self.clock)

    @cached_property
    def layering(self) -> Layering:
        """What tightens the policy for a project."""
        return Layering(self.settings.policy, GitLabPolicyFiles(self.api))

    @cached_property
    def _met(self) -> dict[int, Project]:
        """Projects that were looked up and could not be noted."""
        return {}

    def find(self, target: Target) -> Found:
        """Look a target up on GitLab.

        Raises: RefusedError with status 404 for an unknown project, tag or rule.
        """
        project = self.projects.project(int(target.project) if target.project.isdigit() else target.project)
        if project is None:
            what = f"there is no project {target.project} that the token may see"
            raise RefusedError(what=what, where=self.api.where, remedy="Check the path and the token", status=404)
        id_ = self.named(project, target.ref)
        self.wanting.rule(project.full_path, id_.kind, id_.ref)
        if self._reads:
            self._met[project.id] = project
        else:
            self.store.enrolment.enrolled([project], self.clock())
        fresh = new_release(id_, project.full_path, self.settings.policy, self.clock())
        assert fresh is not None, "a rule covers it, as was just checked"
        known = self.store.releases.release(fresh.key)
        return Found(project=project, release=known or fresh, recorded=known is not None)

    def must_cover(self, release: Release) -> None:
        """Make sure that the configuration still speaks of a release. Raises: RefusedError with 404."""
        self.wanting.rule(release.project, release.id.kind, release.id.ref)

    def named(self, project: Project, ref: str) -> ReleaseId:
        """The tag of that name, else the branch, at the commit it is at now. Raises: RefusedError with status 404."""
        tag = self.refs.tag(project.id, ref)
        if tag is not None:
            return ReleaseId(project_id=project.id, kind=RefKind.TAG, ref=tag.name, sha=tag.sha)
        branch = self.refs.branch(project.id, ref)
        if branch is not None:
            return ReleaseId(project_id=project.id, kind=RefKind.BRANCH, ref=branch.name, sha=branch.sha)
        what = f"project {project.full_path} has neither a tag nor a branch {ref}"
        raise RefusedError(what=what, where=self.api.where, remedy="Push it first", status=404)
