"""Projects, refs and the patterns that name them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.refs import Target, matches_path, matches_wildcard, parse_target

NAMES = st.text(st.sampled_from("av1./-_*+[]()é\n"), max_size=12)


@pytest.mark.parametrize(
    ("text", "project", "ref"),
    [
        ("acme/tools/widget@v1.2.3", "acme/tools/widget", "v1.2.3"),
        ("42@v1", "42", "v1"),
        ("acme/w@pkg/v1", "acme/w", "pkg/v1"),
        ("acme/w@a@b", "acme/w", "a@b"),
        ("/acme/w/@main", "acme/w", "main"),
    ],
)
def test_a_target_is_split_at_the_first_at(text: str, project: str, ref: str) -> None:
    assert parse_target(text) == Target(project, ref)


@pytest.mark.parametrize("text", ["", "acme/w", "@v1", "acme/w@", "/@v1", "@"])
def test_a_target_without_project_or_ref_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"{text!r} is not PROJECT@REF, for example acme/tools/widget@v1.2.3")
    ):
        parse_target(text)


@given(st.text("abc/-", min_size=1).filter(lambda s: s.strip("/") == s and s), st.text(min_size=1))
def test_a_target_reads_back_what_it_shows(project: str, ref: str) -> None:
    assert parse_target(str(Target(project, ref))) == Target(project, ref)


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("v*", "v1.0", True),
        ("v*", "v", True),
        ("v*", "V1.0", False),
        ("v*", "xv1", False),
        ("v*", "v1/rc", True),
        ("*", "release/1.0", True),
        ("*/v*", "pkg/v1", True),
        ("*/v*", "v1", False),
        ("v1.0", "v1.0", True),
        ("v1.0", "v1x0", False),
        ("v1.*.0", "v1.2.0", True),
        ("v[0-9]", "v1", False),
        ("v*", "v1\n", True),
        ("v1", "v1\n", False),
        ("", "", True),
        ("", "v", False),
    ],
)
def test_only_the_star_is_special_and_it_crosses_slashes(pattern: str, name: str, covered: bool) -> None:
    assert matches_wildcard(pattern, name) is covered


@given(NAMES.filter(lambda s: "*" not in s))
def test_a_pattern_without_a_star_covers_itself_alone(name: str) -> None:
    assert matches_wildcard(name, name)
    assert not matches_wildcard(name, name + "x")


@given(st.lists(NAMES.filter(lambda s: "*" not in s), min_size=1, max_size=4), st.data())
def test_a_star_stands_for_any_run_of_characters(parts: list[str], data: st.DataObject) -> None:
    filled = parts[0] + "".join(data.draw(NAMES) + part for part in parts[1:])
    assert matches_wildcard("*".join(parts), filled)


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("acme/**", "acme/widget", True),
        ("acme/**", "acme/tools/widget", True),
        ("acme/**", "ACME/Widget", True),
        ("acme/**", "acme", False),
        ("acme/**", "acmes/widget", False),
        ("acme/*", "acme/widget", True),
        ("acme/*", "acme/tools/widget", False),
        ("acme/*/widget", "acme/tools/widget", True),
        ("acme/*/widget", "acme/a/b/widget", False),
        ("acme/**/widget", "acme/a/b/widget", True),
        ("**", "acme/widget", True),
        ("**/widget", "acme/tools/widget", True),
        ("acme/lib-*", "acme/lib-rope", True),
        ("acme/lib-*", "acme/lib-a/b", False),
        ("acme/w.dget", "acme/widget", False),
        ("/acme/widget/", "acme/widget", True),
    ],
)
def test_two_stars_cross_slashes_and_one_does_not(pattern: str, path: str, covered: bool) -> None:
    assert matches_path(pattern, path) is covered
