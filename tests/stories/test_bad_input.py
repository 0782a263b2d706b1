"""Bad input ends in one sentence (what, where, what to do), its exit code, no traceback, and nothing written."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.sandbox.world.places import Group
from tests.bounds import IN_FULL, ONLY_IN_FULL
from tests.stories import made
from tests.stories.bot import Bot, Done, free_port
from tests.stories.oddities import odd_index
from tests.stories.town import CI, TAG, VERSION, Package, Town

pytestmark = [pytest.mark.slow, pytest.mark.chaos, ONLY_IN_FULL]  # the time of `make test` is bounded

NO_ARTIFACTS_CI = CI.replace("  artifacts: {paths: [dist/]}\n", "")


@dataclass(slots=True)
class Story:
    """A bot, its town, and whether what must stay untouched did."""

    bot: Bot
    town: Town
    group: Group
    since: int

    def package(self, **wishes: object) -> Package:
        """A tagged package whose pipeline is over; begins to watch what is written."""
        package = self.town.package(self.group, **wishes)  # type: ignore[arg-type]  # Town.package checks them
        package.tag()
        package.pipeline_over()
        self.since = self.town.mark()
        return package

    def refused(self, done: Done, code: int, *words: str) -> None:
        """The command ended with this code and one sentence that holds the words; GitLab was only read."""
        self.quiet(done)
        assert done.code == code, done.err
        for word in words:
            assert word in done.complaint, done.complaint
        assert self.town.writes(self.since) == []

    def stopped(self, done: Done, code: int, *words: str) -> None:
        """The release ended without anything public, and says why."""
        self.quiet(done)
        assert done.code == code, done.out
        for word in words:
            assert word in done.json["next"], done.json["next"]
        written = [path for method, path in self.town.writes(self.since)]
        assert all("/notes" in path for path in written), written

    def quiet(self, done: Done) -> None:
        """No traceback, and no secret in any form."""
        said = done.out + done.err
        assert "Traceback" not in said
        for name, secret in self.bot.secrets.items():
            if len(secret) > 7:
                forms = (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="))
                assert not any(form in said for form in forms), name


@pytest.fixture
def story(bot: Bot, town: Town, group: Group) -> Story:
    return Story(bot, town, group, town.mark())


# GitLab and the token


def _wrong(town: Town) -> str:
    return "glpat-thisTokenIsWrong00000"


def _expired(town: Town) -> str:
    yesterday = (town.world.clock.now() - timedelta(days=1)).date()
    return town.world.create_token(town.bot, ["api"], "old", yesterday)


def _revoked(town: Town) -> str:
    token = town.world.create_token(town.bot, ["api"], "gone")
    town.world.revoke_token(token)
    return token


def _reader(town: Town) -> str:
    return town.world.create_token(town.bot, ["read_api"], "reader")


REFUSED_TOKENS = [
    pytest.param(_wrong, ("refuses the token", "401", "ropewalk doctor"), id="wrong"),
    pytest.param(_expired, ("refuses the token", "401", "ropewalk doctor"), id="expired"),
    pytest.param(_revoked, ("refuses the token", "401", "ropewalk doctor"), id="revoked", marks=IN_FULL),
    pytest.param(_reader, ("read_api", "`api`"), id="read_api", marks=IN_FULL),
]


@pytest.mark.parametrize(("make", "words"), REFUSED_TOKENS)
def test_a_token_that_cannot_release_stops_every_command(
    story: Story, make: Callable[[Town], str], words: tuple[str, ...]
) -> None:
    """serve does not start, apply does not begin, doctor says what is wrong: 6."""
    package = story.package()
    story.bot.secret("bot.token", make(story.town))
    story.since = story.town.mark()
    story.refused(story.bot.run("serve"), 6, *words)
    story.refused(story.bot.release("apply", package.target), 6, *words)
    package.untouched()
    looked = story.bot.run("doctor", "--format", "json")
    story.quiet(looked)
    assert (looked.code, looked.json["ready"]) == (6, False)
    failed = [check for check in looked.json["checks"] if check["verdict"] == "fail"]
    assert len(failed) == 1
    assert failed[0]["remedy"]


def test_a_gitlab_that_is_not_there_is_named(story: Story) -> None:
    """Nobody listens: every command says where it asked."""
    address = f"127.0.0.1:{free_port()}"
    story.bot.config["gitlab"]["url"] = f"http://{address}"
    target = f"{story.group.full_path}/widget@{TAG}"
    for arguments in (("serve",), ("release", "plan", target), ("release", "apply", target)):
        story.refused(story.bot.run(*arguments), 6, address, "cannot be reached")
    looked = story.bot.run("doctor")
    story.quiet(looked)
    assert looked.code == 6
    assert address in looked.out


def test_something_else_than_gitlab_is_recognised(story: Story) -> None:
    """A web server that answers 200 to everything is no GitLab."""
    with odd_index() as other:
        story.bot.config["gitlab"]["url"] = other.url
        for arguments in (("serve",), ("release", "apply", "acme/widget@v1.0.0")):
            story.refused(story.bot.run(*arguments), 6, other.url.split("/")[2], "is this a GitLab")


def test_a_token_without_membership_sees_no_project(story: Story) -> None:
    """An unknown project and an invisible one look the same: 3, and doctor points at the group."""
    package = story.package()
    outsider = story.town.world.create_user(f"outsider-{story.group.full_path}")
    story.bot.secret("bot.token", story.town.world.create_token(outsider, ["api"], "outsider"))
    story.refused(story.bot.release("apply", package.target), 3, package.project.full_path, "Check the path")
    looked = story.bot.run("doctor", "--format", "json")
    story.quiet(looked)
    assert looked.code == 6
    (failed,) = [check for check in looked.json["checks"] if check["verdict"] == "fail"]
    assert (failed["name"], story.group.full_path in failed["remedy"]) == ("watched groups", True)
    package.untouched()


# What is asked for

UNKNOWN = [
    (("apply", "{group}/nothing@v1.1.0"), 3, ("there is no project", "/nothing")),
    (("plan", "{group}/nothing@v1.1.0"), 3, ("there is no project", "/nothing")),
    (("apply", "{project}@v9.9.9"), 3, ("neither a tag nor a branch v9.9.9",)),
    (("plan", "{project}@v9.9.9"), 3, ("neither a tag nor a branch v9.9.9",)),
    (("apply", "{project}@nightly"), 3, ("no rule of `releases` covers tag nightly", "ropewalk.yaml")),
    (("apply", "{project}"), 2, ("is not PROJECT@REF",)),
    (("apply", "@v1.1.0"), 2, ("is not PROJECT@REF",)),
    (("resume", "{project}@v1.1.0"), 3, ("no release of", "on record", "release list")),
    (("status", "{project}@v1.1.0"), 3, ("no release of", "on record", "release list")),
    (("verify", "{project}@v1.1.0"), 3, ("no release of", "on record", "release list")),
]


def test_what_does_not_exist_is_named(story: Story) -> None:
    """Unknown projects, tags, rules and records: one sentence each."""
    package = story.package()
    package.tag("nightly")
    story.since = story.town.mark()
    for (verb, target), code, words in UNKNOWN:
        full = target.format(group=story.group.full_path, project=package.project.full_path)
        story.refused(story.bot.run("release", verb, full), code, *words)
    package.untouched()


# The configuration and the state

GITLAB = "gitlab: {url: http://127.0.0.1:9, token_file: bot.token}\n"
MALFORMED = {
    "unknown key": (GITLAB + "wach: {}\n", ("ropewalk.yaml:2", "`wach`", "Did you mean `watch`?")),
    "wrong type": (GITLAB + "watch: {groups: acme}\n", ("ropewalk.yaml:2", "must be a list")),
    "no yaml": ("gitlab: [\n", ("ropewalk.yaml:",)),
    "empty": ("", ("ropewalk.yaml:1", "gitlab")),
    "duplicate": (GITLAB + GITLAB, ("ropewalk.yaml:2", "gitlab")),
    "absent secret": ("gitlab: {url: http://127.0.0.1:9, token_file: no.token}\n", ("ropewalk.yaml:1", "no.token")),
    "pasted secret": ("gitlab: {url: http://127.0.0.1:9, token: glpat-pastedPasted000000}\n", ("ropewalk.yaml:1",)),
    "unknown index": (
        GITLAB + "indexes: {registry: {kind: gitlab}}\nreleases:\n- {projects: [a], tags: [v*], indexes: [regstry]}\n",
        ("ropewalk.yaml:4", "Did you mean `registry`?"),
    ),
}


FEW = ("unknown key", "absent secret", "no yaml")  # the rest is about the reader, which has tables of its own


@pytest.mark.parametrize(
    ("text", "words"),
    [pytest.param(*row, id=name, marks=() if name in FEW else IN_FULL) for name, row in MALFORMED.items()],
)
def test_a_malformed_configuration_refuses_the_start(story: Story, text: str, words: tuple[str, ...]) -> None:
    """File, line, what and the near miss; 2."""
    path = story.bot.folder / "ropewalk.yaml"
    path.write_text(text)
    done = story.bot.run("serve", config=path)
    story.refused(done, 2, *words)
    assert "pastedPasted" not in done.out + done.err


def test_a_configuration_that_is_not_there_is_named(story: Story) -> None:
    """A path that leads nowhere: 2."""
    done = story.bot.run("doctor", config=story.bot.folder / "other.yaml")
    story.refused(done, 2, "other.yaml", "config init")


def test_a_state_that_cannot_be_used_is_named(story: Story) -> None:
    """No database, or one of a later version: 2, and the file stays as it is."""
    story.bot.state.write_bytes(b"something else entirely" * 100)
    story.refused(story.bot.run("serve"), 2, "ropewalk.db", "is not a database")
    assert story.bot.state.read_bytes().startswith(b"something else")


def test_a_second_daemon_on_one_state_does_not_start(story: Story) -> None:
    """Two would do everything twice: 2, and the first works on."""
    with story.bot.serving() as first:
        story.since = story.town.mark()
        story.bot.config["web"]["port"] = free_port()
        story.refused(story.bot.run("serve"), 2, "another daemon", "ropewalk.db")
        assert first.get("/livez").status_code == 200


def test_a_port_that_is_taken_is_named(story: Story) -> None:
    """The daemon ends at once: 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", story.bot.port))
        taken.listen()
        story.refused(story.bot.run("serve"), 2, f"127.0.0.1:{story.bot.port}", "web.port")


# What the pipeline made


def _files(name: str) -> dict[str, Mapping[str, bytes]]:
    wheel, data = made.wheel(name, VERSION)
    return {
        "nothing of ours": {"readme.txt": b"hello"},
        "another project": made.both("requests", VERSION),
        "two projects": {**made.both(name, VERSION), **made.both("requests", VERSION)},
        "a broken wheel": {wheel: b"PK\x03\x04 and then nothing"},
        "half a wheel": {wheel: data[: len(data) // 2]},
        "an empty wheel": {wheel: b""},
        "a wheel of another name inside": {wheel: made.wheel("requests", VERSION)[1]},
        "a wheel that climbs": {wheel: made.zipped({"../../escape.py": b"x"})},
    }


BAD_FILES: dict[str, tuple[int, tuple[str, ...]]] = {
    "nothing of ours": (20, ("dist",)),
    "another project": (5, ("requests", "releases[].names")),
    "two projects": (5, ("requests",)),
    "a broken wheel": (20, ("badwheel-1.1.0-py3-none-any.whl",)),
    "half a wheel": (20, ("badwheel-1.1.0-py3-none-any.whl",)),
    "an empty wheel": (20, ("badwheel-1.1.0-py3-none-any.whl",)),
    "a wheel of another name inside": (20, ("badwheel-1.1.0-py3-none-any.whl", "requests")),
    "a wheel that climbs": (20, ("badwheel-1.1.0-py3-none-any.whl",)),
}


FEW_FILES = ("nothing of ours", "another project", "half a wheel", "a wheel that climbs")


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=() if kind in FEW_FILES else IN_FULL) for kind in BAD_FILES])
def test_bad_distributions_are_refused_before_anything_is_written(story: Story, kind: str) -> None:
    """What the job left is looked at first; the reason names the file or the project."""
    code, words = BAD_FILES[kind]
    package = story.package(name="badwheel", files=_files("badwheel")[kind])
    story.stopped(story.bot.release("apply", package.target), code, *words)
    package.untouched()
    assert [len(notes) for notes in package.notes().values()] == [1]


def test_a_job_without_artifacts_is_told_what_to_declare(story: Story) -> None:
    """A green pipeline that keeps nothing releases nothing."""
    package = story.package(ci=NO_ARTIFACTS_CI)
    story.stopped(story.bot.release("apply", package.target), 20, "artifacts: paths: [dist/]")
    package.untouched()


def test_expired_artifacts_are_told_how_to_come_back(story: Story) -> None:
    """The job is run again, and resume publishes."""
    package = story.package()
    package.job().artifacts_expire_at = story.town.world.clock.now() - timedelta(minutes=1)
    story.stopped(story.bot.release("apply", package.target), 20, "run the job again")
    package.untouched()
    job = package.job()
    assert story.town.api("POST", f"/projects/{package.project.id}/jobs/{job.id}/retry").status_code == 201
    package.pipeline_over()
    assert story.bot.release("resume", package.target).code == 0
    package.complete()


@pytest.mark.parametrize("kind", ["no zip", "half a zip", "a zip that climbs"])
def test_a_broken_artifact_archive_is_refused(story: Story, kind: str) -> None:
    """Whatever GitLab hands us as the archive, nothing of it is believed before it is whole."""
    package = story.package()
    archive = story.town.gitlab.pipelines.artifacts_path(package.job())
    assert archive is not None
    whole = archive.read_bytes()
    wheel, data = made.wheel(package.name, VERSION)
    broken = {
        "no zip": b"<html>gone</html>",
        "half a zip": whole[: len(whole) // 2],
        "a zip that climbs": made.zipped({f"../{wheel}": data, f"dist/{wheel}": data}),
    }
    archive.write_bytes(broken[kind])
    story.stopped(story.bot.release("apply", package.target), 20, f"job {package.job().id}")
    package.untouched()
    assert not (story.bot.folder.parent / wheel).exists()


# The other index

ODD_INDEXES: dict[str, tuple[dict[str, object], int, tuple[str, ...]]] = {
    "401": ({"status": 401}, 6, ("401", "password")),
    "403": ({"status": 403}, 6, ("403", "password")),
    "a sign-in page": ({"body": b"<html><title>Sign in</title><form>name</form></html>"}, 6, ("no list of files",)),
    "text": ({"body": b"hello", "content_type": "text/plain"}, 6, ("instead of a list of files",)),
}


@pytest.mark.parametrize(
    "kind", ["403", pytest.param("401", marks=IN_FULL), "text", pytest.param("a sign-in page", marks=IN_FULL)]
)
def test_an_index_that_cannot_be_looked_at_stops_all_of_them(story: Story, kind: str) -> None:
    """Not knowing what stands on the second means that nothing is uploaded to the first."""
    answers, code, words = ODD_INDEXES[kind]
    package = story.package()
    with odd_index(**answers) as odd:
        story.bot.config["indexes"]["index"] |= {"upload_url": odd.url, "simple_url": f"{odd.url}simple/"}
        story.stopped(story.bot.release("apply", package.target), code, "index", *words)
    assert all(one.startswith("GET /simple/") for one in odd.asked)
    package.untouched()


def test_an_index_that_is_down_leaves_the_release_waiting(story: Story) -> None:
    """500 passes: the command gives up in a while with 6, and the next run finishes."""
    package = story.package()
    before = dict(story.bot.config["indexes"]["index"])
    with odd_index(status=500) as odd:
        story.bot.config["indexes"]["index"] |= {"upload_url": odd.url, "simple_url": f"{odd.url}simple/"}
        story.stopped(story.bot.release("apply", package.target), 6, "500", "try again later")
    package.untouched()
    story.bot.config["indexes"]["index"] = before
    assert story.bot.release("apply", package.target).code == 0
    package.complete()


def test_an_index_that_refuses_the_upload_is_resumed_once_mended(story: Story) -> None:
    """The registry has its files already: 21, and resume sends only what is missing."""
    package = story.package()
    story.bot.secret("index.password", "not-the-password-of-the-index")
    refused = story.bot.release("apply", package.target)
    story.quiet(refused)
    assert (refused.code, refused.json["state"]) == (21, "partial")
    assert "403" in refused.json["next"]
    assert (len(package.registry()), package.index(), package.releases()) == (2, [], [])
    story.bot.secret("index.password", story.town.index.token)
    assert story.bot.release("resume", package.target).code == 0
    package.complete()


def test_no_output_folder_is_a_sentence_too(story: Story, tmp_path: Path) -> None:
    """A plan that cannot be written says so: 2."""
    package = story.package()
    done = story.bot.run("release", "plan", package.target, "--out", str(tmp_path / "no" / "plan.json"))
    story.refused(done, 2, "plan.json")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"project": "x"}'])
def test_a_file_that_is_no_plan_is_refused(story: Story, text: str, tmp_path: Path) -> None:
    """apply --plan wants what plan --out wrote: 2."""
    package = story.package()
    path = tmp_path / "plan.json"
    path.write_text(text)
    story.refused(story.bot.run("release", "apply", package.target, "--plan", str(path)), 2, "is not a plan")
    package.untouched()
