"""Who may set variables of a pipeline, as GitLab says it today and as it said it before there was a role for it."""

from __future__ import annotations

import pytest

from bot.adapters.gitlab.estate.access import project_settings

ROLE, SWITCH = "ci_pipeline_variables_minimum_override_role", "restrict_user_defined_variables"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({ROLE: "no_one_allowed", SWITCH: False}, "no_one_allowed"),
        ({ROLE: "developer", SWITCH: True}, "developer"),
        ({SWITCH: True}, "maintainer"),
        ({SWITCH: False}, "developer"),
        ({}, None),  # a Developer is not told
    ],
)
def test_who_may_set_variables_of_a_pipeline(row: dict[str, object], expected: str | None) -> None:
    assert project_settings({"default_branch": "main", **row}).variables_role == expected


@pytest.mark.parametrize(("kind", "personal"), [("user", True), ("group", False), (None, False)])
def test_a_project_among_a_persons_own_is_in_no_group(kind: str | None, personal: bool) -> None:
    """So nobody is asked for tokens of a group that there is not."""
    assert project_settings({"namespace": {"kind": kind}} if kind else {}).personal is personal
