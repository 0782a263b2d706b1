"""What is wrong with a hook and what mends it: tables, and properties of redelivery."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.hooks import Delivery, DeliveryLog, Hook, HookRecord, HookStatus, HookWish
from bot.domain.secrets import Secret
from bot.watch.hook_health import (
    MOST_RESENDS,
    MOST_TRIES,
    Fault,
    HookVerdict,
    Mend,
    Redelivery,
    Step,
    judge_deliveries,
    judge_hooks,
)

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
URL = "https://bot.example.com/hooks/gitlab"
SIGNING = HookWish(url=URL, secret=Secret(f"whsec_{'A' * 43}="))
PLAIN = HookWish(url=URL, secret=Secret("a plain secret of ours"))
GOOD = Hook(
    id=7,
    url=URL,
    push=True,
    tag_push=True,
    pipeline=True,
    merge_requests=True,
    verifies_tls=True,
    signed=True,
    token=False,
)
RECORD = HookRecord(hook_id=7, fingerprint="now", looked_at=NOON)
MISSING, DISABLED, SECRET = HookVerdict.MISSING, HookVerdict.DISABLED, HookVerdict.WRONG_SECRET
EVENTS, DUPLICATE = HookVerdict.WRONG_EVENTS, HookVerdict.DUPLICATE
CORRECT, TEST = Step(mend=Mend.CORRECT, hook_id=7), Step(mend=Mend.TEST, hook_id=7)


@pytest.mark.parametrize(
    ("hooks", "verdicts", "steps"),
    [
        ([], [MISSING], [Step(mend=Mend.CREATE)]),
        ([replace(GOOD, url="https://other.example.com/hooks/gitlab")], [MISSING], [Step(mend=Mend.CREATE)]),
        ([replace(GOOD, url=f"{URL}/more")], [MISSING], [Step(mend=Mend.CREATE)]),
        ([GOOD], [], []),
        ([replace(GOOD, url="https://BOT.example.com/hooks/gitlab/")], [], []),
        ([replace(GOOD, id=1, url="https://other.example.com"), GOOD], [], []),
        ([replace(GOOD, status=HookStatus.OTHER)], [], []),
        ([replace(GOOD, push=False)], [EVENTS], [CORRECT]),
        ([replace(GOOD, tag_push=False)], [EVENTS], [CORRECT]),
        ([replace(GOOD, merge_requests=False)], [EVENTS], [CORRECT]),
        ([replace(GOOD, pipeline=False)], [EVENTS], [CORRECT]),
        ([replace(GOOD, verifies_tls=False)], [EVENTS], [CORRECT]),
        ([replace(GOOD, signed=False)], [SECRET], [CORRECT]),
        ([replace(GOOD, signed=None)], [SECRET], [CORRECT]),
        ([replace(GOOD, signed=False, push=False)], [SECRET, EVENTS], [CORRECT]),
        ([replace(GOOD, status=HookStatus.DISABLED)], [DISABLED], [TEST]),
        ([replace(GOOD, status=HookStatus.RESTING, disabled_until=NOON)], [DISABLED], [TEST]),
        ([replace(GOOD, status=HookStatus.DISABLED, push=False)], [DISABLED, EVENTS], [CORRECT, TEST]),
        (
            [replace(GOOD, id=9), GOOD, replace(GOOD, id=8, status=HookStatus.DISABLED)],
            [DUPLICATE],
            [Step(mend=Mend.REMOVE, hook_id=8), Step(mend=Mend.REMOVE, hook_id=9)],
        ),
        # the oldest stays, even if it is another's secret that we remember
        (
            [GOOD, replace(GOOD, id=3)],
            [SECRET, DUPLICATE],
            [Step(mend=Mend.REMOVE, hook_id=7), replace(CORRECT, hook_id=3)],
        ),
    ],
)
def test_what_is_wrong_says_what_mends_it(hooks: list[Hook], verdicts: list[HookVerdict], steps: list[Step]) -> None:
    plan = judge_hooks(hooks, SIGNING, RECORD, "now")
    assert [fault.verdict for fault in plan.faults] == verdicts
    assert plan.steps == tuple(steps)
    assert all(fault.reason for fault in plan.faults)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (RECORD, None),
        (None, "not known"),
        (replace(RECORD, hook_id=6), "not known"),
        (replace(RECORD, hook_id=None, fingerprint=""), "not known"),
        (replace(RECORD, fingerprint=""), "not known"),
        (replace(RECORD, fingerprint="before"), "has changed"),
    ],
)
@pytest.mark.parametrize("wish", [SIGNING, PLAIN], ids=["signing token", "secret token"])
def test_a_secret_is_set_anew_unless_we_set_this_one(
    wish: HookWish, record: HookRecord | None, reason: str | None
) -> None:
    """GitLab shows no secret: what we remember must do."""
    plan = judge_hooks([replace(GOOD, token=True)], wish, record, "now")
    assert [fault.reason for fault in plan.faults if reason is None or reason not in fault.reason] == []
    assert bool(plan.faults) == (reason is not None)


def test_a_gitlab_that_does_not_tell_of_secret_tokens_is_believed() -> None:
    assert judge_hooks([replace(GOOD, token=None)], PLAIN, RECORD, "now").faults == ()
    assert judge_hooks([replace(GOOD, token=False)], PLAIN, RECORD, "now").faults != ()


def test_until_when_a_hook_rests_is_told() -> None:
    resting = replace(GOOD, status=HookStatus.RESTING, disabled_until=NOON)
    assert "until 2026-08-01 12:00:00 UTC" in judge_hooks([resting], SIGNING, RECORD, "now").faults[0].reason


# redelivery


def row(number: int, key: str, status: str = "503", **changes: object) -> Delivery:
    """The later the number, the later the delivery."""
    at = NOON + timedelta(minutes=number)
    made = Delivery(id=number, key=key, trigger="tag_push_hooks", url=URL, status=status, at=at)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of a Delivery


def log(*rows: Delivery, complete: bool = True) -> DeliveryLog:
    return DeliveryLog(rows=tuple(sorted(rows, key=lambda one: -one.id)), complete=complete)


def chosen(redelivery: Redelivery) -> list[int]:
    return [one.id for one in redelivery.resend]


NONE = log()


@pytest.mark.parametrize(
    ("failed", "taken", "resent", "ids"),
    [
        (None, None, (), []),
        (NONE, NONE, (), []),
        (log(row(2, "b"), row(1, "a")), NONE, (), [1, 2]),
        (log(row(1, "a"), row(2, "b")), log(row(3, "a", "200")), (), [2]),
        (log(row(1, "a"), row(2, "b")), None, (), [1, 2]),
        (log(row(1, "a"), row(2, "b")), NONE, ("a",), [2]),
        (log(row(1, "a"), row(2, "a")), NONE, (), [1]),
        (log(*(row(number, "a") for number in range(MOST_TRIES))), NONE, (), []),
        (log(row(1, "a", whole=False), row(2, "b", status="internal error")), NONE, (), [2]),
        (log(row(1, "a", pipeline_status="running"), row(2, "b", pipeline_status="success")), NONE, (), [2]),
        (
            log(row(1, "a", trigger="push_hooks", user_id=5), row(2, "b", trigger="push_hooks", user_id=6)),
            NONE,
            (),
            [2],
        ),
        (log(row(1, "a", user_id=5)), NONE, (), [1]),
        (log(row(1, "a", url="https://old.example.com/hooks/gitlab"), row(2, "b", url=f"{URL}/")), NONE, (), [2]),
        (log(row(1, "a"), row(5, "b")), log(row(3, "x", "202"), complete=False), (), [5]),
        (log(*(row(number, f"k{number}") for number in range(1, 9))), NONE, (), [1, 2, 3, 4, 5]),
    ],
)
def test_what_failed_and_was_never_taken_is_asked_for_oldest_first(
    failed: DeliveryLog | None, taken: DeliveryLog | None, resent: tuple[str, ...], ids: list[int]
) -> None:
    assert chosen(judge_deliveries(GOOD, failed, taken, resent, user_id=5)) == ids


@pytest.mark.parametrize(
    ("failed", "taken", "resent", "said"),
    [
        (log(row(1, "a")), log(row(2, "b", "200")), (), "1 that failed can be sent again"),
        (
            log(row(3, "a")),
            log(row(2, "b", "200")),
            (),
            "the last delivery (2026-08-01 12:03:00 UTC) was not taken: 503, 1 ",
        ),
        (log(row(3, "a")), NONE, ("a",), None),
        (log(row(1, "a")), log(row(2, "a", "200")), (), None),
        (log(row(3, "a", whole=False)), NONE, (), "was not taken: 503"),
        (log(row(3, "a", whole=False)), log(row(4, "b", "200")), (), None),
        (log(*(row(number, f"k{number}") for number in range(1, 9))), log(row(9, "x", "200")), (), "8 that failed"),
    ],
)
def test_a_hook_fails_while_its_last_delivery_did_or_something_can_be_sent_again(
    failed: DeliveryLog, taken: DeliveryLog, resent: tuple[str, ...], said: str | None
) -> None:
    fault = judge_deliveries(GOOD, failed, taken, resent).fault
    if said is None:
        assert fault is None
    else:
        assert isinstance(fault, Fault)
        assert fault.verdict is HookVerdict.FAILING
        assert said in fault.reason


def test_what_nobody_asks_for_again_is_told() -> None:
    """Older than what was read of the log, or refused too often: the poll has found it."""
    poison = [row(number, "poison") for number in range(10, 10 + MOST_TRIES)]
    lost = judge_deliveries(GOOD, log(row(1, "old"), *poison), log(row(5, "x", "200"), complete=False)).lost
    assert lost == f"left to the poll: 1 older than the log that was read, 1 that failed {MOST_TRIES} times"


ROWS = st.lists(
    st.builds(
        lambda key, status, number: row(number, f"k{key}", status),
        st.integers(0, 12),
        st.sampled_from(["200", "202", "301", "404", "503", "internal error"]),
        st.integers(0, 1000),
    ),
    unique_by=lambda one: one.id,
    max_size=60,
)


@given(ROWS, st.booleans(), st.sets(st.integers(0, 12).map(lambda number: f"k{number}"), max_size=4))
def test_nothing_that_was_taken_is_asked_for_and_what_is_asked_for_is_bounded(
    rows: list[Delivery], complete: bool, resent: set[str]
) -> None:
    failed = log(*(one for one in rows if not one.status.startswith("2")))
    taken = log(*(one for one in rows if one.status.startswith("2")), complete=complete)
    found = judge_deliveries(GOOD, failed, taken, resent)
    keys = [one.key for one in found.resend]
    assert not {one.key for one in taken.rows} & set(keys)
    assert not resent & set(keys)
    assert len(set(keys)) == len(keys) <= MOST_RESENDS
    assert list(found.resend) == sorted(found.resend, key=lambda one: one.at)
    assert found.left == 0 or len(keys) == MOST_RESENDS
    newest = max(rows, key=lambda one: one.at, default=None)
    ill = newest is not None and not newest.status.startswith("2") and newest.key not in resent
    assert found.last == (newest if ill else None)


def test_a_hook_need_tell_of_notes_only_where_they_are_heard() -> None:
    wish = replace(SIGNING, notes=True)
    plan = judge_hooks([GOOD], wish, RECORD, RECORD.fingerprint)
    assert [fault.reason for fault in plan.faults] == ["it does not tell of note events"]
    assert judge_hooks([replace(GOOD, notes=True)], wish, RECORD, RECORD.fingerprint).faults == ()
    assert judge_hooks([replace(GOOD, notes=True)], SIGNING, RECORD, RECORD.fingerprint).faults == ()
