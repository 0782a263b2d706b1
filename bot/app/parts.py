"""What every side of the bot is made of: the API, the state, one adapter per resource."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

import bot as package
from bot.adapters.builder.service import BuilderAdapter
from bot.adapters.ci.service import parse_ci
from bot.adapters.gitlab.account import GitLabAccount
from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.ci_file import GitLabCiFile
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.endpoints import REGISTRY
from bot.adapters.gitlab.estate.at_commit import GitLabCiTexts
from bot.adapters.gitlab.events import GitLabEvents
from bot.adapters.gitlab.issues import GitLabIssues
from bot.adapters.gitlab.merge_requests import GitLabMergeRequests
from bot.adapters.gitlab.notes import GitLabNotes
from bot.adapters.gitlab.people import approver
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.gitlab.releases import GitLabReleases
from bot.adapters.gitlab.rolling import GitLabRollingIssues
from bot.adapters.gitlab.variable_flags import GitLabVariableFlags
from bot.adapters.index.leases import Leases
from bot.adapters.index.service import IndexAdapter
from bot.adapters.meter import Meter
from bot.adapters.store.database import Database
from bot.adapters.telemetry.hub import Heard, Hub, Timed
from bot.app.records import Records
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.consents import Approver
from bot.domain.errors import CredentialsError
from bot.domain.gitlab import Identity
from bot.domain.releases import Release
from bot.domain.replicas import Replica, apart
from bot.domain.secrets import Redactor, Secret
from bot.engine.ci_jobs import CiPlanner
from bot.engine.local import alone
from bot.notes.markers import derived_key
from bot.settings import Settings
from bot.settings.model import SqliteState
from bot.settings.scope_mark import scope_mark
from bot.watch.scope import Scope

if TYPE_CHECKING:  # nobody else waits for the drivers of a shared state
    from bot.adapters.store.views.all import Views
    from bot.adapters.telemetry.otlp import Traces
    from bot.engine.durable import Shared
    from bot.engine.replicas import Membership


class Parts(Records):
    """What every side of the bot is made of: the API, the state, one adapter per resource."""

    membership: Membership | None = None

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        clock: Callable[[], datetime] | None = None,
        *,
        reads: bool = False,
    ) -> None:
        """See Records."""
        super().__init__(settings, redactor, clock, reads=reads)
        self.meter = Meter()
        self.spans = Hub()
        self._traces: Traces | None = None
        gitlab = settings.gitlab
        self._ca_file = None if gitlab.ca_file is None else str(gitlab.ca_file)
        self.budget = self._budget()
        self.api = self._api(gitlab.token)
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
            leases=self._leases(),
            spans=self.spans,
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
            on_write=self._writes,
            spans=self.spans,
            clock=self.clock,
        )

    def _writes(self, method: str, path: str) -> Callable[[str], None]:
        """Before a write to GitLab. Raises: FencedError if the turn is another's by now; TransientError."""
        journal = self.store.journal
        begun = journal.requesting(method, path, self.clock())
        return lambda outcome: journal.requested(method, path, outcome, self.clock(), begun=begun)

    def hear(self, heard: Heard) -> None:
        """From now on `heard` is told of pieces of work."""
        self.spans.add(Timed(heard))

    def _trace(self) -> None:
        """Send traces from now on, if the configuration wants them. Raises: ConfigError."""
        if self.settings.telemetry is not None and self._traces is None:
            from bot.app.tracing import open_traces

            self._traces = open_traces(self.settings.telemetry, self.redactor)
            self.spans.add(self._traces)

    def close(self) -> None:
        """Let go of children and files, once the last traces are sent."""
        if self._traces is not None:
            self._traces.close()
        self.index.close()
        super().close()

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

    def person(self, token: Secret) -> Approver:
        """Who comes with that token, which is used for this alone. Raises: TransientError, RefusedError."""
        return approver(self._api(token))

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

    def parse_ci(self, text: str) -> CiFacts | CiUnknown:
        """The facts of a CI file, read in a child within bounds."""
        return parse_ci(text)

    def ci_texts(self) -> GitLabCiTexts:
        """CI files at commits."""
        return GitLabCiTexts(self.api, self.meter.count)

    @cached_property
    def scope(self) -> Scope:
        """Which projects are watched."""
        watch = self.settings.watch
        return Scope(groups=watch.groups, projects=watch.projects, topics=watch.topics, exclude=watch.exclude)

    def _budget(self) -> Budget:
        """What paces requests to GitLab: one for all processes on a shared state."""
        if not self.store.database.shared:
            return Budget(self.settings.gitlab.url)
        from bot.adapters.gitlab.shared_budget import SharedBudget
        from bot.adapters.store.board import SharedBoard

        return SharedBudget(self.settings.gitlab.url, SharedBoard(self._booked_in()))

    def _booked_in(self) -> Database:
        """Where requests are booked. Who only reads the state does so, too, if it may: the budget is one for all."""
        state = self._state
        if not self._reads or isinstance(state, SqliteState):
            return self.store.database
        from bot.adapters.store.postgres import LOOKS, shared_engine

        engine = shared_engine(state.conninfo(), pool=LOOKS)
        self._scratch.callback(engine.dispose)
        return Database(engine)

    def _leases(self) -> Leases | None:
        """What tells other machines of uploads; None where there can be but one process."""
        if not self.store.database.shared:
            return None
        from bot.adapters.store.sendings import SharedSendings

        return Leases(sendings=SharedSendings(self.store.database))

    @cached_property
    def views(self) -> Views:
        """What the dashboard reads, on connections that cannot write; `close` lets them go."""
        from bot.adapters.store.views.all import Views
        from bot.adapters.store.views.reader import POOL, open_reader

        state = self._state
        if isinstance(state, SqliteState):
            views = Views(open_reader(state.path))
        else:
            from bot.adapters.store.postgres import shared_engine

            views = Views(shared_engine(state.conninfo(), pool=POOL, reads=True))
        self._scratch.callback(views.close)
        return views

    def hold(self, release: Release) -> AbstractContextManager[bool]:
        """See bot.ports.replicas.Fences."""
        return alone(release) if self.replicas is None else self.replicas.hold(release)

    def must_hold(self) -> None:
        """See bot.ports.replicas.Fences."""
        if self.replicas is not None:
            self.replicas.must_hold()

    def engine_place(self) -> Path | Shared:
        """What the durable engine works on, for the process that `serving` made known."""
        from bot.engine.durable import Shared

        state = self.settings.state
        if isinstance(state, SqliteState):
            return state.engine_path
        from bot.adapters.store.postgres import shared_engine

        assert self.membership is not None, "it joined before"
        conninfo = state.conninfo()
        return Shared(
            pool=lambda size: shared_engine(conninfo, pool=size, search_path="public"),
            executor=self.membership.me.id,
            shown=state.shown,
        )

    def apart(self) -> tuple[Replica, ...]:
        """Replicas that live on this state, if they or this configuration watch or release something else than the
        others. Raises: TransientError.
        """
        if self.replicas is None:
            return ()
        living = [one for one in self.replicas.members() if one.alive and one.scope]
        ours = scope_mark(self.settings)
        return apart(living) or tuple(one for one in living if one.scope != ours)

    @contextmanager
    def serving(self) -> Iterator[bool]:
        """Be at work on this state: False if another process is, where there can be but one."""
        self._trace()
        if self.replicas is None:
            with self._locked() as ours:
                yield ours
            return
        from bot.engine.durable import APPLICATION_VERSION
        from bot.engine.replicas import Membership, newcomer

        me = newcomer(package.__version__, APPLICATION_VERSION, scope_mark(self.settings))
        self.membership = Membership(self.replicas, me, beaten=self.set_clock)
        self.membership.join()
        try:
            yield True
        finally:
            self.membership.leave()

    @contextmanager
    def sole(self) -> Iterator[bool]:
        """Be at work on this state while nobody else is: False if somebody is."""
        if self.replicas is not None and any(one.alive for one in self.replicas.members()):
            yield False
            return
        with self.serving() as ours:
            yield ours

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Hold the engine's lock: True for the one process that runs turns on this file, False for any other."""
        assert isinstance(self.settings.state, SqliteState), "only a file has a lock"
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
