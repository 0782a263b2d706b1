"""What a person names as TARGET, as the scope of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.estate import ProjectFacts, Scope, Wish
from bot.domain.refs import matches_path


def scope_of(targets: Sequence[str], *, membership: bool) -> Scope:
    """`group/sub/project`, `group` or a numeric id is what it names; with `*` it is a pattern of paths, `**` crossing
    `/`. Archived projects are left out unless they are named themselves.
    """
    plain = [one.strip("/") for one in targets]
    patterns = [one for one in plain if "*" in one]
    heads = [_head(one) for one in patterns]
    return Scope(
        groups=tuple(dict.fromkeys(head for head in heads if head)),
        projects=tuple(dict.fromkeys(int(one) if one.isdigit() else one for one in plain if "*" not in one)),
        everything=any(not head for head in heads),
        membership=membership,
        keep=_keep(plain),
    )


def watched(groups: Sequence[str], projects: Sequence[str], *, topics: bool, keep: Wish) -> Scope:
    """What is watched, by full paths and patterns; `topics` says that some topic is, `keep` has the last word."""
    return Scope(
        groups=tuple(group for group in groups if group != "**"),
        projects=tuple(path for path in projects if "*" not in path),
        everything=topics or "**" in groups or any("*" in path for path in projects),
        keep=keep,
    )


def _head(pattern: str) -> str:
    """The group that everything a pattern covers lies in; empty where there is none."""
    return pattern.partition("*")[0].rpartition("/")[0]


def _keep(targets: Sequence[str]) -> Wish:
    def named(facts: ProjectFacts) -> bool:
        path = facts.full_path.lower()
        return any(one == str(facts.project_id) or one.lower() == path for one in targets)

    def covered(facts: ProjectFacts) -> bool:
        return any(matches_path(one if "*" in one else f"{one}/**", facts.full_path) for one in targets)

    return lambda facts: named(facts) or (not facts.archived and covered(facts))
