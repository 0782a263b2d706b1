"""Names and versions of distributions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.domain.distributions import (
    DistributionKind,
    FileName,
    parse_filename,
    parse_version,
    same_name,
    version_of_tag,
)

WHEEL, SDIST = DistributionKind.WHEEL, DistributionKind.SDIST


@pytest.mark.parametrize(
    ("filename", "kind", "name", "version"),
    [
        ("acme_widget-1.1.0-py3-none-any.whl", WHEEL, "acme-widget", "1.1.0"),
        ("acme_widget-1.1.0-1-cp311-cp311-linux_x86_64.whl", WHEEL, "acme-widget", "1.1.0"),
        ("acme.widget-1.1.0.tar.gz", SDIST, "acme-widget", "1.1.0"),
        ("acme-widget-1.0rc1.tar.gz", SDIST, "acme-widget", "1.0rc1"),
    ],
)
def test_a_file_name_says_kind_name_and_version(filename: str, kind: DistributionKind, name: str, version: str) -> None:
    assert parse_filename(filename) == FileName(kind=kind, name=name, version=Version(version))


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "widget.whl",
        "widget-1.0.zip",
        "widget-1.0.tar.bz2",
        "widget-one-py3-none-any.whl",
        "widget-.tar.gz",
        ".tar.gz",
        "widget-1.0-py3-none-any.whl.asc",
        "notes.txt",
    ],
)
def test_what_is_no_distribution_is_none(filename: str) -> None:
    assert parse_filename(filename) is None


@given(st.text(max_size=40), st.sampled_from(["", ".whl", ".tar.gz", "-1.0-py3-none-any.whl"]))
def test_no_file_name_raises(stem: str, suffix: str) -> None:
    parse_filename(stem + suffix)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("Acme_Widget", "acme-widget", True), ("a.b", "a--b", True), ("acme", "acme2", False)],
)
def test_names_are_compared_as_an_index_does(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same
    assert same_name(other, one) is same


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v1.2.3", "1.2.3"),
        ("1.2.3", "1.2.3"),
        ("pkg/v1.2", "1.2"),
        ("a/b/v2.0rc1", "2.0rc1"),
        ("v1.0-beta.1", "1.0b1"),
        ("v1.0+local", "1.0+local"),
        ("latest", None),
        ("v", None),
        ("release-1.0", None),
        ("v1.0/docs", None),
    ],
)
def test_a_tag_announces_the_version_in_its_last_part(tag: str, version: str | None) -> None:
    assert version_of_tag(tag) == (None if version is None else Version(version))


@given(st.text(max_size=20))
def test_no_text_makes_reading_a_version_raise(text: str) -> None:
    parse_version(text)
    version_of_tag(text)
