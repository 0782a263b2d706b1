"""The webhook endpoint behind the real server: what is accepted, what is refused, and that nothing breaks it."""

import contextlib
import hashlib
import json
import random
import socket
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from bot.domain.webhooks import lasting_form, signing_key
from bot.web.hooks import MOST_BODY, MOST_DEPTH, MOST_PARSED
from bot.web.server import listening_socket
from bot.web.signature import WINDOW
from tests.bounds import FULL
from tests.contract.hook_server import BODY, KEY, NOW, SIGNING, Daemon, daemon, signature, signed

STAMP = str(int(NOW.timestamp()))


@pytest.fixture(scope="module")
def serving() -> Iterator[Daemon]:
    with daemon() as made:
        yield made


@pytest.fixture
def signing(serving: Daemon) -> Daemon:
    """The daemon with a signing token, its memory empty."""
    serving.taken.clear()
    serving.digests.clear()
    serving.polls, serving.broken = 0, False
    return serving


# who it comes from


def test_a_signed_delivery_is_stored_then_acknowledged(signing: Daemon) -> None:
    """202 with the decision; the payload is what was sent."""
    answer = signing.post(BODY, signed(BODY))
    assert (answer.status_code, answer.json()) == (202, {"message": "taken"})
    assert signing.taken == [json.loads(BODY)]
    assert signing.digests == {"d1": hashlib.sha256(lasting_form(json.loads(BODY))).hexdigest()}


@pytest.mark.parametrize(
    "given",
    [
        "v1,AAAA {good}",
        "{good} v1,AAAA",
        "v1,!!!! v2,xxx v1 , {good}",
        "v1a,{good} {good}",
    ],
)
def test_one_right_signature_among_several_is_enough(signing: Daemon, given: str) -> None:
    """While a token is rotated GitLab sends several, in any order."""
    good = signature(BODY, "d1", STAMP)
    headers = signed(BODY) | {"webhook-signature": given.format(good=good)}
    assert signing.post(BODY, headers).status_code == 202


def altered() -> dict[str, tuple[bytes, dict[str, str]]]:
    """Requests that prove nothing."""
    good = signed(BODY)
    digest = good["webhook-signature"].removeprefix("v1,")
    other = b"x" * 32
    alien = b"".join([b'{"a": "', b"\xff\xfe", b'"}'])
    return {
        "another key": (BODY, signed(BODY, key=other)),
        "another body": (BODY + b" ", good),
        "no body": (b"", good),
        "another id": (BODY, good | {"webhook-id": "d2"}),
        "another time": (BODY, good | {"webhook-timestamp": str(int(STAMP) + 1)}),
        "no signature": (BODY, {k: v for k, v in good.items() if k != "webhook-signature"}),
        "no id": (BODY, {k: v for k, v in good.items() if k != "webhook-id"}),
        "no time": (BODY, {k: v for k, v in good.items() if k != "webhook-timestamp"}),
        "empty signature": (BODY, good | {"webhook-signature": ""}),
        "bad base64": (BODY, good | {"webhook-signature": "v1,%%%"}),
        "no version": (BODY, good | {"webhook-signature": digest}),
        "version 2": (BODY, good | {"webhook-signature": f"v2,{digest}"}),
        "cut": (BODY, good | {"webhook-signature": good["webhook-signature"][:-4]}),
        "upper case": (BODY, good | {"webhook-signature": good["webhook-signature"].upper()}),
        "too old": (BODY, signed(BODY, at=NOW - WINDOW - timedelta(seconds=1))),
        "too new": (BODY, signed(BODY, at=NOW + WINDOW + timedelta(seconds=1))),
        "our clock": (BODY, signed(BODY, at=NOW - timedelta(days=400))),
        "no number": (BODY, signed_at("now")),
        "negative": (BODY, signed_at("-5")),
        "exponent": (BODY, signed_at("2e9")),
        "endless": (BODY, signed_at("9" * 400)),
        "superscript": (BODY, good | {"webhook-timestamp": "\u00b2"}),
        "the secret itself": (BODY, {"X-Gitlab-Token": SIGNING}),
        "the secret beside a bad signature": (BODY, signed(BODY, key=other) | {"X-Gitlab-Token": SIGNING}),
        "not UTF-8, not signed": (alien, good),
    }


def signed_at(stamp: str) -> dict[str, str]:
    made = signature(BODY, "d1", stamp)
    return {"webhook-id": "d1", "webhook-timestamp": stamp, "webhook-signature": made}


@pytest.mark.parametrize("name", altered())
def test_whatever_is_not_signed_is_refused(signing: Daemon, name: str) -> None:
    """401, nothing stored, no second chance by another header."""
    body, headers = altered()[name]
    encoded = httpx.Headers([(k.encode(), v.encode("latin-1")) for k, v in headers.items()])
    assert signing.post(body, encoded).status_code == 401
    assert (signing.taken, signing.digests, signing.polls) == ([], {}, 0)


@pytest.mark.parametrize("offset", [-WINDOW, timedelta(), WINDOW])
def test_the_window_is_by_gitlabs_clock(signing: Daemon, offset: timedelta) -> None:
    """Five minutes either way of GitLab's time, which here is years from ours."""
    assert signing.post(BODY, signed(BODY, at=NOW + offset)).status_code == 202


def test_a_replay_is_harmless_and_another_body_under_its_id_is_refused(signing: Daemon) -> None:
    """GitLab may deliver the same thing twice; nobody may use a delivery's id for something else."""
    assert [signing.post(BODY, signed(BODY)).status_code for _ in range(10)] == [202] * 10
    assert len(signing.digests) == 1
    other = json.dumps({"object_kind": "tag_push", "ref": "refs/tags/v2"}).encode()
    before = len(signing.taken)
    assert signing.post(other, signed(other)).status_code == 401
    assert len(signing.taken) == before


def test_a_redelivery_has_its_id_and_a_body_without_email_addresses(signing: Daemon) -> None:
    """GitLab sends again what its log holds: that is the same delivery; a refusal would count against the hook."""
    first = json.loads(BODY) | {"user_email": "ada@acme.example", "commits": [{"author": {"email": "b@c.example"}}]}
    again = json.loads(BODY) | {"commits": [{"author": {"email": "[REDACTED]"}}], "user_email": "[REDACTED]"}
    for told in (first, again, first):
        body = json.dumps(told).encode()
        assert signing.post(body, signed(body)).status_code == 202
    other = json.dumps(again | {"user_email": "not an address"}).encode()
    assert signing.post(other, signed(other)).status_code == 401


def test_a_plain_token_is_compared_whole() -> None:
    """A secret that is no signing token is `X-Gitlab-Token`; a signature does not replace it."""
    with daemon("pässword-of-the-hook") as one:
        right = httpx.Headers([(b"X-Gitlab-Token", "pässword-of-the-hook".encode("latin-1"))])
        assert one.post(BODY, right).status_code == 202
        for wrong in ("", "pässword-of-the-hoo", "pässword-of-the-hook2", "PÄSSWORD-OF-THE-HOOK", "x" * 9000):
            headers = httpx.Headers([(b"X-Gitlab-Token", wrong.encode("latin-1"))])
            assert one.post(BODY, headers).status_code == 401
        assert one.post(BODY, signed(BODY)).status_code == 401
        assert one.post(BODY, {}).status_code == 401
        assert len(one.taken) == 1


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_====", "whsec_%%%", "whsec_a", "whsec_ü"])
def test_without_a_usable_secret_nothing_is_accepted(secret: str | None) -> None:
    """403 for all: an empty key would be everybody's, and a secret of no characters is sent by everybody."""
    with daemon(secret) as one:
        for headers in ({}, signed(BODY, key=b""), {"X-Gitlab-Token": ""}, {"X-Gitlab-Token": "whsec_"}):
            answer = one.post(BODY, headers)
            assert answer.status_code == 403
            assert "secret" in answer.json()["message"]
        assert one.taken == []


def test_a_signing_token_is_base64_with_or_without_padding() -> None:
    """Some copy a token without its last characters `=`."""
    assert signing_key(SIGNING) == KEY
    assert signing_key(SIGNING.rstrip("=")) == KEY
    assert signing_key("whsec_AAAA AAAA") is None


# what it says


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"5", b'"text"', b"null", b"{", b'{"a": 1}x', b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 5000, b"\0"],
)
def test_an_authentic_body_that_cannot_be_read_is_400(signing: Daemon, body: bytes) -> None:
    """Only a JSON object is a payload."""
    assert signing.post(body, signed(body)).status_code == 400
    assert signing.taken == []


@pytest.mark.parametrize("inner", ["{}", "[]", "1", '[{"b": []}]'])
def test_json_of_depth_32_is_read_and_of_33_refused(signing: Daemon, inner: str) -> None:
    """Objects and arrays within one another are counted; what they hold is not."""
    within = {"{}": 1, "[]": 1, "1": 0}.get(inner, 3)
    for depth, status in ((MOST_DEPTH, 202), (MOST_DEPTH + 1, 400)):
        around = depth - within
        body = ('{"a":' * around + inner + "}" * around).encode()
        assert signing.post(body, signed(body, delivery=f"{inner}{depth}".replace(" ", ""))).status_code == status


def test_a_large_authentic_body_is_not_read_but_makes_us_look(signing: Daemon) -> None:
    """Beyond 1 MiB: 202 and a poll; up to it: parsed."""
    for size, polls in ((MOST_PARSED, 0), (MOST_PARSED + 1, 1)):
        body = b'{"a": "' + b"x" * (size - 9) + b'"}'
        assert len(body) == size
        assert signing.post(body, signed(body, delivery=f"d{size}")).status_code == 202
        assert signing.polls == polls
    assert len(signing.taken) == 1


def test_a_large_body_that_is_not_authentic_does_nothing(signing: Daemon) -> None:
    """Size alone does not make us poll."""
    body = b"x" * (MOST_PARSED + 1)
    assert signing.post(body, signed(b"other")).status_code == 401
    assert signing.polls == 0


def test_a_body_beyond_the_limit_is_refused_while_it_streams(signing: Daemon) -> None:
    """26 MiB in chunks, without a length: 413, or the connection is cut; the server lives."""

    def stream() -> Iterator[bytes]:
        yield from [b"x" * 65_536] * (26 * 16)

    with contextlib.suppress(httpx.WriteError):  # the answer may come, and the end with it, while we still send
        assert signing.post(stream(), signed(b"x" * MOST_BODY)).status_code == 413
    assert signing.taken == []
    assert signing.get("/livez").status_code == 200


def test_a_state_that_cannot_store_is_503_and_gitlab_may_send_again(signing: Daemon) -> None:
    """Nothing is acknowledged that was not stored; the error's text stays inside; the same delivery works later."""
    signing.broken = True
    answer = signing.post(BODY, signed(BODY))
    assert (answer.status_code, answer.json()) == (503, {"message": "cannot store"})
    signing.broken = False
    assert signing.post(BODY, signed(BODY)).status_code == 202
    assert len(signing.taken) == 1


def test_only_post_reaches_the_endpoint(signing: Daemon) -> None:
    """Other methods are 405, other paths 404."""
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert httpx.request(method, f"{signing.url}/hooks/gitlab", trust_env=False, verify=False).status_code == 405
    assert signing.get("/hooks/other").status_code == 404


MALFORMED = 10_000 if FULL else 2_000


@pytest.mark.slow
@pytest.mark.chaos
def test_thousands_of_malformed_requests_are_all_refused(signing: Daemon) -> None:
    """Random bodies and headers: none accepted, none a 500, and the next good one is taken. Ten thousand in full."""
    chance = random.Random(20260801)
    good = signed(BODY)
    statuses = set()
    with httpx.Client(trust_env=False, verify=False, timeout=20) as client:
        for _ in range(MALFORMED):
            body = bytearray(BODY)
            headers = dict(good)
            match chance.randrange(4):
                case 0:
                    body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
                case 1:
                    body = bytearray(chance.randbytes(chance.randrange(400)))
                case 2:
                    name = chance.choice(list(headers))
                    text = headers[name]
                    at = chance.randrange(len(text))
                    headers[name] = (text[:at] + chance.choice("AZaz059+/=,. v") + text[at + 1 :]).strip()
                    if headers[name] == text:
                        continue
                case _:
                    headers.pop(chance.choice(list(headers)))
            answer = client.post(f"{signing.url}/hooks/gitlab", content=bytes(body), headers=headers)
            statuses.add(answer.status_code)
    assert statuses == {401}
    assert signing.taken == []
    assert signing.post(BODY, good).status_code == 202


def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    with listening_socket("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


# health


def test_livez_and_readyz(signing: Daemon) -> None:
    """Alive while it answers; ready when turns run, the state is readable and GitLab was polled; else which is not."""
    assert signing.get("/livez").json() == {"status": "alive"}
    ready = signing.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    try:
        signing.broken = True
        answer = signing.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["state"] == {
            "verdict": "fail",
            "reason": "the state cannot be read",
            "stops": True,
        }
        assert "secret" not in answer.text
        signing.broken, signing.polled = False, None
        assert signing.get("/readyz").json()["checks"]["gitlab"]["verdict"] == "unknown"
        signing.polled, signing.beat = NOW, NOW - timedelta(minutes=2)
        assert signing.get("/readyz").json()["checks"]["runner"]["verdict"] == "fail"
        signing.beat = None
        assert signing.get("/readyz").status_code == 503
        assert signing.get("/livez").status_code == 200
    finally:
        signing.broken, signing.polled, signing.beat = False, NOW, NOW


def test_the_lag_of_signed_hooks_is_told(signing: Daemon) -> None:
    """From GitLab's signature until it is stored, by GitLab's clock; nothing of what is refused."""
    signing.lags.clear()
    for late in (3, 0):
        assert signing.post(BODY, signed(BODY, at=NOW - timedelta(seconds=late))).status_code == 202
    assert signing.post(BODY, signed(BODY, key=b"x" * 32)).status_code == 401
    assert signing.lags == [3.0, 0.0]
