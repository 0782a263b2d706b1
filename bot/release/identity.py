"""What is released: its name, its version, its files. Where the pipeline kept no files, the indexes tell them."""

from __future__ import annotations

from bot.domain.distributions import (
    Distribution,
    IndexFile,
    Metadata,
    parse_filename,
    parse_version,
    same_name,
    version_of_tag,
)
from bot.domain.refs import RefKind
from bot.release.facts import Facts, IndexFacts, Seen, Wanted

ORIGIN = "the project's pipeline"


def identity(wanted: Wanted, facts: Facts) -> Metadata | None:
    """Name and version: as the files say, else the project's own name with the tag's version or the stated one."""
    if facts.files is not None and facts.files.value.files:
        return facts.files.value.files[0].metadata
    if facts.names is None or not facts.names.value.name:
        return None
    tagged = version_of_tag(wanted.id.ref) if wanted.id.kind is RefKind.TAG else None
    version = str(tagged) if tagged is not None else facts.names.value.version
    return None if version is None else Metadata(name=facts.names.value.name, version=version)


def of_version(metadata: Metadata, index: IndexFacts) -> tuple[IndexFile, ...]:
    """What an index lists of exactly that name and version, by file name."""
    version = parse_version(metadata.version)
    fit = []
    for file in index.files:
        named = parse_filename(file.filename)
        if named is not None and named.version == version and same_name(named.name, metadata.name):
            fit.append(file)
    return tuple(sorted(fit, key=lambda file: file.filename))


def released_files(wanted: Wanted, facts: Facts) -> tuple[Distribution, ...]:
    """The release's files: those we have, else what the indexes list of its version; each name once, size unknown."""
    if not facts.bare:
        return facts.files.value.files if facts.files else ()
    metadata = identity(wanted, facts)
    found: dict[str, Distribution] = {}
    for spec in wanted.indexes:
        seen = facts.indexes.get(spec.name)
        if metadata is None or not isinstance(seen, Seen):
            continue
        for file in of_version(metadata, seen.value):
            named = parse_filename(file.filename)
            if named is not None and file.sha256 is not None:
                found.setdefault(
                    file.filename,
                    Distribution(
                        filename=file.filename,
                        kind=named.kind,
                        sha256=file.sha256,
                        size=0,
                        metadata=metadata,
                        origin=ORIGIN,
                    ),
                )
    return tuple(found.values())
