"""Tag, metadata and file names say one version (PEP 440), and all files are of one project (PEP 503)."""

from __future__ import annotations

from bot.domain.distributions import Distribution, parse_filename, parse_version, same_name, version_of_tag
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "version_matches"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Fail, naming every file that disagrees with the tag."""
    expected = version_of_tag(wanted.id.ref)
    if expected is None:
        return _fail(f"tag {wanted.id.ref} is no PEP 440 version: push a tag such as v1.2.3")
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    files = facts.files.value.files
    wrong = [sentence for file in files if (sentence := _disagreement(file))]
    if wrong:
        return _fail("; ".join(wrong) + ". Set the version and push a new tag; nothing was uploaded")
    others = {f.filename: f.metadata.version for f in files if parse_version(f.metadata.version) != expected}
    if others:
        said = ", ".join(sorted(set(others.values())))
        verb = "says" if len(others) == 1 else "say"
        return _fail(
            f"tag {wanted.id.ref} says {expected}, but {' and '.join(others)} {verb} {said}. Set the version and push "
            "a new tag; nothing was uploaded"
        )
    names = sorted({file.metadata.name for file in files})
    if any(not same_name(name, names[0]) for name in names):
        return _fail(f"the artifacts hold distributions of different projects: {', '.join(names)}")
    said = f"tag, metadata and file names say {names[0]} {expected}"
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=said)


def _disagreement(file: Distribution) -> str:
    """How a file disagrees with itself, in a sentence; empty if it does not."""
    named = parse_filename(file.filename)
    if named is None:
        return f"{file.filename} is not the file name of a wheel or sdist"
    inside = parse_version(file.metadata.version)
    if inside is None:
        return f"{file.filename} says version {file.metadata.version!r}, which is not PEP 440"
    if inside != named.version or not same_name(named.name, file.metadata.name):
        return f"{file.filename} holds metadata of {file.metadata.name} {file.metadata.version}"
    return ""


def _fail(reason: str) -> GateResult:
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)
