"""A project publishes only its own name: another's wheel in the artifacts must not become that other's release."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from bot.domain.distributions import same_name
from bot.domain.refs import matches_wildcard
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "name_allowed"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass for a name this project is recorded for, declares in its own metadata, is called, or is given by policy."""
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    if facts.names is None:
        return Look(LookKind.NAMES)
    files = facts.files.value.files
    name = files[0].metadata.name
    known = facts.names.value
    here = wanted.project.id
    if known.owner is not None and known.owner != here:
        return _fail(f"{name} is published by project {known.owner}; a project may publish only its own names")
    if known.owner == here:
        return _pass(f"{name} is recorded for this project")
    if any(matches_wildcard(pattern, canonicalize_name(name)) for pattern in wanted.rule.names):
        return _pass(f"policy lets this project publish {name}")
    if known.declared is not None:
        if same_name(known.declared, name):
            return _pass(f"the project's own metadata declares {name}")
        return _fail(
            f"the artifacts are of {name}, but the project's metadata declares {known.declared}: correct the job, or "
            "allow the name under releases[].names"
        )
    slug = wanted.project.full_path.rsplit("/", 1)[-1]
    if same_name(slug, name):
        return _pass(f"{name} is what the project is called")
    return _fail(
        f"nothing says that this project may publish {name}: declare it in pyproject.toml, or allow it under "
        "releases[].names"
    )


def _pass(reason: str) -> GateResult:
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=reason)


def _fail(reason: str) -> GateResult:
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)
