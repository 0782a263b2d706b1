"""The door of a bot: with GitLab's lock where the configuration has one."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.app import App
from bot.web.sign_in.door import Lock, SignInDoor
from bot.web.sign_in.pages import Draw, plain
from bot.web.viewer import Door, OpenDoor


def open_door(
    bot: App, wake: Callable[[], None], draw: Draw = plain, clock: Callable[[], float] = time.monotonic
) -> Door:
    """The door. `wake` tells the daemon that a release is due, `draw` makes a page of what the door says.

    `clock` gives seconds that only go forward.
    """
    dashboard = bot.settings.dashboard
    if bot.provider is None or dashboard is None or dashboard.public_url is None:
        return OpenDoor()
    return SignInDoor(
        Lock(
            public_url=dashboard.public_url,
            gitlab=bot.settings.gitlab.url,
            provider=bot.provider,
            view=bot.persons_view,
            presses=lambda: bot.presses,
            release=bot.store.releases.release,
            wake=wake,
            draw=draw,
            clock=clock,
        )
    )
