"""The poll, with every port a fake: what a failure in its midst may not lose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import CredentialsError, RefusedError, RopewalkError, TransientError
from bot.domain.gitlab import Identity
from bot.domain.policy import HygienePolicy, Policy, ReleaseRule
from bot.watch.enrol import Enroller
from bot.watch.look import Looker
from bot.watch.poll import CURSOR, Watcher
from bot.watch.scope import Scope
from tests.fake_store import FakeIntake
from tests.fakes import Clock, FakeAccount, FakeEvents, FakeProjects, FakeRefs, Wire
from tests.unit.release_facts import NOON, PROJECT, tag

MANY = 1_000
ME = Identity(user_id=7, username="ropewalk", admin=False, scopes=("api",), expires_on=None, version="19.3.0")
DOWN = TransientError(what="503", where="GitLab")
EXPIRED = CredentialsError(what="401: the token expired", where="GitLab", status=401)


class Watch:
    """A watcher of two projects that has polled once; then both were tagged. GitLab's clock is days behind ours."""

    def __init__(self) -> None:
        self.wire, self.theirs, self.intake = Wire(), Clock(NOON - timedelta(days=3)), FakeIntake()
        one = replace(PROJECT, last_activity_at=self.theirs.now)
        self.projects = FakeProjects(
            projects={42: one, 43: replace(one, id=43, full_path="acme/rope")}, wire=self.wire, member={42, 43}
        )
        self.refs = FakeRefs(heads={42: {}, 43: {}}, wire=self.wire)
        scope, clock = Scope(groups=("acme",)), Clock(NOON)
        policy = Policy(
            releases=(ReleaseRule(projects=("acme/**",), tags=("v*",)),), indexes=(), hygiene=HygienePolicy()
        )
        self.ours = clock
        self.watcher = Watcher(
            account=FakeAccount(me=ME, clock=self.theirs),
            projects=self.projects,
            intake=self.intake,
            enrolment=self.intake,
            enroller=Enroller(projects=self.projects, enrolment=self.intake, scope=scope, membership=True, clock=clock),
            looker=Looker(
                refs=self.refs,
                events=FakeEvents(wire=self.wire),
                intake=self.intake,
                waker=self.intake.rows,
                policy=policy,
                clock=clock,
            ),
            scope=scope,
            configured=None,
            clock=clock,
        )
        self.watcher.tick(MANY)
        self.theirs.wait(timedelta(minutes=2))
        for number, there in list(self.projects.projects.items()):
            self.refs.heads[number]["v1.1.0"] = tag()
            self.projects.projects[number] = replace(there, last_activity_at=self.theirs.now)

    def begun(self) -> set[int]:
        """The projects whose release began."""
        return {row.id.project_id for row in self.intake.rows.rows.values()}


@pytest.mark.parametrize(
    ("call", "error"), [("tags", EXPIRED), ("active_since", EXPIRED), ("tags", DOWN), ("active_since", DOWN)]
)
def test_what_a_tick_that_fails_did_not_look_at_is_looked_at_later(call: str, error: RopewalkError) -> None:
    watch = Watch()
    watch.wire.before[call] = [error, error]
    with suppress(TransientError, RefusedError):
        watch.watcher.tick(MANY)
    assert watch.begun() == set()
    watch.wire.before.clear()
    watch.theirs.wait(timedelta(hours=5))
    watch.ours.wait(timedelta(hours=5))
    watch.watcher.tick(MANY)
    assert watch.begun() == {42, 43}


@pytest.mark.parametrize("error", [EXPIRED, DOWN])
def test_a_poll_that_cannot_list_keeps_its_cursor(error: RopewalkError) -> None:
    watch = Watch()
    before = watch.intake.cursor(CURSOR)
    watch.wire.before["active_since"] = [error]
    with pytest.raises((TransientError, RefusedError)):
        watch.watcher.poll()
    assert watch.intake.cursor(CURSOR) == before


def test_a_project_that_refuses_is_named_and_does_not_hold_up_the_others() -> None:
    watch = Watch()
    watch.wire.before["tags"] = [CredentialsError(what="403 for tags", where="GitLab", status=403)]
    assert watch.watcher.tick(MANY).skipped == (("acme/tools/widget", "GitLab: 403 for tags"),)
    assert watch.begun() == {43}


def test_looking_ends_at_once_when_gitlab_asks_to_be_left_alone_and_goes_on_then() -> None:
    watch = Watch()
    watch.wire.before["tags"] = [
        TransientError(what="429", where="GitLab", retry_after=timedelta(minutes=7), status=429)
    ]
    tick = watch.watcher.tick(MANY)
    assert (tick.looked, tick.stopped) == (1, "GitLab: 429; try again in 420 s")
    assert watch.watcher.look(MANY).looked == 1, "the other one, which was not put off"
    watch.ours.wait(timedelta(minutes=7))
    assert watch.watcher.look(MANY).looked == 1
    assert watch.begun() == {42, 43}


def test_looks_made_side_by_side_all_count_and_the_rest_is_left_when_gitlab_asks_for_it() -> None:
    watch = Watch()
    watch.projects.projects[44] = replace(watch.projects.projects[43], id=44, full_path="acme/sail")
    watch.projects.member.add(44)
    watch.refs.heads[44] = {}
    watch.wire.before["tags"] = [
        TransientError(what="429", where="GitLab", retry_after=timedelta(minutes=7), status=429)
    ]
    with ThreadPoolExecutor(2) as pool:
        watcher = replace(watch.watcher, abreast=2, together=pool.map)
        tick = watcher.tick(MANY)
        assert (tick.looked, tick.stopped) == (2, "GitLab: 429; try again in 420 s")
        assert len(watch.begun()) == 1, "the one beside it was looked at all the same"
        assert watcher.look(MANY).looked == 1, "the third"
        watch.ours.wait(timedelta(minutes=7))
        assert watcher.look(MANY).looked == 1
    assert watch.begun() == {42, 43}
