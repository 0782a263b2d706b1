"""The sandbox's pages show what was written, at GitLab's own URLs, and obey nothing in it."""

from collections.abc import Iterator

import httpx
import pytest

from bot.sandbox.web.markdown import render
from tests.contract.sandbox_org import Org, organisation

PROJECT = "/acme/tools/widget"
NOTE = "**Released** as `1.1.0`, see !1\n\n| Index | State |\n|--|--|\n| registry | done |\n\n- [x] built\n"


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation() as made:
        world, project, user = made.world, made.project, made.people["maintainer"]
        world.create_tag(project, "v1.0.0", "main", user)
        made.pipelines_done(project, 1)
        world.commit(project, "feature", "Add <b>a</b> line", {"a": "1"}, user)
        world.create_merge_request(project, user, "feature", "Add <b>a</b> line", description="Why & how")
        made.call("POST", "/projects/1/merge_requests/1/notes", json={"body": NOTE})
        made.call("POST", "/projects/1/issues", json={"title": "Broken"})
        link = {"name": "wheel", "url": "https://acme.example/w.whl", "direct_asset_path": "/w.whl"}
        body = {"tag_name": "v1.0.0", "description": "First\n\n<details><summary>More</summary>\n\nText\n\n</details>"}
        made.call("POST", "/projects/1/releases", json={**body, "assets": {"links": [link]}})
        yield made


def page(org: Org, path: str) -> httpx.Response:
    return httpx.get(f"{org.url}{path}", trust_env=False, verify=False)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "acme/tools/widget"),
        ("/groups/acme", "acme/tools/widget"),
        ("/acme", "acme/tools/widget"),
        (PROJECT, "v1.0.0"),
        (f"{PROJECT}/-/pipelines", "v1.0.0"),
        (f"{PROJECT}/-/pipelines/1", "publish"),
        (f"{PROJECT}/-/jobs/1", "mkdir dist"),
        (f"{PROJECT}/-/merge_requests", "Add &lt;b&gt;a&lt;/b&gt; line"),
        (f"{PROJECT}/-/merge_requests/1", "<strong>Released</strong> as <code>1.1.0</code>"),
        (f"{PROJECT}/-/issues/1", "Broken"),
        (f"{PROJECT}/-/releases", "v1.0.0"),
        (f"{PROJECT}/-/releases/v1.0.0", "<details><summary>More</summary>"),
    ],
)
def test_each_record_has_its_page(org: Org, path: str, text: str) -> None:
    answer = page(org, path)
    assert answer.status_code == 200 and text in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_merge_request_shows_its_notes_as_gitlab_renders_them(org: Org) -> None:
    text = page(org, f"{PROJECT}/-/merge_requests/1").text
    assert "<td>registry</td>" in text
    assert '<input type="checkbox" disabled checked>' in text
    assert f'<a href="{PROJECT}/-/merge_requests/1">!1</a>' in text


def test_a_permanent_asset_url_leads_to_the_asset(org: Org) -> None:
    (link,) = org.call("GET", "/projects/1/releases/v1.0.0/assets/links").json()
    answer = httpx.get(link["direct_asset_url"], trust_env=False, verify=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://acme.example/w.whl")


@pytest.mark.parametrize("path", ["/nobody/here", f"{PROJECT}/-/pipelines/99", f"{PROJECT}/-/jobs/x", f"{PROJECT}/-/x"])
def test_what_is_not_there_is_a_404_with_a_page(org: Org, path: str) -> None:
    answer = page(org, path)
    assert answer.status_code == 404 and "page not found" in answer.text


def test_pages_are_for_reading(org: Org) -> None:
    assert httpx.post(f"{org.url}{PROJECT}", trust_env=False, verify=False).status_code == 405


def test_no_page_asks_another_host_for_anything(org: Org) -> None:
    text = page(org, f"{PROJECT}/-/merge_requests/1").text
    assert "src=" not in text and "@import" not in text and "<script" not in text and "<link" not in text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>\n"),
        ("<details open onclick=x>", "&lt;details open onclick=x&gt;"),
        ("<!-- hidden -->", ""),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("![pixel](https://t.example/p.png)", '<p><a href="https://t.example/p.png">pixel</a></p>\n'),
        ("~~old~~", "<p><s>old</s></p>\n"),
        ("see https://a.example/b.", '<p>see <a href="https://a.example/b">https://a.example/b</a>.</p>\n'),
        ("by @ada-l, #7", '<p>by <a href="/ada-l">@ada-l</a>, <a href="/g/p/-/issues/7">#7</a></p>\n'),
        ("mail x@y.example, a!1, `!1`", "<p>mail x@y.example, a!1, <code>!1</code></p>\n"),
    ],
)
def test_markdown_is_gitlabs_and_harmless(text: str, html: str) -> None:
    assert str(render(text, base="/g/p", root="")) == html
