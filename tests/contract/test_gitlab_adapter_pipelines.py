"""Pipelines, jobs and artifacts: from the embedded GitLab, and from storages that mean harm."""

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.builder.tree import read_tree
from bot.adapters.gitlab.archives import GitLabArchives
from bot.adapters.gitlab.bounds import LIMITS, Limits
from bot.adapters.gitlab.downloads import MOST_HOPS
from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.domain.errors import CredentialsError, PutOffError, RefusedError, TransientError
from bot.domain.gitlab import PipelineStatus
from tests.contract.hostile import Answer, Asked, Cut, api, hostile, reply
from tests.contract.sandbox_org import Org


def test_a_tags_pipeline_its_jobs_and_their_archive(org: Org, tmp_path: Path) -> None:
    """Only the pipelines of that commit and ref, newest first; job states as they are; the archive as it was made."""
    maintainer, project = org.people["maintainer"], org.project
    sha = org.world.create_tag(project, "v1", "main", maintainer)
    org.world.create_tag(project, "v2", "main", maintainer)
    org.pipelines_done(project, 2)
    org.call("POST", f"/projects/{project.id}/pipeline", json={"ref": "v1"})
    org.pipelines_done(project, 3)
    pipelines = GitLabPipelines(api(org.url, token=org.tokens["maintainer"]), tmp_path / "scratch")
    found = pipelines.pipelines(project.id, sha=sha, ref="v1")
    assert [(one.ref, one.sha, one.source) for one in found] == [("v1", sha, "api"), ("v1", sha, "push")]
    assert found[0].id > found[1].id
    assert pipelines.pipelines(project.id, sha="0" * 40, ref="v1") == ()
    jobs = {one.name: one for one in pipelines.jobs(project.id, found[0].id)}
    assert (jobs["build"].status, jobs["build"].has_artifacts) == (PipelineStatus.SUCCESS, True)
    assert (jobs["publish"].status, jobs["publish"].has_artifacts) == (PipelineStatus.MANUAL, False)
    path = pipelines.artifacts(project.id, jobs["build"].id)
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        assert archive.read("dist/made.txt") == b"made\n"
    again = pipelines.artifacts(project.id, jobs["build"].id)
    assert again is not None
    assert again != path
    assert pipelines.artifacts(project.id, jobs["publish"].id) is None
    assert pipelines.artifacts(project.id, 10**6) is None
    with pytest.raises(RefusedError):
        pipelines.jobs(project.id, 10**6)


def test_the_archive_of_a_commit_is_that_of_no_other(org: Org, tmp_path: Path) -> None:
    """The tree at the pinned commit, with the commit's own time, although the branch has moved on."""
    project = org.new_project("acme/packed", {"README.md": "# One\n"})
    sha = project.git.resolve("main")
    assert sha is not None
    commit = project.git.commit(sha)
    assert commit is not None
    org.world.commit(project, "main", "Two", {"README.md": "# Two\n"}, org.people["maintainer"])
    archives = GitLabArchives(api(org.url, token=org.tokens["maintainer"]), tmp_path / "scratch")
    path = archives.archive(project.id, sha)
    assert path is not None
    with (tmp_path / "plain").open("w+b") as plain:
        assert read_tree(path, plain, sha=sha, most=1 << 20) == int(commit.committed.timestamp())
    assert b"# One" in (tmp_path / "plain").read_bytes()
    for place, commit_id in ((project.id, "0" * 40), (10**6, sha)):
        others = GitLabArchives(api(org.url, token=org.tokens["maintainer"]), tmp_path / "scratch")
        assert others.archive(place, commit_id) is None


def test_a_retried_job_is_left_out(org: Org, tmp_path: Path) -> None:
    """After a retry only the new job counts."""
    project = org.new_project("acme/retried", {".gitlab-ci.yml": "one: {script: 'true'}\n"})
    sha = org.world.create_tag(project, "v1", "main", org.people["maintainer"])
    org.pipelines_done(project, 1)
    pipelines = GitLabPipelines(api(org.url, token=org.tokens["maintainer"]), tmp_path)
    (pipeline,) = pipelines.pipelines(project.id, sha=sha, ref="v1")
    (before,) = pipelines.jobs(project.id, pipeline.id)
    assert org.call("POST", f"/projects/{project.id}/jobs/{before.id}/retry").status_code == 201
    (after,) = pipelines.jobs(project.id, pipeline.id)
    assert after.id != before.id


def test_a_status_we_do_not_know_is_other(tmp_path: Path) -> None:
    """A newer GitLab may have more words; none is taken for success."""
    row = {"id": 1, "ref": "v1", "sha": "a" * 40, "status": "pondering", "source": "push"}
    with hostile(lambda _: reply(200, [row])) as server:
        (one,) = GitLabPipelines(api(server.url), tmp_path).pipelines(1, sha="a" * 40, ref="v1")
    assert one.status is PipelineStatus.OTHER
    assert not one.status.complete


def archive() -> bytes:
    """A small zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("dist/a.txt", os.urandom(2000))
    return made.getvalue()


def download(url: str, scratch: Path, limits: Limits = LIMITS) -> Path | None:
    return GitLabPipelines(api(url, limits=limits), scratch).artifacts(7, 9)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_storage_elsewhere_is_followed_without_the_token(status: int, tmp_path: Path) -> None:
    """Object storage gets the request and no credential, whichever redirect leads there."""
    data = archive()
    with hostile(lambda _: reply(200, data)) as storage:
        location = f"{storage.url}/bucket/x.zip?X-Amz-Signature=abc%2Fdef"
        with hostile(lambda _: reply(status, b"", Location=location)) as server:
            path = download(server.url, tmp_path)
    assert path is not None
    assert path.read_bytes() == data
    assert server.asked[0].headers["authorization"].startswith("Bearer ")
    (asked,) = storage.asked
    assert not asked.credentials
    assert {"authorization", "cookie", "private-token"}.isdisjoint(asked.headers)
    assert asked.target == "/bucket/x.zip?X-Amz-Signature=abc%2Fdef"


def test_the_body_of_a_redirect_is_not_read(tmp_path: Path) -> None:
    """A redirect has nothing to say but where; gigabytes in it are left there."""
    sent = [0]

    def flood(_: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 302 Found\r\nLocation: /api/v4/elsewhere\r\nContent-Length: 4000000000\r\n\r\n"
        for piece in [b" " * 1_000_000] * 100:
            yield piece
            sent[0] += 1

    with hostile(lambda asked: flood(asked) if "/jobs/" in asked.target else reply(404)) as server:
        assert download(server.url, tmp_path) is None
    assert sent[0] < 20


@pytest.mark.parametrize("hops", [MOST_HOPS, MOST_HOPS + 1])
def test_at_most_three_hops(hops: int, tmp_path: Path) -> None:
    """The third redirect is followed, the fourth is not; coming back to GitLab brings no token along."""
    data = archive()
    left = [hops]

    def answer(_: Asked) -> bytes:
        if left[0] == 0:
            return reply(200, data)
        left[0] -= 1
        return reply(302, b"", Location=f"/hop/{left[0]}")

    with hostile(answer) as server:
        if hops > MOST_HOPS:
            with pytest.raises(RefusedError, match="more than 3 redirects"):
                download(server.url, tmp_path)
        else:
            assert download(server.url, tmp_path) is not None
    assert len(server.asked) == MOST_HOPS + 1
    assert [one.credentials for one in server.asked] == [True, False, False, False]


@pytest.mark.parametrize(
    "location",
    [
        "",
        "ftp://h/x",
        "file:///etc/passwd",
        "http://[bad",
        "http://u:p@h/",
        "http://h:99999/",
        "//",
        "http:///x",
        "\xff",
    ],
)
def test_a_redirect_that_is_not_followed_is_a_sentence(location: str, tmp_path: Path) -> None:
    """No scheme but HTTP, no credentials in the address, nothing unreadable."""
    with hostile(lambda asked: reply(302 if "/jobs/" in asked.target else 404, b"", Location=location)) as server:
        try:
            assert download(server.url, tmp_path) is None
        except RefusedError as error:
            assert "not followed" in str(error) or "more than 3 redirects" in str(error)
            assert "u:p" not in str(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, CredentialsError),
        (403, CredentialsError),
        (429, PutOffError),
        (503, TransientError),
    ],
)
def test_what_gitlab_refuses_and_what_a_storage_refuses(status: int, kind: type[Exception], tmp_path: Path) -> None:
    """GitLab's refusal speaks of our token; a storage's only of an address that expired, and GitLab makes a new one."""
    with hostile(lambda _: reply(status, b"<Error>", Retry_After="9")) as server:
        with pytest.raises(kind) as caught:
            download(server.url, tmp_path)
        assert type(caught.value) is kind
        with (
            hostile(lambda _: reply(302, b"", Location=server.url)) as before,
            pytest.raises(TransientError) as storage,
        ):
            download(before.url, tmp_path)
        assert server.url.endswith(storage.value.where)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "Text/HTML", "application/xhtml+xml"])
def test_a_web_page_in_place_of_an_archive_is_no_archive_but_a_reason_to_ask_again(kind: str, tmp_path: Path) -> None:
    """A GitLab that is being deployed answers so, with 200; taken for a broken archive it would fail the release."""
    page = reply(200, "<html>being deployed</html>", Content_Type=kind)
    with hostile(lambda _: page) as server, pytest.raises(TransientError, match="a web page in place of the file"):
        download(server.url, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [404, 410])
def test_artifacts_that_are_gone_are_none(status: int, tmp_path: Path) -> None:
    """Expired or erased, at GitLab or in its storage."""
    with (
        hostile(lambda _: reply(status, b"")) as server,
        hostile(lambda _: reply(302, b"", Location=f"{server.url}/x")) as before,
    ):
        assert download(server.url, tmp_path) is None
        assert download(before.url, tmp_path) is None


def cut(_: Asked) -> Iterator[bytes]:
    yield reply(200, b"PK" * 500, Content_Length="5000")
    raise Cut


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda _: reply(200, b"PK" * 500, Content_Length="5000"), TransientError),
        (cut, TransientError),
        (lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nPKPK\r\n", TransientError),
        (lambda _: b"", TransientError),
        (lambda _: reply(200, b"x" * 3_000_000), RefusedError),
        (lambda _: reply(200, b"bad", Content_Encoding="gzip"), TransientError),
    ],
)
def test_a_cut_or_oversized_download_leaves_no_file(answer: Answer, kind: type[Exception], tmp_path: Path) -> None:
    """A body shorter than announced, broken off, or beyond the limit is an error; the partial file goes."""
    limits = Limits(silence=1, download=3, download_bytes=2_000_000)
    with hostile(answer) as server:
        with pytest.raises(kind):
            download(server.url, tmp_path, limits)
        with hostile(lambda _: reply(302, b"", Location=f"{server.url}/x")) as before, pytest.raises(kind):
            download(before.url, tmp_path, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_is_a_sentence(tmp_path: Path) -> None:
    """No folder to write to: try later, with the place that has no room."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with hostile(lambda _: reply(200, archive())) as server, pytest.raises(TransientError) as caught:
        download(server.url, blocked / "scratch")
    assert "cannot be written" in str(caught.value)
