"""The daemon as it is run: hooks, health, stopping, what is older than its first start, and clocks that differ."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from bot.sandbox.world.settings import Hook
from tests.bounds import IN_FULL, ONLY_IN_FULL
from tests.stories.bot import NEVER, Bot, alive, make_bot
from tests.stories.town import CI, TAG, Package, Town, open_town
from tests.waiting import WAIT, until

pytestmark = pytest.mark.slow

STOP_WITHIN = 10.0  # seconds
YEAR_AND_MORE = timedelta(days=400)
SIGNING = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
PLAIN = secrets.token_hex(16)


@pytest.fixture(
    params=[pytest.param(SIGNING, id="signing token"), pytest.param(PLAIN, id="secret token", marks=IN_FULL)]
)
def secret(request: pytest.FixtureRequest) -> str:
    value = request.param
    assert isinstance(value, str)
    return value


@pytest.fixture
def told(bot: Bot, secret: str) -> Bot:
    """A bot that polls at its start alone and takes hooks."""
    bot.secret("hook.secret", secret)
    bot.config["watch"] |= {"poll": NEVER, "hook_secret_file": "hook.secret"}
    return bot


def test_a_hook_starts_a_release_at_once(told: Bot, town: Town, group: Group, secret: str) -> None:
    """Without another poll, tag and pipeline hooks alone bring the release to its end."""
    package = town.package(group)
    _hook(told, town, package, secret)
    with told.serving():
        package.tag()
        (release,) = told.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED, release.next
    package.complete()
    statuses = [delivery.response_status for hook in package.project.hooks.values() for delivery in hook.deliveries]
    assert statuses
    assert set(statuses) == {"202"}


def test_a_hook_of_a_deleted_tag_withdraws_its_release(told: Bot, town: Town, group: Group, secret: str) -> None:
    """A release that waits for its pipeline learns at once that its tag is gone."""
    package = town.package(group, ci=CI.replace("script: [", 'script: ["for i in $(seq 600); do sleep 0.1; done", '))
    _hook(told, town, package, secret)
    with told.serving():
        package.tag()
        told.recorded(lambda rows: any(release.state is ReleaseState.WAITING for release in rows))
        package.untag()
        (release,) = told.ended(package.project.full_path)
        assert release.state is ReleaseState.WITHDRAWN
    package.untouched()
    for pipeline in town.gitlab.pipelines.pipelines(package.project.id):
        town.gitlab.pipelines.cancel_pipeline(pipeline)


def test_a_hook_that_proves_nothing_is_refused(told: Bot, town: Town, group: Group, secret: str) -> None:
    """No signature, a wrong one, one for another body, one from long ago: 401, and nothing is asked of GitLab."""
    package = town.package(group)
    with told.serving():
        told.settled()
        package.tag()
        package.pipeline_over()
        body = _tag_push(package)
        before = town.mark()
        for headers in _forgeries(secret, body):
            response = _post(told, body, headers)
            assert response.status_code == 401, headers
        assert told.records() == []
        assert town.requests(before) == []
        # The same body with its proof is believed, so that what was refused above was refused for its proof.
        assert _post(told, body, _proof(secret, body)).status_code == 202
        (release,) = told.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED
    assert secret not in told.log.read_text()


def test_a_replayed_hook_with_another_body_is_refused(told: Bot, town: Town, group: Group) -> None:
    """A delivery id stands for one body."""
    told.secret("hook.secret", SIGNING)
    package = town.package(group)
    first, second = (json.dumps({"object_kind": "push", "n": n}).encode() for n in (1, 2))
    with told.serving():
        delivery = str(uuid.uuid4())
        assert _post(told, first, _proof(SIGNING, first, delivery)).status_code == 202
        assert _post(told, first, _proof(SIGNING, first, delivery)).status_code == 202
        assert _post(told, second, _proof(SIGNING, second, delivery)).status_code == 401
    package.untouched()


def test_authentic_hooks_that_mean_nothing_are_taken_quietly(told: Bot, secret: str) -> None:
    """GitLab switches a hook off that is refused four times: whatever is authentic gets its 202, rubbish its 400."""
    with told.serving():
        for body in (b'{"object_kind": "push"}', b"{}", b'{"object_kind": "tag_push"}', b'{"object_kind": 7}'):
            assert _post(told, body, _proof(secret, body)).status_code == 202
        for body in (b"", b"[]", b"{", b"\xff\xfe", b'{"a":' * 40 + b"1" + b"}" * 40):
            # A signature covers text: bytes that are none cannot be signed, which is for the token to tell apart.
            proof = _proof(PLAIN, body) if secret == PLAIN else _proof(secret, body, text=body != b"\xff\xfe")
            assert _post(told, body, proof).status_code in (400, 401)
        large = b'{"object_kind": "push", "x": "' + b"x" * (1024 * 1024) + b'"}'
        assert _post(told, large, _proof(secret, large)).status_code == 202


def test_without_a_secret_hooks_are_refused(bot: Bot) -> None:
    """403 and the setting that is missing."""
    with bot.serving():
        response = _post(bot, b"{}", {"X-Gitlab-Token": ""})
    assert response.status_code == 403
    assert "hook_secret" in response.text


def test_health_tells_how_it_is(bot: Bot) -> None:
    """Ready within seconds, however long the list of projects takes to come."""
    bot.town.fault(kind="hold", method="GET", path="/groups/")
    with bot.serving() as daemon:
        until(lambda: bot.town.control("GET", "held").json())
        assert daemon.get("/livez").status_code == 200
        until(lambda: set(daemon.health().values()) == {"pass"})
        assert list(daemon.health()) == ["runner", "engine", "state", "gitlab", "uploads"]
        assert daemon.get("/nothing").status_code == 404
        assert daemon.get("/hooks/gitlab").status_code == 405
        bot.town.control("POST", "held/release")


def test_sigterm_ends_the_daemon_in_time(bot: Bot, town: Town, group: Group) -> None:
    """At rest or in the middle of an upload: ten seconds, exit 0, no child left, and the next start finishes."""
    package = town.package(group)  # before the first start, so that its older tag is none of our business
    with bot.serving() as idle:
        below = idle.family()[1:]
        began = time.monotonic()
        assert idle.stop() == 0
        assert time.monotonic() - began < STOP_WITHIN
        until(lambda: not any(map(alive, below)), 5)
    town.fault(kind="hold", method="POST", path=f"/projects/{package.project.id}/packages/pypi$")
    daemon = bot.daemon()
    try:
        daemon.ready()
        package.tag()
        until(lambda: town.control("GET", "held").json())
        below = daemon.family()[1:]
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < STOP_WITHIN
        until(lambda: not any(map(alive, below)), 5)
    finally:
        daemon.stop()
        town.calm()
    with bot.serving():
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED
    package.complete()


@pytest.mark.chaos
@ONLY_IN_FULL
def test_since_says_what_is_too_old(tmp_path: Path, town: Town) -> None:
    """`now` leaves tags alone that were there before the first start, `all` takes them up, a time divides them."""
    for since, released in (("now", False), ("all", True), ("2001-01-01T00:00:00Z", True), ("2999-01-01", False)):
        group = town.group()
        package = town.package(group)
        package.tag()
        package.pipeline_over()
        bot = make_bot(tmp_path / f"bot-{since[:4]}", town, group.full_path, since=since)
        bot.config["releases"][0]["tags"] = ["v1.1.*"]
        with bot.serving():
            if released:
                (release,) = bot.ended(package.project.full_path)
                assert release.state is ReleaseState.PUBLISHED
                package.complete()
            else:
                assert bot.records() == []
                package.untouched()


@pytest.mark.chaos
@ONLY_IN_FULL
def test_tags_pushed_while_the_daemon_was_away_are_found_at_its_start(bot: Bot, town: Town, group: Group) -> None:
    """`since: now` is about the first start ever, not about each."""
    package = town.package(group)
    with bot.serving():
        pass
    package.tag()
    package.pipeline_over()
    with bot.serving():
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED
    package.complete()


@pytest.fixture(
    params=[pytest.param(YEAR_AND_MORE, id="ahead"), pytest.param(-YEAR_AND_MORE, id="behind", marks=IN_FULL)]
)
def elsewhen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    """A town whose clock is 400 days off from ours."""
    with open_town(tmp_path / "town") as town:
        assert isinstance(request.param, timedelta)
        town.world.clock.offset = request.param
        yield town


def test_a_gitlab_in_another_year_makes_no_difference(elsewhen: Town, tmp_path: Path) -> None:
    """Every time of GitLab's is compared with GitLab's clock: polls, hooks, artifacts and waits work as ever."""
    group = elsewhen.group()
    old, new, hooked = (elsewhen.package(group) for _ in range(3))
    bot = make_bot(tmp_path / "bot", elsewhen, group.full_path, hook_secret_file="hook.secret", poll="1s")
    bot.secret("hook.secret", SIGNING)
    _hook(bot, elsewhen, hooked, SIGNING)
    old.tag()
    old.pipeline_over()
    # A tag's time has whole seconds: the first start is in a later one.
    stamp = elsewhen.world.clock.now().replace(microsecond=0)
    until(lambda: elsewhen.world.clock.now().replace(microsecond=0) > stamp)
    with bot.serving():
        new.tag()
        hooked.tag()
        ended = bot.ended(new.project.full_path, hooked.project.full_path)
    assert {release.state for release in ended} == {ReleaseState.PUBLISHED}, [one.next for one in ended]
    new.complete()
    hooked.complete()
    old.untouched()
    assert {one.project for one in bot.records()} == {new.project.full_path, hooked.project.full_path}
    deliveries = [one for hook in hooked.project.hooks.values() for one in hook.deliveries]
    assert {one.response_status for one in deliveries} == {"202"}


def _hook(bot: Bot, town: Town, package: Package, secret: str) -> Hook:
    """GitLab tells the bot of tags and pipelines of the project."""
    key = "signing_token" if secret.startswith("whsec_") else "token"
    body = {
        "url": f"http://127.0.0.1:{bot.port}/hooks/gitlab",
        "push_events": False,
        "tag_push_events": True,
        "pipeline_events": True,
        key: secret,
    }
    response = town.api("POST", f"/projects/{package.project.id}/hooks", json=body)
    assert response.status_code == 201, response.text
    return package.project.hooks[response.json()["id"]]


def _tag_push(package: Package) -> bytes:
    sha = package.project.git.resolve(TAG)
    body = {
        "object_kind": "tag_push",
        "before": "0" * 40,
        "after": sha,
        "checkout_sha": sha,
        "ref": f"refs/tags/{TAG}",
        "project": {"id": package.project.id, "path_with_namespace": package.project.full_path},
    }
    return json.dumps(body).encode()


def _proof(
    secret: str, body: bytes, delivery: str | None = None, when: datetime | None = None, *, text: bool = True
) -> dict[str, str]:
    """The headers with which GitLab proves a delivery."""
    if not secret.startswith("whsec_"):
        return {"X-Gitlab-Token": secret}
    delivery, when = delivery or str(uuid.uuid4()), when or datetime.now(UTC)
    signature = Webhook(secret).sign(delivery, when, body.decode() if text else "")
    stamp = str(int(when.timestamp()))
    return {"webhook-id": delivery, "webhook-timestamp": stamp, "webhook-signature": f"v1,AAAA {signature}"}


def _forgeries(secret: str, body: bytes) -> list[dict[str, str]]:
    if not secret.startswith("whsec_"):
        return [{}, {"X-Gitlab-Token": ""}, {"X-Gitlab-Token": secret[:-1]}, {"X-Gitlab-Token": secret + "x"}]
    other = f"whsec_{base64.b64encode(b'another key of thirty-two bytes!').decode()}"
    right = _proof(secret, body)
    return [
        {},
        {"X-Gitlab-Token": secret},
        _proof(other, body),
        _proof(secret, body + b" "),
        _proof(secret, body, when=datetime.now(UTC) - timedelta(seconds=400)),
        _proof(secret, body, when=datetime.now(UTC) + timedelta(seconds=400)),
        {**right, "webhook-id": "another"},
        {**right, "webhook-timestamp": "soon"},
        {**right, "webhook-signature": "v1,", "X-Gitlab-Token": secret},
    ]


def _post(bot: Bot, body: bytes, headers: dict[str, str]) -> httpx.Response:
    url = f"http://127.0.0.1:{bot.port}/hooks/gitlab"
    headers = {"Content-Type": "application/json", **headers}
    return httpx.post(url, content=body, headers=headers, timeout=WAIT, trust_env=False, verify=False)
