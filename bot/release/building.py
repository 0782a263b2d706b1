"""Distributions that the bot builds itself, from the archive of the pinned commit."""

from __future__ import annotations

from bot.domain.distributions import same_name, version_of_tag
from bot.domain.policy import Source
from bot.domain.refs import RefKind
from bot.ports.builder import BuildOrder
from bot.ports.index import Gathered
from bot.release.belonging import metadata_paths, package_of
from bot.release.eyes import Eyes
from bot.release.facts import Facts, Wanted
from bot.release.names import declared_name
from bot.release.sources import source_of

ORIGIN = "the build"


def builds(wanted: Wanted, facts: Facts) -> bool:
    """Whether the bot builds the release's files itself."""
    return source_of(wanted, facts) is Source.BUILD


def built_files(eyes: Eyes, wanted: Wanted, facts: Facts) -> Gathered:
    """The kept files; else new ones, built from the released commit and kept.

    Once an upload may have begun nothing is built any more: hardly a backend makes the same bytes twice.
    """
    key = wanted.id.key
    kept = eyes.kept.files(key)
    sent = any(attempt.target.startswith("index:") for attempt in facts.attempts)
    ours = all(file.job_id is None for file in kept)
    at_hand = not eyes.need_bytes or all(eyes.distributions.has(file.sha256) for file in kept)
    if kept and at_hand and (sent or ours or not eyes.need_bytes):
        return Gathered(files=kept, left_out=None)
    if sent:
        lost = "the files that were built are gone, and an index may have some of them; a new build makes other bytes"
        return Gathered(files=(), problems=(lost,))
    gathered = _build(eyes, wanted)
    if not gathered.problems:
        eyes.kept.keep(key, gathered.files)
    return gathered


def _build(eyes: Eyes, wanted: Wanted) -> Gathered:
    project, sha = wanted.id.project_id, wanted.id.sha
    archive = eyes.archives.archive(project, sha)
    if archive is None:
        return Gathered(
            files=(), problems=(f"GitLab has no archive of {sha[:8]}: is its repository there?",), again=True
        )
    version = version_of_tag(wanted.id.ref) if wanted.id.kind is RefKind.TAG else None
    try:
        folder, name = _place(eyes, wanted)
        told = None if version is None else str(version)
        built = eyes.builder.build(archive, BuildOrder(sha=sha, folder=folder, version=told, name=name))
    finally:
        archive.unlink(missing_ok=True)
    if built.files is None:
        return Gathered(files=(), problems=built.problems, again=built.again)
    try:
        return eyes.distributions.gather([(None, ORIGIN, built.files)])
    finally:
        built.files.unlink(missing_ok=True)


def _place(eyes: Eyes, wanted: Wanted) -> tuple[str, str | None]:
    """The folder of the release's package, and its name as it is declared there; the top if nothing says otherwise."""
    named = package_of(wanted)
    for path in metadata_paths(wanted.id):
        folder, _, file = path.rpartition("/")
        text = eyes.contents.file(wanted.id.project_id, path, wanted.id.sha)
        name = declared_name(file, text) if text is not None else None
        if name is not None and (not named or same_name(name, named)):
            return folder, name
    return "", None
