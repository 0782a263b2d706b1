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

from bot.adapters.ci.service import parse_ci
from bot.adapters.clock import utc_now
from bot.adapters.gitlab.account import GitLabAccount
from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.endpoints import REGISTRY
from bot.adapters.gitlab.estate.sweep import GitLabEstate
from bot.adapters.gitlab.events import GitLabEvents
from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.hooks import GitLabHooks
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
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.readonly import ReadOnlyKept, ReadOnlyLedger
from bot.adapters.store.store import Store
from bot.domain.errors import ConfigError, CredentialsError, RefusedError
from bot.domain.gitlab import Identity
from bot.domain.policy import ReleaseRule, Source
from bot.domain.refs import Project, RefKind, Target
from bot.domain.releases import Release, ReleaseId, ReleaseState
from bot.domain.secrets import Redactor
from bot.domain.verdicts import Consequence
from bot.engine.preview import Preview, preview
from bot.engine.turn import Tools, run_turn
from bot.notes.markers import derived_key
from bot.notes.texts import ReleaseTexts
from bot.release.apply import Hands
from bot.release.facts import Wanted
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

UNKNOWN_SOURCES = (Source.PIPELINE, Source.BUILD)  # the configuration knows them, this version does not yet
OTHER_SOURCE = "Use source: artifacts (or auto) and let a job of the pipeline keep dist/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What `PROJECT@REF` stands for on GitLab now: the project, and the release record of the ref or a new one."""

    project: Project
    release: Release
    recorded: bool


def no_source(rule: ReleaseRule) -> str:
    """What is wrong with a rule whose source is not there yet."""
    return f"this version cannot release from source {rule.source.value}, which the rule for it asks for"


def waiting_for(release: Release) -> str | None:
    """The gate that made a release wait at its last turn, unless something woke it since."""
    if release.state is not ReleaseState.WAITING or release.woken or release.faults:
        return None
    return next((gate.name for gate in release.gates if gate.consequence is Consequence.WAIT), None)


class App:
    """The bot, put together from its settings. Asks nobody until it is used; `close` it at the end."""

    def __init__(self, settings: Settings, redactor: Redactor, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.redactor = redactor
        self.clock = clock
        self.meter = Meter()
        gitlab = settings.gitlab
        self.budget = Budget(gitlab.url)
        ca_file = None if gitlab.ca_file is None else str(gitlab.ca_file)
        self.api = Api(
            url=gitlab.url,
            token=gitlab.token,
            redactor=redactor,
            meter=self.meter,
            budget=self.budget,
            ca_file=ca_file,
            proxy=gitlab.proxy,
        )
        self.home = settings.state.path.parent / f"{settings.state.path.stem}.files"
        self.store = Store(open_state(settings.state.path), redactor.redact)
        self.readings = SqliteReadings(self.store.database)
        self.account = GitLabAccount(self.api)
        self.projects = GitLabProjects(self.api)
        self.refs = GitLabRefs(self.api)
        self.events = GitLabEvents(self.api)
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
            on_request=lambda _: self._registry_asked(),
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
    def tools(self) -> Tools:
        """What a turn works with."""
        hands = Hands(
            index=self.index, releases=self.releases, notes=self.notes, ledger=self.store.ledger, clock=self.clock
        )
        return Tools(
            eyes=self._eyes(),
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
        return GitLabEstate(self.api, self.meter.count, parse_ci)

    def turn(self, release: Release) -> Release:
        """One turn of a release; the caller writes the row."""
        with self.budget.work():
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
        with self.budget.work():
            return preview(tools, self.wanted(release), release, proof=proof)

    def wanted(self, release: Release) -> Wanted:
        """What policy wants of a release.

        Raises: RefusedError if no rule covers it, the project is gone, or the rule asks for a source we do not have.
        """
        project = self.store.enrolment.project(release.id.project_id) or self.projects.project(release.id.project_id)
        if project is None:
            raise RefusedError(
                what=f"project {release.id.project_id} ({release.project}) is not there or not visible to the token",
                where=self.api.where,
            )
        rule = self._rule(project.full_path, release.id.kind, release.id.ref)
        if rule.source in UNKNOWN_SOURCES:
            raise RefusedError(what=no_source(rule), where=str(self.settings.path), remedy=OTHER_SOURCE)
        return Wanted(
            id=release.id,
            project=project,
            rule=rule,
            indexes=self.settings.policy.indexes_of(rule),
            hygiene=self.settings.policy.hygiene,
            asked=release.asked_at,
            waiting_for=waiting_for(release),
            previous=self.store.releases.published_before(release) if release.id.kind is RefKind.BRANCH else None,
        )

    def find(self, target: Target) -> Found:
        """Look a target up on GitLab.

        Raises: RefusedError with status 404 for an unknown project, tag or rule; ConfigError for a source we lack.
        """
        project = self.projects.project(int(target.project) if target.project.isdigit() else target.project)
        if project is None:
            what = f"there is no project {target.project} that the token may see"
            raise RefusedError(what=what, where=self.api.where, remedy="Check the path and the token", status=404)
        id_ = self._named(project, target.ref)
        self._must_have_source(self._rule(project.full_path, id_.kind, id_.ref))
        self.store.enrolment.enrolled([project], self.clock())
        fresh = new_release(id_, project.full_path, self.settings.policy, self.clock())
        assert fresh is not None, "a rule covers it, as was just checked"
        known = self.store.releases.release(fresh.key)
        return Found(project=project, release=known or fresh, recorded=known is not None)

    def must_cover(self, release: Release) -> None:
        """Make sure that the configuration still speaks of a release. Raises: ConfigError, RefusedError with 404."""
        self._must_have_source(self._rule(release.project, release.id.kind, release.id.ref))

    def _must_have_source(self, rule: ReleaseRule) -> None:
        if rule.source in UNKNOWN_SOURCES:
            raise ConfigError(what=no_source(rule), where=str(self.settings.path), remedy=OTHER_SOURCE)

    def _named(self, project: Project, ref: str) -> ReleaseId:
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

    def _rule(self, project: str, kind: RefKind, ref: str) -> ReleaseRule:
        rule = self.settings.policy.rule_for(project, kind, ref)
        if rule is None:
            raise RefusedError(
                what=f"no rule of `releases` covers {kind.value} {ref} of {project}",
                where=str(self.settings.path),
                remedy=f"Add one, or use a {kind.value} that matches",
                status=404,
            )
        return rule

    def _eyes(self) -> Eyes:
        return Eyes(
            refs=self.refs,
            contents=self.refs,
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
