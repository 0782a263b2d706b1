"""Statuses add up as in GitLab."""

import itertools

import pytest

from bot.sandbox.ci.model import Status, When
from bot.sandbox.ci.status import Outcome, composite, turn

TABLE: list[tuple[str, Status | None]] = [
    ("", None),
    ("success", "success"),
    ("success skipped", "success"),
    ("skipped", "skipped"),
    ("skipped manual?", "skipped"),
    ("manual?", "skipped"),
    ("success manual?", "success"),
    ("success manual created", "manual"),
    ("success manual running", "running"),
    ("failed manual", "manual"),
    ("success failed", "failed"),
    ("success failed?", "success"),
    ("failed skipped", "failed"),
    ("success canceled skipped", "canceled"),
    ("canceled failed", "failed"),
    ("canceled? success", "success"),
    ("created", "created"),
    ("created pending", "pending"),
    ("success created", "running"),
    ("success pending", "running"),
    ("running canceling", "canceling"),
]


def jobs(text: str) -> list[tuple[Status, bool]]:
    """Words with `?` for allow_failure."""
    known: dict[str, Status] = {
        "created": "created", "pending": "pending", "running": "running", "success": "success", "failed": "failed",
        "canceled": "canceled", "canceling": "canceling", "skipped": "skipped", "manual": "manual",
    }  # fmt: skip
    return [(known[word.rstrip("?")], word.endswith("?")) for word in text.split()]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_pipeline_status(text: str, expected: Status | None) -> None:
    for order in itertools.permutations(jobs(text)):
        assert composite(order) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("success failed?", "success"),
        ("success skipped", "skipped"),
        ("manual?", "skipped"),
        ("running", "pending"),
        ("failed", "failed"),
    ],
)
def test_status_of_needed_jobs(text: str, expected: Status) -> None:
    assert composite(jobs(text), dag=True) == expected


@pytest.mark.parametrize(
    ("when", "before", "dag", "expected"),
    [
        ("on_success", None, False, "enqueue"),
        ("on_success", "success", False, "enqueue"),
        ("on_success", "skipped", False, "enqueue"),
        ("on_success", "skipped", True, "skip"),
        ("on_success", "failed", False, "skip"),
        ("on_success", "running", False, "wait"),
        ("on_success", "manual", False, "wait"),
        ("on_failure", "failed", False, "enqueue"),
        ("on_failure", "success", False, "skip"),
        ("always", "failed", True, "enqueue"),
        ("always", "running", False, "wait"),
        ("manual", "success", False, "offer"),
        ("manual", "failed", False, "skip"),
    ],
)
def test_turn(when: When, before: Status | None, dag: bool, expected: Outcome) -> None:
    assert turn(when, before, dag=dag) == expected
