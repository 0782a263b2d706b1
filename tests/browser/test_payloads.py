"""Whatever a project, a ref, a reason or a variable is called: it is shown, and nothing of it runs.

In full 5,000 texts (`make chaos`), by default some hundreds. The browser's own protection, the policy in each answer,
is off for these: escaping alone must do. That the policy would do it, too, is tested last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.store import Store
from bot.domain.consents import Approval, Hold
from bot.domain.distributions import Distribution, DistributionKind, Metadata
from bot.domain.findings import Finding
from bot.domain.readings import BudgetLine
from bot.domain.refs import Project, RefKind
from bot.domain.releases import (
    Acceptance,
    Attempt,
    AttemptOutcome,
    Receipt,
    Release,
    ReleaseId,
    ReleaseState,
    TargetState,
    TargetStatus,
)
from bot.domain.tokens import TokenKind, TokenList
from bot.domain.verdicts import GateResult, Severity, Verdict
from tests.bounds import FULL
from tests.browser.payloads import HIT, PLANTED, payloads
from tests.browser.served import Served, serving
from tests.organisation import reading

pytestmark = pytest.mark.slow
IN_ALL = 5_000 if FULL else 600
EACH = 13  # texts of a release in lists and on its page
ASKED = 60 if FULL else 6
SHA = "0a1b2c3d" * 5


@dataclass(slots=True)
class Texts:
    """Hands out texts, and counts them."""

    source: Iterator[str]
    count: int = 0

    def one(self, most: int = 10_000) -> str:
        """The next."""
        self.count += 1
        return next(self.source)[:most]


def plant(store: Store, texts: Texts, now: datetime) -> list[str]:
    """Releases, projects and findings made of texts until there are enough; the keys of those that are told in full."""
    keys, number = [], 0
    readings = reading(now)
    lines = (BudgetLine(name=texts.one(), left=1, size=2, per_minute=1.0, paused_until=None, refused=1, put_off=1),)
    budget = replace(readings.budget, instance=texts.one(), lines=lines, requests=((texts.one(), texts.one(), 3),))
    SqliteReadings(store.database).keep(replace(readings, version=texts.one(), budget=budget))
    with store.database.gather():
        while texts.count < IN_ALL:
            number += 1
            made = _release(texts, number, now)
            path = made.project
            web = f"javascript:{HIT}" if number % 2 else f"https://gitlab.example.com/{texts.one()}"
            store.enrolment.enrolled([Project(id=number, full_path=path, web_url=web, default_branch=texts.one())], now)
            store.releases.add(made)
            unread = TokenList(place=f"project/{number}", kind=TokenKind.DEPLOY, tokens=None, trouble=texts.one())
            store.findings.note([_finding(texts, number, path)], [], now, [unread])
            if number <= 3:
                _tell(store, texts, made, now)
                keys.append(made.key)
    return keys


def _release(texts: Texts, number: int, now: datetime) -> Release:
    ref = "".join(texts.one().splitlines())  # git takes no line breaks into a name
    return Release(
        id=ReleaseId(project_id=number, kind=RefKind.TAG, ref=ref, sha=SHA),
        project=f"acme/{texts.one()}",
        state=list(ReleaseState)[number % 8] if number > 3 else ReleaseState.PARTIAL,
        created_at=now - timedelta(seconds=number),
        updated_at=now,
        asked_at=now,
        due_at=None,
        version=texts.one(),
        source_reason=texts.one(),
        next=texts.one(),
        gates=(GateResult(name=texts.one(), verdict=Verdict.FAIL, reason=texts.one()),),
        targets=(TargetStatus(name=texts.one(), state=TargetState.FAILED, reason=texts.one(), attempts=2),),
    )


def _finding(texts: Texts, number: int, path: str) -> Finding:
    return Finding(
        rule=("RW101", texts.one(8))[number % 2],
        severity=Severity.HIGH,
        verdict=Verdict.FAIL,
        project=path,
        resource=f"project/{number}/variables/{texts.one()}",
        reason=texts.one(),
        remedy="",
        scope=texts.one(),
    )


def _tell(store: Store, texts: Texts, made: Release, now: datetime) -> None:
    """Everything that a release's own page shows besides."""
    key, target = made.key, made.targets[0].name
    store.ledger.attempt(
        key,
        Attempt(target=target, item=texts.one(), number=1, outcome=AttemptOutcome.REFUSED, at=now, words=texts.one()),
    )
    claimed = Attempt(
        target=target, item=texts.one(), number=2, outcome=AttemptOutcome.CLAIMED, at=now, reason=texts.one()
    )
    store.ledger.attempt(key, claimed)
    for where in (f"javascript:{HIT}", f"https://x.example/{texts.one()}", f"data:text/html,<script>{HIT}</script>"):
        receipt = Receipt(target=target, kind=texts.one(16), where=where, at=now, file=texts.one(), sha256="0" * 64)
        store.ledger.record(key, [receipt])
    file = Distribution(
        filename=texts.one(),
        kind=DistributionKind.WHEEL,
        sha256="0" * 64,
        size=1,
        metadata=Metadata(name=texts.one(), version=texts.one()),
        origin=texts.one(),
        problem=texts.one(),
    )
    store.kept.keep(key, [file])
    store.holds.put(made.id.project_id, made.id.ref, Hold(by=texts.one(), since=now, reason=texts.one()))
    store.approvals.approve(key, Approval(user_id=1, username=texts.one(), level=40, at=now, sha=SHA))
    store.acceptances.accept(key, Acceptance(digest="0" * 64, by=texts.one(), at=now))


@pytest.fixture
def bare(browser: Browser) -> Iterator[Page]:
    """A window that heeds no policy."""
    context = browser.new_context(bypass_csp=True)
    yield context.new_page()
    context.close()


def clean(page: Page) -> None:
    """Nothing ran, nothing was planted; a moment is given to what fires late."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))")
    assert page.evaluate("window.taken || 0") == 0, page.url
    assert page.evaluate(PLANTED) == [], page.url
    assert page.url.startswith("http://127.0.0.1:")


def test_no_text_on_record_becomes_more_than_text(bare: Page, tmp_path: Path) -> None:
    texts = Texts(payloads(1))
    with serving(tmp_path, key=texts.one().replace("\0", "")) as served:
        keys = plant(served.store, texts, served.clock())
        assert texts.count >= IN_ALL
        told = [f"/releases/{quote(key, safe='/@')}" for key in keys]
        seen = 0
        for start in (
            "/",
            "/releases",
            "/projects",
            "/findings?state=all",
            "/bot",
            "/projects/1",
            "/projects/2",
            "/projects/1/exposure",
            *told,
        ):
            path: str | None = start
            while path:
                answer = bare.goto(served.url + path)
                assert answer is not None
                assert answer.status == 200, path
                clean(bare)
                seen += 1
                more = bare.locator("a.next")
                path = more.get_attribute("href") if more.count() else None
        assert seen >= len(told) + 8
        _live(bare, served)


def _live(page: Page, served: Served) -> None:
    """What is sent later takes the place of what stood there, as HTML: once more nothing runs."""
    page.goto(served.url)
    expect(page.locator("#pulse")).to_have_text("live")
    page.evaluate("window.before = document.getElementById('live').innerHTML")
    extra = Texts(payloads(2))
    served.store.releases.add(replace(_release(extra, 100_000, served.clock()), state=ReleaseState.WAITING))
    page.wait_for_function("document.getElementById('live').innerHTML !== window.before")
    clean(page)


def test_no_text_of_an_address_becomes_more_than_text(bare: Page, organisation: Served) -> None:
    source = payloads(3)
    for number in range(ASKED):
        text = quote(next(source), safe="", errors="replace")
        paths = (
            "/releases?q={}&state={}&after={}",
            "/findings?q={}&project={}&rule={}",
            "/projects?q={}&show={}&after={}",
            "/{}/{}/{}",
            "/releases/1/{}/{}/{}",
            "/projects/1/exposure?variable={}{}{}",
        )
        bare.goto(organisation.url + paths[number % len(paths)].format(text, text, text))
        clean(bare)


def test_a_text_that_broke_out_would_be_stopped_by_the_policy(browser: Browser, organisation: Served) -> None:
    """The page as it were with a hole in it: the same texts unescaped, the answer's own policy in force."""
    source = (text for text in payloads(4) if "http-equiv" not in text)  # to lead elsewhere no policy forbids
    holes = "".join(next(source) for _ in range(300))

    def pierced(route: Route) -> None:
        answer = route.fetch()
        body = answer.text().replace("<h1>", f"{holes}<h1>", 1)
        route.fulfill(response=answer, body=body.encode("utf-8", "replace"))

    context = browser.new_context()
    page = context.new_page()
    page.route("**/releases", pierced)
    blocked: list[str] = []
    page.on("console", lambda said: blocked.append(said.text))
    page.goto(f"{organisation.url}/releases")
    page.wait_for_timeout(200)
    assert page.evaluate("window.taken || 0") == 0
    assert page.evaluate(PLANTED) != []
    assert any("Content Security Policy" in text for text in blocked)
    context.close()
