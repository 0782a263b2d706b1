"""Which variable a job gets when several have its name, by GitLab's precedence.

Project before the closest subgroup, before the groups above it, before the instance. Within a level the best match of
the job's environment: its very name, then a pattern, then `*`; a job without an environment sees only the scope `*`. A
protected variable exists for pipelines of protected refs only.

Source: lib/gitlab/ci/variables/builder/*, app/models/concerns/has_environment_scope.rb.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.gitlab import VariableFlags
from bot.hygiene.wildcards import matches

_PATTERN, _EXACT = 1, 2


def effective(
    variables: Iterable[VariableFlags], *, protected_ref: bool, environment: str | None
) -> dict[str, VariableFlags]:
    """Key -> the variable whose value the job sees. Of equals the later one wins, as in GitLab's lists."""
    chosen: dict[str, tuple[tuple[int, int, int], VariableFlags]] = {}
    for flags in variables:
        fit = scope_fit(flags.environment_scope, environment)
        if fit is None or (flags.protected and not protected_ref):
            continue
        rank = (*nearness(flags), fit)
        known = chosen.get(flags.key)
        if known is None or rank >= known[0]:
            chosen[flags.key] = (rank, flags)
    return {key: flags for key, (_, flags) in chosen.items()}


def nearness(flags: VariableFlags) -> tuple[int, int]:
    """How near to the project a variable is kept: greater is nearer. A group's owner is its full path."""
    if flags.level == "project":
        return (2, 0)
    return (1, flags.owner.count("/")) if flags.level == "group" else (0, 0)


def scope_fit(scope: str, environment: str | None) -> int | None:
    """How well an environment scope fits a job: 0 for `*`, 1 for a pattern, 2 for the very name, None for not."""
    if scope == "*":
        return 0
    if environment is None:
        return None
    if scope == environment:
        return _EXACT
    return _PATTERN if matches(scope, environment) else None
