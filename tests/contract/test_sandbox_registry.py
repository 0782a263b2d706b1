"""The sandbox's PyPI registry and the index beside it, used by twine and pip themselves."""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.sandbox_org import Org, organisation


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation(index=True) as made:
        yield made


def wheel(folder: Path, name: str = "acme_widget", version: str = "1.0.0", note: str = "") -> Path:
    """A wheel by hand: small, valid, made in a moment."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.8\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"note = {note!r}\n")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def tool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "COLUMNS": "1000",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def twine(org: Org, url: str, user: str, secret: str, file: Path) -> subprocess.CompletedProcess[str]:
    options = ("--non-interactive", "--disable-progress-bar", "--verbose", "--repository-url", url)
    return tool(org.folder, "twine", "upload", *options, "-u", user, "-p", secret, str(file))


def registry(org: Org) -> str:
    return f"{org.url}/api/v4/projects/{org.project.id}/packages/pypi"


def test_twine_uploads_and_pip_downloads_from_project_and_group(org: Org, tmp_path: Path) -> None:
    file = wheel(tmp_path)
    done = twine(org, registry(org), "developer", org.tokens["developer"], file)
    assert done.returncode == 0, done.stdout + done.stderr
    group = org.world.groups["acme"]
    for place in (registry(org), f"{org.url}/api/v4/groups/{group.id}/-/packages/pypi"):
        index = f"{place}/simple".replace("://", f"://owner:{org.tokens['owner']}@")
        target = tmp_path / str(len(place))
        options = ("--no-deps", "--no-cache-dir", "--index-url", index, "--dest", str(target))
        got = tool(tmp_path, "pip", "download", *options, "acme-widget==1.0.0")
        assert got.returncode == 0, got.stdout + got.stderr
        assert (target / file.name).read_bytes() == file.read_bytes()
    again = twine(org, registry(org), "developer", org.tokens["developer"], file)
    assert again.returncode == 1
    assert "400 Bad request - Validation failed: File name has already been taken" in again.stdout
    packages = org.client().projects.get(1).packages.list(get_all=True, package_type="pypi", package_name="widget")
    (row,) = packages[0].package_files.list(get_all=True)
    assert row.file_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_credentials_and_roles_of_the_registry(org: Org, tmp_path: Path) -> None:
    data = {"name": "other", "version": "1.0.0"}

    def post(user: str, secret: str) -> tuple[int, str | None]:
        files = {"content": (f"other-1.0.0-{user}.tar.gz", b"bytes")}
        answer = org.call("POST", "/projects/1/packages/pypi", None, data=data, files=files, auth=(user, secret))
        return answer.status_code, answer.headers.get("www-authenticate")

    realm = 'Basic realm="GitLab Packages Registry"'
    assert post("nobody", "wrong") == (401, realm)
    assert post("reporter", org.tokens["reporter"]) == (403, None)
    username, secret = org.world.create_deploy_token(org.project, ["write_package_registry"], "deploy")
    assert post(username, secret) == (201, None)
    reading, secret = org.world.create_deploy_token(org.project, ["read_package_registry"], "deploy")
    assert post(reading, secret)[0] == 403
    assert org.call("GET", "/projects/1/packages/pypi/simple/other", None).headers["www-authenticate"] == realm


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"name": "w"}, {"error": "version is missing"}),
        ({"name": "w", "version": "not a version"}, {"error": "version is invalid"}),
    ],
)
def test_malformed_uploads_are_400(org: Org, data: dict[str, str], told: dict[str, str]) -> None:
    files = {"content": ("w-1.tar.gz", b"bytes")}
    answer = org.call("POST", "/projects/1/packages/pypi", data=data, files=files)
    assert (answer.status_code, answer.json()) == (400, told)


def test_an_absent_name_is_redirected_by_default_to_the_index_beside_it_and_404_where_a_group_forwards_nothing(
    org: Org,
) -> None:
    # FACTS 9: a name not found is redirected to PyPI/simple/<name>/ by default
    path = "/projects/1/packages/pypi/simple/Absent_Name"
    assert org.index is not None
    answer = org.call("GET", path)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{org.index.simple_url}absent-name/")
    changed = org.control("PUT", "registry", json={"forwarding": False, "group": "acme"})
    assert changed.json() == {"forward_url": org.index.simple_url, "not_forwarding": ["acme", "acme/tools"]}
    try:
        assert org.call("GET", path).status_code == 404
    finally:
        assert org.control("PUT", "registry", json={"forwarding": True}).json()["not_forwarding"] == []


def test_package_files_show_what_the_uploader_declared(org: Org) -> None:
    # FACTS 9: the digest is the declared one, and no check against the bytes
    for name, digests, shown in (
        ("declared", {"sha256_digest": "a" * 64, "md5_digest": "b" * 32}, ("a" * 64, "b" * 32)),
        ("silent", {}, (None, None)),
    ):
        data = {"name": name, "version": "1", **digests}
        files = {"content": (f"{name}-1.tar.gz", b"bytes")}
        assert org.call("POST", "/projects/1/packages/pypi", data=data, files=files).status_code == 201
        (package,) = org.call("GET", f"/projects/1/packages?package_name={name}").json()
        (row,) = org.call("GET", f"/projects/1/packages/{package['id']}/package_files").json()
        assert (row["file_sha256"], row["file_md5"]) == shown
        assert row["file_sha1"] is None


def test_the_declared_digest_names_the_file_unchecked(org: Org) -> None:
    data = {"name": "digest", "version": "1", "sha256_digest": "0" * 64, "requires_python": ">=3.8"}
    files = {"content": ("digest-1.tar.gz", b"bytes")}
    assert org.call("POST", "/projects/1/packages/pypi", data=data, files=files).status_code == 201
    page = org.call("GET", "/projects/1/packages/pypi/simple/DIGEST").text
    assert f"/files/{'0' * 64}/digest-1.tar.gz#sha256={'0' * 64}" in page and "&gt;=3.8" in page


def test_the_index_takes_an_upload_once_and_gives_it_back_with_its_hash(org: Org, tmp_path: Path) -> None:
    index = org.index
    assert index is not None
    file = wheel(tmp_path, version="2.0.0")
    assert twine(org, index.upload_url, index.username, "wrong", file).returncode == 1
    done = twine(org, index.upload_url, index.username, index.token, file)
    assert done.returncode == 0, done.stdout + done.stderr
    changed = wheel(tmp_path / "other", version="2.0.0", note="other bytes")
    assert twine(org, index.upload_url, index.username, index.token, changed).returncode == 1
    options = ("--no-deps", "--no-cache-dir", "--index-url", index.simple_url, "--dest", str(tmp_path / "got"))
    got = tool(tmp_path, "pip", "download", *options, "acme-widget==2.0.0")
    assert got.returncode == 0, got.stdout + got.stderr
    assert (tmp_path / "got" / file.name).read_bytes() == file.read_bytes()


def test_the_index_fails_an_upload_when_told_to(org: Org, tmp_path: Path) -> None:
    index = org.index
    assert index is not None
    index.fail_upload(503)
    file = wheel(tmp_path, version="3.0.0")
    uploads = index.uploads()
    assert twine(org, index.upload_url, index.username, index.token, file).returncode == 0
    assert index.uploads() - uploads == 2, "twine tries again after a 503"
