"""Which pieces of work are told of: turns' looks and actions, requests to GitLab, uploads; and what is said of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.adapters.telemetry.hub import Hub, Timed
from bot.domain.errors import RefusedError, TransientError
from bot.domain.releases import ReleaseState
from bot.domain.spans import Fact, SpanName
from bot.release.facts import LookKind
from tests.contract.hostile import SHORT, api, hostile, reply
from tests.contract.index_parts import Scripted, keep, make_adapter, says, simple_spec, wheel_bytes
from tests.contract.turn_bench import Bench, planned


class Ears:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[SpanName, dict[str, Fact]]] = []
        self.hub = Hub()
        self.hub.add(Timed(self.hear))

    def hear(self, name: SpanName, facts: Mapping[str, Fact], seconds: float) -> None:
        assert seconds >= 0
        self.heard.append((name, dict(facts)))


@pytest.fixture
def ears() -> Ears:
    return Ears()


def test_nobody_need_listen() -> None:
    with Hub().span(SpanName.TURN, project="acme/widget") as span:
        span.tell(state="published")


def test_all_listeners_hear_all_of_it_whatever_comes_of_it(ears: Ears) -> None:
    other: list[dict[str, Fact]] = []
    ears.hub.add(Timed(lambda name, facts, seconds: other.append(dict(facts)), clock=iter([5.0, 7.5]).__next__))
    with contextlib.suppress(KeyError), ears.hub.span(SpanName.JOB, job="poll") as span:
        span.tell(projects=3)
        raise KeyError
    assert ears.heard == [(SpanName.JOB, {"job": "poll", "projects": 3})]
    assert other == [{"job": "poll", "projects": 3}]


def test_a_turn_tells_of_each_look_and_each_action(tmp_path: Path, ears: Ears) -> None:
    bench = Bench(folder=tmp_path, spans=ears.hub)
    assert bench.turn(planned()).state is ReleaseState.PUBLISHED
    looks = [facts["step"] for name, facts in ears.heard if name is SpanName.LOOK]
    assert {"ref", "pipeline", "files", "index", "variables"} <= set(looks) <= {kind.value for kind in LookKind}
    actions = [facts for name, facts in ears.heard if name is SpanName.ACTION]
    assert [(one["step"], one["target"], one["outcome"]) for one in actions] == [
        ("upload", "index:registry", "accepted"),
        ("upload", "index:registry", "accepted"),
        ("upload", "index:public", "accepted"),
        ("upload", "index:public", "accepted"),
        ("create_release", "gitlab_release", "accepted"),
        ("post_note", "note:!1", "accepted"),
        ("post_note", "note:!2", "accepted"),
    ]
    assert str(actions[0]["item"]).endswith(".whl"), "wheels go first"


@pytest.mark.parametrize("status", [200, 404, 429, 502])
def test_a_request_to_gitlab_is_told_with_its_answer_and_without_its_query(ears: Ears, status: int) -> None:
    with hostile(lambda _: reply(status, {"message": "no"})) as server:
        one = api(server.url, SHORT, spans=ears.hub)
        with contextlib.suppress(TransientError, RefusedError):
            one.get("/projects/7/repository/tags/v1", search="a-word")
    facts = {"endpoint": "reads", "method": "GET", "path": "/projects/7/repository/tags/v1", "status": status}
    assert ears.heard == [(SpanName.REQUEST, facts)]


def test_a_request_without_an_answer_has_status_0_and_graphql_no_host(ears: Ears) -> None:
    with hostile(lambda _: b"nonsense") as server, contextlib.suppress(TransientError):
        api(server.url, SHORT, spans=ears.hub).graphql("{version}", {})
    assert ears.heard == [
        (SpanName.REQUEST, {"endpoint": "graphql", "method": "POST", "path": "/api/graphql", "status": 0})
    ]


def test_an_upload_is_told_with_its_outcome(tmp_path: Path, children: Children, ears: Ears) -> None:
    adapter = make_adapter(tmp_path / "state", children, spans=ears.hub)
    with Scripted(says("403 Forbidden", "not you")).running() as server:
        distribution = keep(adapter, tmp_path, wheel_bytes())
        adapter.send(adapter.place(simple_spec(server.url), 1, "widget"), distribution)
    assert ears.heard == [
        (SpanName.UPLOAD, {"index": "inhouse", "file": "widget-1.0-py3-none-any.whl", "outcome": "denied"})
    ]
    assert adapter.alive is True
