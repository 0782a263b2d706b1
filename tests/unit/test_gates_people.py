"""The gates that speak for people: reachable, hold, freeze, approval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from bot.domain.consents import Approval, ApprovalRule, Approver, Author, Hold
from bot.domain.freezes import Freeze, Span
from bot.domain.gitlab import Changes, Role
from bot.domain.refs import RefKind
from bot.domain.releases import Receipt
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import ApprovalFacts, Facts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.gates import approval, freeze, hold, tag_reachable
from tests.unit.release_facts import NOON, SHA, changes, good_facts, merge_request, wanted

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PROOF = Receipt(target="index:registry", kind="upload", where="there", at=NOON, file="f", sha256="00" * 32)
YEAR_END = Freeze(
    name="year end",
    window=Span(start=NOON - DAY, end=NOON + DAY),
    zone=ZoneInfo("Europe/Berlin"),
    owner="the release managers",
    where="policy.yaml:3",
)
APPROVED = replace(wanted(), rule=replace(wanted().rule, approval=ApprovalRule()))


def said(gate: ModuleType, want: Wanted, facts: Facts) -> tuple[str, str, str]:
    result = gate.judge(want, facts)
    assert isinstance(result, GateResult), result
    assert result.name == gate.NAME
    return result.verdict.value, result.consequence.value, result.reason


@pytest.mark.parametrize(
    ("gate", "want", "fact", "look"),
    [
        (tag_reachable, wanted(), "reach", LookKind.REACH),
        (hold, wanted(), "hold", LookKind.HOLD),
        (approval, APPROVED, "approvals", LookKind.APPROVALS),
    ],
)
def test_each_asks_for_the_look_it_lacks(gate: ModuleType, want: Wanted, fact: str, look: LookKind) -> None:
    facts = replace(good_facts(), **{fact: None})  # type: ignore[arg-type]  # one field, by name
    assert gate.judge(want, facts) == Look(look)


# tag_reachable

BRANCH = replace(wanted(), id=replace(wanted().id, kind=RefKind.BRANCH, ref="main"))
ANYWHERE = replace(wanted(), rule=replace(wanted().rule, reachable=False))


@pytest.mark.parametrize(
    ("want", "reach", "verdict", "consequence", "words"),
    [
        (wanted(), Seen("main"), "pass", "none", "protected branch main contains 0a1b2c3d"),
        (
            wanted(),
            Seen(None),
            "fail",
            "block",
            "no protected branch contains 0a1b2c3d, the commit of tag v1.1.0: ",
        ),
        (
            wanted(),
            Unreadable("403"),
            "unknown",
            "block",
            "cannot tell whether a protected branch contains 0a1b2c3d",
        ),
        (BRANCH, None, "not_applicable", "none", "a branch is released as it is"),
        (ANYWHERE, None, "waived", "none", "policy releases tags from anywhere"),
    ],
)
def test_gates_tag_reachable(
    want: Wanted, reach: Seen[str | None] | Unreadable | None, verdict: str, consequence: str, words: str
) -> None:
    found = said(tag_reachable, want, replace(good_facts(), reach=reach))
    assert found[:2] == (verdict, consequence)
    assert found[2].startswith(words)


def test_an_unreachable_commit_of_a_project_without_a_default_branch_still_has_a_way_out() -> None:
    bare = replace(wanted(), project=replace(wanted().project, default_branch=None))
    assert "merge it into a protected branch" in said(tag_reachable, bare, replace(good_facts(), reach=Seen(None)))[2]


# hold

HELD = Hold(by="ada", since=NOON - DAY, reason="wait for the audit")


@pytest.mark.parametrize(
    ("held", "verdict", "consequence", "again", "words"),
    [
        (None, "pass", "none", None, ("nobody holds it",)),
        (HELD, "fail", "block", None, ("held by ada since 2026-08-02 12:00 UTC (wait for the audit)", "--lift")),
        (replace(HELD, until=NOON + 9 * MINUTE), "fail", "wait", 9 * MINUTE, ("until 2026-08-03 12:09 UTC", "--lift")),
        (replace(HELD, until=NOON + DAY), "fail", "wait", hold.LOOK_AGAIN_MOST, ("acme/tools/widget@v1.1.0",)),
        (replace(HELD, until=NOON), "pass", "none", None, ("any more (ada did until 2026-08-03 12:00 UTC)",)),
    ],
)
def test_gates_hold(
    held: Hold | None, verdict: str, consequence: str, again: timedelta | None, words: tuple[str, ...]
) -> None:
    result = hold.judge(wanted(), replace(good_facts(), hold=Seen(held)))
    assert isinstance(result, GateResult)
    assert (result.verdict.value, result.consequence.value, result.look_again) == (verdict, consequence, again)
    assert all(word in result.reason for word in words), result.reason


# freeze


def frozen_by(*freezes: Freeze) -> Wanted:
    return replace(wanted(), freezes=freezes)


@pytest.mark.parametrize(
    ("want", "change", "verdict", "consequence", "words"),
    [
        (wanted(), {}, "not_applicable", "none", "policy has no freeze for this project"),
        (frozen_by(YEAR_END), {"now": NOON + 2 * DAY}, "pass", "none", "no freeze now"),
        (
            frozen_by(YEAR_END),
            {},
            "fail",
            "wait",
            "frozen until Tue 2026-08-04 14:00 CEST by `year end`; the release managers may lift it in the policy "
            "(policy.yaml:3)",
        ),
        (
            frozen_by(replace(YEAR_END, owner=None, where="")),
            {},
            "fail",
            "wait",
            "frozen until Tue 2026-08-04 14:00 CEST by `year end`; whoever keeps the policy may lift it in the policy",
        ),
        (
            frozen_by(YEAR_END),
            {"receipts": (PROOF,)},
            "pass",
            "none",
            "begun before the freeze `year end`: it is finished",
        ),
    ],
)
def test_gates_freeze(want: Wanted, change: dict[str, object], verdict: str, consequence: str, words: str) -> None:
    facts = replace(good_facts(), **change)  # type: ignore[arg-type]  # one field at a time, by name
    assert said(freeze, want, facts) == (verdict, consequence, words)


@pytest.mark.parametrize(("left", "again"), [(DAY, freeze.LOOK_AGAIN_MOST), (5 * MINUTE, 5 * MINUTE)])
def test_a_frozen_release_comes_back_at_the_end_and_in_between_only_to_see_whether_it_was_lifted(
    left: timedelta, again: timedelta
) -> None:
    result = freeze.judge(frozen_by(YEAR_END), replace(good_facts(), now=NOON + DAY - left))
    assert isinstance(result, GateResult)
    assert result.look_again == again


# approval


def yes(user_id: int = 5, name: str = "grace", level: int | None = 40) -> tuple[Approval, Approver]:
    given = Approval(user_id=user_id, username=name, level=40, at=NOON, sha=SHA)
    return given, Approver(user_id=user_id, username=name, level=level)


def approving(rule: ApprovalRule | None = None) -> Wanted:
    return replace(wanted(), rule=replace(wanted().rule, approval=rule or ApprovalRule()))


def given(*said: tuple[Approval, Approver], authors: tuple[Author, ...] = ()) -> Facts:
    seen = ApprovalFacts(given=said, authors=authors)
    return replace(good_facts(), approvals=Seen(seen), changes=Seen(changes()))


TWO = ApprovalRule(count=2, users=("Grace", "linus"))
TAGGER = Author(user_id=5, what="pushed tag v1.1.0")


@pytest.mark.parametrize(
    ("rule", "facts", "verdict", "words"),
    [
        (None, given(), "fail", "1 of 1 approvals missing, by maintainers of the project who did not make it"),
        (None, given(yes()), "pass", "approved by grace (maintainer) at 2026-08-03 12:00 UTC"),
        (TWO, given(yes()), "fail", "approved by grace (maintainer) at 2026-08-03 12:00 UTC; 1 of 2 approvals missing"),
        (TWO, given(yes(), yes(6, "linus")), "pass", "approved by grace (maintainer) at 2026-08-03 12:00 UTC, linus"),
        (
            TWO,
            given(yes(), yes(7, "mallory")),
            "fail",
            "mallory's does not count: is not among those whom",
        ),
        (
            None,
            given(yes(level=30)),
            "fail",
            "grace's does not count: is developer of the project",
        ),
        (None, given(yes(level=None)), "fail", "grace's does not count: is no active member of the project"),
        (
            None,
            given(yes(), authors=(TAGGER,)),
            "fail",
            "grace's does not count: pushed tag v1.1.0, and",
        ),
        (ApprovalRule(role=Role.DEVELOPER), given(yes(level=30)), "pass", "approved by grace (developer)"),
        (ApprovalRule(role=Role.OWNER), given(yes(level=50)), "pass", "approved by grace (owner)"),
    ],
)
def test_gates_approval(rule: ApprovalRule | None, facts: Facts, verdict: str, words: str) -> None:
    found = said(approval, approving(rule), facts)
    assert found[:2] == (verdict, "none" if verdict == "pass" else "wait")
    assert words in found[2]
    assert verdict == "pass" or "`ropewalk release approve acme/tools/widget@v1.1.0`" in found[2]


def test_the_author_of_any_shipped_merge_request_does_not_count_unless_policy_asks_for_the_commit_alone() -> None:
    wrote = Changes(previous_tag=None, merge_requests=(replace(merge_request(3), author_id=5),))
    facts = replace(given(yes()), changes=Seen(wrote))
    assert "wrote !3" in said(approval, approving(), facts)[2]
    assert said(approval, approving(ApprovalRule(all_authors=False)), facts)[0] == "pass"


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: replace(facts, approvals=Unreadable("403 for GET members")),
        lambda facts: replace(facts, changes=Unreadable("403 for GET compare")),
    ],
)
def test_who_approved_or_made_it_that_cannot_be_told_blocks(change: Callable[[Facts], Facts]) -> None:
    verdict, consequence, reason = said(approval, approving(), change(given(yes())))
    assert (verdict, consequence) == (Verdict.UNKNOWN.value, Consequence.BLOCK.value)
    assert "cannot tell" in reason


def test_changes_are_asked_for_only_once_somebody_approved() -> None:
    facts = replace(given(yes()), changes=None)
    assert approval.judge(approving(), facts) == Look(LookKind.CHANGES)
    assert said(approval, approving(), replace(given(), changes=None))[0] == "fail"


def test_what_was_begun_with_a_yes_is_finished_whatever_becomes_of_who_gave_it() -> None:
    facts = replace(given(yes(level=30)), receipts=(PROOF,))
    verdict, consequence, reason = said(approval, approving(), facts)
    assert (verdict, consequence) == ("pass", "none")
    assert reason.startswith("begun before: it is finished; grace's does not count: is developer of the project")


def test_without_a_rule_nobody_is_asked() -> None:
    assert said(approval, wanted(), replace(good_facts(), approvals=None))[0] == "not_applicable"


@pytest.mark.parametrize("ref", ["v1!2.0", "v1;reboot", "v$(id)"])
def test_a_command_that_a_gate_names_can_be_pasted_whatever_the_ref_is_called(ref: str) -> None:
    """git takes `!`, `;` and `$` in refs, and an epoch has a `!`."""
    want = wanted(ref=ref)
    target = f"'acme/tools/widget@{ref}'"
    assert f"`ropewalk release hold {target} --lift`" in said(hold, want, replace(good_facts(), hold=Seen(HELD)))[2]
    asks = replace(want, rule=replace(want.rule, approval=ApprovalRule()))
    assert f"`ropewalk release approve {target}`" in said(approval, asks, good_facts())[2]
