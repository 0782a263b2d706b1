"""CI files of one project at a commit. See bot.ports.merge_requests.CiTexts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.asking import Asker
from bot.adapters.gitlab.estate.blobs import MOST_BYTES, Blob, blobs_at
from bot.adapters.gitlab.estate.reading import within
from bot.domain.errors import RefusedError
from bot.domain.merge_requests import FileText


class GitLabCiTexts:
    """See bot.ports.merge_requests.CiTexts."""

    def __init__(self, api: Api, count: Callable[[], int], wait: Callable[[float], None] = time.sleep) -> None:
        self._asker = Asker(api, count, wait)

    def path(self, project: str) -> str | None:
        """Where the settings put it."""
        found = within(self._asker.graphql(queries.CONFIG_PATH, {"path": project}), "project", "ciConfigPathOrDefault")
        return None if found is None else str(found)

    def oids(self, project: str, sha: str, paths: Collection[str]) -> Mapping[str, str]:
        """Blobs, without their texts."""
        return {path: blob.oid for path, blob in self._blobs(project, sha, paths).items()}

    def texts(self, project: str, sha: str, paths: Collection[str]) -> Mapping[str, FileText]:
        """Only files that are not too large are asked for their texts."""
        blobs = self._blobs(project, sha, paths)
        small = [path for path, blob in blobs.items() if blob.size <= MOST_BYTES]
        texts = blobs_at(self._asker, project, small, sha, texts=True) or {}
        return {
            path: FileText(oid=blob.oid, text=texts[path].text if path in texts else None)
            for path, blob in blobs.items()
        }

    def _blobs(self, project: str, sha: str, paths: Collection[str]) -> Mapping[str, Blob]:
        blobs = blobs_at(self._asker, project, paths, sha)
        if blobs is None:
            raise RefusedError(
                what=f"the code of {project} may not be read",
                where=self._asker.api.where,
                remedy="The token's user needs Reporter in the project",
            )
        return blobs
