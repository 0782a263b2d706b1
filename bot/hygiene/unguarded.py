"""Refs from which a job may publish though no rule protects them: there a protected variable is empty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.domain.ci import CiFacts, CiJob
from bot.domain.estate import Access, ProjectSettings, ProtectedBranches, ProtectedTags, Unread
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.protection import branch_rules, unprotected_tags
from bot.hygiene.reach import KEYWORDS, Pipeline
from bot.hygiene.shapes import wildcards
from bot.hygiene.starting import NEVER, starts
from bot.hygiene.wildcards import matches

SOURCES = ("push", "web", "schedule", "api", "trigger")
"""How a pipeline of a branch or tag is started, in GitLab's words."""

_COMPARED = re.compile(
    r"""\$CI_COMMIT_(TAG|BRANCH|REF_NAME)\s*(?:=~\s*(/(?:\\.|[^/\\])+/)|==\s*(?:"([^"]+)"|'([^']+)'))"""
)
_FILLS = ("9999.0.0", "1.0", "1", "x", "")  # what a wildcard's star may be: a version, a number, a word, nothing
_MOST = 20  # names of one job that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The protection rules of a project, all of them read, and its settings."""

    tags: tuple[ProtectedTags, ...]
    branches: tuple[ProtectedBranches, ...]
    settings: ProjectSettings

    @property
    def default_branch(self) -> str:
        """The default branch, by GitLab's usual name where there is none yet."""
        return self.settings.default_branch or "main"


def rules_of(access: Access) -> Rules | None:
    """The rules; None where one of them could not be read."""
    tags, branches, settings = access.tags, access.branches, access.settings
    if isinstance(tags, Unread) or isinstance(branches, Unread) or isinstance(settings, Unread):
        return None
    return Rules(tags=tags, branches=branches, settings=settings)


def release_tags(facts: ProjectFacts, rules: Rules) -> Iterator[Pipeline]:
    """A tag of each pattern that policy releases: one that no rule protects if there is such a one."""
    loose = set(unprotected_tags(facts.release_tags, rules.tags))
    for pattern in facts.release_tags:
        ref = pattern.replace("*", _FILLS[0], 1).replace("*", "")
        protected = pattern not in loose and any(matches(rule.pattern, ref) for rule in rules.tags)
        yield Pipeline(source="push", ref=ref, tag=True, protected=protected, default_branch=rules.default_branch)


def default_branch(rules: Rules) -> Iterator[Pipeline]:
    """The default branch: some publish from there."""
    branch = rules.settings.default_branch
    if branch is not None:
        protected = bool(branch_rules(branch, rules.branches))
        yield Pipeline(source="push", ref=branch, protected=protected, default_branch=branch)


def named_refs(ci: CiFacts, job: CiJob, rules: Rules) -> Iterator[Pipeline]:
    """Refs no rule protects whose names the job's own conditions speak of, one for each way in which they do.

    Those of expressions that are not anchored (`/beta/`) are left out: they name no ref, they filter. A name that may
    be a branch's or a tag's is protected if either is: the other kind is not what was meant.
    """
    names = tuple(dict.fromkeys(_names(ci, job)))[:_MOST]
    for tag, ref in names:
        kinds = (rules.tags, rules.branches) if (not tag, ref) in names else (rules.tags if tag else rules.branches,)
        guards = [rule.pattern for kind in kinds for rule in kind]
        if ref and not any(matches(guard, ref) for guard in guards):
            yield Pipeline(source="push", ref=ref, tag=tag, default_branch=rules.default_branch)


def any_refs(rules: Rules) -> Iterator[Pipeline]:
    """Any tag, any branch and any merge request at all that no rule protects, however its pipeline is started."""
    tags, branches = (tuple(rule.pattern for rule in kind) for kind in (rules.tags, rules.branches))
    usual, ref = rules.default_branch, "that no rule protects"
    for source in SOURCES if "*" not in tags else ():
        yield Pipeline(source=source, ref=ref, tag=True, outside=tags, others=branches, default_branch=usual)
    for source in (*SOURCES, "merge_request_event") if "*" not in branches else ():
        yield Pipeline(source=source, ref=ref, outside=branches, others=tags, default_branch=usual)


def takes_every_tag(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline, rules: Rules) -> bool:
    """Whether the job makes no difference between a tag of policy's and any other: then it names no releases of its
    own, and policy's are those that count.
    """
    words = starts(facts, ci, job, pipeline)
    released = (replace(one, protected=False, source=pipeline.source) for one in release_tags(facts, rules))
    return pipeline.tag and any(starts(facts, ci, job, one) == words for one in released)


def runs(facts: ProjectFacts, ci: CiFacts, job: CiJob, pipeline: Pipeline) -> bool:
    """Whether the job may start there at all, by itself or by hand."""
    return starts(facts, ci, job, pipeline) != {NEVER}


def _names(ci: CiFacts, job: CiJob) -> Iterator[tuple[bool, str]]:
    """Whether it is a tag's, and the name."""
    conditions = [rule.condition for rule in (*(ci.workflow or ()), *(job.gates or ())) if rule.condition is not None]
    for text in (*conditions, *(job.only_if or ())):
        for kind, pattern, one, other in _COMPARED.findall(text):
            for tag in (True, False) if kind == "REF_NAME" else (kind == "TAG",):
                yield from ((tag, name) for name in (_filled(pattern) if pattern else (one or other,)))
    for name in (entry.partition("@")[0] for entry in job.only or ()):
        if name not in KEYWORDS:
            names = _filled(name) if name.startswith("/") else (name,)
            yield from ((tag, name) for name in names for tag in (True, False))


def _filled(pattern: str) -> Iterator[str]:
    """Names that an anchored expression may take."""
    for wildcard in wildcards(pattern) or ():
        if not wildcard.startswith("*"):
            yield from (wildcard.replace("*", fill, 1).replace("*", "") for fill in _FILLS)
