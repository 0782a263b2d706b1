"""The ways a release can go, each told once from a pushed tag to what stands in public at the end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from bot.domain.releases import ReleaseState
from tests.bounds import ONLY_IN_FULL
from tests.contract.sandbox_org import git
from tests.stories import made
from tests.stories.bot import NEVER, Bot, Json
from tests.stories.town import CI, CI_MANUAL, TAG, VERSION, Package, Town

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "data" / "stories" / "published.json"
MOST_REQUESTS = 40  # per release, with three merge requests

_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
_TEXT = {"type": "string"}
GATES = [
    *("ref_protected", "tag_reachable", "tag_unmoved", "version_matches", "name_allowed", "hygiene"),
    *("freeze", "hold", "approval", "pipeline_green", "twine_check", "expected_files", "index_guard", "changes"),
]
RECEIPT: Json = {
    "type": "object",
    "required": ["kind", "where", "file", "sha256", "at"],
    "properties": {
        "kind": _TEXT,
        "where": {"type": "string", "pattern": "^https?://[^@]+$"},
        "file": {"type": ["string", "null"]},
        "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
        "at": _TIME,
    },
}
SCHEMA: Json = {
    "type": "object",
    "required": [
        *("schema", "project", "ref", "kind", "sha", "version", "state", "source", "source_reason"),
        *("gates", "targets", "next"),
    ],
    "properties": {
        "schema": {"const": "ropewalk.release/1"},
        "project": _TEXT,
        "ref": _TEXT,
        "kind": {"enum": ["tag", "branch"]},
        "sha": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
        "version": {"type": ["string", "null"]},
        "state": {"enum": [state.value for state in ReleaseState]},
        "source": {"enum": ["pipeline", "artifacts", "build"]},
        "source_reason": _TEXT,
        "gates": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "verdict", "reason"],
                "properties": {
                    "name": {"enum": GATES},
                    "verdict": {"enum": ["pass", "fail", "unknown", "waived", "not_applicable"]},
                    "reason": {"type": "string", "minLength": 1},
                },
                "additionalProperties": False,
            },
        },
        "targets": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "state", "reason", "attempts", "receipts"],
                "properties": {
                    "name": {
                        "type": "string",
                        "pattern": r"^(distributions|index:.+|install:.+|gitlab_release|note:!\d+|issue)$",
                    },
                    "state": {"enum": ["pending", "done", "failed", "conflict", "skipped"]},
                    "reason": _TEXT,
                    "attempts": {"type": "integer", "minimum": 0},
                    "receipts": {"type": "array", "items": RECEIPT},
                },
                "additionalProperties": False,
            },
        },
        "next": {"type": ["string", "null"]},
    },
}


def test_a_protected_tag_becomes_a_published_package(bot: Bot, town: Town, package: Package, tmp_path: Path) -> None:
    """Exact JSON, forty requests at most, and pip installs what was released from GitLab's registry."""
    package.tag()
    package.pipeline_over()
    before = town.mark()

    applied = bot.release("apply", package.target)

    asked = town.requests(before)
    package.complete()
    assert (applied.code, applied.json["state"]) == (0, "published")
    assert "Traceback" not in applied.err
    status = bot.release("status", package.target)
    assert status.code == 0
    Draft202012Validator(SCHEMA).validate(status.json)
    assert _plain(status.json, town, package) == json.loads(GOLDEN.read_text())
    listed = json.loads(bot.run("release", "list", "--format", "json").out)
    assert [(row["project"], row["state"], "gates" in row) for row in listed] == [
        (package.project.full_path, "published", False)
    ]
    assert len(asked) <= MOST_REQUESTS
    told = re.search(r"requests to GitLab: (\d+)", bot.run("release", "status", package.target, "--verbose").out)
    assert told is not None
    # The command asked GitLab twice for what the tag is and thrice who it is itself; the rest was the release.
    assert int(told[1]) == len(asked) - 5
    assert _installed(town, package, tmp_path / "site") == VERSION


def test_the_daemon_finds_a_tag_by_itself_and_releases_it(bot: Bot, package: Package) -> None:
    """From a push that nobody told it of to a published release, with nothing asked of a person."""
    with bot.serving():
        package.tag()
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED, release.next
    package.complete()


def test_a_bare_credential_blocks_until_its_flags_are_set(bot: Bot, town: Town, package: Package) -> None:
    """Nothing is published beside a variable that leaks; the merge request is told why, and then told of the end.

    Which variable it is stands in the reason alone: anybody may read notes.
    """
    town.world.set_variable(package.project, "TWINE_PASSWORD", "hunter2-hunter2", masked=False, protected=False)
    package.tag()
    package.pipeline_over()

    blocked = bot.release("apply", package.target)

    assert (blocked.code, blocked.json["state"]) == (5, "blocked")
    assert _gate(blocked.json, "hygiene")["verdict"] == "fail"
    assert "TWINE_PASSWORD" in _gate(blocked.json, "hygiene")["reason"]
    package.untouched()
    for notes in package.notes().values():
        assert len(notes) == 1
        assert "RW101" in notes[0].body
        assert "TWINE_PASSWORD" not in notes[0].body
        assert "hunter2" not in notes[0].body
    town.world.set_variable(package.project, "TWINE_PASSWORD", "hunter2-hunter2", masked=True, protected=True)
    resumed = bot.release("resume", package.target)
    assert (resumed.code, resumed.json["state"]) == (0, "published")
    package.complete()


def test_an_unprotected_tag_is_not_released(bot: Bot, town: Town, group_package: MakePackage) -> None:
    """The reason proposes the rule that is missing; with it, resume publishes."""
    package = group_package(protect=False)
    package.tag()
    package.pipeline_over()

    blocked = bot.release("apply", package.target)

    assert (blocked.code, blocked.json["state"]) == (5, "blocked")
    assert "not protected" in _gate(blocked.json, "ref_protected")["reason"]
    package.untouched()
    town.world.protect_tag(package.project, "v*")
    assert bot.release("resume", package.target).code == 0
    package.complete()


def test_a_tag_that_disagrees_with_the_metadata_is_not_released(bot: Bot, group_package: MakePackage) -> None:
    """Each file that says another version is named."""
    package = group_package(name="mismatched", files=made.both("mismatched", "1.0.9"))
    package.tag()
    package.pipeline_over()

    blocked = bot.release("apply", package.target)

    assert (blocked.code, blocked.json["state"]) == (5, "blocked")
    reason = _gate(blocked.json, "version_matches")["reason"]
    assert all(name in reason for name in made.both("mismatched", "1.0.9"))
    package.untouched()


def test_other_bytes_on_the_last_index_stop_before_the_first(bot: Bot, town: Town, package: Package) -> None:
    """A conflict anywhere means that nothing is written anywhere."""
    filename, data = made.wheel(package.name, VERSION, "by a stranger")
    (town.index.data / filename).write_bytes(data)
    package.tag()
    package.pipeline_over()

    conflict = bot.release("apply", package.target)

    assert (conflict.code, conflict.json["state"]) == (22, "conflict")
    assert filename in conflict.json["next"]
    assert (package.registry(), package.releases()) == ([], [])
    assert (town.index.data / filename).read_bytes() == data


def test_a_failed_pipeline_is_mended_in_gitlab_and_the_release_resumed(
    bot: Bot, town: Town, group_package: MakePackage
) -> None:
    """The same tag, the same commit: the job is retried, and the release goes on."""
    package = group_package(ci=CI.replace("script: [", 'script: [test "$MENDED" = yes, '))
    package.tag()
    package.pipeline_over("failed")

    failed = bot.release("apply", package.target)

    assert (failed.code, failed.json["state"]) == (20, "failed")
    assert "failed in build" in failed.json["next"]
    package.untouched()
    town.world.set_variable(package.project, "MENDED", "yes")
    job = package.job()
    assert town.api("POST", f"/projects/{package.project.id}/jobs/{job.id}/retry").status_code == 201
    package.pipeline_over()
    resumed = bot.release("resume", package.target)
    assert (resumed.code, resumed.json["state"]) == (0, "published")
    package.complete()


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_pipeline_that_ends_at_a_manual_job_is_green(bot: Bot, group_package: MakePackage) -> None:
    """A publish job for a person to press holds up nothing, and is not pressed."""
    package = group_package(ci=CI_MANUAL)
    package.tag()
    package.pipeline_over("manual")

    applied = bot.release("apply", package.target)

    assert (applied.code, applied.json["state"]) == (0, "published")
    assert "manual jobs (publish)" in _gate(applied.json, "pipeline_green")["reason"]
    assert package.job("publish").status == "manual"
    package.complete()


def test_jobs_of_a_matrix_contribute_a_file_each(bot: Bot, group_package: MakePackage) -> None:
    """Wheels from a matrix and the sdist beside them: gathered from three jobs, each file released once."""
    tail = "script: [mkdir dist, cp made/*"
    wheels = CI.replace("build:\n", 'build:\n  parallel: {matrix: [{ENDING: [whl, tar.gz]}, {ENDING: "??*z"}]}\n')
    assert tail in wheels
    package = group_package(ci=wheels.replace("made/*", "made/*.$ENDING"))
    package.tag()
    package.pipeline_over()
    jobs = [package.job(f"build: [{ending}]").status for ending in ("whl", "tar.gz", "??*z")]
    assert jobs == ["success"] * 3

    applied = bot.release("apply", package.target)

    assert (applied.code, applied.json["state"]) == (0, "published")
    package.complete()


@pytest.mark.chaos
@ONLY_IN_FULL
def test_each_tag_of_one_commit_is_judged_by_its_own_pipeline(
    bot: Bot, town: Town, package: Package, tmp_path: Path
) -> None:
    """Three tags pushed at once with git: one is released, one has another version, one is nobody's business."""
    token = town.world.create_token(town.grace, ["api", "write_repository"], "git")
    remote = f"{town.gitlab.url}/{package.project.full_path}.git".replace("://", f"://grace:{token}@")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", remote, str(clone))
    with bot.serving():
        for tag in ("nightly-7", TAG, "v1.1.0rc1"):
            git(clone, "tag", tag)
        git(clone, "push", "-q", "origin", "nightly-7", TAG, "v1.1.0rc1")
        bot.recorded(lambda rows: len(rows) == 2)
        ended = {release.id.ref: release for release in bot.ended()}
    assert {ref: release.state.value for ref, release in ended.items()} == {TAG: "published", "v1.1.0rc1": "blocked"}
    pipelines = {one.ref: one.id for one in town.gitlab.pipelines.pipelines(package.project.id)}
    assert set(pipelines) == {"nightly-7", TAG, "v1.1.0rc1"}
    for ref, release in ended.items():
        reason = next(gate.reason for gate in release.gates if gate.name == "pipeline_green")
        assert reason == f"pipeline {pipelines[ref]} succeeded"
    assert package.registry() == package.index() == sorted(made.both(package.name, VERSION))
    assert [release.tag for release in package.releases()] == [TAG]


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_tag_deleted_while_its_pipeline_runs_is_withdrawn(
    bot: Bot, group_package: MakePackage, tmp_path: Path
) -> None:
    """Nothing of it becomes public, whatever its pipeline makes."""
    gate = tmp_path / "gate"
    package = group_package(ci=_waiting_ci(gate))
    with bot.serving():
        package.tag()
        bot.recorded(lambda rows: any("is running" in (release.next or "") for release in rows))
        package.untag()
        gate.touch()
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.WITHDRAWN
    assert "was deleted" in (release.next or "")
    package.untouched()
    assert bot.release("status", package.target).json["state"] == "withdrawn"


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_tag_moved_while_its_pipeline_runs_releases_the_new_commit_only(
    bot: Bot, group_package: MakePackage, tmp_path: Path
) -> None:
    """Two commits, two releases: the old one is withdrawn, the new one published from its own bytes."""
    gate = tmp_path / "gate"
    package = group_package(ci=_waiting_ci(gate))
    filename, data = made.wheel(package.name, VERSION, "of the second commit")
    with bot.serving():
        first = package.tag()
        bot.recorded(lambda rows: any("is running" in (release.next or "") for release in rows))
        package.untag()
        second = package.commit({f"made/{filename}": data})
        package.tag()
        gate.touch()
        bot.recorded(lambda rows: len(rows) == 2)
        ended = {release.id.sha: release.state.value for release in bot.ended()}
    assert ended == {first: "withdrawn", second: "published"}
    assert (package.registry(), len(package.releases())) == (sorted(made.both(package.name, VERSION)), 1)
    (wheel,) = [f for one in package.project.packages.values() for f in one.files.values() if f.file_name == filename]
    assert wheel.stored.read_bytes() == data


def test_a_release_written_by_a_person_keeps_its_words(bot: Bot, town: Town, package: Package) -> None:
    """Our block and links come beside what stands there; nothing of theirs is lost, also when run again."""
    package.tag()
    package.pipeline_over()
    words = "# The spring release\n\nThanks to everybody!"
    body = {"tag_name": TAG, "name": "Spring", "description": words}
    body["assets"] = {"links": [{"name": "manual", "url": "https://docs.example.com/widget"}]}  # type: ignore[assignment]
    assert town.api("POST", f"/projects/{package.project.id}/releases", json=body).status_code == 201

    assert bot.release("apply", package.target).code == 0

    (release,) = package.releases()
    assert release.name == "Spring"
    assert words in release.description
    assert package.name in release.description.replace(words, "")
    names = {link.name for link in release.links.values()}
    assert {"manual", *made.both(package.name, VERSION)} <= names
    description = release.description
    assert bot.release("resume", package.target).code == 0
    assert package.releases()[0].description == description
    package.complete()


def test_a_plan_needs_only_a_token_that_reads(bot: Bot, town: Town, package: Package) -> None:
    """It says what would be done, sends nothing but reads, and records nothing."""
    bot.secret("bot.token", town.world.create_token(town.bot, ["read_api"], "reader"))
    package.tag()
    package.pipeline_over()
    before, uploads = town.mark(), town.index.uploads()

    planned = bot.release("plan", package.target)

    assert planned.code == 0, planned.err
    assert [row["text"] for row in planned.json["actions"]][:4] == [
        f"would upload {name} to {index}"
        for index in ("registry", "index")
        for name in sorted(made.both(package.name, VERSION), key=lambda name: not name.endswith(".whl"))
    ]
    assert "gitlab_release" in {row["target"] for row in planned.json["actions"]}
    assert {row["file"] for row in planned.json["files"]} == set(made.both(package.name, VERSION))
    asked = town.requests(before)
    assert {one.method for one in asked if one.path != "/api/graphql"} <= {"GET", "HEAD"}
    assert {kind for one in asked if one.path == "/api/graphql" for kind in one.operations} == {"query"}
    assert (town.writes(before), town.index.uploads()) == ([], uploads)
    package.untouched()
    assert json.loads(bot.run("release", "list", "--format", "json").out) == []
    assert {path.name for path in bot.folder.iterdir()} == {"bot.token", "index.password", "home", "ropewalk.yaml"}


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_plan_tells_what_it_would_pass_over_and_what_would_stop_it(bot: Bot, town: Town, package: Package) -> None:
    """Identical files are skipped, other bytes stop, and an index that refuses to be read leaves it open."""
    package.tag()
    package.pipeline_over()
    (wheel, data), (sdist, _) = made.wheel(package.name, VERSION), made.sdist(package.name, VERSION)
    (town.index.data / wheel).write_bytes(data)

    skips = bot.run("release", "plan", package.target)
    (town.index.data / sdist).write_bytes(b"by a stranger")
    stops = bot.run("release", "plan", package.target)
    (town.index.data / sdist).unlink()
    town.fault(kind="status", status=403, path="/packages/pypi/simple/", body="{}")
    blind = bot.release("plan", package.target)

    assert (skips.code, f"  would skip {wheel} (identical on index)\n" in skips.out) == (0, True)
    assert f"  would upload {sdist} to index\n" in skips.out
    assert (stops.code, f"  would stop (other bytes of {sdist} on index)\n" in stops.out) == (22, True)
    assert "would upload" not in stops.out
    assert blind.code == 6
    told = {row["course"]: row["text"] for row in blind.json["actions"]}
    assert told["cannot_tell"].startswith("cannot tell (403 on registry: ")
    assert told["skip"] == f"would skip {wheel} (identical on index)"
    assert package.registry() == []


@pytest.mark.chaos
@ONLY_IN_FULL
def test_a_plan_is_carried_out_only_while_the_world_stands_still(
    bot: Bot, town: Town, package: Package, tmp_path: Path
) -> None:
    """What moved is named and nothing is written; a plan that still holds is carried out."""
    package.tag()
    package.pipeline_over()
    path = tmp_path / "plan.json"
    assert bot.release("plan", package.target, "--out", str(path)).code == 0
    before = town.mark()
    filename, data = made.wheel(package.name, VERSION)
    (town.index.data / filename).write_bytes(data)

    moved = bot.release("apply", package.target, "--plan", str(path))

    assert moved.code == 5
    assert "the world moved" in moved.complaint
    assert (
        f"planned was: would upload {filename} to index; now: would skip {filename} (identical on index)"
        in moved.complaint
    )
    assert town.writes(before) == []
    assert package.registry() == []
    (town.index.data / filename).unlink()
    assert bot.release("apply", package.target, "--plan", str(path)).code == 0
    package.complete()


def test_a_release_whose_files_all_stand_there_already_says_so(bot: Bot, town: Town, package: Package) -> None:
    """Published, with no upload: a result of its own, in words and in JSON, and proven like any other."""
    for filename, data in made.both(package.name, VERSION).items():
        (town.index.data / filename).write_bytes(data)
    bot.config["releases"][0]["indexes"] = ["index"]
    package.tag()
    package.pipeline_over()
    uploads = town.index.uploads()

    applied = bot.release("apply", package.target)

    assert (applied.code, applied.json["state"], applied.json["result"]) == (0, "published", "all_skipped")
    target = next(target for target in applied.json["targets"] if target["name"] == "index:index")
    assert target["reason"] == "nothing uploaded: all 2 files stood there already, identical"
    assert [receipt["kind"] for receipt in target["receipts"]] == ["found", "found"]
    assert town.index.uploads() == uploads
    assert package.registry() == []


def test_a_plan_for_another_commit_is_refused(bot: Bot, package: Package, tmp_path: Path) -> None:
    """A tag that moved since shows as another commit."""
    first = package.tag()
    package.pipeline_over()
    path = tmp_path / "plan.json"
    assert bot.release("plan", package.target, "--out", str(path)).code == 0
    package.untag()
    package.commit({"NEWS.md": "later\n"})
    second = package.tag()
    package.pipeline_over()

    moved = bot.release("apply", package.target, "--plan", str(path))

    assert moved.code == 5
    assert first in moved.complaint
    assert second in moved.complaint
    package.untouched()


def test_commands_beside_a_daemon_leave_the_work_to_it(bot: Bot, town: Town, package: Package) -> None:
    """apply and resume insert a request and follow; nothing happens twice."""
    bot.config["watch"]["poll"] = NEVER
    with bot.serving():
        package.tag()
        applied = bot.release("apply", package.target)
        assert (applied.code, applied.json["state"]) == (0, "published")
        assert "a daemon runs on this state" in applied.err
        package.complete()
        before = town.mark()
        resumed = bot.release("resume", package.target)
        assert (resumed.code, resumed.json["state"]) == (0, "published")
        assert bot.release("status", package.target).code == 0
        assert bot.release("verify", package.target).code == 0
        assert town.writes(before) == []
    package.complete()


@pytest.mark.chaos
@ONLY_IN_FULL
def test_verify_names_every_file_that_somebody_deleted(bot: Bot, town: Town, package: Package) -> None:
    """Published once and gone now is not published, nor proven by old receipts; resume puts the same bytes back."""
    package.tag()
    package.pipeline_over()
    assert bot.release("apply", package.target).code == 0
    assert bot.release("verify", package.target).code == 0
    (holder,) = package.project.packages.values()
    gone = list(holder.files.values())
    for file in gone:
        path = f"/projects/{package.project.id}/packages/{holder.id}/package_files/{file.id}"
        assert town.api("DELETE", path).status_code == 204
    before = town.mark()

    missing = bot.release("verify", package.target)

    assert missing.code == 21
    assert "index:registry" in missing.json["next"]
    targets = {target["name"]: target for target in missing.json["targets"]}
    registry = targets["index:registry"]
    assert registry["state"] != "done"
    assert len(gone) == 2
    assert all(file.file_name in registry["reason"] for file in gone)
    assert (registry["receipts"], len(targets["index:index"]["receipts"])) == ([], 2)
    assert town.writes(before) == []
    assert bot.release("resume", package.target).code == 0
    package.complete()


class MakePackage:
    """Makes packages in the bot's group."""

    def __init__(self, town: Town, bot: Bot) -> None:
        self._town = town
        self._group = town.world.groups[bot.config["watch"]["groups"][0]]

    def __call__(self, **wishes: object) -> Package:
        return self._town.package(self._group, **wishes)  # type: ignore[arg-type]  # Town.package checks them


@pytest.fixture
def group_package(town: Town, bot: Bot) -> MakePackage:
    return MakePackage(town, bot)


@pytest.fixture
def package(group_package: MakePackage) -> Package:
    return group_package(changes=3)


def _waiting_ci(gate: Path) -> str:
    """A build job that waits, at most a minute, until a file is there."""
    wait = f"for i in $(seq 600); do test -e '{gate}' && break; sleep 0.1; done"
    return CI.replace("script: [", f'script: ["{wait}", ')


def _gate(document: Json, name: str) -> Json:
    found = next(gate for gate in document["gates"] if gate["name"] == name)
    assert isinstance(found, dict)
    return found


def _plain(document: Json, town: Town, package: Package) -> Json:
    """A document without what differs from run to run."""
    text = json.dumps(document)
    for value, word in (
        (town.gitlab.url, "https://gitlab"),
        (town.index.url.rstrip("/"), "https://index"),
        (package.project.full_path, "acme/widget"),
        (package.name, "widget"),
        (str(document["sha"]), "SHA"),
        (str(document["sha"])[:8], "SHA8"),
        (f"projects/{package.project.id}/", "projects/ID/"),
    ):
        text = text.replace(value, word)
    for number, digest in enumerate(dict.fromkeys(re.findall(r"\b[0-9a-f]{64}\b", text)), 1):
        text = text.replace(digest, f"SHA256-{number}")
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r"pipeline \d+", "pipeline ID", text)
    plain = json.loads(text)
    assert isinstance(plain, dict)
    return plain


def _installed(town: Town, package: Package, target: Path) -> str:
    """Install from GitLab's registry with pip, as any reader of the project may; returns the version it says."""
    token = town.world.create_token(town.grace, ["read_api"], "pip")
    address = f"{town.gitlab.url}/api/v4/projects/{package.project.id}/packages/pypi/simple"
    line = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir", "--isolated"]
    index = address.replace("://", f"://grace:{token}@")
    subprocess.run([*line, "--target", str(target), "--index-url", index, f"{package.name}=={VERSION}"], check=True)
    asked = [sys.executable, "-c", f"import {package.name} as it; print(it.__version__)"]
    return subprocess.run(asked, cwd=target, capture_output=True, text=True, check=True).stdout.strip()
