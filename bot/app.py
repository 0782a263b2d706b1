"""The one place where a port meets its adapter."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from bot.adapters.ci.service import parse_ci
from bot.adapters.clock import utc_now
from bot.adapters.gitlab.account import GitLabAccount
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate.sweep import GitLabEstate
from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.notes import GitLabNotes
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.gitlab.releases import GitLabReleases
from bot.adapters.gitlab.variable_flags import GitLabVariableFlags
from bot.adapters.gitlab.variables import GitLabVariables
from bot.adapters.index.service import IndexAdapter
from bot.adapters.meter import Meter
from bot.adapters.store.open import open_state
from bot.adapters.store.readonly import ReadOnlyKept, ReadOnlyLedger
from bot.adapters.store.store import Store
from bot.domain.ci import CiFacts
from bot.domain.errors import ConfigError, CredentialsError, RefusedError
from bot.domain.estate import Level, ProjectFacts, Wish, Wishes
from bot.domain.estate import Scope as AuditScope
from bot.domain.gitlab import Identity
from bot.domain.policy import ReleaseRule, Source
from bot.domain.refs import Project, RefKind, Tag, Target
from bot.domain.releases import Release, ReleaseState
from bot.domain.secrets import Redactor
from bot.domain.verdicts import Consequence
from bot.engine.preview import Preview, preview
from bot.engine.turn import Tools, run_turn
from bot.hygiene.audit import Audited, Order, Progress, audit
from bot.hygiene.catalogue import RULES, Rule
from bot.hygiene.history import Noted, note
from bot.hygiene.targets import scope_of, watched
from bot.hygiene.waivers import waive
from bot.notes.texts import ReleaseTexts
from bot.release.apply import Hands
from bot.release.facts import Wanted
from bot.release.observe import Eyes
from bot.settings import Settings
from bot.watch.compare import new_release
from bot.watch.intake import HookIntake
from bot.watch.poll import ALL, Watcher
from bot.watch.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What `PROJECT@REF` stands for on GitLab now: the project, the tag, and its release record or a new one."""

    project: Project
    tag: Tag
    release: Release
    recorded: bool


def waiting_for(release: Release) -> str | None:
    """The gate that made a release wait at its last turn, unless something woke it since."""
    if release.state is not ReleaseState.WAITING or release.woken or release.faults:
        return None
    return next((gate.name for gate in release.gates if gate.consequence is Consequence.WAIT), None)


def _unseen(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""
    del done, total


class App:
    """The bot, put together from its settings. Asks nobody until it is used; `close` it at the end."""

    def __init__(self, settings: Settings, redactor: Redactor, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.redactor = redactor
        self.clock = clock
        self.meter = Meter()
        gitlab = settings.gitlab
        ca_file = None if gitlab.ca_file is None else str(gitlab.ca_file)
        self.api = Api(
            url=gitlab.url,
            token=gitlab.token,
            redactor=redactor,
            meter=self.meter,
            ca_file=ca_file,
            proxy=gitlab.proxy,
        )
        self.home = settings.state.path.parent / f"{settings.state.path.stem}.files"
        self.store = Store(open_state(settings.state.path), redactor.redact)
        self.account = GitLabAccount(self.api)
        self.projects = GitLabProjects(self.api)
        self.refs = GitLabRefs(self.api)
        self.releases = GitLabReleases(self.api)
        self.notes = GitLabNotes(self.api)
        self.flag_switch = GitLabVariableFlags(self.api)
        self.index = IndexAdapter(
            gitlab_url=gitlab.url,
            gitlab_token=gitlab.token,
            state_dir=self.home,
            redactor=redactor,
            gitlab_ca_file=ca_file,
            gitlab_proxy=gitlab.proxy,
            on_request=lambda _: self.meter.tick(),
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
        """The texts, signed with the marker key of the configuration or one made once and kept in the state."""
        key = self.settings.gitlab.marker_key
        signing = key.reveal() if key is not None else self.store.intake.once("marker key", secrets.token_hex(32))
        return ReleaseTexts(marker_key=signing.encode(), user_id=self.identity.user_id)

    @cached_property
    def tools(self) -> Tools:
        """What a turn works with."""
        hands = Hands(
            index=self.index, releases=self.releases, notes=self.notes, ledger=self.store.ledger, clock=self.clock
        )
        return Tools(eyes=self._eyes(), hands=hands, texts=self.texts, clock=self.clock, requests=self.meter.count)

    @cached_property
    def watcher(self) -> Watcher:
        """What polls."""
        watch = self.settings.watch
        since = {"now": None, "all": ALL}.get(watch.since) if isinstance(watch.since, str) else watch.since
        return Watcher(
            account=self.account,
            projects=self.projects,
            refs=self.refs,
            intake=self.store.intake,
            waker=self.store.releases,
            scope=self.scope,
            policy=self.settings.policy,
            since=since,
            membership=not self.identity.admin,
            clock=self.clock,
        )

    @cached_property
    def scope(self) -> Scope:
        """Which projects are watched."""
        watch = self.settings.watch
        return Scope(groups=watch.groups, projects=watch.projects, topics=watch.topics, exclude=watch.exclude)

    def audit_scope(self, targets: Sequence[str]) -> AuditScope:
        """What an audit covers: the targets, or what is watched when there are none. Raises: ConfigError."""
        if targets:
            return scope_of(targets, membership="**" not in targets or not self.identity.admin)
        watch = self.settings.watch
        if not (watch.groups or watch.projects or watch.topics):
            remedy = "Name a TARGET, or set watch.groups"
            raise ConfigError(what="nothing is watched, so there is nothing to audit", where="watch", remedy=remedy)
        scope = watched(watch.groups, watch.projects, topics=bool(watch.topics), keep=self._watches)
        return replace(scope, membership=not (scope.everything and self.identity.admin))

    def _watches(self, facts: ProjectFacts) -> bool:
        return self.scope.covers(
            Project(
                id=facts.project_id,
                full_path=facts.full_path,
                web_url="",
                default_branch=None,
                archived=facts.archived,
                topics=facts.topics,
            )
        )

    def estate(self) -> GitLabEstate:
        """What an audit reads; counts requests from nought."""
        return GitLabEstate(self.api, self.meter.count, parse_ci)

    def audit(
        self, targets: Sequence[str], rules: Sequence[Rule], progress: Progress = _unseen
    ) -> tuple[Audited, Noted]:
        """Audit the targets (what is watched when there are none) and write what was found into the history."""
        order = Order(scope=self.audit_scope(targets), rules=rules, release_tags=self.settings.policy.tags_of)
        audited = audit(self.estate(), order, self.clock, progress)
        judged = {rule.info.id for rule in rules}
        return audited, note(self.store.findings, audited, judged, whole=not targets)

    def audit_watched(self) -> Noted:
        """Audit everything watched by all rules, with waivers heeded."""
        audited, noted = self.audit((), RULES)
        if audited.error is not None:
            raise audited.error
        report = waive(noted.report, self.settings.policy.hygiene.waivers, noted.report.at.date())
        return replace(noted, report=report)

    def places_of(self, target: str, access: Wish = lambda _: True) -> tuple[ProjectFacts, ...]:
        """All there is to know of what a target names and of the groups above. Raises: RefusedError with 404.

        Who may do what is asked for the projects that `access` names.
        """
        everything = Wishes(
            ci=lambda _: True,
            merged=lambda facts: isinstance(facts.ci, CiFacts) and not facts.ci.whole,
            access=access,
        )
        tags = self.settings.policy.tags_of
        places = self.estate().sweep(self.audit_scope([target]), everything)
        return tuple(replace(facts, release_tags=tags(facts.full_path)) for facts in places)

    def facts_of(self, target: str) -> tuple[ProjectFacts, ...]:
        """The projects among `places_of`."""
        return tuple(facts for facts in self.places_of(target) if facts.level is Level.PROJECT)

    def turn(self, release: Release) -> Release:
        """One turn of a release; the caller writes the row."""
        return run_turn(self.tools, lambda: self.wanted(release), release)

    def preview(self, release: Release, *, proof: bool = False) -> Preview:
        """What `apply` would do (or, with `proof`, whether everything is in place): reads only, writes no record."""
        eyes = replace(
            self._eyes(),
            kept=ReadOnlyKept(self.store.kept),
            ledger=ReadOnlyLedger(self.store.ledger),
            need_bytes=not proof,
        )
        tools = replace(self.tools, eyes=eyes)
        return preview(tools, self.wanted(release), release, proof=proof)

    def wanted(self, release: Release) -> Wanted:
        """What policy wants of a release.

        Raises: RefusedError if no rule covers it, the project is gone, or the rule asks for a source we do not have.
        """
        project = self.store.intake.project(release.id.project_id) or self.projects.project(release.id.project_id)
        if project is None:
            raise RefusedError(
                what=f"project {release.id.project_id} ({release.project}) is not there or not visible to the token",
                where=self.api.where,
            )
        rule = self._rule(project.full_path, release.id.ref)
        if rule.source in (Source.PIPELINE, Source.BUILD):
            what = f"this version cannot release from source {rule.source.value}, which the rule for it asks for"
            remedy = "Use source: artifacts (or auto) and let a job of the pipeline keep dist/"
            raise RefusedError(what=what, where=str(self.settings.path), remedy=remedy)
        return Wanted(
            id=release.id,
            project=project,
            rule=rule,
            indexes=self.settings.policy.indexes_of(rule),
            hygiene=self.settings.policy.hygiene,
            asked=release.asked_at,
            waiting_for=waiting_for(release),
        )

    def find(self, target: Target) -> Found:
        """Look a target up on GitLab. Raises: RefusedError with status 404 for an unknown project, tag or rule."""
        project = self.projects.project(int(target.project) if target.project.isdigit() else target.project)
        if project is None:
            what = f"there is no project {target.project} that the token may see"
            raise RefusedError(what=what, where=self.api.where, remedy="Check the path and the token", status=404)
        tag = self.refs.tag(project.id, target.ref)
        if tag is None:
            what = f"project {project.full_path} has no tag {target.ref}"
            remedy = "Push the tag first; only tags are released by this version"
            raise RefusedError(what=what, where=self.api.where, remedy=remedy, status=404)
        self._rule(project.full_path, tag.name)
        self.store.intake.enrolled([project], self.clock())
        fresh = new_release(project.id, project.full_path, tag.name, tag.sha, self.settings.policy, self.clock())
        assert fresh is not None, "a rule covers it, as was just checked"
        known = self.store.releases.release(fresh.key)
        return Found(project=project, tag=tag, release=known or fresh, recorded=known is not None)

    @cached_property
    def hooks(self) -> HookIntake:
        """What takes hooks in."""
        return HookIntake(
            intake=self.store.intake,
            queue=self.store.releases,
            waker=self.store.releases,
            scope=self.scope,
            policy=self.settings.policy,
            clock=self.clock,
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

    def _rule(self, project: str, ref: str) -> ReleaseRule:
        rule = self.settings.policy.rule_for(project, RefKind.TAG, ref)
        if rule is None:
            raise RefusedError(
                what=f"no rule of `releases` covers tag {ref} of {project}",
                where=str(self.settings.path),
                remedy="Add one, or use a tag that matches",
                status=404,
            )
        return rule

    def _eyes(self) -> Eyes:
        return Eyes(
            refs=self.refs,
            pipelines=GitLabPipelines(self.api, self.home / "downloads"),
            variables=GitLabVariables(self.api),
            history=GitLabHistory(self.api),
            releases=self.releases,
            notes=self.notes,
            index=self.index,
            distributions=self.index,
            kept=self.store.kept,
            ledger=self.store.ledger,
            clock=self.clock,
        )
