"""What a verified webhook hints at. A hook is a hint, the API is the fact: nothing is released on its word alone.

Source: GitLab, lib/gitlab/data_builder/push.rb and pipeline.rb. `X-Gitlab-Event` is not signed: the body's
`object_kind` says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.refs import ChangeSource, Project, RefAction, RefChange, RefKind

NO_SHA = "0" * 40
TAG_PREFIX = "refs/tags/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagHint:
    """A tag was made, moved or deleted."""

    project: Project
    change: RefChange


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineHint:
    """A pipeline of a ref changed its status; a release may wait for it."""

    project_id: int
    ref: str
    sha: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Authentic, but nothing for us; `why` is for the log."""

    why: str


Hint = TagHint | PipelineHint | Ignored


def read_hook(body: Mapping[str, object]) -> Hint:
    """Read a payload; whatever is missing or of another shape makes it `Ignored`, never an error."""
    kind = body.get("object_kind") or body.get("event_name")
    if kind == "tag_push":
        return _tag_push(body)
    if kind == "pipeline":
        return _pipeline(body)
    return Ignored(f"{kind if isinstance(kind, str) else 'unknown'} events start nothing")


def _tag_push(body: Mapping[str, object]) -> Hint:
    project, ref = _project(body.get("project")), body.get("ref")
    if project is None or not isinstance(ref, str) or not ref.startswith(TAG_PREFIX):
        return Ignored("a tag push without project or tag")
    before, after, commit = (_sha(body.get(name)) for name in ("before", "after", "checkout_sha"))
    if after is None or after == NO_SHA:
        sha, action = before, RefAction.DELETED
    else:
        # `checkout_sha` is the commit; `after` is the tag object of an annotated tag.
        sha, action = commit, RefAction.CREATED if before in (None, NO_SHA) else RefAction.MOVED
    if sha is None:
        return Ignored("a tag push without a commit")
    change = RefChange(
        project_id=project.id,
        project=project.full_path,
        kind=RefKind.TAG,
        ref=ref.removeprefix(TAG_PREFIX),
        sha=sha,
        action=action,
        source=ChangeSource.HOOK,
    )
    return TagHint(project=project, change=change)


def _pipeline(body: Mapping[str, object]) -> Hint:
    attributes, project = body.get("object_attributes"), _project(body.get("project"))
    if project is None or not isinstance(attributes, Mapping):
        return Ignored("a pipeline without project or attributes")
    ref, sha = attributes.get("ref"), _sha(attributes.get("sha"))
    if not isinstance(ref, str) or sha is None:
        return Ignored("a pipeline without ref or commit")
    if attributes.get("status") in ("created", "pending", "running", "preparing", "waiting_for_resource"):
        return Ignored("a pipeline that is still under way")
    return PipelineHint(project_id=project.id, ref=ref, sha=sha)


def _project(value: object) -> Project | None:
    if not isinstance(value, Mapping):
        return None
    number, path, url = value.get("id"), value.get("path_with_namespace"), value.get("web_url")
    branch = value.get("default_branch")
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(path, str):
        return None
    return Project(
        id=number,
        full_path=path,
        web_url=url if isinstance(url, str) else "",
        default_branch=branch if isinstance(branch, str) else None,
    )


def _sha(value: object) -> str | None:
    is_sha = isinstance(value, str) and len(value) in (40, 64) and all(c in "0123456789abcdef" for c in value)
    return str(value) if is_sha else None
