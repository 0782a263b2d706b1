"""What a turn tells besides the notes: replies, closed issues, the failure issue, milestones; in order, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import PutOffError, RefusedError, TransientError
from bot.domain.gitlab import Issue, Variables
from bot.domain.notes import DEFAULT_NOTES, NotesStrategy
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState
from bot.notes.texts import ReleaseTexts
from tests.contract.turn_bench import WRITES, Bench, planned
from tests.unit.release_facts import OTHER_SHA, PROJECT, SHA, PlainTexts, merge_request, tag, variable

LOST = TransientError(what="the answer broke off", where="GitLab")
TEXTS = ReleaseTexts(marker_key=b"sixteen bytes or more", user_id=PlainTexts.OURS)
TELLING = replace(DEFAULT_NOTES, issues=True, failure_issue=True, failure_labels=("release",))
WEAK = Variables(flags=(variable(masked=False),))
FINE = Variables(flags=(variable(),))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path, texts=TEXTS, telling=TELLING)


def issue(iid: int) -> Issue:
    url = f"https://gitlab.example.com/-/issues/{iid}"
    return Issue(iid=iid, title="A", description="", author_id=1, open=False, web_url=url, project_id=PROJECT.id)


def protect(bench: Bench, flags: Variables) -> None:
    bench.variables.flags[PROJECT.full_path] = flags


def resumed(bench: Bench, release: Release) -> Release:
    now = bench.clock()
    return replace(release, due_at=now, asked_at=now, state=ReleaseState.PLANNED)


def bodies(bench: Bench, iid: int) -> list[str]:
    return [note.body.partition("\n")[0] for note in bench.told(iid)]


def test_a_release_that_stops_in_another_way_calls_people_once_and_the_note_is_edited(bench: Bench) -> None:
    protect(bench, WEAK)
    release = bench.turn(planned())
    assert len(bodies(bench, 1)) == 1
    protect(bench, FINE)
    bench.move_tag(tag(protected=False))
    for _ in range(2):
        release = bench.turn(resumed(bench, release))
        first, reply = bodies(bench, 1)
        assert "its ref is not protected" in first
        assert reply == first
        assert "#note_1" in bench.told(1)[1].body
    bench.move_tag(tag())
    release = bench.turn(resumed(bench, release))
    assert release.state is ReleaseState.PUBLISHED
    assert [line[0] for line in bodies(bench, 1)] == ["✅", "⛔"]


@pytest.mark.parametrize("call", ["create_note", "update_note"])
def test_a_lost_reply_or_edit_makes_no_second_call(bench: Bench, call: str) -> None:
    protect(bench, WEAK)
    release = bench.turn(planned())
    protect(bench, FINE)
    bench.move_tag(tag(protected=False))
    bench.wire.lost[call] = [LOST, LOST]
    bench.to_the_end(resumed(bench, release))
    assert len(bodies(bench, 1)) == len(bodies(bench, 2)) == 2


def test_closed_issues_are_told_once_each_when_it_is_published(bench: Bench) -> None:
    bench.history.closed = {1: (issue(5), issue(6)), 2: (issue(5),)}
    release = bench.turn(planned())
    assert release.state is ReleaseState.PUBLISHED
    told = {iid: len(notes) for (_, iid), notes in bench.issue_notes.there.items()}
    assert told == {5: 1, 6: 1}
    assert "!1" in next(iter(bench.issue_notes.there[PROJECT.id, 5].values())).body
    assert [(t.name, t.state.value) for t in release.targets[-4:]] == [
        ("note:!2", "done"),
        ("note:#5", "done"),
        ("note:#6", "done"),
        ("issue", "done"),
    ]
    bench.turn(resumed(bench, release))
    assert bench.wire.writes == [*WRITES, "create_note", "create_note"]


def test_a_stopped_release_tells_no_closed_issue(bench: Bench) -> None:
    bench.history.closed = {1: (issue(5),)}
    protect(bench, WEAK)
    bench.turn(planned())
    assert bench.issue_notes.there == {}


def test_a_failed_release_whose_tag_is_gone_leaves_the_issue(bench: Bench) -> None:
    protect(bench, WEAK)
    release = bench.turn(planned())
    assert release.state is ReleaseState.BLOCKED
    del bench.refs.heads[PROJECT.id][release.id.ref]
    release = bench.turn(replace(release, due_at=bench.clock(), wake=release.wake + 1))
    assert release.state is ReleaseState.WITHDRAWN
    assert release.due_at is None
    assert [one.open for one in bench.issues.there.values()] == [False]


def test_one_issue_tells_of_all_that_stopped_and_is_closed_by_the_run_that_mends_the_last(bench: Bench) -> None:
    protect(bench, WEAK)
    first = bench.turn(planned())
    bench.refs.heads[PROJECT.id]["v1.2.0"] = tag("v1.2.0", sha=SHA)
    assert [one.open for one in bench.issues.there.values()] == [True]
    assert "`v1.1.0`" in bench.issues.there[1].description
    before = len(bench.wire.writes)
    first = bench.turn(resumed(bench, first))
    assert len(bench.wire.writes) == before, "nothing changed"
    protect(bench, FINE)
    release = bench.turn(resumed(bench, first))
    assert release.state is ReleaseState.PUBLISHED
    assert [one.open for one in bench.issues.there.values()] == [False]
    writes = len(bench.wire.writes)
    bench.turn(resumed(bench, release))
    assert len(bench.wire.writes) == writes


@pytest.mark.parametrize("call", ["create_issue", "update_issue"])
def test_a_lost_reply_makes_no_second_issue(bench: Bench, call: str) -> None:
    bench.wire.lost[call] = [LOST]
    protect(bench, WEAK)
    release = bench.to_the_end()
    protect(bench, FINE)
    release = bench.to_the_end(resumed(bench, release))
    assert release.state is ReleaseState.PUBLISHED
    assert [one.open for one in bench.issues.there.values()] == [False]


def test_an_issue_that_cannot_be_written_changes_no_verdict(bench: Bench) -> None:
    refusal = RefusedError(what="403 for POST", where="GitLab")
    bench.wire.before["issues"] = [refusal]
    release = bench.turn(planned())
    assert release.state is ReleaseState.PUBLISHED
    assert (release.targets[-1].name, release.targets[-1].state.value) == ("issue", "failed")


def test_a_project_that_wants_no_issue_is_not_asked_for_one(bench: Bench) -> None:
    bench.telling = DEFAULT_NOTES
    protect(bench, WEAK)
    bench.turn(planned())
    assert "issues" not in bench.wire.calls
    assert bench.issues.there == {}


# milestones and sources


def test_a_milestone_called_like_the_version_is_attached_beside_those_of_people(bench: Bench) -> None:
    bench.releases.titles = ("1.1.0", "v1.1.0")
    bench.history.merged[SHA] = (replace(merge_request(1), milestone="Spring"), merge_request(2))
    release = bench.turn(planned())
    there = bench.releases.there[PROJECT.id, "v1.1.0"]
    assert there.milestones == ("v1.1.0", "1.1.0")
    bench.releases.there[PROJECT.id, "v1.1.0"] = replace(there, milestones=("Spring",))
    bench.turn(resumed(bench, release))
    assert bench.releases.there[PROJECT.id, "v1.1.0"].milestones == ("Spring", "v1.1.0", "1.1.0")
    writes = len(bench.wire.writes)
    bench.turn(resumed(bench, release))
    assert len(bench.wire.writes) == writes


def test_milestones_are_looked_for_only_where_something_shipped_has_one(bench: Bench) -> None:
    bench.releases.titles = ("v1.1.0",)
    bench.turn(planned())
    assert "milestones" not in bench.wire.calls
    bench.history.merged[SHA] = ()
    bench.turn(resumed(bench, planned()))
    assert bench.releases.there[PROJECT.id, "v1.1.0"].milestones == ("v1.1.0",)


def test_a_milestone_that_is_refused_leaves_the_release_published_and_is_told(bench: Bench) -> None:
    bench.releases.titles = ("v1.1.0",)
    bench.history.merged[SHA] = (replace(merge_request(1), milestone="v1.1.0"),)
    bench.wire.before["attach_milestones"] = [RefusedError(what="400 for PUT", where="GitLab")]
    release = bench.turn(planned())
    assert release.state is ReleaseState.PUBLISHED
    reason = next(target.reason for target in release.targets if target.name == "gitlab_release")
    assert reason == "the milestone could not be attached: GitLab: 400 for PUT"


@pytest.mark.parametrize(
    ("strategy", "text", "made", "commits", "said"),
    [
        ("auto", "## 1.1.0\n\n- laid", "", (), "the changelog file: CHANGELOG.md has a section for this version"),
        ("auto", None, "", (), "merge requests: there is no CHANGELOG.md, and commits follow no convention"),
        ("auto", "## 1.0.0\n\n- x", "", ("feat: a",), "commits: CHANGELOG.md has no section for 1.1.0, and"),
        ("auto", None, "- made", ("a\n\nChangelog: added",), "GitLab's changelog: there is no CHANGELOG.md, and"),
        ("file", None, "", (), "merge requests: there is no CHANGELOG.md"),
        ("file", "## 1.1.0\n\n- laid", "", (), "the changelog file: the policy asks for it"),
        ("conventional", None, "", ("words",), "merge requests: no new commit follows Conventional Commits"),
        ("conventional", None, "", ("fix: b",), "commits: the policy asks for it"),
        ("changelog_api", None, "- made", (), "GitLab's changelog: the policy asks for it"),
        ("changelog_api", None, None, (), "merge requests: GitLab makes no changelog of it: GitLab: 422"),
        ("changelog_api", None, "", (), "merge requests: GitLab's changelog of it is empty"),
        ("changelog_api", None, "## 1.1.0 (2026-08-03)\n\nNo changes.\n", (), "merge requests: GitLab's"),
        ("merge_requests", "## 1.1.0\n\n- laid", "", ("feat: a",), "merge requests: the policy asks for it"),
    ],
)  # fmt: skip
def test_the_source_of_the_notes_is_chosen_and_said(
    bench: Bench, strategy: str, text: str | None, made: str | None, commits: tuple[str, ...], said: str
) -> None:
    from bot.domain.gitlab import Commit

    bench.telling = replace(DEFAULT_NOTES, strategy=NotesStrategy(strategy))
    if text is not None:
        bench.refs.texts[PROJECT.id, "CHANGELOG.md", SHA] = text
    bench.history.made = RefusedError(what="422", where="GitLab") if made is None else made
    bench.history.commits = tuple(Commit(sha=f"{n}" * 40, message=one, author="A") for n, one in enumerate(commits, 1))
    release = bench.turn(planned())
    assert release.state is ReleaseState.PUBLISHED
    reason = next(target.reason for target in release.targets if target.name == "gitlab_release")
    assert reason.startswith(f"notes from {said}")
    body = bench.releases.there[PROJECT.id, "v1.1.0"].description
    assert ("- laid" in body, "- made" in body) == (
        said.startswith("the changelog file"),
        said.startswith("GitLab's changelog"),
    )


def test_a_changelog_that_did_not_change_since_the_release_before_is_not_read(bench: Bench) -> None:
    bench.telling = DEFAULT_NOTES
    bench.refs.heads[PROJECT.id]["v1.0.0"] = tag("v1.0.0", sha=OTHER_SHA)
    bench.history.paths = frozenset({"README.md"})
    bench.turn(planned())
    assert "file" not in bench.wire.calls[bench.wire.calls.index("tags") :]


# order and limits


def test_behind_a_note_that_the_limit_holds_up_the_others_wait_in_order_and_nothing_is_asked_twice(
    bench: Bench,
) -> None:
    """Notes of nine merge requests, three a minute: nine looks and nine posts in all, whatever the number of turns."""
    bench.telling = DEFAULT_NOTES
    bench.history.merged[SHA] = tuple(merge_request(iid) for iid in range(1, 10))
    later = PutOffError(what="429 for POST", where="GitLab", retry_after=timedelta(seconds=60), status=429)
    sent: list[str] = []

    def coming(call: str) -> None:
        if call != "create_note":
            return
        if sent.count("sent") % 3 == 0 and sent[-1:] != ["held"]:
            sent.append("held")
            raise later
        sent.append("sent")

    bench.wire.coming = coming
    release = bench.turn(planned())
    states = [target.state.value for target in release.targets if target.name.startswith("note")]
    assert states == ["pending"] * 9
    while release.due_at is not None:
        bench.clock.wait(max(release.due_at - bench.clock.now, timedelta()))
        release = bench.turn(release)
    assert release.state is ReleaseState.PUBLISHED
    told = [bench.told(iid)[0].id for iid in range(1, 10)]
    assert told == sorted(told)
    assert bench.wire.calls.count("notes") <= 9 + sent.count("held")
    assert bench.wire.writes.count("create_note") == 9


def test_a_branch_release_is_told_as_a_tag_is(bench: Bench) -> None:
    """No GitLab Release is made, so nothing is asked for its notes either."""
    del bench.refs.heads[PROJECT.id]["v1.1.0"]
    release = replace(planned(), id=ReleaseId(project_id=PROJECT.id, kind=RefKind.BRANCH, ref="main", sha=SHA))
    ended = bench.turn(release)
    assert "milestones" not in bench.wire.calls
    assert ended.state is not ReleaseState.PUBLISHED or bench.releases.there == {}
