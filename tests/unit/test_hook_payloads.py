"""What a webhook's body hints at."""

from __future__ import annotations

import json
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.refs import ChangeSource, Project, RefAction, RefChange, RefKind
from bot.watch.hook import NO_SHA, Ignored, MergeRequestHint, PipelineHint, RefHint, read_hook
from tests.unit.release_facts import OTHER_SHA, SHA

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

TAG_OBJECT = "5" * 40
PROJECT: dict[str, Json] = {
    "id": 42,
    "path_with_namespace": "acme/tools/widget",
    "web_url": "https://gitlab.example.com/acme/tools/widget",
    "default_branch": "main",
}


def tag_push(**fields: Json) -> dict[str, Json]:
    """A protected annotated tag was pushed. Source: lib/gitlab/data_builder/push.rb."""
    return {
        "object_kind": "tag_push",
        "event_name": "tag_push",
        "before": NO_SHA,
        "after": TAG_OBJECT,
        "ref": "refs/tags/v1.1.0",
        "ref_protected": True,
        "checkout_sha": SHA,
        "project_id": 42,
        "project": PROJECT,
        "commits": [],
        "total_commits_count": 0,
        **fields,
    }


def pipeline(**attributes: Json) -> dict[str, Json]:
    """A tag's pipeline ended. Its variables carry values, which nobody may keep."""
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": 7,
            "ref": "v1.1.0",
            "tag": True,
            "sha": SHA,
            "status": "success",
            "variables": [{"key": "TWINE_PASSWORD", "value": "planted secret"}],
            **attributes,
        },
        "project": PROJECT,
    }


def hinted(sha: str, action: RefAction, before: str | None = None) -> RefHint:
    return RefHint(
        before=before,
        project=Project(
            id=42,
            full_path="acme/tools/widget",
            web_url="https://gitlab.example.com/acme/tools/widget",
            default_branch="main",
        ),
        change=RefChange(
            project_id=42,
            project="acme/tools/widget",
            kind=RefKind.TAG,
            ref="v1.1.0",
            sha=sha,
            action=action,
            source=ChangeSource.HOOK,
        ),
    )


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (tag_push(), hinted(SHA, RefAction.CREATED)),
        (tag_push(after=SHA), hinted(SHA, RefAction.CREATED)),
        (tag_push(before=OTHER_SHA), hinted(SHA, RefAction.MOVED, OTHER_SHA)),
        (tag_push(before=OTHER_SHA, after=NO_SHA, checkout_sha=None), hinted(OTHER_SHA, RefAction.DELETED, OTHER_SHA)),
        (tag_push(object_kind=None), hinted(SHA, RefAction.CREATED)),
    ],
)
def test_a_tag_push_hints_at_the_commit_not_at_the_tag_object(body: dict[str, Json], hint: RefHint) -> None:
    assert read_hook(body) == hint


def test_a_tag_may_have_slashes_in_its_name() -> None:
    hint = read_hook(tag_push(ref="refs/tags/pkg/v1"))
    assert isinstance(hint, RefHint)
    assert hint.change.ref == "pkg/v1"


@pytest.mark.parametrize("status", ["success", "failed", "canceled", "skipped", "manual"])
def test_a_pipeline_that_stands_still_hints_at_its_ref_and_commit(status: str) -> None:
    hint = read_hook(pipeline(status=status))
    assert isinstance(hint, PipelineHint)
    assert (hint.key, hint.kind, hint.under_way) == (f"42/v1.1.0@{SHA}", RefKind.TAG, False)


@pytest.mark.parametrize("status", ["created", "pending", "running"])
def test_a_pipeline_that_will_change_by_itself_hints_at_no_more_than_that(status: str) -> None:
    hint = read_hook(pipeline(status=status))
    assert isinstance(hint, PipelineHint)
    assert hint.under_way


def test_a_merge_request_hints_at_its_number() -> None:
    body = {"object_kind": "merge_request", "project": PROJECT, "object_attributes": {"iid": 3, "action": "open"}}
    hint = read_hook(body)
    assert isinstance(hint, MergeRequestHint)
    assert (hint.project.id, hint.iid) == (42, 3)
    for iid in (True, "3", None):
        hint = read_hook({**body, "object_attributes": {"iid": iid}})
        assert hint == Ignored("a merge request without project or number")


def test_no_value_of_a_variable_leaves_the_payload() -> None:
    assert "planted secret" not in repr(read_hook(pipeline()))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "unknown events start nothing"),
        ({"object_kind": "push"}, "a branch push without project or branch"),
        ({"object_kind": "note"}, "a note without project or attributes"),
        ({"object_kind": ["tag_push"]}, "unknown events start nothing"),
        ({"event_name": "repository_update"}, "a project event without a project"),
        ({"event_name": "project_rename", "project_id": "42"}, "a project event without a project"),
        (tag_push(project=None), "a tag push without project or tag"),
        (tag_push(project={**PROJECT, "id": "42"}), "a tag push without project or tag"),
        (tag_push(project={**PROJECT, "id": True}), "a tag push without project or tag"),
        (tag_push(ref="refs/heads/main"), "a tag push without project or tag"),
        (tag_push(checkout_sha=None), "a tag push without a commit"),
        (tag_push(checkout_sha="HEAD"), "a tag push without a commit"),
        (tag_push(checkout_sha=SHA.upper()), "a tag push without a commit"),
        (tag_push(before="x", after=NO_SHA), "a tag push without a commit"),
        (pipeline(sha=None), "a pipeline without ref or commit"),
        (pipeline(ref=5), "a pipeline without ref or commit"),
        ({"object_kind": "pipeline", "project": PROJECT}, "a pipeline without project or attributes"),
    ],
)
def test_whatever_is_missing_or_odd_is_ignored_with_the_reason(body: dict[str, Json], why: str) -> None:
    assert read_hook(body) == Ignored(why)


VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([SHA, NO_SHA]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=12), VALUES, max_size=4))
def test_no_json_object_makes_reading_raise(body: dict[str, Json]) -> None:
    assert isinstance(read_hook(json.loads(json.dumps(body))), Ignored)


@given(st.sampled_from(["tag_push", "pipeline"]), st.data())
def test_no_distorted_payload_makes_reading_raise(kind: str, data: st.DataObject) -> None:
    body = tag_push() if kind == "tag_push" else pipeline()
    for place in data.draw(st.lists(st.sampled_from(sorted(body)), min_size=1, max_size=4)):
        inner = body.get(place)
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            body[place] = {**inner, data.draw(st.sampled_from(sorted(inner))): data.draw(VALUES)}
        else:
            body[place] = data.draw(VALUES)
    hint = read_hook(body)
    if isinstance(hint, RefHint):
        assert len(hint.change.sha) in (40, 64)
        assert isinstance(hint.project.id, int)


ODD = [
    tag_push(ref="refs/tags/v\0001"),
    tag_push(ref="refs/tags/v\ud8001"),
    tag_push(ref="refs/tags/v\x1b[2J"),
    tag_push(project={**PROJECT, "id": 2**63}),
    tag_push(project={**PROJECT, "id": 0}),
    tag_push(project={**PROJECT, "path_with_namespace": "acme/\udfff"}),
    pipeline(ref="v\ud8001"),
    {"object_kind": "merge_request", "project": PROJECT, "object_attributes": {"iid": 2**63}},
]


@pytest.mark.parametrize("body", ODD)
def test_what_no_database_keeps_and_no_git_makes_starts_nothing(body: dict[str, Json]) -> None:
    """It would be an error of ours, answered 503, and enough of those switch the hook off."""
    assert isinstance(read_hook(body), Ignored)
