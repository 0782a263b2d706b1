"""What is decided about a verified hook, on the real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.store.commands import MOST_WAITING
from bot.adapters.store.store import Store
from bot.domain.commands import Answer, Heard, NoteHome, NotePlace, Outcome, Recent, Stage
from bot.domain.policy import HygienePolicy, Policy, ReleaseRule, Source
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseState, TargetState, TargetStatus
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.domain.versioning import Auto, VersioningPolicy
from bot.watch.early import Early, Lately
from bot.watch.intake import HookIntake
from bot.watch.scope import Scope
from tests.contract.comparisons import comparison
from tests.contract.states import file_store
from tests.unit.release_facts import NOON, OTHER_SHA, PROJECT, SHA

RULE = ReleaseRule(projects=("acme/**",), tags=("v*",), branches=("main",), indexes=("registry",))
ZEROES = "0" * 40


@dataclass(frozen=True, slots=True)
class Bench:
    """The intake and the store behind it."""

    hooks: HookIntake
    store: Store

    def take(self, body: dict[str, object]) -> str:
        """What was decided."""
        return self.hooks.take(body).words

    def releases(self) -> tuple[Release, ...]:
        """All on record."""
        return self.store.releases.releases()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = file_store(tmp_path / "ropewalk.db")
    hooks = HookIntake(
        intake=store.intake,
        enrolment=store.enrolment,
        hints=store.enrolment,
        queue=store.releases,
        waker=store.releases,
        scope=Scope(groups=("acme",)),
        policy=Policy(releases=(RULE,), indexes=(), hygiene=HygienePolicy()),
        clock=lambda: NOON,
    )
    yield Bench(hooks, store)
    store.close()


def tag_push(
    ref: str = "v1.1.0", *, before: str = ZEROES, after: str = SHA, path: str = PROJECT.full_path
) -> dict[str, object]:
    commit = None if after == ZEROES else after
    project = {"id": PROJECT.id, "path_with_namespace": path, "web_url": PROJECT.web_url, "default_branch": "main"}
    kind = {"object_kind": "tag_push", "ref": f"refs/tags/{ref}", "before": before, "after": after}
    return {**kind, "checkout_sha": commit, "project": project}


def merge_request(path: str = PROJECT.full_path) -> dict[str, object]:
    project = {"id": PROJECT.id if path == PROJECT.full_path else 99, "path_with_namespace": path}
    return {"object_kind": "merge_request", "object_attributes": {"iid": 3, "action": "open"}, "project": project}


def pipeline(
    status: str = "success", sha: str = SHA, *, ref: str = "v1.1.0", tag: bool = True, path: str = PROJECT.full_path
) -> dict[str, object]:
    project = {"id": PROJECT.id, "path_with_namespace": path}
    attributes = {"ref": ref, "tag": tag, "sha": sha, "status": status}
    return {"object_kind": "pipeline", "object_attributes": attributes, "project": project}


def test_a_new_tag_begins_one_release_however_often_it_is_told(bench: Bench) -> None:
    assert bench.take(tag_push()) == "a release begins"
    assert bench.take(tag_push()) == "taken in before"
    assert [release.key for release in bench.releases()] == [f"{PROJECT.id}/v1.1.0@{SHA}"]


@pytest.mark.parametrize(
    ("payload", "decision"),
    [
        (tag_push("nightly"), "no rule covers the tag"),
        (tag_push(path="other/widget"), "the project is out of scope"),
        ({"object_kind": "note"}, "a note without project or attributes"),
        ({}, "unknown events start nothing"),
        (pipeline(ref="nightly"), "no release waits for it"),
        (pipeline(path="other/widget"), "no release waits for it"),
        (pipeline("running", tag=False), "a pipeline that is still under way"),
        (merge_request(), "the merge request is looked at"),
        (merge_request(path="other/widget"), "the project is out of scope"),
        (tag_push(after=ZEROES, before=SHA), "nothing is released from that tag"),
    ],
)
def test_what_concerns_no_release_starts_none(bench: Bench, payload: dict[str, object], decision: str) -> None:
    assert bench.take(payload) == decision
    assert bench.releases() == ()


def test_an_old_event_delivered_again_does_not_release_an_old_tag(bench: Bench) -> None:
    bench.store.intake.compared(comparison({"v1.1.0": SHA}))
    assert bench.take(tag_push()) == "the tag is known already"
    assert bench.releases() == ()


def test_a_known_tag_that_was_deleted_and_pushed_again_is_new(bench: Bench) -> None:
    bench.store.intake.compared(comparison({"v1.1.0": SHA}))
    bench.take(tag_push(after=ZEROES, before=OTHER_SHA))
    assert bench.take(tag_push()) == "a release begins"


def test_the_deletion_of_an_annotated_tag_wakes_its_release_though_it_names_the_tag_object(bench: Bench) -> None:
    bench.take(tag_push())
    assert bench.take(tag_push(after=ZEROES, before=OTHER_SHA)) == "woke the release of a deleted tag"
    assert bench.releases()[0].wake == 1


def test_a_finished_pipeline_wakes_the_release_that_waits_for_it(bench: Bench) -> None:
    bench.take(tag_push())
    assert bench.take(pipeline()) == "woke the release"
    assert bench.take(pipeline("running")) == "a pipeline that is still under way"
    assert bench.take(pipeline(sha=OTHER_SHA, ref="nightly")) == "no release waits for it"


@pytest.mark.parametrize("status", ["created", "success"])
def test_a_pipeline_of_a_tag_that_nobody_told_of_has_its_project_looked_at(bench: Bench, status: str) -> None:
    """GitLab tells of no push of more than three tags, but of the pipelines of the first four."""
    bench.store.intake.compared(comparison({"v1.0.0": SHA}))
    assert bench.take(pipeline(status, ref="v1.0.0")) != "the project is looked at", "it is known"
    assert bench.take(pipeline(status)) == "the project is looked at"
    (due,) = bench.store.enrolment.due(NOON, 9)
    assert (due.project.id, due.hinted) == (PROJECT.id, True)


def test_the_pipeline_of_a_branch_is_none_of_a_tag_of_the_same_name(bench: Bench) -> None:
    bench.store.intake.compared(comparison({"main": SHA}))
    assert bench.take(pipeline(ref="main", tag=False)) == "the project is looked at"
    assert bench.take(pipeline(ref="main")) == "no release waits for it", "no rule covers such a tag"


def test_pushes_are_what_tells_that_hooks_of_a_project_arrive(bench: Bench) -> None:
    bench.store.enrolment.enrolled([PROJECT], NOON)
    earlier = NOON - timedelta(minutes=1)
    bench.take(merge_request())
    bench.take(pipeline("running"))
    assert bench.store.enrolment.heard_of(earlier) == 0
    bench.take(tag_push("nightly"))
    assert bench.store.enrolment.heard_of(earlier) == 1


def test_that_hooks_arrive_is_written_down_now_and_then() -> None:
    lately = Lately(again=timedelta(minutes=10), most=2)
    minutes = [minute for minute in range(25) if lately.passed("a", NOON + timedelta(minutes=minute))]
    assert minutes == [0, 10, 20]
    assert lately.passed("a", NOON - timedelta(hours=1)), "the clock was set back"
    assert [lately.passed(key, NOON) for key in ("b", "c", "b", "a")] == [True, True, False, True], "two are kept"


def test_word_of_a_running_pipeline_shows_once_that_hooks_of_it_arrive(bench: Bench) -> None:
    bench.take(tag_push())
    assert not bench.hooks.take(pipeline("running")).idle
    assert bench.hooks.take(pipeline("pending")).idle
    (release,) = bench.releases()
    assert (release.heard_at, release.wake) == (NOON, 0)


def test_word_of_a_pipeline_that_comes_before_that_of_its_tag_counts(bench: Bench) -> None:
    assert bench.take(pipeline("pending")) == "the project is looked at"
    pending = bench.hooks.take(pipeline("pending"))
    assert (pending.words, pending.idle) == ("a pipeline that is still under way", True), "nobody waits for it yet"
    bench.take(tag_push())
    bench.take(tag_push("v1.2.0", after=OTHER_SHA))
    assert {one.id.ref: one.heard_at for one in bench.releases()} == {"v1.1.0": NOON, "v1.2.0": None}


def test_what_came_early_is_forgotten_when_there_is_too_much_of_it() -> None:
    early = Early(most=2)
    for key in ("a", "b", "a", "c"):
        early.note(key)
    assert [key for key in "abc" if key in early] == ["a", "c"]


def test_the_deletion_of_a_tag_wakes_a_release_of_it_that_failed(bench: Bench) -> None:
    bench.take(tag_push())
    failed = replace(bench.releases()[0], state=ReleaseState.FAILED, due_at=None)
    bench.store.releases.finish(failed, wake_seen=0)
    assert bench.take(tag_push(after=ZEROES, before=OTHER_SHA)) == "woke the release of a deleted tag"
    assert bench.releases()[0].due_at == NOON


@pytest.mark.parametrize(
    ("source", "state", "decision"),
    [
        (Source.PIPELINE, ReleaseState.FAILED, "reopened the release"),
        (Source.PIPELINE, ReleaseState.PARTIAL, "reopened the release"),
        (Source.PIPELINE, ReleaseState.PUBLISHED, "the release has come to its end"),
        (Source.ARTIFACTS, ReleaseState.FAILED, "the release has come to its end"),
    ],
)
def test_a_job_that_is_run_again_reopens_a_release_whose_own_job_did_not_publish(
    bench: Bench, source: Source, state: ReleaseState, decision: str
) -> None:
    bench.take(tag_push())
    target = TargetStatus(name="distributions", state=TargetState.FAILED, reason="job publish failed")
    failed = replace(bench.releases()[0], state=state, source=source, targets=(target,), due_at=None)
    bench.store.releases.finish(failed, wake_seen=0)
    assert bench.take(pipeline("running")) == "a pipeline that is still under way"
    assert bench.take(pipeline()) == decision
    assert (bench.releases()[0].due_at is None) is (decision != "reopened the release")


def test_news_of_a_pipeline_reopens_only_what_failed_for_want_of_a_good_one(bench: Bench) -> None:
    bench.take(tag_push())
    gate = GateResult(
        name="pipeline_green", verdict=Verdict.FAIL, reason="pipeline 1 failed", consequence=Consequence.FAIL
    )
    failed = replace(bench.releases()[0], state=ReleaseState.FAILED, gates=(gate,), due_at=None)
    bench.store.releases.finish(failed, wake_seen=0)
    assert bench.take(pipeline()) == "reopened the release"
    reopened = bench.releases()[0]
    assert (reopened.state, reopened.due_at) == (ReleaseState.PLANNED, NOON)
    later = replace(reopened, state=ReleaseState.PUBLISHED, gates=(), due_at=None, updated_at=NOON + timedelta(hours=1))
    bench.store.releases.finish(later, wake_seen=reopened.wake)
    assert bench.take(pipeline()) == "the release has come to its end"
    assert bench.releases()[0].state is ReleaseState.PUBLISHED


# Branches, and events that name a project only.


def push(before: str, after: str, *, path: str = PROJECT.full_path, ref: str = "main") -> dict[str, object]:
    project = {"id": PROJECT.id, "path_with_namespace": path, "web_url": PROJECT.web_url, "default_branch": "main"}
    commit = None if after == ZEROES else after
    kind = {"object_kind": "push", "ref": f"refs/heads/{ref}", "before": before, "after": after}
    return {**kind, "checkout_sha": commit, "project": project}


def looks(bench: Bench) -> list[int]:
    return [due.project.id for due in bench.store.enrolment.due(NOON, 10)]


def test_a_push_to_a_branch_that_policy_names_begins_a_release_of_its_commit(bench: Bench) -> None:
    bench.store.intake.compared(comparison({}, branches={"main": SHA}))
    assert bench.take(push(SHA, OTHER_SHA, ref="side")) == "no rule covers the branch"
    assert bench.take(push(SHA, OTHER_SHA)) == "a release begins"
    assert bench.take(push(SHA, OTHER_SHA)) == "the branch is known already"
    (release,) = bench.releases()
    assert (release.id.kind, release.id.ref, release.id.sha) == (RefKind.BRANCH, "main", OTHER_SHA)
    assert bench.take(push(OTHER_SHA, ZEROES)) == "woke the release of a deleted branch"


@pytest.mark.parametrize("before", [ZEROES, "3" * 40])
def test_a_push_that_does_not_follow_what_is_known_is_only_a_reason_to_look(bench: Bench, before: str) -> None:
    """An event from before the first start that is delivered again, one out of order, one after a lost one."""
    bench.store.intake.compared(comparison({}, branches={"main": SHA}))
    assert bench.take(push(before, OTHER_SHA)) == "the branch is looked at"
    assert bench.releases() == ()
    assert looks(bench) == [PROJECT.id]


@pytest.mark.parametrize("event", ["repository_update", "project_rename", "project_transfer", "project_destroy"])
def test_what_a_system_hook_tells_of_a_project_is_a_reason_to_look(bench: Bench, event: str) -> None:
    flat: dict[str, object] = {"event_name": event, "project_id": 42, "path_with_namespace": "acme/tools/widget"}
    assert bench.take(flat) == "the project is looked at"
    assert looks(bench) == [42]
    foreign = {"event_name": event, "project_id": 43, "path_with_namespace": "other/widget"}
    assert bench.take(foreign) == "the project is out of scope"
    assert looks(bench) == [42]
    left = {"event_name": event, "project_id": 42, "path_with_namespace": "other/moved"}
    bench.store.intake.compared(comparison({}))
    assert bench.take(left) == "the project is looked at", "it was ours"


def test_a_note_is_heard_once_where_notes_are_and_the_project_is_ours(bench: Bench) -> None:
    """Off by default; of one project no more than hundreds wait, and others are heard all the same."""
    assert bench.take(note()) == "commands in notes are off"
    listening = replace(bench, hooks=replace(bench.hooks, commands=bench.store.commands))
    assert listening.take(note(path="other/widget")) == "the project is out of scope"
    assert [listening.take(note()), listening.take(note())] == ["the note is read", "the note is known already"]
    (row,) = bench.store.commands.due(NOON, 9)
    assert (row.heard.note_id, row.heard.place.iid, row.stage, row.due_at) == (7, 3, Stage.HEARD, NOON)
    numbers = [Heard(note_id=1000 + at, place=row.heard.place) for at in range(MOST_WAITING + 5)]
    assert bench.store.commands.hear(numbers, NOON) == MOST_WAITING - 1
    elsewhere = replace(row.heard.place, project_id=43)
    assert bench.store.commands.hear([Heard(note_id=9000, place=elsewhere)], NOON) == 1


def note(path: str = "acme/tools/widget") -> dict[str, object]:
    return {
        "object_kind": "note",
        "project": {"id": 42, "path_with_namespace": path, "web_url": ""},
        "merge_request": {"iid": 3},
        "object_attributes": {"id": 7, "note": "/ropewalk plan", "noteable_type": "MergeRequest"},
    }


def test_what_somebody_else_did_to_a_note_meanwhile_stands(bench: Bench) -> None:
    """A record is written over as it was read, or not at all."""
    book = bench.store.commands
    book.hear([Heard(note_id=7, place=NotePlace(project_id=42, home=NoteHome.ISSUE, iid=3))], NOON)
    (row,) = book.due(NOON, 9)
    answer = Answer(outcome=Outcome.DONE, asked="`/ropewalk retry`", words="it goes on", key="k")
    acted = replace(row, stage=Stage.ACTED, author_id=5, username="ada", written_at=NOON, answers=(answer,))
    assert book.keep(acted, row)
    assert not book.keep(replace(row, why="twice"), row)
    assert book.answered(row.heard.place, 9) == (acted,)
    assert book.recent(42, NOON) == Recent(told=(5,))
    assert book.recent(42, NOON + timedelta(seconds=1)) == Recent()
    assert book.keep(replace(acted, answers=(replace(answer, words=""),)), acted)
    assert book.recent(42, NOON) == Recent(signed=(5,)), "a sign alone"
    assert book.keep(acted, replace(acted, answers=(replace(answer, words=""),)))
    assert book.hear([Heard(note_id=8, place=row.heard.place)], NOON + timedelta(days=181)) == 1
    assert book.answered(row.heard.place, 9) == (), "what is old is forgotten"


def test_a_push_to_the_branch_that_is_tagged_by_itself_is_looked_at(bench: Bench) -> None:
    """Also where a rule releases it: only a look tells the branch's newest commit."""
    body = tag_push() | {"object_kind": "push", "ref": "refs/heads/main", "before": OTHER_SHA}
    for versioning, words in (
        (VersioningPolicy(auto=Auto.TAG), "the branch is looked at"),
        (VersioningPolicy(), "no rule covers the branch"),
    ):
        rule = replace(RULE, branches=(), versioning=versioning)
        policy = Policy(releases=(rule,), indexes=(), hygiene=HygienePolicy())
        answer = replace(bench.hooks, policy=policy).take(body)
        assert (answer.words, answer.look) == (words, versioning.auto is Auto.TAG)
    assert [due.project.id for due in bench.store.enrolment.due(NOON, 9)] == [PROJECT.id]
    assert bench.releases() == ()
