"""The one place where a port meets its adapter."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import sleep

from filelock import FileLock, Timeout

from bot.adapters.builder.service import BuilderAdapter
from bot.adapters.ci.service import parse_ci
from bot.adapters.clock import utc_now
from bot.adapters.gitlab.account import GitLabAccount
from bot.adapters.gitlab.archives import GitLabArchives
from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.ci_file import GitLabCiFile
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.endpoints import REGISTRY
from bot.adapters.gitlab.estate.at_commit import GitLabCiTexts
from bot.adapters.gitlab.estate.sweep import GitLabEstate
from bot.adapters.gitlab.events import GitLabEvents
from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.hooks import GitLabHooks
from bot.adapters.gitlab.issues import GitLabIssues
from bot.adapters.gitlab.merge_requests import GitLabMergeRequests
from bot.adapters.gitlab.notes import GitLabNotes
from bot.adapters.gitlab.people import GitLabPeople, approver
from bot.adapters.gitlab.pipeline_control import GitLabPipelineControl
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.gitlab.releases import GitLabReleases
from bot.adapters.gitlab.rolling import GitLabRollingIssues
from bot.adapters.gitlab.variable_flags import GitLabVariableFlags
from bot.adapters.gitlab.variables import GitLabVariables
from bot.adapters.index.service import IndexAdapter
from bot.adapters.meter import Meter
from bot.adapters.store.open import open_state
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.readonly import ReadOnlyKept, ReadOnlyLedger
from bot.adapters.store.store import Store
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.consents import Approver
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.gitlab import Identity
from bot.domain.refs import Project, RefKind, Target
from bot.domain.releases import Release, ReleaseId
from bot.domain.secrets import Redactor, Secret
from bot.engine.ci_jobs import CiPlanner
from bot.engine.preview import Preview, preview
from bot.engine.turn import Tools, run_turn
from bot.engine.wanting import Wanting
from bot.notes.markers import derived_key
from bot.notes.review import ReviewNotes
from bot.notes.rolling import RollingTexts
from bot.notes.texts import ReleaseTexts
from bot.release.apply import Hands
from bot.release.consenting import Consents
from bot.release.observe import Eyes
from bot.settings import Settings
from bot.settings.hooks import hook_wish
from bot.watch.compare import new_release
from bot.watch.enrol import Enroller
from bot.watch.hook_care import HookCare
from bot.watch.hook_mending import HookHands
from bot.watch.intake import HookIntake
from bot.watch.look import Looker
from bot.watch.poll import ALL, Watcher
from bot.watch.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What `PROJECT@REF` stands for on GitLab now: the project, and the release record of the ref or a new one."""

    project: Project
    release: Release
    recorded: bool


class App:
    """The bot, put together from its settings. Asks nobody until it is used; `close` it at the end."""

    def __init__(self, settings: Settings, redactor: Redactor, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.redactor = redactor
        self.clock = clock
        self.meter = Meter()
        gitlab = settings.gitlab
        self.budget = Budget(gitlab.url)
        self._ca_file = None if gitlab.ca_file is None else str(gitlab.ca_file)
        self.api = self._api(gitlab.token)
        self.home = settings.state.path.parent / f"{settings.state.path.stem}.files"
        self.store = Store(open_state(settings.state.path), redactor.redact)
        self.readings = SqliteReadings(self.store.database)
        self.account, self.projects = GitLabAccount(self.api), GitLabProjects(self.api)
        self.refs, self.events = GitLabRefs(self.api), GitLabEvents(self.api)
        self.releases, self.issues = GitLabReleases(self.api), GitLabIssues(self.api)
        self.notes, self.issue_notes = GitLabNotes(self.api), GitLabNotes(self.api, "issues")
        self.merge_requests = GitLabMergeRequests(self.api)
        self.rolling_issues = GitLabRollingIssues(self.api)
        self.flag_switch = GitLabVariableFlags(self.api)
        self.planner = CiPlanner(GitLabCiFile(self.api, parse_ci, self.ci_texts().path))
        self.index = IndexAdapter(
            gitlab_url=gitlab.url,
            gitlab_token=gitlab.token,
            state_dir=self.home,
            redactor=redactor,
            gitlab_ca_file=self._ca_file,
            gitlab_proxy=gitlab.proxy,
            on_request=lambda _: self._registry_asked(),
        )
        self.builder = BuilderAdapter(
            policy=settings.policy.build, scratch=self.home / "builds", redactor=redactor, slot=self.index.heavy
        )

    def _api(self, token: Secret) -> Api:
        return Api(
            url=self.settings.gitlab.url,
            token=token,
            redactor=self.redactor,
            meter=self.meter,
            budget=self.budget,
            ca_file=self._ca_file,
            proxy=self.settings.gitlab.proxy,
        )

    def close(self) -> None:
        """Let go of children and files."""
        self.index.close()
        self.store.close()

    @cached_property
    def identity(self) -> Identity:
        """Who the bot is. Raises: TransientError, RefusedError."""
        return self.account.identity()

    def must_write(self) -> None:
        """Make sure that the token may release before anything is begun. Raises: CredentialsError if it only reads."""
        scopes = self.identity.scopes
        if scopes is not None and "api" not in scopes:
            raise CredentialsError(
                what=f"the token of {self.identity.username} has the scopes {', '.join(scopes) or 'none'}, not `api`",
                where=self.api.where,
                remedy="Releasing needs `api`; with `read_api` only `release plan` and `verify` work",
            )

    @cached_property
    def texts(self) -> ReleaseTexts:
        """The texts, signed with the marker key."""
        return ReleaseTexts(marker_key=self._marker_key(), user_id=self.identity.user_id)

    @cached_property
    def issue_texts(self) -> RollingTexts:
        """What rolling issues say, signed with the marker key."""
        return RollingTexts(marker_key=self._marker_key())

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
        )

    def _current(self, release: Release) -> bool:
        row = self.store.releases.release(release.key)
        return row is not None and row.turn == release.turn

    @cached_property
    def watcher(self) -> Watcher:
        """What polls."""
        watch = self.settings.watch
        since = {"now": None, "all": ALL}.get(watch.since) if isinstance(watch.since, str) else watch.since
        return Watcher(
            account=self.account,
            projects=self.projects,
            intake=self.store.intake,
            enrolment=self.store.enrolment,
            enroller=Enroller(
                projects=self.projects,
                enrolment=self.store.enrolment,
                scope=self.scope,
                membership=not self.identity.admin,
                clock=self.clock,
            ),
            looker=Looker(
                refs=self.refs,
                events=self.events,
                intake=self.store.intake,
                waker=self.store.releases,
                policy=self.settings.policy,
                clock=self.clock,
            ),
            scope=self.scope,
            configured=since,
            clock=self.clock,
        )

    @cached_property
    def scope(self) -> Scope:
        """Which projects are watched."""
        watch = self.settings.watch
        return Scope(groups=watch.groups, projects=watch.projects, topics=watch.topics, exclude=watch.exclude)

    def estate(self) -> GitLabEstate:
        """What an audit reads; counts requests from nought."""
        return GitLabEstate(self.api, self.meter.count, parse_ci, named=self.settings.policy.hygiene.variables)

    def ci_texts(self) -> GitLabCiTexts:
        """CI files at commits."""
        return GitLabCiTexts(self.api, self.meter.count)

    def parse_ci(self, text: str) -> CiFacts | CiUnknown:
        """The facts of a CI file, read in a child within bounds."""
        return parse_ci(text)

    @cached_property
    def review_texts(self) -> ReviewNotes:
        """What is said on merge requests that change CI files, signed with the marker key."""
        return ReviewNotes(marker_key=self._marker_key(), user_id=self.identity.user_id)

    def turn(self, release: Release) -> Release:
        """One turn of a release; the caller writes the row."""
        with self.budget.work():
            return run_turn(self.tools, lambda: self.wanting.wanted(release), release)

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
        known, there = self.store.enrolment.project, self.projects.project
        return Wanting(
            policy=self.settings.policy,
            path=self.settings.path,
            gitlab=self.api.where,
            project=lambda number: known(number) or there(number),
            published_before=self.store.releases.published_before,
            begun=lambda release: bool(self.store.ledger.attempts(release.key)),
            accepted=self.store.acceptances.accepted,
            tags=self.index.installer.tags,
        )

    def person(self, token: Secret) -> Approver:
        """Who comes with that token, which is used for this alone. Raises: TransientError, RefusedError."""
        return approver(self._api(token))

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

    @cached_property
    def hooks(self) -> HookIntake:
        """What takes hooks in."""
        return HookIntake(
            intake=self.store.intake,
            enrolment=self.store.enrolment,
            hints=self.store.enrolment,
            queue=self.store.releases,
            waker=self.store.releases,
            scope=self.scope,
            policy=self.settings.policy,
            clock=self.clock,
        )

    @cached_property
    def hook_care(self) -> HookCare:
        """What looks after GitLab's hooks. Raises: ConfigError without an address or a secret for them."""
        wish = hook_wish(self.settings)
        webhooks = GitLabHooks(self.api)
        secret = wish.secret.reveal().encode()
        return HookCare(
            hands=HookHands(
                hooks=webhooks,
                log=webhooks,
                records=self.store.hooks,
                wish=wish,
                fingerprint=hmac.new(self._marker_key(), b"hook secret\0" + secret, hashlib.sha256).hexdigest(),
                clock=self.clock,
            ),
            projects=self.projects,
            account=self.account,
            scope=self.scope,
            membership=not self.identity.admin,
            user_id=self.identity.user_id,
        )

    @contextmanager
    def sole(self) -> Iterator[bool]:
        """Hold the engine's lock: True for the one process that runs turns on this state, False for any other."""
        path = Path(f"{self.settings.state.engine_path}.lock")
        lock = FileLock(path, mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _marker_key(self) -> bytes:
        """The marker key of the configuration, else of the state, else one that follows from the token.

        What was derived is kept, so that a new token still finds the notes of the old one.
        """
        gitlab = self.settings.gitlab
        if gitlab.marker_key is not None:
            return gitlab.marker_key.reveal().encode()
        return self.store.words.once("marker key", derived_key(gitlab.token.reveal(), gitlab.url)).encode()

    def _registry_asked(self) -> None:
        """A child spoke to GitLab's package registry: that is too seldom to be held up, but it counts."""
        self.meter.tick()
        self.budget.spend(REGISTRY)

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
            clock=self.clock,
        )
