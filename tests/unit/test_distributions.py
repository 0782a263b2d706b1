"""Names and versions of distributions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from bot.domain.distributions import (
    DistributionKind,
    FileName,
    TagName,
    parse_filename,
    parse_version,
    read_tag,
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
        ("release-1.0", "1.0"),
        ("acme-core-v1.2", "1.2"),
        ("acme_core@1.2.dev3", "1.2.dev3"),
        ("libs/core-1!2.0.post1", "1!2.0.post1"),
        ("core-1.0-1", "1.0.post1"),
        ("py3-core-2.0", "2.0"),
        ("core--1.0", None),
        ("-1.0", None),
        ("core@", None),
        ("v1.0/docs", None),
    ],
)
def test_a_tag_announces_the_version_in_its_last_part(tag: str, version: str | None) -> None:
    assert version_of_tag(tag) == (None if version is None else Version(version))


@pytest.mark.parametrize(
    ("tag", "prefix", "package"),
    [
        ("v1.2", "", ""),
        ("v1.0-rc1", "", ""),
        ("pkg/v1.2", "pkg", "pkg"),
        ("libs/Acme_Core/v1.2", "libs/Acme_Core", "acme-core"),
        ("acme-core-v1.2", "acme-core", "acme-core"),
        ("acme.core@1.2", "acme.core", "acme-core"),
        ("libs/core-1.2", "libs/core", "core"),
        ("core-1.0-1", "core", "core"),
        ("latest", "", ""),
        ("docs/latest", "docs", "docs"),
    ],
)
def test_what_stands_before_the_version_names_the_package(tag: str, prefix: str, package: str) -> None:
    found = read_tag(tag)
    assert (found.prefix, found.package) == (prefix, package)


numbers = st.integers(0, 2030)
releases = st.lists(numbers, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
versions = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "1!", "2!"]),
    releases,
    st.sampled_from(["", "a1", "b2", "rc3"]),
    st.sampled_from(["", ".post1", ".post20"]),
    st.sampled_from(["", ".dev0", ".dev7"]),
    st.sampled_from(["", "+local", "+ubuntu.1"]),
)
# A name that ends in a number leaves open where it ends: policy's `package` settles that.
names = st.from_regex(r"[A-Za-z]([A-Za-z0-9._\-]{0,12}[A-Za-z])?", fullmatch=True).filter(
    lambda name: not any(part[:1].isdigit() or part[:1] in "vV" for part in re.split(r"[@\-_]", name)[1:])
)


@given(name=names, sign=st.sampled_from(["/", "/v", "-", "-v", "@", "@v", "_", "_v"]), version=versions)
def test_every_pep_440_version_is_found_behind_every_name(name: str, sign: str, version: str) -> None:
    found = read_tag(f"{name}{sign}{version}")
    assert (found.package, found.version) == (canonicalize_name(name), Version(version))


@given(version=versions, v=st.sampled_from(["", "v"]))
def test_a_version_alone_is_no_prefix_however_it_is_written(version: str, v: str) -> None:
    for written in (version, str(Version(version)), version.upper()):
        assert read_tag(v + written) == TagName(prefix="", version=Version(version))


@given(st.text(max_size=20))
def test_no_text_makes_reading_a_version_raise(text: str) -> None:
    parse_version(text)
    version_of_tag(text)
