"""What a verified webhook hints at. A hook is a hint, the API is the fact: nothing is released on its word alone.

Source: GitLab, lib/gitlab/data_builder/{push,pipeline,repository}.rb. `X-Gitlab-Event` is not signed: the body's
`object_kind` says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from bot.domain.commands import WORD, Heard, NoteHome, NotePlace
from bot.domain.refs import ChangeSource, Project, RefAction, RefChange, RefKind

NO_SHA = "0" * 40
TAG_PREFIX, BRANCH_PREFIX = "refs/tags/", "refs/heads/"
# Of a system hook. Source: lib/gitlab/hook_data/project_builder.rb.
PROJECT_EVENTS = (
    "repository_update",
    "project_create",
    "project_destroy",
    "project_rename",
    "project_transfer",
    "project_update",
    "project_archive",
)
_NOTE_HOMES = {"MergeRequest": ("merge_request", NoteHome.MERGE_REQUEST), "Issue": ("issue", NoteHome.ISSUE)}
MOST_NUMBER = 2**63  # what a database takes
# A pipeline that is on its way tells nothing that a release waits for.
UNDER_WAY = ("created", "pending", "running", "preparing", "waiting_for_resource")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefHint:
    """A ref was made, moved or deleted. `before` is the commit it pointed to, as the sender knew; None: it was new."""

    project: Project
    change: RefChange
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectHint:
    """Something happened to a project or to refs that the event does not name well enough: look at it."""

    project: Project


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineHint:
    """A pipeline of a ref changed its status; a release may wait for it. `under_way` if it will change by itself."""

    project: Project
    kind: RefKind
    ref: str
    sha: str
    under_way: bool = False

    @property
    def key(self) -> str:
        """The key of the release that may wait for it."""
        return f"{self.project.id}/{self.ref}@{self.sha}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestHint:
    """A merge request was opened or changed, merged or closed."""

    project: Project
    iid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHint:
    """Somebody wrote a note with our word in it."""

    project: Project
    heard: Heard


@dataclass(frozen=True, slots=True)
class Ignored:
    """Authentic, but nothing for us; `why` is for the log."""

    why: str


Hint = RefHint | ProjectHint | PipelineHint | MergeRequestHint | NoteHint | Ignored


def read_hook(body: Mapping[str, object]) -> Hint:
    """Read a payload; whatever is missing or of another shape makes it `Ignored`, never an error."""
    kind = body.get("object_kind") or body.get("event_name")
    if kind == "tag_push":
        return _push(body, RefKind.TAG, TAG_PREFIX)
    if kind == "push":
        return _push(body, RefKind.BRANCH, BRANCH_PREFIX)
    if kind == "pipeline":
        return _pipeline(body)
    if kind == "merge_request":
        return _merge_request(body)
    if kind == "note":
        return _note(body)
    if not isinstance(kind, str):
        return Ignored("unknown events start nothing")
    return _touched(body) if kind in PROJECT_EVENTS else Ignored(f"{kind} events start nothing")


def _push(body: Mapping[str, object], kind: RefKind, prefix: str) -> RefHint | Ignored:
    project, ref = _project(body.get("project")), _text(body.get("ref"))
    if project is None or ref is None or not ref.startswith(prefix):
        return Ignored(f"a {kind.value} push without project or {kind.value}")
    before, after, commit = (_sha(body.get(name)) for name in ("before", "after", "checkout_sha"))
    before = None if before == NO_SHA else before
    if after is None or after == NO_SHA:
        sha, action = before, RefAction.DELETED
    else:
        # `checkout_sha` is the commit; `after` is the tag object of an annotated tag.
        sha, action = commit, RefAction.CREATED if before is None else RefAction.MOVED
    if sha is None:
        return Ignored(f"a {kind.value} push without a commit")
    change = RefChange(
        project_id=project.id,
        project=project.full_path,
        kind=kind,
        ref=ref.removeprefix(prefix),
        sha=sha,
        action=action,
        source=ChangeSource.HOOK,
    )
    return RefHint(project=project, change=change, before=before)


def _touched(body: Mapping[str, object]) -> ProjectHint | Ignored:
    """System hooks name the project in one of two ways, and `repository_update` names tag objects, not commits."""
    project, number, path = _project(body.get("project")), body.get("project_id"), body.get("path_with_namespace")
    project = project or _project({"id": number, "path_with_namespace": path})
    if project is not None:
        return ProjectHint(project=project)
    return Ignored("a project event without a project")


def _pipeline(body: Mapping[str, object]) -> Hint:
    attributes, project = body.get("object_attributes"), _project(body.get("project"))
    if project is None or not isinstance(attributes, Mapping):
        return Ignored("a pipeline without project or attributes")
    ref, sha = _text(attributes.get("ref")), _sha(attributes.get("sha"))
    if ref is None or sha is None:
        return Ignored("a pipeline without ref or commit")
    kind = RefKind.TAG if attributes.get("tag") is True else RefKind.BRANCH
    under_way = attributes.get("status") in UNDER_WAY
    return PipelineHint(project=project, kind=kind, ref=ref, sha=sha, under_way=under_way)


def _merge_request(body: Mapping[str, object]) -> Hint:
    """Source: lib/gitlab/hook_data/merge_request_builder.rb; `project` is the target's."""
    attributes, project = body.get("object_attributes"), _project(body.get("project"))
    iid = attributes.get("iid") if isinstance(attributes, Mapping) else None
    if project is None or not _is_number(iid):
        return Ignored("a merge request without project or number")
    return MergeRequestHint(project=project, iid=iid)


def _note(body: Mapping[str, object]) -> Hint:
    """Only that there is one is believed. Source: lib/gitlab/data_builder/note.rb; `action` since 16.11."""
    attributes, project = body.get("object_attributes"), _project(body.get("project"))
    if project is None or not isinstance(attributes, Mapping):
        return Ignored("a note without project or attributes")
    if WORD not in str(attributes.get("note") or "") or attributes.get("system"):
        return Ignored("a note without a command")
    if body.get("event_type") == "confidential_note" or attributes.get("internal"):
        return Ignored("confidential notes are not read")
    if attributes.get("action", "create") != "create":
        return Ignored("a note that was changed is not read anew")
    found = _NOTE_HOMES.get(str(attributes.get("noteable_type")))
    owner = body.get(found[0]) if found else None
    number, iid = attributes.get("id"), owner.get("iid") if isinstance(owner, Mapping) else None
    if found is None or not _is_number(number) or not _is_number(iid):
        return Ignored("a note on something else")
    place = NotePlace(project_id=project.id, home=found[1], iid=iid)
    return NoteHint(project=project, heard=Heard(note_id=number, place=place))


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < MOST_NUMBER


def _project(value: object) -> Project | None:
    if not isinstance(value, Mapping):
        return None
    number, path = value.get("id"), _text(value.get("path_with_namespace"))
    if not _is_number(number) or path is None:
        return None
    return Project(
        id=number,
        full_path=path,
        web_url=_text(value.get("web_url")) or "",
        default_branch=_text(value.get("default_branch")),
    )


def _text(value: object) -> str | None:
    """A name as git and GitLab know names: nothing that no database would keep or that moves a cursor."""
    good = isinstance(value, str) and not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in value)
    return str(value) if good else None


def _sha(value: object) -> str | None:
    is_sha = isinstance(value, str) and len(value) in (40, 64) and all(c in "0123456789abcdef" for c in value)
    return str(value) if is_sha else None
