"""The disk under the state is full for a while: nothing that was acknowledged is lost, and nothing happens twice."""

from __future__ import annotations

import json
import resource
import threading

import httpx
import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import ONLY_IN_FULL
from tests.stories.bot import Bot, Daemon
from tests.stories.town import Package, Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.chaos, ONLY_IN_FULL]

SECRET = "a hook secret"
OUTAGE = 4.0  # seconds the disk is full: two polls, and the turns they ask for, come and fail


def fill(daemon: Daemon, bytes_left: int) -> None:
    """From now on no file of the daemon grows beyond so many bytes: what the system then says is as final."""
    _, most = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (bytes_left, most))


def clear(daemon: Daemon) -> None:
    """There is room again."""
    _, most = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (most, most))


def tell(bot: Bot, package: Package, sha: str) -> int:
    """A hook about the tag; the status it is answered with."""
    payload = {
        "object_kind": "tag_push",
        "before": "0" * 40,
        "after": sha,
        "checkout_sha": sha,
        "ref": "refs/tags/v1.1.0",
        "project": {"id": package.project.id, "path_with_namespace": package.project.full_path, "web_url": "http://x"},
    }
    answer = httpx.post(
        f"http://127.0.0.1:{bot.port}/hooks/gitlab",
        content=json.dumps(payload),
        headers={"X-Gitlab-Token": SECRET},
        trust_env=False,
        verify=False,
        timeout=40,
    )
    return answer.status_code


@pytest.mark.parametrize("when", ["before the hook", "while it publishes"])
def test_a_full_disk_puts_off_and_loses_nothing(bot: Bot, town: Town, group: Group, when: str) -> None:
    bot.config["watch"] |= {"poll": "2s", "hook_secret_file": "hook.secret"}
    bot.secret("hook.secret", SECRET)
    package = town.package(group, changes=2)
    with bot.serving() as daemon:
        bot.settled()
        if when == "before the hook":
            fill(daemon, 0)
            sha = package.tag()
            assert tell(bot, package, sha) == 503, "what cannot be stored is not acknowledged"
        else:
            sha = package.tag()
            assert tell(bot, package, sha) == 202
            until(lambda: [one for one in bot.records() if one.state is not ReleaseState.PLANNED])
            fill(daemon, 0)
        threading.Event().wait(OUTAGE)
        assert daemon.process.poll() is None, "a full disk ends no daemon"
        clear(daemon)
        (ended,) = bot.ended(package.project.full_path)
        assert (ended.state, ended.next) == (ReleaseState.PUBLISHED, None)
        until(lambda: daemon.get("/readyz").status_code == 200)
        assert daemon.stop() == 0
    package.complete()
