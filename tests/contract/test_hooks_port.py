"""The promises of bot.ports.gitlab.Hooks and HookLog, held by the fake and by GitLab's adapter over the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.hooks import GitLabHooks
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.hooks import Hook, HookPlace, HookStatus, HookWish, PlaceKind
from bot.domain.secrets import Secret
from bot.ports.gitlab import HookLog, Hooks
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org, Receiver, organisation, receiving
from tests.fake_hooks import FakeHooks
from tests.fakes import Clock

SIGNING = Secret(f"whsec_{'A' * 43}=")
PLAIN = Secret("a plain secret of ours")
HOUR = timedelta(hours=1)
NOWHERE = HookPlace(kind=PlaceKind.GROUP, key="elsewhere", path="elsewhere")


@dataclass(frozen=True, slots=True)
class Stage:
    """A project and a group that may have hooks, a receiver that they lead to, and who has no right to them."""

    hooks: Hooks
    log: HookLog
    stranger: Hooks
    project: HookPlace
    group: HookPlace
    url: str
    now: Callable[[], datetime]
    answer: Callable[[int], None]
    tag: Callable[[str], None]

    def wish(self, secret: Secret = SIGNING) -> HookWish:
        return HookWish(url=self.url, secret=secret)

    def statuses(self, place: HookPlace, hook: Hook, *, taken: bool) -> list[tuple[str, str]]:
        log = self.log.deliveries(place, hook.id, taken=taken, since=self.now() - HOUR)
        assert log is not None
        assert log.complete
        return [(row.trigger, row.status) for row in log.rows]

    def status(self, place: HookPlace) -> HookStatus:
        (hook,) = self.hooks.hooks(place)
        return hook.status


def faked() -> Stage:
    clock = Clock(datetime(2026, 8, 1, tzinfo=UTC))
    project = HookPlace(kind=PlaceKind.PROJECT, key="1", path="acme/tools/widget")
    group = HookPlace(kind=PlaceKind.GROUP, key="acme/tools", path="acme/tools")
    fake = FakeHooks(clock=clock, closed={NOWHERE.name: 404})

    def tag(name: str) -> None:
        fake.tell(project)
        fake.tell(group)

    return Stage(
        hooks=fake,
        log=fake,
        stranger=FakeHooks(clock=clock, closed={project.name: 403, group.name: 403}),
        project=project,
        group=group,
        url="https://bot.example.com/hooks/gitlab",
        now=clock,
        answer=lambda status: setattr(fake, "answer", str(status)),
        tag=tag,
    )


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation() as made:
        assert made.control("PUT", "hooks/settings", json={"auto_disable": True}).status_code == 200
        yield made


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def served(org: Org, receiver: Receiver) -> Stage:
    # A test of the hooks, not of the budget: to it a minute passes whenever it looks at its clock.
    budget = Budget(org.url, clock=count(0, 60_000).__next__)
    org.world.limits.forget()
    port = GitLabHooks(api(org.url, token=org.tokens["owner"], budget=budget))
    group = f"acme/hooked{len(org.world.projects)}"
    project = org.new_project(f"{group}/quiet")  # without pipelines, which would tell of themselves

    def tag(name: str) -> None:
        org.world.create_tag(project, name, "main", org.people["maintainer"])
        assert org.control("POST", "hooks/drain").status_code == 204

    receiver.status = 200
    return Stage(
        hooks=port,
        log=port,
        stranger=GitLabHooks(api(org.url, token=org.tokens["developer"])),
        project=HookPlace(kind=PlaceKind.PROJECT, key=str(project.id), path=project.full_path),
        group=HookPlace(kind=PlaceKind.GROUP, key=group, path=group),
        url=receiver.url,
        now=org.world.clock.now,
        answer=lambda status: setattr(receiver, "status", status),
        tag=tag,
    )


@pytest.fixture(params=["fake", "gitlab"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "fake":
        return faked()
    return served(request.getfixturevalue("org"), request.getfixturevalue("receiver"))


@pytest.fixture(params=["project", "group"])
def place(request: pytest.FixtureRequest, stage: Stage) -> HookPlace:
    return stage.project if request.param == "project" else stage.group


@pytest.mark.parametrize("secret", [SIGNING, PLAIN], ids=["signing token", "secret token"])
def test_a_hook_is_made_as_it_was_wished(stage: Stage, place: HookPlace, secret: Secret) -> None:
    """What is answered is what is listed; of the secret only its kind is known."""
    assert stage.hooks.hooks(place) == ()
    made = stage.hooks.create(place, stage.wish(secret))
    assert stage.hooks.hooks(place) == (made,)
    assert (made.url, made.push, made.tag_push, made.pipeline, made.verifies_tls) == (stage.url, True, True, True, True)
    assert (made.status, made.disabled_until) == (HookStatus.EXECUTABLE, None)
    assert (bool(made.signed), bool(made.token)) == (secret is SIGNING, secret is PLAIN)


def test_hooks_are_corrected_and_removed_oldest_first(stage: Stage, place: HookPlace) -> None:
    """Correcting adds a secret and leaves the others alone; what is gone may be removed again."""
    first, second = (stage.hooks.create(place, stage.wish(PLAIN)) for _ in range(2))
    corrected = stage.hooks.correct(place, first.id, stage.wish(SIGNING))
    assert corrected.signed
    assert stage.hooks.hooks(place) == (corrected, second)
    for _ in range(2):
        stage.hooks.remove(place, first.id)
    assert stage.hooks.hooks(place) == (second,)


def test_a_place_that_is_not_ours_refuses(stage: Stage, place: HookPlace) -> None:
    """Without the role 403 or 404, whatever is asked; a place that is not there is 404, not an empty one."""
    for refusing, where in ((stage.stranger, place), (stage.hooks, NOWHERE)):
        with pytest.raises(RefusedError) as caught:
            refusing.hooks(where)
        assert caught.value.status in (403, 404)
        assert isinstance(caught.value, CredentialsError) == (caught.value.status == 403)


def test_deliveries_are_told_by_what_became_of_them_newest_first(stage: Stage, place: HookPlace) -> None:
    """Two failed, one was taken; none of them counts after its time, and a hook that is gone has no log."""
    hook = stage.hooks.create(place, stage.wish())
    assert stage.statuses(place, hook, taken=False) == stage.statuses(place, hook, taken=True) == []
    for number, status in enumerate((503, 200, 404)):
        stage.answer(status)
        stage.tag(f"v{number}")
    assert stage.statuses(place, hook, taken=False) == [("tag_push_hooks", "404"), ("tag_push_hooks", "503")]
    assert stage.statuses(place, hook, taken=True) == [("tag_push_hooks", "200")]
    later = stage.log.deliveries(place, hook.id, taken=False, since=stage.now() + HOUR)
    assert later is not None
    assert later.rows == ()
    stage.hooks.remove(place, hook.id)
    assert stage.log.deliveries(place, hook.id, taken=True, since=stage.now() - HOUR) is None


def test_a_redelivery_tells_whether_it_was_taken_and_keeps_its_key(stage: Stage, place: HookPlace) -> None:
    """Refused again, then taken: by its key one knows that the failed one is settled."""
    hook = stage.hooks.create(place, stage.wish())
    stage.answer(500)
    stage.tag("v1")
    failed = stage.log.deliveries(place, hook.id, taken=False, since=stage.now() - HOUR)
    assert failed is not None
    (row,) = failed.rows
    assert "500" in stage.log.resend(place, hook.id, row.id)
    stage.answer(200)
    assert stage.log.resend(place, hook.id, row.id) == ""
    assert stage.log.resend(place, hook.id, row.id + 1000) != ""
    taken = stage.log.deliveries(place, hook.id, taken=True, since=stage.now() - HOUR)
    assert taken is not None
    assert [one.key for one in taken.rows] == [row.key]
    again = stage.log.deliveries(place, hook.id, taken=False, since=stage.now() - HOUR)
    assert again is not None
    assert [one.key for one in again.rows] == [row.key] * 2


def test_a_test_that_is_taken_enables_a_disabled_hook(stage: Stage, place: HookPlace) -> None:
    """The fourth failure in a row disables; then nothing can be sent again until a test was taken."""
    hook = stage.hooks.create(place, stage.wish())
    stage.answer(502)
    for number in range(4):
        assert stage.status(place) is HookStatus.EXECUTABLE
        stage.tag(f"v{number}")
    (resting,) = stage.hooks.hooks(place)
    assert resting.status is HookStatus.RESTING
    assert resting.disabled_until is not None
    failed = stage.log.deliveries(place, hook.id, taken=False, since=stage.now() - HOUR)
    assert failed is not None
    assert "disabled" in stage.log.resend(place, hook.id, failed.rows[0].id)
    assert stage.log.test(place, hook.id) != ""
    assert stage.status(place) is HookStatus.RESTING
    stage.answer(202)
    assert stage.log.test(place, hook.id) == ""
    assert stage.status(place) is HookStatus.EXECUTABLE
    assert stage.log.resend(place, hook.id, failed.rows[0].id) == ""
