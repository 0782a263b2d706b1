"""Tag (if it is one), metadata and file names say one version (PEP 440), and all files are of one project (PEP 503)."""

from __future__ import annotations

from packaging.version import Version

from bot.domain.distributions import Distribution, parse_filename, parse_version, same_name, version_of_tag
from bot.domain.policy import IndexKind
from bot.domain.refs import RefKind
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "version_matches"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Fail, naming every file that disagrees with the tag; a branch takes its version from the metadata."""
    tagged = wanted.id.kind is RefKind.TAG
    expected = version_of_tag(wanted.id.ref) if tagged else None
    if tagged and expected is None:
        return _fail(f"tag {wanted.id.ref} is no PEP 440 version: push a tag such as v1.2.3")
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    if facts.bare:
        return _stated(wanted, facts, expected)
    return _written(wanted, facts.files.value, expected)


def _written(wanted: Wanted, gathered: Gathered, expected: Version | None) -> GateResult:
    """What the files say, which are at hand."""
    tagged = expected is not None
    files = gathered.files
    again = "push a new tag" if tagged else "merge that"
    wrong = [sentence for file in files if (sentence := _disagreement(file))]
    if wrong:
        return _fail("; ".join(wrong) + f". Set the version and {again}; nothing was uploaded")
    others = [file for file in files if expected is not None and parse_version(file.metadata.version) != expected]
    if others:
        said = ", ".join(sorted({file.metadata.version for file in others}))
        verb = "says" if len(others) == 1 else "say"
        names = " and ".join(file.filename for file in others)
        return _fail(
            f"tag {wanted.id.ref} says {expected}, but {names} {verb} {said}. Set the version and push a new tag; "
            "nothing was uploaded"
        )
    distributions = sorted({file.metadata.name for file in files})
    if any(not same_name(name, distributions[0]) for name in distributions):
        return _fail(
            f"the artifacts hold distributions of different projects: {', '.join(distributions)}. Name one in the tag, "
            f"as in {distributions[0]}/v1.2.3, or say `package` in the rule"
        )
    versions = sorted({str(parse_version(file.metadata.version)) for file in files})
    if len(versions) > 1:
        return _fail(f"the artifacts hold several versions: {', '.join(versions)}. Let the job clear dist/ first")
    if local := _local(wanted, files[0]):
        return _fail(local)
    source = "tag, metadata" if tagged else "metadata"
    reason = f"{source} and file names say {distributions[0]} {versions[0]}"
    if gathered.aside:
        reason += f"; not of this release: {', '.join(gathered.aside)}"
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=reason)


def _stated(wanted: Wanted, facts: Facts, expected: Version | None) -> GateResult | Look:
    """The pipeline uploads and kept no file to look at: what the project's metadata states is all there is."""
    if facts.names is None:
        return Look(LookKind.NAMES)
    known = facts.names.value
    if known.version is None:
        if expected is None:
            return _fail(
                f"nothing says which version {wanted.id.ref} at {wanted.id.sha[:8]} is: state it in plain words in "
                "pyproject.toml, or let the job that builds keep dist/ as artifacts"
            )
        reason = f"the pipeline keeps no file to look at and no metadata states a version: {expected} is looked for"
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    version = parse_version(known.version)
    if version is None:
        return _fail(f"{known.stated_in} says version {known.version!r}, which is not PEP 440")
    if expected is not None and version != expected:
        return _fail(
            f"tag {wanted.id.ref} says {expected}, but {known.stated_in} says {known.version}. Set the version and "
            "push a new tag"
        )
    source = known.stated_in if expected is None else f"tag and {known.stated_in}"
    reason = f"{source} {'says' if expected is None else 'say'} {known.name} {version}; the pipeline keeps no file"
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=reason)


def _local(wanted: Wanted, file: Distribution) -> str:
    """Why a version with a local part cannot be released, empty if it can. Source: PEP 440, local versions."""
    version = parse_version(file.metadata.version)
    public = [spec.name for spec in wanted.indexes if spec.kind in (IndexKind.PYPI, IndexKind.TESTPYPI)]
    if version is None or version.local is None or not public:
        return ""
    again = f"release {version.public}" if wanted.id.kind is RefKind.TAG else f"set the version to {version.public}"
    return f"{version} has a local part, which {' and '.join(public)} never takes: {again}, or leave that index out"


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
