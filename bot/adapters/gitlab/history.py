"""What a release ships: commits between two tags, and the merge requests they came from.

Source: lib/api/repositories.rb (compare: all commits, unpaged), lib/api/commits.rb (a commit's merge requests: matches
merge, squash and fast-forwarded commits), lib/api/merge_requests.rb.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from urllib.parse import quote

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes, Commit, Issue, MergeRequest
from bot.domain.refs import Tag

# A merge request per commit is exact but costs a request each; beyond this many, the list of merged ones is enough.
MOST_SINGLE_LOOKUPS = 8
MOST_COMMITS = 10_000
MOST_MERGE_REQUESTS = 5_000
# Lower versions that are compared, one request each, until one is found that our commit comes from.
MOST_COMPARED = 12
# Committers' clocks differ from GitLab's; a merge request is at least as young as the commits it brought.
CLOCK_SLACK = timedelta(days=2)
# Files in a comparison, below GitLab's least limit (diff_max_files; doc/administration/diff_limits.md).
MOST_DIFFS = 900
MESSAGE_LIMIT = 4_000  # characters; a footer that tells of a breaking change stands well before


# Merge requests by iid, each with the commits it is known by.
_Requests = dict[int, tuple[MergeRequest, set[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A commit as GitLab lists it."""

    commit: Commit
    parents: tuple[str, ...]
    row: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """The commits between two tags, newest first, and the files that differ."""

    rows: list[_Row]
    paths: frozenset[str] | None = None


class GitLabHistory:
    """See bot.ports.gitlab.History."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def changes(self, project_id: int, *, tag: Tag, previous: Sequence[Tag]) -> Changes:
        """The merged merge requests in `tag` that are not in the release before it, oldest first.

        That is the first of `previous` that the history of `tag` contains; where it contains none of them (releases cut
        on branches of their own), the first.
        """
        before, compared = self._since(project_id, tag, previous)
        rows = compared.rows
        commits = {row.commit.sha: row for row in rows}
        mainline = _first_parents(commits, tag.sha)
        if len(commits) == 1:
            found, listed = self._found(self._of_commits(project_id, mainline))
        elif rows:
            # Of the list only those that brought one of the commits are kept: rows are large, and may be thousands.
            listing = islice(self._merged_rows(project_id, rows), MOST_MERGE_REQUESTS)
            found, listed = self._found(listing, commits.keys())
            if len(mainline) <= MOST_SINGLE_LOOKUPS:
                # A commit that no merge request is known by may still have come by one: the middle of a fast-forward.
                known: set[str] = set().union(*(heads for _, heads in found.values()))
                found |= self._found(self._of_commits(project_id, [sha for sha in mainline if sha not in known]))[0]
        else:
            found, listed = {}, 0
        brought = _brought(commits, mainline, found)
        return Changes(
            previous_tag=before.name if before else None,
            previous_sha=before.sha if before else None,
            merge_requests=tuple(found[iid][0] for iid in sorted(found)),
            commits=tuple(_with(row.commit, brought.get(row.commit.sha)) for row in rows),
            paths=compared.paths,
            complete=len(rows) < MOST_COMMITS and listed < MOST_MERGE_REQUESTS,
        )

    def of_commit(self, project_id: int, sha: str) -> Changes:
        """The merged merge requests of that one commit, oldest first."""
        rows = self._of_commits(project_id, [sha])
        found = {one.iid: one for row in rows if (one := self._one(row)) is not None}
        return Changes(previous_tag=None, merge_requests=tuple(found[iid] for iid in sorted(found)))

    def closed_issues(self, project_id: int, iid: int) -> tuple[Issue, ...]:
        """The issues of the same project that a merge request closes."""
        rows = self._api.pages(f"/projects/{project_id}/merge_requests/{iid}/closes_issues")
        issues = (self._api.read(read_issue, row) for row in rows)
        return tuple(issue for issue in issues if issue.project_id == project_id)

    def changelog(self, project_id: int, *, version: str, sha: str, previous: str | None) -> str:
        """GitLab's own changelog of a version: commits with a `Changelog:` trailer since `previous`, as Markdown.

        Raises: RefusedError where GitLab cannot make one (a version that is not X.Y.Z, no commit to begin at).
        """
        path = f"/projects/{project_id}/repository/changelog"
        since = {"from": previous} if previous else {}
        answer = self._api.get(path, version=version, to=sha, **since)
        if answer is None:
            raise RefusedError(what="there is no changelog (404)", where=self._api.where, status=404)
        return self._api.read(lambda row: str(row["notes"]), answer)

    def _since(self, project_id: int, tag: Tag, previous: Sequence[Tag]) -> tuple[Tag | None, _Compared]:
        """The release before, and the commits since, newest first; all commits where there is none."""
        nearest: _Compared | None = None
        for before in previous[:MOST_COMPARED]:
            compared = self._compared(project_id, before, tag)
            # Whatever leads from our commit to one that it comes from ends in a commit with that as parent.
            if before.sha == tag.sha or any(before.sha in row.parents for row in compared.rows):
                return before, compared
            nearest = compared if nearest is None else nearest
        if nearest is not None:
            return previous[0], nearest
        listed = self._api.pages(f"/projects/{project_id}/repository/commits", ref_name=tag.sha)
        return None, _Compared(rows=[self._api.read(_commit, row) for row in islice(listed, MOST_COMMITS)])

    def _compared(self, project_id: int, before: Tag, tag: Tag) -> _Compared:
        path = f"/projects/{project_id}/repository/compare"
        compared = self._api.get(path, **{"from": before.sha, "to": tag.sha})
        if compared is None:
            raise RefusedError(what=f"{before.name} and {tag.name} cannot be compared", where=self._api.where)
        listed = self._api.read(lambda answer: list(answer["commits"]), compared)
        paths = self._api.read(_paths, compared)
        return _Compared(rows=[self._api.read(_commit, row) for row in reversed(listed)], paths=paths)

    def _found(self, rows: Iterable[Json], shas: Set[str] | None = None) -> tuple[_Requests, int]:
        """The merged ones among the rows, with the commits they are known by, and how many rows there were.

        With `shas` only those that are known by one of them.
        """
        found: _Requests = {}
        number = 0
        for row in rows:
            number += 1
            heads = self._api.read(_heads, row)
            if (shas is None or heads & shas) and (one := self._one(row)) is not None:
                found[one.iid] = one, heads
        return found, number

    def _of_commits(self, project_id: int, shas: Iterable[str]) -> list[Json]:
        rows: list[Json] = []
        for sha in shas:
            rows += self._api.pages(f"/projects/{project_id}/repository/commits/{quote(sha)}/merge_requests")
        return rows

    def _merged_rows(self, project_id: int, rows: Sequence[_Row]) -> Iterator[Json]:
        """Merged merge requests that may have brought one of these commits: none was last touched before them all."""
        times = [made for row in rows if (made := parse_time(row.row.get("committed_date"))) is not None]
        since = {"updated_after": (min(times) - CLOCK_SLACK).isoformat()} if times else {}
        path = f"/projects/{project_id}/merge_requests"
        return self._api.pages(path, state="merged", order_by="created_at", sort="desc", **since)

    def _one(self, row: Json) -> MergeRequest | None:
        return self._api.read(_merged, row)


def _heads(row: Json) -> set[str]:
    """The commits by which a merge request is known: its head (a fast-forward), its merge, its squash."""
    return {str(row[head]) for head in ("sha", "merge_commit_sha", "squash_commit_sha") if row.get(head)}


def _commit(row: Json) -> _Row:
    parents = tuple(map(str, row.get("parent_ids") or ()))
    commit = Commit(
        sha=str(row["id"]),
        message=str(row.get("message") or row.get("title") or "")[:MESSAGE_LIMIT],
        author=str(row.get("author_name") or ""),
        web_url=str(row.get("web_url") or ""),
        merge=len(parents) > 1,
    )
    return _Row(commit=commit, parents=parents, row={"committed_date": row.get("committed_date")})


def _paths(compared: Json) -> frozenset[str] | None:
    """The files that differ; None where GitLab may have left some out: it tells of a time-out, but not of a limit."""
    diffs = list(compared.get("diffs") or ())
    if compared.get("compare_timeout") or len(diffs) >= MOST_DIFFS:
        return None
    return frozenset(str(diff[side]) for diff in diffs for side in ("old_path", "new_path") if diff.get(side))


def _first_parents(commits: Mapping[str, _Row], head: str) -> list[str]:
    """The chain of first parents from `head` as far as the commits go: what a merge brought in hangs off its side."""
    chain: dict[str, None] = {}
    sha: str | None = head
    while sha in commits and sha is not None and sha not in chain:
        chain[sha] = None
        sha = next(iter(commits[sha].parents), None)
    return list(chain)


def _brought(commits: Mapping[str, _Row], mainline: Sequence[str], found: _Requests) -> dict[str, int]:
    """By commit, the merge request that brought it: those it is known by, and what hangs off the side of its merge."""
    brought = {sha: iid for iid, (_, heads) in sorted(found.items(), reverse=True) for sha in heads if sha in commits}
    sided = set(mainline)
    for sha in reversed(mainline):
        iid, side = brought.get(sha), list(commits[sha].parents[1:])
        while side:
            one = side.pop()
            if one not in commits or one in sided:
                continue
            sided.add(one)
            side += commits[one].parents
            if iid is not None:
                brought.setdefault(one, iid)
    return brought


def _with(commit: Commit, merge_request: int | None) -> Commit:
    return commit if merge_request is None else replace(commit, merge_request=merge_request)


def read_issue(row: Json) -> Issue:
    """An issue as GitLab lists it."""
    return Issue(
        iid=int(row["iid"]),
        title=str(row.get("title") or ""),
        description=str(row.get("description") or ""),
        author_id=int((row.get("author") or {}).get("id") or 0),
        open=row.get("state") == "opened",
        web_url=str(row.get("web_url") or ""),
        project_id=int(row.get("project_id") or 0),
    )


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
        milestone=str((row.get("milestone") or {}).get("title") or ""),
        author_id=(row.get("author") or {}).get("id"),
    )
