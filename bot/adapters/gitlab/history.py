"""What a release ships: commits between two tags, and the merge requests they came from.

Source: lib/api/repositories.rb (compare: all commits, unpaged), lib/api/commits.rb (a commit's merge requests: matches
merge, squash and fast-forwarded commits).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import islice
from urllib.parse import quote

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import PER_PAGE, Api, Json
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes, MergeRequest
from bot.domain.refs import Tag

# A merge request per commit is exact but costs a request each; beyond this many, the list of merged ones is cheaper.
MOST_SINGLE_LOOKUPS = 8
MOST_COMMITS = 10_000
MOST_MERGE_REQUESTS = 5_000


class GitLabHistory:
    """See bot.ports.gitlab.History."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def changes(self, project_id: int, *, tag: Tag, previous: Tag | None) -> Changes:
        """The merged merge requests in `tag` that are not in `previous`, oldest first."""
        commits = self._commits(project_id, tag, previous)
        parents = dict(self._api.read(_parents, commit) for commit in commits)
        mainline = _first_parents(parents, tag.sha)
        if len(mainline) == 1:
            rows = self._of_commits(project_id, mainline)
        elif len(mainline) <= MOST_SINGLE_LOOKUPS:
            rows = self._of_mainline(project_id, mainline)
        else:
            rows = self._of_list(project_id, parents.keys())
        found = {one.iid: one for row in rows if (one := self._api.read(_merged, row)) is not None}
        return Changes(
            previous_tag=previous.name if previous else None,
            merge_requests=tuple(found[iid] for iid in sorted(found)),
            complete=len(commits) < MOST_COMMITS,
        )

    def of_commit(self, project_id: int, sha: str) -> Changes:
        """The merged merge requests of that one commit, oldest first."""
        rows = self._of_commits(project_id, [sha])
        found = {one.iid: one for row in rows if (one := self._api.read(_merged, row)) is not None}
        return Changes(previous_tag=None, merge_requests=tuple(found[iid] for iid in sorted(found)))

    def _commits(self, project_id: int, tag: Tag, previous: Tag | None) -> list[Json]:
        if previous is not None:
            path = f"/projects/{project_id}/repository/compare"
            compared = self._api.get(path, **{"from": previous.sha, "to": tag.sha})
            if compared is None:
                raise RefusedError(what=f"{previous.name} and {tag.name} cannot be compared", where=self._api.where)
            return self._api.read(lambda answer: list(answer["commits"]), compared)
        rows = self._api.pages(f"/projects/{project_id}/repository/commits", ref_name=tag.sha)
        return list(islice(rows, MOST_COMMITS))

    def _of_commits(self, project_id: int, shas: Iterable[str]) -> list[Json]:
        rows: list[Json] = []
        for sha in shas:
            rows += self._api.pages(f"/projects/{project_id}/repository/commits/{quote(sha)}/merge_requests")
        return rows

    def _of_mainline(self, project_id: int, mainline: list[str]) -> list[Json]:
        """The newest merged ones know most of these commits in one answer; only for the others each is asked."""
        listed = islice(self._merged_rows(project_id), PER_PAGE)
        known = [(row, heads) for row in listed if (heads := self._api.read(_heads, row) & set(mainline))]
        left = set(mainline).difference(*(heads for _, heads in known))
        return [row for row, _ in known] + self._of_commits(project_id, [sha for sha in mainline if sha in left])

    def _of_list(self, project_id: int, shas: Set[str]) -> list[Json]:
        """Merged merge requests one of whose three commits is among ours (head, for a fast-forward; merge; squash)."""
        rows = islice(self._merged_rows(project_id), MOST_MERGE_REQUESTS)
        return [row for row in rows if self._api.read(_heads, row) & shas]

    def _merged_rows(self, project_id: int) -> Iterator[Json]:
        return self._api.pages(
            f"/projects/{project_id}/merge_requests", state="merged", order_by="created_at", sort="desc"
        )


def _heads(row: Json) -> set[str]:
    """The commits by which a merge request is known: its head (a fast-forward), its merge, its squash."""
    return {str(row[head]) for head in ("sha", "merge_commit_sha", "squash_commit_sha") if row.get(head)}


def _parents(row: Json) -> tuple[str, tuple[str, ...]]:
    return str(row["id"]), tuple(map(str, row.get("parent_ids") or ()))


def _first_parents(parents: Mapping[str, tuple[str, ...]], head: str) -> list[str]:
    """The chain of first parents from `head` as far as the commits go: what a merge brought in hangs off its side."""
    chain: dict[str, None] = {}
    sha: str | None = head
    while sha in parents and sha is not None and sha not in chain:
        chain[sha] = None
        sha = next(iter(parents[sha]), None)
    return list(chain)


def _merged(row: Json) -> MergeRequest | None:
    if row["state"] != "merged":
        return None
    return MergeRequest(
        iid=int(row["iid"]),
        title=str(row.get("title", "")),
        web_url=str(row.get("web_url", "")),
        author=str((row.get("author") or {}).get("username", "")),
        labels=tuple(map(str, row.get("labels") or ())),
        merged_at=parse_time(row.get("merged_at")),
        author_id=(row.get("author") or {}).get("id"),
    )
