"""A release that waits for a yes gets it from a note: by a hook, with a kill between the act and the answer."""

from __future__ import annotations

import base64
import secrets

import pytest

from bot.domain.releases import ReleaseState
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group
from tests.bounds import IN_FULL
from tests.stories.bot import Bot
from tests.stories.town import Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, *IN_FULL]  # the time of `make test` is bounded


def test_a_note_approves_a_release_once_and_is_answered_by_the_next_daemon(bot: Bot, town: Town, group: Group) -> None:
    """The daemon's own hook tells of the note; GitLab takes no emoji until that daemon is dead."""
    bot.secret("hook.secret", f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}")
    bot.config["watch"]["hook_secret_file"] = "hook.secret"
    bot.config["web"]["public_url"] = f"http://127.0.0.1:{bot.port}"
    bot.config["commands"] = {"enabled": True}
    bot.config["releases"][0]["approval"] = {"from": "maintainer"}
    ada = town.world.create_user(f"ada{next(town.numbers)}")
    town.world.add_member(group, ada, Level.MAINTAINER)
    town.grace.public_email = town.grace.email
    package = town.package(group)
    (request,) = package.project.merge_requests.values()
    emoji = {"kind": "status", "status": 503, "method": "POST", "path": "/award_emoji$", "times": None}
    with bot.serving() as daemon:
        until(lambda: [hook for hook in package.project.hooks.values() if hook.events.get("note_events")])
        package.tag()
        bot.recorded(lambda rows: [one for one in rows if "approval" in (one.next or "")])
        until(lambda: package.notes()[request.iid])
        town.fault(**emoji)
        path = f"/projects/{package.project.id}/merge_requests/{request.iid}/notes"
        said = town.api("POST", path, ada, json={"body": "Fine with me.\n\n/ropewalk approve"})
        assert said.status_code == 201
        bot.ended(package.project.full_path)
        daemon.kill()
    note = request.notes[said.json()["id"]]
    assert note.emoji == []
    town.calm()
    with bot.serving():
        until(lambda: note.emoji)
        (answers,) = until(lambda: [one for one in request.notes.values() if "note v1 commands" in one.body])
    assert [award.name for award in note.emoji] == ["white_check_mark"]
    assert f"`{ada.username}` approves `v1.1.0`" in answers.body
    (release,) = bot.records()
    assert release.state is ReleaseState.PUBLISHED
    assert sorted(package.registry()) == sorted(package.index())
    shown = bot.run("ledger", "show", package.target)
    assert sum("/ropewalk approve" in line for line in shown.out.splitlines()) == 1
    assert bot.run("ledger", "verify").code == 0
