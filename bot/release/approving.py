"""Who may approve a release, and why somebody may not."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.consents import ApprovalRule, Approver, Author
from bot.domain.gitlab import Changes, Role


def asked(rule: ApprovalRule) -> str:
    """Whom policy asks for, in words."""
    who = f"{rule.role.word}s of the project who did not make it"
    return f"{who}, out of {', '.join(rule.users)}" if rule.users else who


def refusal(rule: ApprovalRule, approver: Approver, authors: Iterable[Author]) -> str | None:
    """Why somebody's approval does not count, in words that follow their name; None if it does."""
    if approver.robot:
        return "is no person but a robot's user"
    if approver.level is None:
        return "is no active member of the project"
    if approver.level < rule.role:
        return f"is {role_word(approver.level)} of the project, and policy asks for {rule.role.word}"
    if rule.users and approver.username.lower() not in (user.lower() for user in rule.users):
        return f"is not among those whom policy names ({', '.join(rule.users)})"
    made = [author.what for author in authors if author.is_one(approver)]
    if made:
        return f"{' and '.join(dict.fromkeys(made))}, and nobody approves their own work"
    # Whoever comes without all their addresses may be any author who is known by address alone.
    unsure = [] if approver.known else [author.what for author in authors if author.user_id is None]
    return (
        f"may be who {' and '.join(dict.fromkeys(unsure))}: GitLab shows no user with that address" if unsure else None
    )


def author_of_shipped(rule: ApprovalRule, changes: Changes | None) -> tuple[Author, ...]:
    """The authors of all merge requests that the release ships, as far as the rule counts them."""
    if changes is None or not rule.all_authors:
        return ()
    return tuple(
        Author(user_id=merged.author_id, what=f"wrote !{merged.iid}")
        for merged in changes.merge_requests
        if merged.author_id is not None
    )


def role_word(level: int | None) -> str:
    """An access level in a person's words. Source: lib/gitlab/access.rb."""
    if level is None:
        return "no member"
    known = {role.value: role.word for role in Role}
    return known.get(level) or ("below developer" if level < Role.DEVELOPER else f"of access level {level}")
