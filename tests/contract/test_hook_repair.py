"""Enabling hooks and sending again what failed, on the fakes: bounded, oldest first, nothing twice."""

from __future__ import annotations

from itertools import count

import pytest

from bot.domain.errors import CredentialsError, RefusedError, RopewalkError, TransientError
from bot.domain.hooks import HookStatus
from bot.watch.hook_care import MOST_FAILED_TESTS, MOST_PUT_OFF
from bot.watch.hook_health import MOST_RESENDS
from bot.watch.scope import Scope
from tests.contract.hook_bench import (
    BROKEN,
    CANNOT_LOOK,
    CHECK,
    DISABLED,
    FAILING,
    GROUP,
    INSTALL,
    LATER,
    OK,
    PLAIN,
    REPAIR,
    URL,
    Bench,
    fail,
    place_of,
    project,
)


def test_a_disabled_hook_is_enabled_and_what_it_missed_is_sent_again() -> None:
    """Oldest first, each once; another round finds nothing to do."""
    bench = Bench()
    bench.tend(INSTALL)
    fail(bench, 4)
    hook = bench.hook()
    assert hook.status is HookStatus.RESTING
    missed = [row.key for row in bench.gitlab.log[hook.id]]
    (row,) = bench.tend(CHECK).rows
    assert row.verdict is DISABLED
    assert "until 2026-08-01 12:0" in row.reason
    assert "4 that failed can be sent again" in row.reason
    assert bench.writes() == []
    (row,) = bench.tend(REPAIR).rows
    assert (row.verdict, row.actions[-1]) == (OK, "ask for 4 failed deliveries again")
    assert bench.writes() == ["test_hook", *["resend"] * 4]
    assert [one.key for one in bench.gitlab.log[hook.id] if one.status == "202"][1:] == missed
    assert bench.verdicts(REPAIR) == {"acme": OK}
    assert bench.writes() == []


def test_installing_leaves_a_disabled_hook_to_the_repair() -> None:
    bench = Bench()
    bench.tend(INSTALL)
    fail(bench, 4)
    (row,) = bench.tend(INSTALL).rows
    assert row.verdict is DISABLED
    assert "hooks repair" in row.remedy
    assert bench.writes() == []


def test_more_than_gitlab_allows_in_a_minute_is_sent_again_in_rounds() -> None:
    """Five a round; the report asks for another round until nothing is left."""
    bench = Bench()
    bench.tend(INSTALL)
    fail(bench, 3)
    bench.gitlab.tell(GROUP)
    for _ in range(3):
        fail(bench, 3)
        bench.gitlab.tell(GROUP)
    rounds = [bench.tend(REPAIR) for _ in range(3)]
    assert [report.more for report in rounds] == [True, True, False]
    assert [report.ready for report in rounds] == [False, False, True]
    assert bench.writes().count("resend") == 12
    assert [len(report.rows[0].actions) for report in rounds] == [1, 1, 1]
    assert "ask for 2 failed deliveries again" in rounds[-1].rows[0].actions
    assert 2 * MOST_RESENDS < 12 < 3 * MOST_RESENDS


def test_gitlabs_log_may_be_late() -> None:
    """It writes the log after it answers: what was taken when we asked is not asked for a second time."""
    bench = Bench()
    bench.tend(INSTALL)
    fail(bench, 1)
    bench.tend(REPAIR)
    log = bench.gitlab.log[bench.hook().id]
    bench.gitlab.log[bench.hook().id] = [row for row in log if row.status == "503"]
    bench.writes()
    assert bench.verdicts(REPAIR) == {"acme": OK}
    assert bench.writes() == []


def test_a_daemon_that_is_not_there_is_not_called_again_and_again() -> None:
    """The test delivery tells: nothing is sent again, which would count against the hook."""
    bench = Bench()
    bench.tend(INSTALL)
    fail(bench, 2)
    bench.gitlab.answer = "internal error"
    report = bench.tend(REPAIR)
    (row,) = report.rows
    assert row.verdict is FAILING
    assert "the test delivery was not taken" in row.reason
    assert URL in row.remedy
    assert bench.writes() == ["test_hook"]
    assert not report.more


def test_a_hook_that_cannot_be_put_right_is_not_tested() -> None:
    """With a wrong secret we would refuse the test delivery ourselves, which counts against the hook."""
    bench = Bench()
    bench.tend(INSTALL)
    fail(bench, 4)
    bench.secret = PLAIN
    bench.gitlab.wire.before["correct_hook"] = [RefusedError(what="422 for that", where="gitlab", status=422)]
    (row,) = bench.tend(REPAIR).rows
    assert row.verdict is DISABLED
    assert "the secret has changed" in row.reason
    assert "422 for that" in row.reason
    assert bench.writes() == []
    assert bench.tend(REPAIR).ready


def test_where_no_test_is_taken_the_others_are_not_tried() -> None:
    """All hooks lead to one daemon: three tests that fail say enough about all."""
    bench = Bench(scope=Scope(groups=("acme",))).free()
    bench.projects.projects |= {number: project(number, f"acme/p{number}") for number in range(10, 20)}
    bench.tend(INSTALL)
    for number in [1, 2, 3, *range(10, 20)]:
        fail(bench, 4, place_of(number))
    bench.gitlab.answer = "502"
    report = bench.tend(REPAIR)
    assert bench.writes() == ["test_hook"] * MOST_FAILED_TESTS
    assert {row.verdict for row in report.rows} == {DISABLED}
    bench.gitlab.answer = "202"
    assert bench.tend(REPAIR).ready


def test_the_first_that_is_not_taken_again_ends_it() -> None:
    """The daemon went away in between: what is left is left, and told."""
    bench = Bench()
    bench.tend(INSTALL)
    fail(bench, 3)
    bench.gitlab.tell(GROUP)

    def coming(call: str) -> None:
        if bench.gitlab.wire.writes.count("resend") == 1 and call == "resend":
            bench.gitlab.answer = "503"

    bench.gitlab.wire.coming = coming
    (row,) = bench.tend(REPAIR).rows
    assert bench.writes() == ["resend", "resend"]
    assert row.actions == ("ask for 1 failed delivery again",)
    assert row.verdict is FAILING
    assert "answered with 503" in row.reason


def test_a_gitlab_without_a_log_of_deliveries_is_looked_after_all_the_same() -> None:
    """Before 17.3: what failed cannot be seen, what is disabled can."""
    bench = Bench()
    bench.gitlab.keeps_log = False
    bench.tend(INSTALL)
    fail(bench, 4)
    assert bench.verdicts(CHECK) == {"acme": DISABLED}
    assert bench.verdicts(REPAIR) == {"acme": OK}


# when GitLab will not


@pytest.mark.parametrize("call", ["hooks", "create_hook", "deliveries failed", "test_hook", "resend"])
def test_too_many_requests_end_the_round_and_the_next_goes_on(call: str) -> None:
    """429 on any request: nothing more is asked for in this round, what was done is told, and the end is the same."""
    bench = Bench(scope=Scope(groups=("acme",))).free()
    if call != "create_hook":
        bench.tend(INSTALL)
        for number in (1, 2, 3):
            fail(bench, 4, place_of(number))
    times = count()

    def coming(name: str) -> None:
        # The first two looks are at the group, which has no hooks here, and at the first project.
        if name == call and next(times) == (2 if call == "hooks" else 0):
            raise LATER

    bench.gitlab.wire.coming = coming
    report = bench.tend(REPAIR)
    assert "429" in report.stopped
    assert not report.ready
    assert len(report.rows) < 3
    assert {row.verdict for row in bench.tend(REPAIR).rows} == {OK}
    assert bench.tend(CHECK).ready


def test_a_round_ends_where_the_daemon_is_told_to_stop() -> None:
    """The place at hand is finished; the next start goes on."""
    bench = Bench().free()
    report = bench.care().tend(REPAIR, stop=lambda: len(bench.gitlab.wire.writes) == 1)
    assert [row.verdict for row in report.rows] == [OK]
    assert "stop" in report.stopped
    assert bench.tend(REPAIR).ready


@pytest.mark.parametrize("error", [BROKEN, LATER])
def test_a_gitlab_that_answers_for_no_place_is_unreachable(error: TransientError) -> None:
    bench = Bench()
    bench.gitlab.wire.before["hooks"] = [error]
    bench.projects.wire.before["of_group"] = [error]
    with pytest.raises(TransientError) as caught:
        bench.tend(CHECK)
    assert caught.value is error


def test_a_place_that_is_broken_is_put_off_and_does_not_stay_the_first() -> None:
    """A few are passed over; more in a row mean that GitLab is unwell. Whoever had a turn waits for the others."""
    bench = Bench(scope=Scope(groups=("acme",))).free()
    bench.projects.projects = {number: project(number, f"acme/p{number:02}") for number in range(1, 13)}
    broken = {place_of(number).name for number in range(1, 6)}

    def coming(call: str) -> None:
        if call == "hooks" and bench.gitlab.wire.calls.count("hooks") > 1 and broken:
            raise BROKEN

    bench.gitlab.wire.coming = coming
    with pytest.raises(TransientError):
        bench.tend(REPAIR)
    assert len(bench.records.rows) == MOST_PUT_OFF + 1
    bench.gitlab.wire.coming = lambda _: None
    report = bench.tend(REPAIR, most=8)
    assert [row.place.path for row in report.rows] == [f"acme/p{number:02}" for number in range(5, 13)]
    assert report.left_out == 4
    assert [row.place.path for row in bench.tend(REPAIR, most=4).rows] == [f"acme/p{n:02}" for n in range(1, 5)]


def test_a_refused_token_ends_everything() -> None:
    """401 is about us, not about a place."""
    for place in (GROUP, place_of(1)):
        bench = Bench() if place is GROUP else Bench().free()
        bench.gitlab.closed[place.name] = 401
        with pytest.raises(CredentialsError):
            bench.tend(CHECK)


def test_a_group_whose_projects_cannot_be_listed_is_told() -> None:
    bench = Bench().free()
    error: RopewalkError = CredentialsError(what="403 for that", where="gitlab", status=403)
    bench.projects.wire.before["of_group"] = [error]
    (row,) = bench.tend(CHECK).rows
    assert (row.place, row.verdict) == (GROUP, CANNOT_LOOK)


@pytest.mark.parametrize("kill", range(1, 12))
def test_killed_after_any_write_the_next_round_ends_where_one_clean_round_does(kill: int) -> None:
    """Hooks made, deliveries sent again: each has its effect once, whatever we remembered of it."""

    class KilledError(BaseException):
        pass

    def wrote(number: int) -> None:
        if number == kill:
            raise KilledError

    bench = Bench(scope=Scope(groups=("acme",))).free()
    bench.tend(INSTALL)
    for number in (1, 2):
        fail(bench, 4, place_of(number))
    del bench.gitlab.there[place_of(3).name]
    bench.gitlab.wire.wrote = wrote
    with pytest.raises(KilledError):
        bench.tend(REPAIR)
    bench.gitlab.wire.wrote = lambda _: None
    assert bench.tend(REPAIR).ready
    assert bench.tend(CHECK).ready
    assert {len(hooks) for name, hooks in bench.gitlab.there.items()} == {1}
    for number in (1, 2):
        taken = [row.key for row in bench.gitlab.log[bench.hook(place_of(number)).id] if row.status == "202"]
        assert len(set(taken)) == len(taken)
