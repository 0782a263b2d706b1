"""GitLab's arithmetic of statuses: what a pipeline's is, and when a job's turn has come."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from bot.sandbox.ci.model import COMPLETED, Status, When

Outcome: TypeAlias = Literal["wait", "enqueue", "skip", "offer"]

_DAG_DONE = {"success", "failed", "canceled", "skipped", "warned"}


def composite(jobs: Iterable[tuple[Status, bool]], *, dag: bool = False) -> Status | None:
    """The status of several jobs together, each given as (status, allow_failure); None if there are none.

    An allowed failure counts as a warning, an optional manual job is ignored, a required one makes all `manual`.
    Source: gitlabhq `lib/gitlab/ci/status/composite.rb`; the order of the questions is its order.
    """
    seen = {_kind(status, allowed) for status, allowed in jobs}
    if not seen:
        return None
    if dag and seen & {"skipped", "ignored"}:
        return "skipped"
    if dag and not seen <= _DAG_DONE:
        return "pending"
    if seen <= {"skipped", "ignored"}:
        return "skipped"
    if seen <= {"success", "skipped", "warned", "ignored"}:
        return "success"
    if seen <= {"created", "warned", "ignored"}:
        return "created"
    if "canceling" in seen:
        return "canceling"
    if seen <= {"canceled", "success", "skipped", "warned", "ignored"}:
        return "canceled"
    if seen <= {"pending", "created", "skipped", "warned", "ignored"}:
        return "pending"
    if seen & {"running", "pending"}:
        return "running"
    if "manual" in seen:
        return "manual"
    if "created" in seen:
        return "running"
    return "failed"


def _kind(status: Status, allow_failure: bool) -> str:
    if allow_failure and status in ("failed", "canceled"):
        return "warned"
    if allow_failure and status == "manual":
        return "ignored"
    return status


def turn(when: When, before: Status | None, *, dag: bool) -> Outcome:
    """What becomes of a created job, given the composite of the jobs it follows (None: it follows none).

    Source: gitlabhq `app/services/ci/process_build_service.rb`.
    """
    earlier: Status = before or "success"
    if earlier not in COMPLETED:
        return "wait"
    fine: set[Status] = {"success"} if dag else {"success", "skipped"}
    if when == "on_failure":
        fine = {"failed"}
    elif when == "always":
        fine = {"success", "failed", "skipped"}
    if earlier not in fine:
        return "skip"
    return "offer" if when == "manual" else "enqueue"
