"""The embedded GitLab as an OAuth provider: what doorkeeper grants and refuses, in its words."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.oauth_client import CALLBACK, VERIFIER, Client, browser, consented, forms, query, signed_in
from tests.contract.sandbox_org import Org, organisation


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


@pytest.fixture
def client(org: Org) -> Client:
    """A confidential application of the instance."""
    org.world.clock.offset *= 0
    scopes = "read_api read_user openid email read_repository"
    sent = {"name": "Ropewalk", "redirect_uri": CALLBACK, "scopes": scopes}
    answer = org.call("POST", "/applications", "admin", json=sent)
    assert answer.status_code == 201, answer.text
    made = org.world.applications.by_uid[answer.json()["application_id"]]
    assert (answer.json()["secret"], answer.json()["callback_url"]) == (made.secret, CALLBACK)
    return Client(org=org, application=made)


def read(org: Org, path: str, token: str) -> httpx.Response:
    return httpx.get(f"{org.url}{path}", headers={"Authorization": f"Bearer {token}"}, trust_env=False, verify=False)


def test_a_code_becomes_a_token_that_reads_and_nothing_else(client: Client) -> None:
    org = client.org
    answer = client.token(client.code())
    assert answer.status_code == 200
    given = answer.json()
    assert {**given, "access_token": "", "refresh_token": "", "created_at": 0} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 7200,
        "refresh_token": "",
        "scope": "read_api",
        "created_at": 0,
    }
    token = given["access_token"]
    assert read(org, "/api/v4/user", token).json()["username"] == "maintainer"
    assert read(org, f"/api/v4/projects/{org.project.id}", token).status_code == 200
    asked = {"query": "{ currentUser { username } }"}
    headers = {"Authorization": f"Bearer {token}"}
    told = httpx.post(f"{org.url}/api/graphql", json=asked, headers=headers, trust_env=False, verify=False)
    assert told.json() == {"data": {"currentUser": {"username": "maintainer"}}}
    written = httpx.post(
        f"{org.url}/api/v4/projects/1/issues", json={"title": "x"}, headers=headers, trust_env=False, verify=False
    )
    assert (written.status_code, written.json()["error"]) == (403, "insufficient_scope")
    assert read(org, "/api/v4/personal_access_tokens/self", token).status_code == 400
    private = org.call("GET", "/user", None, headers={"PRIVATE-TOKEN": token})
    assert private.status_code == 401, "it is no personal token"
    info = read(org, "/oauth/token/info", token).json()
    assert (info["application"], info["scope"], info["resource_owner_id"]) == (
        {"uid": client.application.uid},
        ["read_api"],
        org.people["maintainer"].id,
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"client_id": None}, "Missing required parameter: client_id."),
        ({"client_id": "nobody"}, "unknown client"),
        ({"redirect_uri": None}, "redirect uri"),
        ({"redirect_uri": f"{CALLBACK}/"}, "redirect uri"),
        ({"redirect_uri": f"{CALLBACK}?next=x"}, "redirect uri"),
        ({"redirect_uri": CALLBACK.replace("http:", "https:")}, "redirect uri"),
        ({"redirect_uri": CALLBACK.replace("127.0.0.1", "evil.example")}, "redirect uri"),
        ({"redirect_uri": CALLBACK.replace("127.0.0.1", "evil@127.0.0.1")}, "redirect uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect uri"),
        ({"response_type": "token"}, "does not support this response type"),
        ({"response_type": None}, "Missing required parameter: response_type."),
        ({"scope": "api"}, "requested scope is invalid"),
        ({"scope": None}, "requested scope is invalid"),
        ({"code_challenge_method": "S512"}, "must be plain or S256"),
        ({"code_challenge_method": None}, "must be plain or S256"),
    ],
)
def test_a_request_that_is_wrong_gets_a_page_and_no_redirect(
    client: Client, changed: dict[str, str | None], words: str
) -> None:
    with browser() as one:
        answer = signed_in(one, client.org, "maintainer", client.asking(**changed))
    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    assert words in answer.text.replace("&#39;", "'")
    assert "An error has occurred" in answer.text


def test_the_port_of_a_loopback_address_may_vary(client: Client) -> None:
    other = CALLBACK.replace("8931", "9000")
    code = client.code(redirect_uri=other)
    assert client.token(code, redirect_uri=other).status_code == 200


@pytest.mark.parametrize(
    ("changed", "error", "status"),
    [
        ({"grant_type": None}, "invalid_request", 400),
        ({"grant_type": "magic"}, "unsupported_grant_type", 400),
        ({"code": None}, "invalid_request", 400),
        ({"code": "none"}, "invalid_grant", 400),
        ({"redirect_uri": None}, "invalid_request", 400),
        ({"redirect_uri": "http://evil.example/"}, "invalid_grant", 400),
        ({"code_verifier": None}, "invalid_request", 400),
        ({"code_verifier": "w" * 50}, "invalid_grant", 400),
        ({"client_secret": None}, "invalid_client", 401),
        ({"client_secret": "gloas-wrong"}, "invalid_client", 401),
        ({"client_id": "nobody"}, "invalid_client", 401),
    ],
)
def test_a_code_is_exchanged_for_nothing_by_a_request_that_is_wrong(
    client: Client, changed: dict[str, str | None], error: str, status: int
) -> None:
    code = client.code()
    answer = client.token(code, **changed)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert client.token(code).status_code == 200, "a wrong request does not use it up"


def test_a_code_counts_once_and_for_ten_minutes_and_for_its_application(client: Client) -> None:
    org = client.org
    code = client.code()
    assert client.token(code).status_code == 200
    assert client.token(code).json()["error"] == "invalid_grant"
    late = client.code()
    org.control("PUT", "clock", json={"offset_seconds": 601})
    assert client.token(late).json()["error"] == "invalid_grant"
    org.control("PUT", "clock", json={"offset_seconds": 0})
    other = org.world.applications.create("Other", [CALLBACK], ["read_api"])
    stolen = Client(org=org, application=other).token(client.code())
    assert stolen.json()["error"] == "invalid_grant"


def test_without_a_challenge_a_verifier_is_refused(client: Client) -> None:
    code = client.code(code_challenge=None, code_challenge_method=None)
    assert client.token(code).json()["error"] == "invalid_grant"
    assert client.token(code, code_verifier=None).status_code == 200


def test_a_token_ends_after_two_hours_and_is_renewed_once(client: Client) -> None:
    org = client.org
    given = client.token(client.code()).json()
    org.control("PUT", "clock", json={"offset_seconds": 7201})
    refused = read(org, "/api/v4/user", given["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    renew = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    fresh = client.post("/oauth/token", **renew).json()
    assert read(org, "/api/v4/user", fresh["access_token"]).status_code == 200
    assert client.post("/oauth/token", **renew).json()["error"] == "invalid_grant"
    wider = {**renew, "refresh_token": fresh["refresh_token"], "scope": "api"}
    assert client.post("/oauth/token", **wider).json()["error"] == "invalid_scope"


def test_what_is_revoked_opens_nothing_and_only_its_application_may(client: Client) -> None:
    org = client.org
    given = client.token(client.code()).json()
    other = Client(org=org, application=org.world.applications.create("Other", [CALLBACK], ["read_api"]))
    assert other.post("/oauth/revoke", token=given["access_token"]).status_code == 403
    assert client.post("/oauth/revoke", token=given["access_token"], client_secret="no").status_code == 403
    assert read(org, "/api/v4/user", given["access_token"]).status_code == 200
    answer = client.post("/oauth/revoke", token=given["access_token"])
    assert (answer.status_code, answer.json()) == (200, {})
    assert read(org, "/api/v4/user", given["access_token"]).status_code == 401
    assert client.post("/oauth/revoke", token="none").status_code == 200
    renewed = client.post("/oauth/token", grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert renewed.json()["error"] == "invalid_grant"
    told = read(org, "/oauth/token/info", given["access_token"])
    assert (told.status_code, told.json()["error"]) == (400, "invalid_request")


def test_whoever_agreed_is_not_asked_again_until_that_is_revoked(client: Client) -> None:
    org = client.org
    with browser() as one:
        consented(one, org, "maintainer", client.asking())
        assert "Authorize Ropewalk" in one.get(client.asking()).text, "a code that was never used is no consent"
        given = client.token(query(consented(one, org, "maintainer", client.asking()))["code"]).json()
        assert "Redirecting" in one.get(client.asking()).text
        assert "Authorize Ropewalk" in one.get(client.asking(scope="read_api read_user")).text
        client.post("/oauth/revoke", token=given["access_token"])
        assert "Authorize Ropewalk" in one.get(client.asking()).text


def test_who_says_no_is_told_to_the_application(client: Client) -> None:
    with browser() as one:
        back = consented(one, client.org, "maintainer", client.asking(), button=1)
    assert query(back)["error"] == "access_denied" and query(back)["state"] == "s"


def test_a_form_of_another_browser_grants_nothing(client: Client) -> None:
    org = client.org
    with browser() as one, browser() as other:
        action, fields = forms(signed_in(one, org, "maintainer", client.asking()).text)[0]
        signed_in(other, org, "developer", client.asking())
        assert other.post(f"{org.url}{action}", data=fields).status_code == 422


def test_who_signs_in_gets_a_new_session_and_the_blocked_get_none(client: Client) -> None:
    org = client.org
    with browser() as one:
        one.get(f"{org.url}/users/sign_in")
        before = one.cookies["_gitlab_session"]
        signed_in(one, org, "maintainer", client.asking())
        assert one.cookies["_gitlab_session"] != before
    org.people["guest"].state = "blocked"
    with browser() as one:
        (_, fields), *_ = forms(one.get(f"{org.url}/users/sign_in").text)
        sent = {**fields, "user[login]": "guest", "user[password]": org.world.applications.password}
        assert "has been blocked" in one.post(f"{org.url}/users/sign_in", data=sent).text
        wrong = {**sent, "user[login]": "maintainer", "user[password]": "guess"}
        assert "Invalid login or password." in one.post(f"{org.url}/users/sign_in", data=wrong).text
    org.people["guest"].state = "active"


def test_openid_tells_who_it_is_in_a_signed_token(client: Client) -> None:
    given = client.token(client.code(scope="openid email", nonce="n1")).json()
    assert given["id_token"].count(".") == 2
    told = read(client.org, "/oauth/userinfo", given["access_token"]).json()
    user = client.org.people["maintainer"]
    assert (told["sub"], told["preferred_username"], told["email"]) == (str(user.id), user.username, user.email)
    plain = client.token(client.code()).json()
    assert read(client.org, "/oauth/userinfo", plain["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"redirect_uri": "javascript:alert()"}, "redirect_uri"),
        ({"redirect_uri": "http://"}, "redirect_uri"),
        ({"redirect_uri": "/back"}, "redirect_uri"),
        ({"scopes": "everything"}, "scopes"),
    ],
)
def test_an_application_that_gitlab_would_not_take_is_refused(org: Org, changed: dict[str, str], where: str) -> None:
    sent = {"name": "W", "redirect_uri": CALLBACK, "scopes": "read_api"} | changed
    answer = org.call("POST", "/applications", "admin", json=sent)
    assert answer.status_code == 400 and list(answer.json()["message"]) == [where]
    assert org.call("POST", "/applications", "owner", json=sent).status_code == 403


def test_an_application_of_a_person_is_not_the_instances(org: Org) -> None:
    sent = {"user": "owner", "name": "Mine", "redirect_uri": CALLBACK, "scopes": "read_api", "trusted": True}
    made = org.control("POST", "applications", json=sent).json()
    client = Client(org=org, application=org.world.applications.by_uid[made["application_id"]])
    with browser() as one:
        assert "Redirecting" in signed_in(one, org, "maintainer", client.asking()).text
    listed = org.call("GET", "/applications", "admin").json()
    assert made["application_id"] not in [row["application_id"] for row in listed]
    assert org.call("DELETE", f"/applications/{made['id']}", "admin").status_code == 404


def test_git_takes_the_token_as_a_password_and_the_registry_does_not(client: Client) -> None:
    org, token = client.org, client.token(client.code(scope="read_repository read_api")).json()["access_token"]
    refs = f"{org.url}/{org.project.full_path}.git/info/refs?service=git-upload-pack"
    assert httpx.get(refs, auth=("oauth2", token), trust_env=False, verify=False).status_code == 200
    simple = f"{org.url}/api/v4/projects/{org.project.id}/packages/pypi/simple"
    assert httpx.get(simple, auth=("oauth2", token), trust_env=False, verify=False).status_code == 401
    assert VERIFIER not in token
