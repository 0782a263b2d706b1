"""RW112: a user name and a password that do not reach the same jobs are no credential."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, RuleInfo
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Severity
from bot.hygiene.facts import Level, ProjectFacts
from bot.hygiene.judging import Judge, called
from bot.hygiene.publishing import PASSWORD, USERNAME

INFO = RuleInfo(
    id="RW112",
    title="user name and password reach different jobs",
    severity=Severity.LOW,
    threat="A job that gets one of the two fails at the upload, after the tag is public; people then loosen flags "
    "until it works.",
    remedy="Give TWINE_USERNAME and TWINE_PASSWORD the same scope and the same protection.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Pairs kept in one place only: across levels GitLab's precedence may be what somebody wants."""
    rule = Judge(INFO, facts)
    yield from rule.unread_variables()
    if facts.level is Level.INSTANCE:
        return
    users = [flags for flags in facts.own if flags.key == USERNAME]
    passwords = [flags for flags in facts.own if flags.key == PASSWORD]
    kinds = {(one.environment_scope, one.protected): one for one in passwords}
    everywhere = {one.protected: one for one in passwords}
    for user in users:
        scope = user.environment_scope
        same_scope = [kinds[scope, flag] for flag in (False, True) if (scope, flag) in kinds]
        there = everywhere.values() if scope == "*" else same_scope
        if not passwords or any(_same(user, password) for password in there):
            continue
        reason = f"{called(user)} goes to other jobs than {called(passwords[0])}"
        yield rule.variable(user, f"{reason}: {_difference(user, passwords[0])}")


def _same(user: VariableFlags, password: VariableFlags) -> bool:
    """A user name that goes everywhere the password goes is enough: it may go further."""
    wide = user.environment_scope in ("*", password.environment_scope)
    return wide and (password.protected or not user.protected)


def _difference(user: VariableFlags, password: VariableFlags) -> str:
    if user.protected and not password.protected:
        return "only the user name is protected"
    return f"scope {user.environment_scope} against {password.environment_scope}"
