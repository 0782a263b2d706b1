"""The next version: what changes ask for, and what PEP 440 and Semantic Versioning make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.domain.gitlab import Commit, MergeRequest
from bot.domain.policy import HygienePolicy, Policy, ReleaseRule
from bot.domain.versioning import (
    Auto,
    Bump,
    PreRelease,
    VersioningPolicy,
    VersionSource,
    bump_of_commits,
    bump_of_labels,
    bumped,
    next_version,
)
from bot.settings import check, load

SHA = "a" * 40


def commits(*messages: str) -> list[Commit]:
    return [Commit(sha=f"{at:040d}", message=message, author="Ada") for at, message in enumerate(messages)]


@pytest.mark.parametrize(
    ("messages", "bump"),
    [
        ((), Bump.NONE),
        (("Add things", "docs: say more", "chore(ci): mend"), Bump.NONE),
        (("fix: a",), Bump.PATCH),
        (("perf: a", "docs: b"), Bump.PATCH),
        (("fix: a", "feat(x): b"), Bump.MINOR),
        (("feat: a", "fix!: b"), Bump.MAJOR),
        (("docs: a\n\nBREAKING CHANGE: all of it",), Bump.MAJOR),
        (("feat: a", f'Revert "feat: a"\n\nThis reverts commit {0:040d}.'), Bump.NONE),
        (("# feat: a comment",), Bump.NONE),
        (("feature: a",), Bump.NONE),
    ],
)
def test_what_commits_ask_for(messages: tuple[str, ...], bump: Bump) -> None:
    assert bump_of_commits(commits(*messages)) is bump


@pytest.mark.parametrize(
    ("labels", "bump"),
    [
        ([()], Bump.NONE),
        ([("bug", "minor")], Bump.NONE),
        ([("version::patch",), ("Version::Minor", "x")], Bump.MINOR),
        ([("version::major",), ("version::patch",)], Bump.MAJOR),
    ],
)
def test_what_labels_ask_for(labels: list[tuple[str, ...]], bump: Bump) -> None:
    made = [MergeRequest(iid=1, title="", web_url="", author="", labels=one) for one in labels]
    assert bump_of_labels(made) is bump


@pytest.mark.parametrize(
    ("last", "bump", "pre", "known", "version"),
    [
        (None, Bump.PATCH, None, (), "0.1.0"),
        (None, Bump.MAJOR, PreRelease.CANDIDATE, (), "0.1.0rc1"),
        ("1.2.3", Bump.PATCH, None, (), "1.2.4"),
        ("1.2.3", Bump.MINOR, None, (), "1.3.0"),
        ("1.2.3", Bump.MAJOR, None, (), "2.0.0"),
        ("0.2.3", Bump.MAJOR, None, (), "0.3.0"),
        ("0.2.3", Bump.PATCH, None, (), "0.2.4"),
        ("1.2.3.post1", Bump.PATCH, None, (), "1.2.4"),
        ("1.2.3", Bump.MINOR, PreRelease.CANDIDATE, ("1.3.0rc1", "1.3.0rc9", "1.3.0b12", "1.2.4rc20"), "1.3.0rc10"),
        ("1.2.3", Bump.MINOR, PreRelease.BETA, ("1.3.0a2",), "1.3.0b1"),
        ("1.2.3", Bump.MINOR, None, ("1.3.0rc1",), "1.3.0"),
    ],
)
def test_the_next_version(
    last: str | None, bump: Bump, pre: PreRelease | None, known: tuple[str, ...], version: str
) -> None:
    found = next_version(None if last is None else Version(last), bump, map(Version, known), pre=pre)
    assert str(found) == version


@given(
    st.tuples(*[st.integers(0, 99)] * 3),
    st.sampled_from([Bump.PATCH, Bump.MINOR, Bump.MAJOR]),
    st.sampled_from([None, *PreRelease]),
    st.lists(st.integers(0, 9)),
)
def test_the_next_version_is_always_higher_and_never_taken(
    last: tuple[int, ...], bump: Bump, pre: PreRelease | None, numbers: list[int]
) -> None:
    before = Version(".".join(map(str, last)))
    known = [Version(f"{bumped(before, bump)}{(pre or PreRelease.BETA).value}{number}") for number in numbers]
    found = next_version(before, bump, known, pre=pre)
    assert found > before
    assert found not in known
    assert found.is_prerelease is (pre is not None)
    assert VersioningPolicy().read(VersioningPolicy().name(found)) == found


@pytest.mark.parametrize(
    ("pattern", "tag", "version"),
    [
        ("v{version}", "v1.2.3", "1.2.3"),
        ("v{version}", "v1.2.3rc1", "1.2.3rc1"),
        ("v{version}", "v1.2", None),
        ("v{version}", "v1.2.3-rc1", None),
        ("v{version}", "1.2.3", None),
        ("v{version}", "v", None),
        ("acme-core/v{version}", "acme-core/v1.2.3", "1.2.3"),
        ("acme-core/v{version}", "v1.2.3", None),
        ("rel-{version}-x", "rel-1.2.3-x", "1.2.3"),
    ],
)
def test_only_tags_that_are_called_so_are_read(pattern: str, tag: str, version: str | None) -> None:
    found = VersioningPolicy(tag=pattern).read(tag)
    assert (None if found is None else str(found)) == version


HEAD = "gitlab: {url: https://gitlab.example.com}\nindexes: {registry: {kind: gitlab}}\nreleases:\n"
RULE = '- {projects: ["**"], tags: ["v*"], indexes: [registry], '
ENVIRON = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij"}


@pytest.mark.parametrize(
    ("entry", "made"),
    [
        ("", None),
        ("versioning: {}", VersioningPolicy()),
        (
            'versioning: {by: labels, branch: stable, tag: "v{version}"}',
            VersioningPolicy(by=VersionSource.LABELS, branch="stable"),
        ),
        ("versioning: {merge_request: true}", VersioningPolicy(merge_request=True)),
        ("versioning: {auto: tag}", VersioningPolicy(auto=Auto.TAG)),
        (
            "versioning: {auto: propose, merge_request: true}",
            VersioningPolicy(auto=Auto.PROPOSE, merge_request=True),
        ),
    ],
)
def test_versioning_is_off_unless_a_rule_asks_for_it(tmp_path: Path, entry: str, made: VersioningPolicy | None) -> None:
    (tmp_path / "ropewalk.yaml").write_text(HEAD + RULE + entry + "}\n")
    assert load(None, ENVIRON, tmp_path).policy.releases[0].versioning == made


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("versioning: {tag: v}", "must hold `{version}` once"),
        ('versioning: {tag: "{version}{version}"}', "must hold `{version}` once"),
        ('versioning: {tag: "r{version}"}', "makes tags such as `r0.1.0`, which `tags` of the rule does not release"),
        ("versioning: {by: label}", "Did you mean `labels`?"),
        ("versioning: {auto: propose}", "Add `merge_request: true`, or set `auto: tag`"),
        ("versioning: {auto: off}", "versioning.auto"),
    ],
)
def test_tags_that_the_rule_would_not_release_are_refused(tmp_path: Path, entry: str, words: str) -> None:
    (tmp_path / "ropewalk.yaml").write_text(HEAD + RULE + entry + "}\n")
    assert [str(problem) for problem in check(None, ENVIRON, tmp_path) if words in str(problem)]


HEADS: list[tuple[VersioningPolicy | None, str | None]] = [
    (None, None),
    (VersioningPolicy(), None),
    (VersioningPolicy(auto=Auto.TAG), "main"),
    (VersioningPolicy(auto=Auto.PROPOSE, merge_request=True), "main"),
    (VersioningPolicy(auto=Auto.TAG, branch="stable"), "stable"),
]


@pytest.mark.parametrize(("versioning", "branch"), HEADS)
def test_new_commits_are_watched_only_where_policy_asks_for_it(
    versioning: VersioningPolicy | None, branch: str | None
) -> None:
    rule = ReleaseRule(projects=("acme/**",), tags=("v*",), versioning=versioning)
    other = ReleaseRule(projects=("acme/**",), tags=("v*",), versioning=VersioningPolicy(auto=Auto.TAG, branch="late"))
    policy = Policy(releases=(rule, other), indexes=(), hygiene=HygienePolicy())
    assert policy.watched_head("acme/widget", "main") == (branch if versioning else "late")
    assert policy.watched_head("elsewhere/widget", "main") is None
