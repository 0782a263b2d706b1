"""What the embedded GitLab does by itself, without a test switching it on: each test names the fact behind it."""

import base64
import io
import json
import tarfile
import zipfile

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from bot.sandbox.limits import PROFILES
from tests.contract.sandbox_org import WAIT, Org

CI = """
token:
  environment: production
  id_tokens:
    PYPI_ID_TOKEN: {aud: pypi}
    OTHER_ID_TOKEN: {aud: [one, two]}
  script:
    - echo "$PYPI_ID_TOKEN" > token.txt
    - echo "$OTHER_ID_TOKEN" > other.txt
  artifacts:
    paths: [token.txt, other.txt]
"""


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(org: Org, token: str) -> dict[str, object]:
    """The claims of a token, checked with nothing but what the instance publishes."""
    with httpx.Client(trust_env=False, verify=False, timeout=WAIT) as client:
        found = client.get(f"{org.url}/.well-known/openid-configuration").json()
        keys = client.get(found["jwks_uri"]).json()
        assert keys == client.get(f"{org.url}/-/jwks").json()
    head, body, signature = token.split(".")
    told = json.loads(decoded(head))
    (key,) = [one for one in keys["keys"] if one["kid"] == told["kid"]]
    numbers = {name: int.from_bytes(decoded(key[name])) for name in ("e", "n")}
    public = RSAPublicNumbers(**numbers).public_key()
    public.verify(decoded(signature), f"{head}.{body}".encode(), PKCS1v15(), SHA256())
    claims = json.loads(decoded(body))
    assert (told["alg"], claims["iss"]) == ("RS256", found["issuer"])
    assert isinstance(claims, dict)
    return claims


def test_a_job_gets_id_tokens_that_anybody_can_verify(org: Org) -> None:
    # FACTS 10: trusted publishing reads sub, project_path, ci_config_ref_uri, jti and environment
    project = org.new_project("acme/tools/signed", {".gitlab-ci.yml": CI})
    org.world.create_tag(project, "v1.0", "main", org.people["maintainer"])
    org.pipelines_done(project, 1)
    (pipeline,) = org.gitlab.pipelines.pipelines(project.id)
    (job,) = org.gitlab.pipelines.jobs(pipeline.id)
    assert job.status == "success"
    path = f"/projects/{project.id}/jobs/{job.id}/artifacts"
    claims = verified(org, org.call("GET", f"{path}/token.txt").text.strip())
    other = verified(org, org.call("GET", f"{path}/other.txt").text.strip())
    host = org.url.removeprefix("http://")
    expected = {
        "sub": "project_path:acme/tools/signed:ref_type:tag:ref:v1.0",
        "aud": "pypi",
        "project_path": "acme/tools/signed",
        "namespace_path": "acme/tools",
        "ref_path": "refs/tags/v1.0",
        "ref_protected": "false",
        "ci_config_ref_uri": f"{host}/acme/tools/signed//.gitlab-ci.yml@refs/tags/v1.0",
        "ci_config_sha": pipeline.sha,
        "environment": "production",
        "user_login": "maintainer",
        "user_access_level": "maintainer",
        "job_id": str(job.id),
    }
    assert {name: claims[name] for name in expected} == expected
    assert claims["exp"] == claims["iat"] + 300 and claims["nbf"] == claims["iat"] - 5  # type: ignore[operator]  # numbers
    assert other["aud"] == ["one", "two"] and other["jti"] != claims["jti"]


def test_without_an_index_an_absent_name_leads_to_a_loopback_page_that_has_nothing(org: Org) -> None:
    # FACTS 9: a 302 means absent; it can never lead to the real index
    answer = org.call("GET", "/projects/1/packages/pypi/simple/absent")
    nowhere = org.url.replace("127.0.0.1", "localhost")  # another origin, as with a real instance
    assert (answer.status_code, answer.headers["location"]) == (302, f"{nowhere}/-/no-index/simple/absent/")
    assert httpx.get(answer.headers["location"], trust_env=False, verify=False).status_code == 404


def test_the_control_api_turns_object_storage_on_and_off(org: Org) -> None:
    # FACTS 0.9: downloads may be 302 to object storage, which takes no second credential
    files = {"content": ("stored-1.tar.gz", b"bytes")}
    data = {"name": "stored", "version": "1", "sha256_digest": "c" * 64}
    assert org.call("POST", "/projects/1/packages/pypi", data=data, files=files).status_code == 201
    path = f"/projects/1/packages/pypi/files/{'c' * 64}/stored-1.tar.gz"
    assert org.call("GET", path).status_code == 200
    state = org.control("PUT", "storage", json={"enabled": True}).json()
    assert state["enabled"] and state["url"] != org.url
    try:
        answer = org.call("GET", path)
        location = answer.headers["location"]
        assert answer.status_code == 302 and location.startswith(f"{state['url']}/")
        with httpx.Client(trust_env=False, verify=False, timeout=WAIT) as client:
            assert client.get(location).content == b"bytes"
            assert client.get(location, headers={"PRIVATE-TOKEN": "mine"}).status_code == 400
        assert org.control("GET", "storage").json()["leaked"] == ["private-token"]
    finally:
        org.control("PUT", "storage", json={"enabled": False})
    assert org.call("GET", path).status_code == 200
    assert "error" in org.control("PUT", "storage", json={}).json()


def test_a_list_of_branches_may_be_thirty_seconds_old_a_single_branch_never(org: Org) -> None:
    # FACTS 0.10
    project = org.new_project("acme/tools/branchy")
    path = f"/projects/{project.id}/repository/branches"

    def names(question: str = "", who: str = "maintainer") -> list[str]:
        return [row["name"] for row in org.call("GET", path + question, who).json()]

    assert names() == ["main"]
    made = org.call("POST", path, json={"branch": "topic", "ref": "main"})
    assert made.status_code == 201
    assert names() == ["main"] and org.call("GET", f"{path}/topic").status_code == 200
    assert names("?per_page=50") == ["main", "topic"], "another question is not the same list"
    assert names(who="developer") == ["main", "topic"], "another user has another list"
    offset = org.control("GET", "clock").json()["offset_seconds"]
    org.control("PUT", "clock", json={"offset_seconds": offset + 31})
    assert names() == ["main", "topic"]


def test_changelogs_are_limited_to_five_a_minute_in_every_profile(org: Org) -> None:
    # FACTS 3: fixed, GET and POST together, per user and project
    project = org.new_project("acme/tools/logged")
    path = f"/projects/{project.id}/repository/changelog?version=1.0.0&from={project.git.resolve('main')}"
    told = {"message": {"error": "This changelog has been requested too many times. Try again later."}}
    assert {one.application["project_repositories_changelog"] for one in PROFILES.values()} == {5}
    assert [org.call("GET", path).status_code for _ in range(5)] == [200] * 5
    answer = org.call("POST", path)
    assert (answer.status_code, answer.json()) == (429, told)
    assert "retry-after" not in answer.headers
    assert org.call("GET", path, "developer").status_code == 200


def test_archives_are_the_commits_tree_and_limited_to_five_a_minute(org: Org) -> None:
    # lib/api/repositories.rb, RepositoryArchiveRateLimiter; the prefix: Gitlab::Git::Repository#archive_prefix
    project = org.new_project("acme/tools/packed", {"README.md": "# Packed\n", "src/a.py": "x = 1\n"})
    sha, path = project.git.resolve("main"), f"/projects/{project.id}/repository/archive"
    answer = org.call("GET", f"{path}.tar.gz?sha=main")
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:gz") as archive:
        assert archive.getmembers()[0].name == f"packed-main-{sha}"
        assert archive.pax_headers["comment"] == sha
    assert answer.headers["content-disposition"] == f'attachment; filename="packed-main-{sha}.tar.gz"'
    with zipfile.ZipFile(io.BytesIO(org.call("GET", f"{path}.zip?path=src").content)) as folder:
        assert [name.rsplit("/", 1)[-1] for name in folder.namelist() if not name.endswith("/")] == ["a.py"]
    assert org.call("GET", f"{path}?sha=never").json() == {"message": "404 File Not Found"}
    assert org.call("GET", f"{path}.rar").status_code == 404
    assert [org.call("GET", f"{path}.tar.bz2").status_code for _ in range(2)] == [200] * 2
    answer = org.call("GET", path)
    told = {"message": {"error": "This archive has been requested too many times. Try again later."}}
    assert (answer.status_code, answer.json()) == (429, told)
    assert "retry-after" not in answer.headers
