"""Blobs of CI files as GraphQL shows them: one file of many projects, or some files of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.adapters.gitlab.client import Json
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.asking import Asker
from bot.adapters.gitlab.estate.reading import nodes, within

MOST_BYTES = 1024 * 1024  # of one file; SECURITY: beyond it is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file's blob; its text where that was asked for."""

    oid: str
    size: int
    text: str | None = None


def blob_of(node: Json) -> Blob:
    """A blob. Raises: KeyError, ValueError."""
    text = node.get("rawBlob")
    return Blob(oid=str(node["oid"]), size=int(node.get("size") or 0), text=None if text is None else str(text))


def blobs_at(
    asker: Asker, project: str, paths: Collection[str], ref: str | None, *, texts: bool = False
) -> Mapping[str, Blob] | None:
    """Path -> blob of those files that a project has at a ref; None where the project's code may not be seen.

    Without `texts` their sizes come, with it their texts. Raises: TransientError, RefusedError.
    """
    if not paths:
        return {}
    variables = {"path": project, "ref": ref, "paths": list(paths), "most": len(paths)}
    data = asker.graphql(queries.TEXTS_AT if texts else queries.BLOBS_AT, variables)
    if within(data, "project", "repository") is None:
        return None
    return asker.api.read(
        lambda found: {str(node["path"]): blob_of(node) for node in found},
        nodes(data, "project", "repository", "blobs"),
    )
