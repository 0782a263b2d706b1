"""What policy says of freezes and approvals: as it is read, and how it is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.consents import ApprovalRule
from bot.domain.errors import ConfigError
from bot.domain.freezes import Freeze, Span, Weekly
from bot.domain.gitlab import Role
from bot.domain.policy import Policy
from bot.settings import check, load

ENVIRON = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij"}
HEAD = "gitlab: {url: https://gitlab.example.com}\nindexes: {registry: {kind: gitlab}}\n"
RULE = '- {projects: ["**"], tags: ["v*"], indexes: [registry]'
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def policy(folder: Path, text: str) -> Policy:
    (folder / "ropewalk.yaml").write_text(HEAD + text)
    return load(None, ENVIRON, folder).policy


def span(start: str, end: str) -> Span:
    return Span(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))


@pytest.mark.parametrize(
    ("entry", "window", "zone"),
    [
        # the last day is frozen to its end
        (
            "from: 2026-12-20, to: 2027-01-03, timezone: Europe/Berlin",
            span("2026-12-19T23:00+00:00", "2027-01-03T23:00+00:00"),
            BERLIN,
        ),
        ("from: 2026-12-20, to: 2026-12-20", span("2026-12-20T00:00+00:00", "2026-12-21T00:00+00:00"), UTC_ZONE),
        (
            'from: "2026-07-01T18:00", to: "2026-07-02 06:30", timezone: Europe/Berlin',
            span("2026-07-01T16:00+00:00", "2026-07-02T04:30+00:00"),
            BERLIN,
        ),
        # an offset needs no zone
        (
            'from: "2026-07-01T18:00:30Z", to: "2026-07-02T06:30+05:30", timezone: Europe/Berlin',
            span("2026-07-01T18:00:30+00:00", "2026-07-02T01:00+00:00"),
            BERLIN,
        ),
        (
            'from: "Fri 16:00", to: "monday 08:00", timezone: Europe/Berlin',
            Weekly(start=4 * DAY + 16 * HOUR, end=8 * HOUR, zone=BERLIN),
            BERLIN,
        ),
        ("from: sat, to: SUNDAY", Weekly(start=5 * DAY, end=7 * DAY, zone=UTC_ZONE), UTC_ZONE),
        ('from: "Sun 24:00", to: "Tues 0:00"', Weekly(start=timedelta(), end=DAY, zone=UTC_ZONE), UTC_ZONE),
    ],
)
def test_freezes_are_read_in_their_zone(tmp_path: Path, entry: str, window: Span | Weekly, zone: ZoneInfo) -> None:
    text = f'freeze:\n- {{name: quiet, {entry}, projects: ["acme/**"], owner: the board}}\n'
    assert policy(tmp_path, text).freezes == (
        Freeze(
            name="quiet",
            window=window,
            zone=zone,
            projects=("acme/**",),
            owner="the board",
            where="ropewalk.yaml:4",
        ),
    )


def test_a_freeze_may_stand_in_the_policy_file_and_freezes_may_overlap(tmp_path: Path) -> None:
    freezes = "freeze:\n- {name: a, from: 2026-12-20, to: 2027-01-03}\n- {name: b, from: sat, to: sun}\n"
    (tmp_path / "policy.yaml").write_text(freezes)
    assert [one.where for one in policy(tmp_path, "policy: policy.yaml\n").freezes] == [
        "policy.yaml:2",
        "policy.yaml:3",
    ]
    (tmp_path / "ropewalk.yaml").write_text(HEAD + "policy: policy.yaml\nfreeze: []\n")
    (error,) = check(None, ENVIRON, tmp_path)
    assert "stands here and in policy.yaml:1" in str(error)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", None),
        (", approval: {}", ApprovalRule(role=Role.MAINTAINER, count=1, users=(), all_authors=True)),
        (
            ', approval: {from: owner, count: 2, users: ["@grace", linus, grace], authors: commit}',
            ApprovalRule(role=Role.OWNER, count=2, users=("grace", "linus"), all_authors=False),
        ),
        (", approval: {from: developer}", ApprovalRule(role=Role.DEVELOPER)),
    ],
)
def test_approvals_are_part_of_a_rule(tmp_path: Path, text: str, rule: ApprovalRule | None) -> None:
    (found,) = policy(tmp_path, f"releases:\n{RULE}{text}}}\n").releases
    assert found.approval == rule


def test_what_else_a_rule_says_of_its_gates(tmp_path: Path) -> None:
    plain, other = policy(
        tmp_path, f"releases:\n{RULE}}}\n{RULE}, new_names: refuse, package: Acme.Core, tag_reachable: false}}\n"
    ).releases
    assert (plain.new_names, plain.package, plain.reachable) == (True, None, True)
    assert (other.new_names, other.package, other.reachable) == (False, "Acme.Core", False)


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("freeze: {}\n", 3, ("`freeze` must be a list",)),
        ("freeze:\n- {from: sat, to: sun}\n", 4, ("`freeze[1].name` is missing",)),
        ("freeze:\n- {name: a, from: sat}\n", 4, ("`freeze[1].to` is missing",)),
        ("freeze:\n- {name: a, frm: sat, from: sat, to: sun}\n", 4, ("`freeze[1].frm`", "Did you mean `from`?")),
        ("freeze:\n- {name: a, from: sat, to: sun, timezone: Europe/Berln}\n", 4, ("Did you mean `Europe/Berlin`?",)),
        ("freeze:\n- {name: a, from: sat, to: sun, timezone: Europe}\n", 4, ("which is no time zone",)),
        ("freeze:\n- {name: a, from: sat, to: sun, timezone: ../../etc/passwd}\n", 4, ("which is no time zone",)),
        ("freeze:\n- {name: a, from: 2026-12-20, to: 2026-12-19}\n", 4, ("ends before it begins",)),
        ('freeze:\n- {name: a, from: "2026-12-20T10:00", to: "2026-12-20T10:00"}\n', 4, ("ends before it begins",)),
        ("freeze:\n- {name: a, from: 2026-02-30, to: 2026-12-19}\n", 4, ("must be a day", "not `2026-02-30`")),
        ("freeze:\n- {name: a, from: 0001-01-01, to: 2026-12-19}\n", 4, ("must be a day",)),
        ('freeze:\n- {name: a, from: "Fri 24:01", to: sun}\n', 4, ("not `Fri 24:01`",)),
        ("freeze:\n- {name: a, from: fr, to: sun}\n", 4, ("a day of the week (`Fri`",)),
        ("freeze:\n- {name: a, from: mon, to: sun}\n", 4, ("cover the whole week",)),
        ('freeze:\n- {name: a, from: "fri 8:00", to: "fri 08:00"}\n', 4, ("cover the whole week",)),
        ("freeze:\n- {name: a, from: mon, to: 2026-12-19}\n", 4, ("mixes a day of the week with a date",)),
        ("freeze:\n- {name: a, from: sat, to: sun, projects: []}\n", 4, ("`freeze[1].projects` is empty",)),
        ("freeze:\n- {name: a, from: sat, to: sun}\n- {name: a, from: fri, to: sun}\n", 5, ("a second time",)),
        (f"releases:\n{RULE}, approval: {{fom: owner}}}}\n", 4, ("`releases[1].approval.fom`", "Did you mean `from`?")),
        (f"releases:\n{RULE}, approval: {{from: admin}}}}\n", 4, ("must be `developer`, `maintainer` or `owner`",)),
        (f"releases:\n{RULE}, approval: {{count: 0}}}}\n", 4, ("`releases[1].approval.count`",)),
        (f"releases:\n{RULE}, approval: {{count: 2, users: [a]}}}}\n", 4, ("2 approvals out of 1 users",)),
        (f"releases:\n{RULE}, approval: yes}}\n", 4, ("must be a mapping",)),
        (f"releases:\n{RULE}, package: two words}}\n", 4, ("the name of a distribution",)),
        (f"releases:\n{RULE}, new_names: ask}}\n", 4, ("`allow` or `refuse`",)),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, parts: tuple[str, ...]) -> None:
    (tmp_path / "ropewalk.yaml").write_text(HEAD + text)
    errors: list[ConfigError] = check(None, ENVIRON, tmp_path)
    assert [error.where for error in errors] == [f"ropewalk.yaml:{line}"], errors
    for part in parts:
        assert part in str(errors[0])
