"""Commands in notes, over the embedded GitLab: each does what its counterpart does, for whoever may, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import App
from bot.cli.command_job import find_notes, heed_notes, turn_of
from bot.domain.commands import Heard, NoteHome, NotePlace, Stage
from bot.domain.consents import Hold
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState, TargetState, TargetStatus
from bot.domain.secrets import Redactor
from bot.sandbox.hooks import talk
from bot.sandbox.world.work import Issue, MergeRequest, Note
from bot.settings import load
from tests.contract.sandbox_org import LEVELS, Org, organisation

CONFIG = """\
gitlab: {{url: "{url}", token_file: token}}
watch: {{groups: [acme]}}
state: sqlite:///state.db
commands: {{enabled: true, per_person: 4, per_project: 6}}
indexes: {{registry: {{kind: gitlab}}}}
releases:
  - projects: ["acme/tools/**"]
    tags: ["v*"]
    source: artifacts
    indexes: [registry]
    approval: {{from: maintainer, authors: commit}}
"""
pytestmark = pytest.mark.slow
DONE, REFUSED, UNKNOWN = "white_check_mark", "no_entry", "question"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A bot that hears notes, a merged merge request, and a release of it that waits for a yes."""

    org: Org
    app: App
    request: MergeRequest
    release: Release

    def unbounded(self) -> None:
        """Nobody counts notes."""
        commands = replace(self.app.settings.commands, per_person=99, per_project=99)
        self.app.settings = replace(self.app.settings, commands=commands)

    def row(self) -> Release:
        found = self.app.store.releases.release(self.release.key)
        assert found is not None
        return found

    def later(self, by: timedelta) -> None:
        """Our clock goes on; what was put off is due."""
        self.app.clock = lambda: self.release.created_at + by
        self.app.__dict__.pop("clerk", None)

    def place(self) -> NotePlace:
        return NotePlace(project_id=self.org.project.id, home=NoteHome.MERGE_REQUEST, iid=self.request.iid)

    def say(self, who: str, body: str, *, on: str = "merge_requests/1", **more: object) -> Note:
        path = f"/projects/{self.org.project.id}/{on}/notes"
        answer = self.org.call("POST", path, who, json={"body": body, **more})
        assert answer.status_code == 201, answer.text
        owner: MergeRequest | Issue = self.request if on == "merge_requests/1" else self.org.project.issues[1]
        return owner.notes[answer.json()["id"]]

    def hook(self, note: Note, owner: MergeRequest | Issue | None = None, action: str = "create") -> str:
        """What GitLab's hook about it is answered."""
        payload = talk.note(self.org.world, self.org.project, owner or self.request, note, action)
        return self.app.hooks.take(json.loads(json.dumps(payload))).words

    def heed(self) -> None:
        heed_notes(self.app, lambda _: None, lambda: False, lambda: None)

    def find(self) -> None:
        find_notes(self.app, lambda: None, lambda: False)

    def asked(self, who: str, body: str, **more: object) -> Note:
        """Written, heard of and served."""
        note = self.say(who, body, **more)  # type: ignore[arg-type]  # passed on
        self.hook(note)
        self.heed()
        return note

    def stickies(self) -> list[Note]:
        return [note for note in self.request.notes.values() if "note v1 commands" in note.body]

    def told(self) -> str:
        (sticky,) = self.stickies()
        return sticky.body

    def stage(self, note: Note) -> Stage | None:
        with self.app.store.engine.begin() as connection:
            found = connection.exec_driver_sql("SELECT stage FROM commands WHERE note_id = ?", (note.id,)).scalar()
        return None if found is None else Stage(found)

    def ledger(self) -> list[str]:
        return [row.written.words for row in self.app.store.journal.entries() if row.written.kind.value == "command"]

    def add(self, ref: str, state: ReleaseState = ReleaseState.WAITING, iid: int = 1, key: str = "a" * 40) -> Release:
        """Another release on record."""
        now = self.app.clock()
        id_ = ReleaseId(project_id=self.org.project.id, kind=RefKind.TAG, ref=ref, sha=key)
        status = TargetStatus(name=f"note:!{iid}", state=TargetState.DONE)
        release = replace(self.release, id=id_, state=state, targets=(status,), created_at=now, due_at=None)
        assert self.app.store.releases.add(release)
        return release


def emoji(note: Note) -> list[str]:
    return [award.name for award in note.emoji]


@pytest.fixture(scope="module")
def town() -> Iterator[Org]:
    with organisation() as found:
        found.tokens["robot"] = found.world.create_token(found.world.create_user("ropewalk"), ["api"], "bot")
        yield found


@pytest.fixture
def org(town: Org) -> Org:
    """A project of its own for each test, and people as they were."""
    project = town.new_project(f"acme/tools/widget{len(town.world.projects)}")
    robot = town.world.user_named("ropewalk")
    assert robot is not None
    town.world.add_member(project, robot, LEVELS["maintainer"])
    town.world.protect_tag(project, "v*")
    for user in town.people.values():
        user.email = f"{user.username}@users.invalid"
        user.state, user.bot, user.public_email = "active", False, user.email
    town.control("DELETE", "faults")
    return replace(town, project=project)


def opened(org: Org, folder: Path) -> App:
    (folder / "token").write_text(org.tokens["robot"])
    (folder / "token").chmod(0o600)
    (folder / "ropewalk.yaml").write_text(CONFIG.format(url=org.url))
    return App(load(folder / "ropewalk.yaml", {}, folder), Redactor())


@pytest.fixture
def bench(org: Org, tmp_path: Path) -> Iterator[Bench]:
    """The developer writes the merge request, the owner merges and tags it."""
    world, project, owner = org.world, org.project, org.people["owner"]
    world.commit(project, "change", "Change it", {"a": "b"}, org.people["developer"])
    request = world.create_merge_request(project, org.people["developer"], "change", "Change it")
    world.merge(project, request, owner)
    sha = world.create_tag(project, "v1.0.0", "main", owner)
    app = opened(org, tmp_path)
    found = app.projects.project(project.id)
    assert found is not None
    app.commands_since()
    app.store.enrolment.enrolled([found], app.clock())
    now = app.clock()
    release = Release(
        id=ReleaseId(project_id=project.id, kind=RefKind.TAG, ref="v1.0.0", sha=sha),
        project=project.full_path,
        state=ReleaseState.WAITING,
        created_at=now,
        updated_at=now,
        asked_at=now,
        due_at=now + timedelta(hours=1),
        targets=(TargetStatus(name=f"note:!{request.iid}", state=TargetState.DONE),),
    )
    app.store.releases.add(release)
    yield Bench(org=org, app=app, request=request, release=release)
    app.close()


# What each command does, and for whom.

PLAN, RETRY, RESUME, APPROVE, HOLD = (
    "/ropewalk " + word for word in ("plan", "retry", "resume", "approve", "hold 2d why")
)
EXPLAIN, HELP = "/ropewalk explain RW101", "/ropewalk help"


@pytest.mark.parametrize(
    ("who", "good"),
    [
        ("guest", ()),
        ("reporter", ()),
        ("developer", (HOLD, EXPLAIN, HELP, PLAN)),
        ("maintainer", (HOLD, EXPLAIN, HELP, PLAN, RETRY, RESUME, APPROVE)),
        ("owner", (HOLD, EXPLAIN, HELP, PLAN, RETRY, RESUME)),
    ],
)
def test_who_may_give_which_command_is_asked_of_gitlab_then(bench: Bench, who: str, good: tuple[str, ...]) -> None:
    """The owner's role is inherited from the group; the owner made the tag, so approves nothing."""
    bench.org.project.visibility = "public"
    bench.unbounded()
    for command in (EXPLAIN, HELP, PLAN, RETRY, RESUME, APPROVE, HOLD):
        note = bench.asked(who, command)
        assert emoji(note) == [DONE if command in good else REFUSED], command
        assert bench.stage(note) is Stage.ANSWERED


@pytest.mark.parametrize("how", ["blocked", "removed", "lowered"])
def test_a_role_that_is_lost_between_writing_and_acting_counts_no_more(bench: Bench, how: str) -> None:
    note = bench.say("maintainer", f"{APPROVE}\n{HOLD}")
    bench.hook(note)
    user, members = bench.org.people["maintainer"], bench.org.project.members
    if how == "blocked":
        user.state = "blocked"
    elif how == "removed":
        del members[user.id]
    else:
        members[user.id] = members[user.id].__class__(LEVELS["reporter"])
    bench.heed()
    assert emoji(note) == [REFUSED]
    assert bench.app.store.approvals.approvals(bench.release.key) == ()
    assert bench.app.store.holds.hold(bench.org.project.id, "v1.0.0") is None


def test_a_role_by_an_invited_group_counts_as_far_as_it_goes(bench: Bench) -> None:
    """An owner there who was invited as developers here may hold, and not retry."""
    world, guest = bench.org.world, bench.org.world.create_user(f"guest{bench.org.project.id}")
    bench.org.tokens[guest.username] = world.create_token(guest, ["api"], "mine")
    friends = world.create_group(f"friends{bench.org.project.id}")
    world.add_member(friends, guest, LEVELS["owner"])
    body = {"group_id": friends.id, "group_access": LEVELS["developer"]}
    assert bench.org.call("POST", f"/projects/{bench.org.project.id}/share", "admin", json=body).status_code == 201
    assert emoji(bench.asked(guest.username, RETRY)) == [REFUSED]
    assert "takes a maintainer, and " in bench.told()
    assert emoji(bench.asked(guest.username, HOLD)) == [DONE]


def test_a_stranger_gets_a_sign_and_no_words(bench: Bench) -> None:
    bench.org.project.visibility = "public"
    note = bench.asked("outsider", "/ropewalk approve")
    assert (emoji(note), bench.stickies()) == ([REFUSED], [])
    assert "by outsider" in bench.ledger()[0]


def test_an_approval_is_that_of_the_command_line(bench: Bench) -> None:
    """Recorded with the role and the commit, wakes the release, and stands in the ledger with who asked."""
    note = bench.asked("maintainer", "Looks good.\n\n/ropewalk approve v1.0.0 " + bench.release.id.sha[:8])
    (given,) = bench.app.store.approvals.approvals(bench.release.key)
    user = bench.org.people["maintainer"]
    assert (given.user_id, given.level, given.sha) == (user.id, 40, bench.release.id.sha)
    assert bench.row().wake == 1
    assert (
        f"approve v1.0.0 {bench.release.id.sha[:8]}` by maintainer (user {user.id}) in a note on !1"
        in bench.ledger()[0]
    )
    assert "`maintainer` approves `v1.0.0`" in bench.told()
    assert f"#note_{note.id}" in bench.told()
    chain, broken = bench.app.store.journal.verify()
    assert (broken, chain.sequence > 0) == (None, True)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("owner", "pushed tag v1.0.0"),
        ("developer", "wrote !1"),
    ],
)
def test_nobody_approves_their_own_work(bench: Bench, who: str, words: str) -> None:
    bench.org.project.members[bench.org.people["developer"].id] = bench.org.project.members[
        bench.org.people["maintainer"].id
    ]
    assert emoji(bench.asked(who, APPROVE)) == [REFUSED]
    assert words in bench.told()
    assert bench.app.store.approvals.approvals(bench.release.key) == ()


def test_authors_are_known_by_addresses_that_nobody_shows(bench: Bench) -> None:
    """GraphQL tells who is behind a commit's author; the owner made it and the maintainer may approve it."""
    for user in bench.org.people.values():
        user.public_email = None
    assert emoji(bench.asked("owner", APPROVE)) == [REFUSED]
    assert emoji(bench.asked("maintainer", APPROVE)) == [DONE]


@pytest.mark.parametrize("graphql", [True, False])
def test_an_author_whose_address_belongs_to_nobody_may_be_anybody(bench: Bench, graphql: bool) -> None:
    """Then a note is not enough, and the command line is named; an older GitLab knows no such query."""
    bench.org.people["owner"].public_email = None
    if graphql:
        bench.org.people["owner"].email = "moved@users.invalid"
    else:
        body = json.dumps({"errors": [{"message": "Field 'tree' doesn't exist on type 'Repository'"}]})
        fault = {
            "kind": "status",
            "status": 200,
            "method": "POST",
            "path": "/api/graphql$",
            "body": body,
            "times": None,
        }
        bench.org.control("POST", "faults", json=fault)
    assert emoji(bench.asked("maintainer", APPROVE)) == [REFUSED]
    assert "may be who is author of commit" in bench.told()
    assert "ropewalk release approve" in bench.told()


def test_the_user_of_a_token_approves_nothing(bench: Bench) -> None:
    bench.org.people["maintainer"].bot = True
    assert emoji(bench.asked("maintainer", APPROVE)) == [REFUSED]
    assert "no person but a robot" in bench.told()


def test_what_was_not_there_when_somebody_wrote_is_not_approved(bench: Bench) -> None:
    """A tag that was moved between the note and its reading is another release."""
    note = bench.say("maintainer", APPROVE)
    with bench.app.store.engine.begin() as connection:
        later = (bench.app.clock() + timedelta(seconds=9)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        connection.exec_driver_sql("UPDATE releases SET created_at = ?", (later,))
    bench.hook(note)
    bench.heed()
    assert emoji(note) == [REFUSED]
    assert "began after this was written" in bench.told()
    assert bench.app.store.approvals.approvals(bench.release.key) == ()


def test_a_commit_that_is_not_the_releases_is_refused(bench: Bench) -> None:
    assert emoji(bench.asked("maintainer", "/ropewalk approve v1.0.0 " + "f" * 8)) == [REFUSED]
    assert bench.app.store.approvals.approvals(bench.release.key) == ()


def test_which_release_is_meant_must_be_clear(bench: Bench) -> None:
    """Two that wait are listed; a name tells them apart; what is published is not meant by a bare word."""
    bench.add("v1.1.0")
    bench.add("v0.9.0", ReleaseState.PUBLISHED, key="b" * 40)
    assert emoji(bench.asked("maintainer", APPROVE)) == [REFUSED]
    assert "which one? `v1.1.0` (waiting), `v1.0.0` (waiting)" in bench.told()
    assert bench.app.store.approvals.approvals(bench.release.key) == ()
    assert emoji(bench.asked("maintainer", f"{APPROVE} v1.0.0")) == [DONE]
    assert emoji(bench.asked("maintainer", f"{APPROVE} v9")) == [REFUSED]
    assert "no release of `v9` is on record" in bench.told()


def test_a_hold_stops_the_release_until_its_end_and_is_never_shortened(bench: Bench) -> None:
    project, now = bench.org.project.id, bench.app.clock()
    assert emoji(bench.asked("developer", "/ropewalk hold v1.0.0 2d wait for `the` @audit")) == [DONE]
    held = bench.app.store.holds.hold(project, "v1.0.0")
    assert held is not None
    assert held.until is not None
    assert (held.by, held.reason) == ("developer", "wait for `the` @audit")
    assert timedelta(days=2) <= held.until - now < timedelta(days=2, minutes=5)
    assert (bench.row().state, bench.row().gates[-1].name) == (ReleaseState.WAITING, "hold")
    assert emoji(bench.asked("maintainer", "/ropewalk hold 1h")) == [REFUSED]
    assert bench.app.store.holds.hold(project, "v1.0.0") == held
    bench.app.store.holds.put(project, "v1.0.0", Hold(by="operator", since=now))
    assert emoji(bench.asked("maintainer", "/ropewalk hold 9d")) == [REFUSED]
    assert "is held by `operator` already" in bench.told()
    kept = bench.app.store.holds.hold(project, "v1.0.0")
    assert kept is not None
    assert kept.until is None


ANSWERS = [
    ("/ropewalk hold", UNKNOWN, "for how long?"),
    ("/ropewalk hold tomorrow", UNKNOWN, "for how long?"),
    ("/ropewalk hold 0s", REFUSED, "at most `14d`"),
    ("/ropewalk hold 99999d", REFUSED, "at most `14d`"),
    ("/ropewalk aprove", UNKNOWN, "did you mean `/ropewalk approve"),
    ("/ropewalk @root /merge `x", UNKNOWN, "there is no such command"),
    ("/ropewalk", UNKNOWN, "no command stands there"),
    ("/ropewalk plan v1 v2", UNKNOWN, "too many words"),
    ("/ropewalk explain", UNKNOWN, "one rule, please"),
    ("/ropewalk explain RW1O1", UNKNOWN, "did you mean `RW1"),
    ("/ropewalk explain rw101", DONE, "not masked"),
    ("/ropewalk help", DONE, "`/ropewalk hold [REF] 2d REASON`"),
    ("/ropewalk plan", DONE, "`v1.0.0` is"),
]


def test_what_a_developer_is_answered(bench: Bench) -> None:
    bench.unbounded()
    for command, sign, words in ANSWERS:
        assert emoji(bench.asked("developer", command)) == [sign], command
        newest = bench.told().split("\n\n")[1].split("\n")[0]
        assert words in (bench.told() if sign == DONE else newest), command


def test_a_retry_is_a_resume(bench: Bench) -> None:
    failed = replace(bench.row(), state=ReleaseState.FAILED, due_at=None)
    assert bench.app.store.releases.finish(failed, wake_seen=0)
    assert emoji(bench.asked("maintainer", RETRY)) == [DONE]
    assert (bench.row().state, bench.row().asked_at > bench.release.asked_at) == (ReleaseState.PLANNED, True)
    assert "goes on; it was failed" in bench.told()


def test_three_commands_of_a_note_are_answered_in_one_edit(bench: Bench) -> None:
    first = bench.asked("developer", HELP)
    before = [note.id for note in bench.stickies()]
    second = bench.asked("maintainer", f"{HOLD}\n{APPROVE}\n/ropewalk nonsense\n{RETRY}")
    assert [note.id for note in bench.stickies()] == before
    assert emoji(second) == [DONE, UNKNOWN]
    lines = [line for line in bench.told().split("\n") if line.startswith(("- ✅", "- ❓"))]
    assert [f"#note_{second.id}" in line for line in lines] == [True, True, True, False]
    assert f"#note_{first.id}" in lines[3]
    assert bench.row().wake == 1, "the fourth was left"


# Once, whatever happens.


def test_a_note_that_is_told_of_again_and_again_is_acted_upon_once(bench: Bench) -> None:
    """Twice by hook, by the poll, and by a hook that comes late."""
    note = bench.say("maintainer", RETRY)
    assert [bench.hook(note), bench.hook(note)] == ["the note is read", "the note is known already"]
    bench.find()
    bench.heed()
    bench.find()
    bench.heed()
    assert bench.hook(note) == "the note is known already"
    bench.heed()
    assert (bench.row().wake, emoji(note), len(bench.stickies()), len(bench.ledger())) == (1, [DONE], 1, 1)


def test_a_note_that_no_hook_told_of_is_found(bench: Bench) -> None:
    note = bench.say("maintainer", RETRY)
    bench.say("maintainer", "no command")
    bench.find()
    bench.heed()
    assert (emoji(note), bench.row().wake) == ([DONE], 1)


def test_a_note_on_an_open_merge_request_is_found_without_an_unfinished_release(bench: Bench) -> None:
    """The list of merge requests that changed tells where to look; projects out of the policy are not asked."""
    with bench.app.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE releases SET state = 'published'")
    world, developer = bench.org.world, bench.org.people["developer"]
    world.commit(bench.org.project, "next", "Next", {"c": "d"}, developer)
    world.create_merge_request(bench.org.project, developer, "next", "Next")
    aside = bench.org.new_project(f"acme/aside{bench.org.project.id}")
    bench.find()
    note = bench.org.call(
        "POST", f"/projects/{bench.org.project.id}/merge_requests/2/notes", "developer", json={"body": HELP}
    )
    bench.org.control("DELETE", "requests")
    bench.find()
    bench.heed()
    found = bench.org.project.merge_requests[2].notes[note.json()["id"]]
    assert emoji(found) == [DONE]
    asked = [row["path"] for row in bench.org.control("GET", "requests").json()]
    assert not any(f"/projects/{aside.id}/" in path for path in asked)


def test_of_very_many_projects_each_has_its_turn() -> None:
    assert turn_of([1, 2, 3], 7) == (1, 2, 3)
    many = range(150)
    assert sorted({one for number in range(3) for one in turn_of(many, number)}) == list(many)
    assert {len(turn_of(many, number)) for number in range(9)} == {60}


def test_a_stop_between_acting_and_answering_leaves_only_the_answer_to_be_given(bench: Bench, tmp_path: Path) -> None:
    """The next start answers; nothing is done again, and the answer is that of then."""
    fault = {"kind": "status", "status": 502, "method": "POST", "path": "/award_emoji$", "times": 1}
    bench.org.control("POST", "faults", json=fault)
    note = bench.asked("maintainer", HOLD)
    held = bench.app.store.holds.hold(bench.org.project.id, "v1.0.0")
    assert held is not None
    assert (bench.stage(note), emoji(note), bench.stickies()) == (Stage.ACTED, [], [])
    again = opened(bench.org, tmp_path)
    again.clock = lambda: bench.app.clock() + timedelta(minutes=5)
    heed_notes(again, lambda _: None, lambda: False, lambda: None)
    assert (bench.stage(note), emoji(note), len(bench.stickies())) == (Stage.ANSWERED, [DONE], 1)
    assert again.store.holds.hold(bench.org.project.id, "v1.0.0") == held
    assert len(bench.ledger()) == 1
    again.close()


class BrokenError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("command", [APPROVE, HOLD, RETRY])
def test_a_stop_within_the_act_leaves_nothing_of_it(bench: Bench, command: str) -> None:
    """The effect and its record are one transaction."""
    note = bench.say("maintainer", command)
    bench.hook(note)
    before = bench.row()

    class Dying:
        def commanded(self, written: object) -> None:
            raise BrokenError

    clerk = replace(bench.app.clerk, journal=Dying())  # type: ignore[arg-type]  # only that one is called
    (row,) = bench.app.store.commands.due(bench.app.clock(), 9)
    with pytest.raises(BrokenError):
        clerk.serve(row)
    assert bench.row() == before
    assert bench.app.store.approvals.approvals(bench.release.key) == ()
    assert bench.app.store.holds.hold(bench.org.project.id, "v1.0.0") is None
    assert bench.stage(note) is Stage.HEARD
    bench.heed()
    assert (emoji(note), len(bench.ledger())) == ([DONE], 1)


def test_a_reply_that_is_lost_makes_no_second_answer(bench: Bench) -> None:
    """Of an emoji, of the first sticky note, and of its edit."""
    paths = (("POST", "/award_emoji$"), ("POST", "/merge_requests/1/notes$"), ("PUT", r"/notes/\d+$"))
    bench.unbounded()
    turns = 0
    for method, path in paths:
        for kind in ("reset", "truncated", "status"):
            note = bench.say("maintainer", RETRY)
            bench.hook(note)
            if path == paths[1][1]:
                for sticky in bench.stickies():
                    del bench.request.notes[sticky.id]
            fault = {"kind": kind, "method": method, "path": path, "after_effect": True, "times": 1}
            bench.org.control("POST", "faults", json=fault)
            bench.heed()
            assert bench.stage(note) is Stage.ACTED, (kind, path)
            turns += 1
            bench.later(timedelta(minutes=5 * turns))
            bench.heed()
            assert (emoji(note), len(bench.stickies()), bench.row().wake) == ([DONE], 1, turns), (kind, path)
            assert bench.stage(note) is Stage.ANSWERED
            bench.org.control("DELETE", "faults")


def test_a_stop_between_two_commands_of_a_note_goes_on_with_the_second(bench: Bench) -> None:
    """The second asks GitLab, which is away; later both are answered, and the first was done once."""
    fault = {"kind": "status", "status": 502, "method": "GET", "path": "/repository/tags/", "times": None}
    note = bench.say("maintainer", f"{RETRY}\n{APPROVE}")
    bench.hook(note)
    bench.org.control("POST", "faults", json=fault)
    bench.heed()
    assert (bench.row().wake, bench.stage(note), emoji(note)) == (1, Stage.HEARD, [])
    bench.org.control("DELETE", "faults")
    bench.later(timedelta(minutes=5))
    bench.heed()
    assert (bench.stage(note), emoji(note), len(bench.ledger())) == (Stage.ANSWERED, [DONE], 2)
    assert len(bench.app.store.approvals.approvals(bench.release.key)) == 1


def test_a_note_that_shrinks_after_its_first_command_is_answered_for_that(bench: Bench) -> None:
    fault = {"kind": "status", "status": 502, "method": "GET", "path": "/repository/tags/", "times": None}
    note = bench.say("maintainer", f"{RETRY}\n{APPROVE}")
    bench.hook(note)
    bench.org.control("POST", "faults", json=fault)
    bench.heed()
    bench.org.control("DELETE", "faults")
    note.body = "never mind"
    bench.later(timedelta(minutes=5))
    bench.heed()
    assert (bench.stage(note), emoji(note), bench.row().wake) == (Stage.ANSWERED, [DONE], 1)
    assert bench.app.store.approvals.approvals(bench.release.key) == ()


# What is left alone.


def test_notes_that_are_not_for_us_are_left_without_a_sign(bench: Bench) -> None:
    """Confidential, gone, GitLab's own, our own, changed ones by hook; and on what is none of ours."""
    quiet, ours = bench.say("maintainer", APPROVE, internal=True), bench.say("robot", HOLD)
    gone, edited = bench.say("maintainer", APPROVE), bench.say("maintainer", "thanks")
    words = [bench.hook(note) for note in (quiet, ours, gone)]
    assert words == ["confidential notes are not read", "the note is read", "the note is read"]
    del bench.request.notes[gone.id]
    edited.body = APPROVE
    assert bench.hook(edited, action="update") == "a note that was changed is not read anew"
    edited.updated_at += timedelta(seconds=5)
    edited.edited_by = bench.org.people["maintainer"]
    system = bench.say("maintainer", APPROVE)
    system.system = True
    told = [Heard(note_id=note.id, place=bench.place()) for note in (quiet, system)]
    assert bench.app.store.commands.hear(told, bench.app.clock()) == 2, "as if a hook had not said what they are"
    bench.find()
    bench.heed()
    assert [emoji(note) for note in (quiet, system, ours, edited)] == [[], [], [], []]
    assert (bench.stage(quiet), bench.stage(system)) == (Stage.IGNORED, Stage.IGNORED)
    assert (bench.stage(ours), bench.stage(gone), bench.stage(edited)) == (Stage.IGNORED, Stage.IGNORED, None)
    assert bench.app.store.approvals.approvals(bench.release.key) == ()
    assert bench.stickies() == []


def test_a_note_that_changed_before_it_was_read_is_not_acted_upon(bench: Bench) -> None:
    """A maintainer can edit what others wrote: nobody speaks with another's voice."""
    note = bench.say("owner", HOLD)
    bench.hook(note)
    path = f"/projects/{bench.org.project.id}/merge_requests/1/notes/{note.id}"
    bench.org.control("POST", "clock", json={"advance": 60})
    assert bench.org.call("PUT", path, "maintainer", json={"body": RETRY}).status_code == 200
    bench.heed()
    assert (emoji(note), bench.row().wake) == ([REFUSED], 0)
    assert "please write a new one" in bench.told()


@pytest.mark.parametrize("by", ["hook", "poll"])
@pytest.mark.parametrize("tells", [True, False])
def test_an_emoji_that_came_before_the_bot_is_no_edit(bench: Bench, by: str, tells: bool) -> None:
    """Where GitLab tells the one from the other; where it does not, nobody speaks with another's voice."""
    note = bench.say("maintainer", RETRY)
    path = f"/projects/{bench.org.project.id}/merge_requests/1/notes/{note.id}/award_emoji"
    bench.org.control("POST", "clock", json={"advance": 5})
    assert bench.org.call("POST", path, "developer", json={"name": "eyes"}).status_code == 201
    if not tells:
        body = json.dumps({"errors": [{"message": "Field 'note' doesn't exist on type 'Query'"}]})
        fault = {"kind": "status", "status": 200, "path": "/api/graphql$", "body": body, "times": None}
        bench.org.control("POST", "faults", json=fault)
    if by == "hook":
        bench.hook(note)
    else:
        bench.find()
    bench.heed()
    unheard = [] if by == "poll" else [REFUSED]
    assert emoji(note) == ["eyes", *([DONE] if tells else unheard)]
    assert bench.row().wake == (1 if tells else 0)


@pytest.mark.parametrize("age", [timedelta(hours=25), timedelta(minutes=30)])
def test_notes_from_before_the_start_or_the_enrolment_or_long_ago_are_not_acted_upon(
    bench: Bench, age: timedelta
) -> None:
    note = bench.say("maintainer", RETRY)
    note.created_at = note.updated_at = note.created_at - age
    assert bench.hook(note) == "the note is read"
    bench.heed()
    assert (emoji(note), bench.row().wake, bench.stage(note)) == ([], 0, Stage.IGNORED)


def test_a_project_that_is_not_watched_is_not_heard(bench: Bench) -> None:
    bench.app.store.enrolment.left(bench.app.clock(), ids=[bench.org.project.id])
    note = bench.say("maintainer", RETRY)
    bench.hook(note)
    bench.heed()
    assert (emoji(note), bench.row().wake) == ([], 0)


def test_floods_of_one_person_and_of_a_project_are_bounded(bench: Bench) -> None:
    """Four of a person count, six of a project; others are heard again once the time is over."""
    notes = [bench.say("maintainer", RETRY) for _ in range(6)] + [bench.say("owner", RETRY) for _ in range(4)]
    for note in notes:
        bench.hook(note)
    bench.heed()
    acted = [bool(emoji(note)) for note in notes]
    assert acted == [True] * 4 + [False] * 2 + [True] * 2 + [False] * 2
    assert bench.row().wake == 6


def test_a_flood_of_strangers_leaves_the_projects_people_heard(bench: Bench) -> None:
    """Anybody may write in a public project: six of their notes get a sign, and all others none."""
    bench.org.project.visibility = "public"
    world = bench.org.world
    strangers = [world.create_user(f"stranger{bench.org.project.id}-{number}") for number in range(2)]
    for user in strangers:
        bench.org.tokens[user.username] = world.create_token(user, ["api"], "mine")
    flood = [bench.say(user.username, HOLD) for _ in range(5) for user in strangers]
    held = bench.say("maintainer", HOLD)
    for note in (*flood, held):
        bench.hook(note)
    bench.heed()
    assert [bool(emoji(note)) for note in flood] == [True] * 6 + [False] * 4
    assert emoji(held) == [DONE]
    assert len(bench.ledger()) == 7


# The failure issue.


def test_the_failure_issue_is_heard_and_other_issues_are_not(bench: Bench) -> None:
    from bot.notes.markers import Markers

    key = bench.app._marker_key()
    marker = Markers(key).failure_issue(bench.org.project.id)
    path = f"/projects/{bench.org.project.id}/issues"
    for who, description in (("robot", f"{marker}\n\nstopped"), ("maintainer", f"{marker}\n\nmine")):
        assert bench.org.call("POST", path, who, json={"title": "x", "description": description}).status_code == 201
    ours, other = bench.org.project.issues[1], bench.org.project.issues[2]
    good = bench.say("maintainer", RETRY, on="issues/1")
    assert bench.hook(good, ours) == "the note is read"
    number = bench.org.call("POST", f"{path}/2/notes", "maintainer", json={"body": RETRY}).json()["id"]
    bench.hook(other.notes[number], other)
    bench.heed()
    assert (emoji(good), emoji(other.notes[number]), bench.row().wake) == ([DONE], [], 1)
    assert [("note v1 commands" in note.body) for note in ours.notes.values()] == [False, True]
    assert len(other.notes) == 1
