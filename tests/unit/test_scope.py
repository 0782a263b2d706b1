"""Which projects the bot looks after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.refs import Project
from bot.watch.scope import Scope
from tests.unit.release_facts import PROJECT


def project(path: str, *, archived: bool = False, topics: tuple[str, ...] = ()) -> Project:
    return replace(PROJECT, full_path=path, archived=archived, topics=topics)


@pytest.mark.parametrize(
    ("scope", "path", "covered"),
    [
        (Scope(), "acme/widget", False),
        (Scope(groups=("acme",)), "acme/widget", True),
        (Scope(groups=("acme",)), "acme/tools/widget", True),
        (Scope(groups=("ACME",)), "acme/widget", True),
        (Scope(groups=("acme",)), "acme-old/widget", False),
        (Scope(groups=("acme/tools",)), "acme/widget", False),
        (Scope(groups=("**",)), "anybody/anything", True),
        (Scope(projects=("acme/widget",)), "acme/widget", True),
        (Scope(projects=("acme/lib-*",)), "acme/lib-rope", True),
        (Scope(projects=("acme/lib-*",)), "acme/lib/rope", False),
        (Scope(groups=("acme",), exclude=("acme/archive/**",)), "acme/archive/widget", False),
        (Scope(groups=("acme",), exclude=("acme/archive/**",)), "acme/archived", True),
        (Scope(projects=("acme/widget",), exclude=("**/widget",)), "acme/widget", False),
    ],
)
def test_groups_and_patterns_name_projects_and_exclusions_win(scope: Scope, path: str, covered: bool) -> None:
    assert scope.covers(project(path)) is covered


def test_a_topic_names_projects_wherever_they_are() -> None:
    scope = Scope(topics=("pypi",))
    assert scope.covers(project("acme/widget", topics=("python", "pypi")))
    assert not scope.covers(project("acme/widget", topics=("pypi-old",)))


@given(st.lists(st.sampled_from(["acme", "**", "acme/tools"]), max_size=3).map(tuple))
def test_an_archived_project_is_never_in_scope(groups: tuple[str, ...]) -> None:
    scope = Scope(groups=groups, projects=("**",), topics=("pypi",))
    assert not scope.covers(project("acme/tools/widget", archived=True, topics=("pypi",)))
