"""A project publishes only its own name: another's wheel in the artifacts must not become that other's release."""

from __future__ import annotations

from dataclasses import replace

from packaging.utils import canonicalize_name

from bot.domain.distributions import same_name
from bot.domain.refs import matches_wildcard
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, NameFacts, Seen, Wanted
from bot.release.identity import released_files

NAME = "name_allowed"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass for a name this project is recorded for, is given by policy, declares in its own metadata, or is called.

    The last two are for new names, and policy may refuse those.
    """
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    if facts.names is None:
        return Look(LookKind.NAMES)
    known = facts.names.value
    name = known.name if facts.bare else facts.files.value.files[0].metadata.name
    here = wanted.project.id
    if known.owner is not None and known.owner != here:
        return _another(wanted, name, known)
    if known.owner == here and not known.claimed:
        return _pass(f"{name} is recorded for this project")
    if _of_policy(wanted, name):
        return _pass(f"policy lets this project publish {name}{_elsewhere(wanted, facts)}")
    if not wanted.rule.new_names and not known.claimed:
        return _fail(
            f"{name} is new, and policy asks for its yes (new_names: refuse): allow it under releases[].names, or "
            f"record it with `ropewalk release names {canonicalize_name(name)} --to {wanted.project.full_path}`, then "
            "resume"
        )
    return _new(wanted, facts, name, known.declared)


def _another(wanted: Wanted, name: str, known: NameFacts) -> GateResult:
    """The name is another project's. Which one is not for everybody who reads of this one: it may be private."""
    of = known.owner_path or f"project {known.owner}"
    rest = (
        "a project may publish only its own names. "
        f"`ropewalk release names {canonicalize_name(name)} --to {wanted.project.full_path}` hands it over"
    )
    discreet = f"{name} is published by another project; {rest}"
    return replace(_fail(f"{name} is published by {of}; {rest}"), discreet=discreet)


def _of_policy(wanted: Wanted, name: str) -> bool:
    """Whether a rule's `names` or `package` is that name, however both are written (PEP 503)."""
    patterns = wanted.rule.names
    named = wanted.rule.package is not None and same_name(wanted.rule.package, name)
    return named or any(matches_wildcard(canonicalize_name(pattern), canonicalize_name(name)) for pattern in patterns)


def _new(wanted: Wanted, facts: Facts, name: str, declared: str | None) -> GateResult:
    """A name that nobody is recorded for."""
    if declared is not None:
        if same_name(declared, name):
            return _pass(f"the project's own metadata declares {name}{_elsewhere(wanted, facts)}")
        return _fail(
            f"the artifacts are of {name}, but the project's metadata declares {declared}: correct the job, or "
            "allow the name under releases[].names"
        )
    slug = wanted.project.full_path.rsplit("/", 1)[-1]
    if same_name(slug, name):
        return _pass(f"{name} is what the project is called{_elsewhere(wanted, facts)}")
    return _fail(
        f"nothing says that this project may publish {name}: declare it in pyproject.toml, or allow it under "
        "releases[].names"
    )


def _elsewhere(wanted: Wanted, facts: Facts) -> str:
    """Where files of a new name stand already that are none of this release's, in words; somebody put them there."""
    ours = {file.filename for file in released_files(wanted, facts)}
    counts = {
        index: sum(listed.filename not in ours for listed in seen.value.files)
        for index, seen in facts.indexes.items()
        if isinstance(seen, Seen)
    }
    there = " and ".join(f"{index} ({count})" for index, count in counts.items() if count)
    return f"; new to this bot, though other files of it stand on {there}" if there else ""


def _pass(reason: str) -> GateResult:
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=reason)


def _fail(reason: str) -> GateResult:
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)
