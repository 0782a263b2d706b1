"""Look at what people decide: is it held, is it merged where only they may push, who approved it, who made it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.consents import Approval, Approver, Hold
from bot.domain.refs import RefKind
from bot.ports.gitlab import Contents, People, Refs
from bot.ports.store import Approvals, Holds
from bot.release.facts import ApprovalFacts, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """What people said of releases, and who they are."""

    holds: Holds
    approvals: Approvals
    people: People


def held(consents: Consents, wanted: Wanted) -> Hold | None:
    """Who holds the ref, if anybody does. Asks our own records only."""
    return consents.holds.hold(wanted.id.project_id, wanted.id.ref)


def reached(refs: Refs, contents: Contents, wanted: Wanted) -> str | None:
    """A protected branch that contains the commit; None if none does.

    The default branch is asked first: two requests, and mostly the answer.
    """
    project, sha = wanted.id.project_id, wanted.id.sha
    default = wanted.project.default_branch
    head = refs.branch(project, default) if default else None
    if head is not None and head.protected and (head.sha == sha or contents.contains(project, head.sha, sha)):
        return head.name
    containing = set(contents.containing(project, sha)) - {default}
    if not containing:
        return None
    return next((one.name for one in refs.branches(project) if one.protected and one.name in containing), None)


def approved(consents: Consents, wanted: Wanted) -> ApprovalFacts:
    """Who approved, as GitLab knows them now, and who made what is released. Asks GitLab only if somebody did."""
    given = consents.approvals.approvals(wanted.id.key)
    if not given:
        return ApprovalFacts()
    people, place = consents.people, wanted.project.full_path
    known = tuple((approval, _as_now(consents, place, approval)) for approval in given)
    id_ = wanted.id
    authors = people.authors(id_.project_id, ref=id_.ref, sha=id_.sha, tag=id_.kind is RefKind.TAG)
    return ApprovalFacts(given=known, authors=authors)


def _as_now(consents: Consents, place: str, approval: Approval) -> Approver:
    level = consents.people.role(approval.user_id, place, group=False)
    return Approver(user_id=approval.user_id, username=approval.username, level=level)
