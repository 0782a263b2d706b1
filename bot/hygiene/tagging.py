"""Whether the next tag can be made at all, is protected then, and finds switched on what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.estate import Access, ProjectSettings, Unread
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.verdicts import Verdict
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.running import Check
from bot.hygiene.wildcards import matches

_SWITCH_ON = "Switch it on under Settings > General > Visibility"


def protected(access: Access | None, tag: str) -> bool | Unread:
    """Whether some rule protects the tag."""
    if access is None:
        return Unread(what="protected tags", remedy="Maintainer of the project may read them")
    if isinstance(access.tags, Unread):
        return access.tags
    return any(matches(rule.pattern, tag) for rule in access.tags)


def tag_check(access: Access | None, tag: str, *, released: bool) -> Check:
    """Whether the tag can be made and is protected; `released` says that a rule of policy releases it, which asks for
    that.
    """
    name, known = "tag protected", protected(access, tag)
    if isinstance(known, Unread):
        reason = f"could not look at {known.what}"
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=known.remedy)
    if not known:
        return Check(
            name=name,
            verdict=Verdict.FAIL if released else Verdict.NOT_APPLICABLE,
            reason=f"tag {tag} would not be protected" + ("" if released else ": that alone stops no pipeline"),
            remedy="Protect the pattern under Settings > Repository > Protected tags",
        )
    closed = _closed(access, tag)
    if closed:
        reason = f"nobody may create tag {tag}: the rule for {closed} allows no one"
        remedy = "Allow Maintainers to create it under Settings > Repository > Protected tags"
        return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy=remedy)
    return Check(name=name, verdict=Verdict.PASS, reason=f"tag {tag} would be protected")


def _closed(access: Access | None, tag: str) -> str:
    """The pattern by which nobody may create the tag; of several rules the most generous one counts. Empty for none."""
    tags = () if access is None or isinstance(access.tags, Unread) else access.tags
    rules = [rule for rule in tags if matches(rule.pattern, tag)]
    return rules[0].pattern if rules and all(rule.create and not any(rule.create) for rule in rules) else ""


def switched_off(facts: ProjectFacts, *, pipeline: bool) -> Iterator[Check]:
    """What of the project is off and has to be on; `pipeline` says that a pipeline is needed."""
    settings = None if facts.access is None else facts.access.settings
    if facts.archived:
        reason = "the project is archived: nobody can push a tag"
        yield Check(name="project", verdict=Verdict.FAIL, reason=reason, remedy="Unarchive it in its settings")
    if not isinstance(settings, ProjectSettings):
        return
    if pipeline and not settings.pipelines:
        reason = "GitLab makes no pipeline for the tag: CI/CD is switched off in the project"
        yield Check(name="pipeline", verdict=Verdict.FAIL, reason=reason, remedy=_SWITCH_ON)


def registry_off(facts: ProjectFacts, indexes: tuple[IndexSpec, ...]) -> Iterator[Check]:
    """The indexes that are the project's own registry, where it has none."""
    settings = None if facts.access is None else facts.access.settings
    off = isinstance(settings, ProjectSettings) and not settings.packages
    for spec in indexes if off else ():
        if spec.kind is IndexKind.GITLAB:
            reason = "the project's package registry is switched off"
            yield Check(name=f"index {spec.name}", verdict=Verdict.FAIL, reason=reason, remedy=_SWITCH_ON)
