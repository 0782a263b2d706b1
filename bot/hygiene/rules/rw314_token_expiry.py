"""RW314: a token that ends in a few days ends the releases that rest on it; one that never ends is worth stealing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.domain.estate import Access, AccessToken, GroupTokens
from bot.domain.findings import Finding, RuleInfo
from bot.domain.tokens import SOON
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts, Unread
from bot.hygiene.judging import Judge
from bot.hygiene.tokens import PUBLISHING_SCOPES

INFO = RuleInfo(
    id="RW314",
    title="token that can publish expires soon, or never",
    severity=Severity.LOW,
    threat="When a token ends, the next upload with it fails, and whoever is in a hurry makes one that can do "
    "anything. One that never ends stays worth stealing.",
    remedy="Make a token with an end and the least scope in its place, set it where the old one is used, then "
    "revoke the old one.",
    page="https://docs.gitlab.com/user/project/settings/project_access_tokens/",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Active access tokens and deploy tokens of a project that publishes, and of the groups it is in, with a scope that
    can upload.

    Their dates are known without their values; whether a variable holds one of them is not. Tokens of persons, and
    PyPI's own, show no dates to the bot.
    """
    if facts.access is None:
        return
    yield from _tokens(facts, facts.access, facts.place, facts.full_path)
    for one in facts.access.groups:
        yield from _tokens(facts, one, f"group/{one.group}", one.group)


def _tokens(facts: ProjectFacts, kept: Access | GroupTokens, place: str, path: str) -> Iterator[Finding]:
    rule = Judge(INFO, replace(facts, full_path=path))
    for part, tokens in (("access_tokens", kept.access_tokens), ("deploy_tokens", kept.deploy_tokens)):
        if isinstance(tokens, Unread):
            yield rule.unknown(f"{place}/{part}", f"could not look at {tokens.what}", tokens.remedy)
            continue
        for token in tokens:
            reason = _reason(facts, token) if PUBLISHING_SCOPES & set(token.scopes) else ""
            if reason:
                yield rule.fails(f"{place}/{part}/{token.id}", f"{part.replace('_', ' ')[:-1]} {token.id} {reason}")


def _reason(facts: ProjectFacts, token: AccessToken) -> str:
    """What is wrong with its date; empty if nothing is."""
    if token.expires_on is None:
        return "never expires"
    if facts.at is None or token.expires_on > (facts.at + SOON).date():
        return ""
    days = (token.expires_on - facts.at.date()).days
    return f"expires on {token.expires_on}, in {days} day{'' if days == 1 else 's'}" if days >= 0 else ""
