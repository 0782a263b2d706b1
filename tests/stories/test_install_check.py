"""What a release brings is installed from the first index before the next one gets it, where policy asks."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.stories import made
from tests.stories.bot import Bot
from tests.stories.town import VERSION, Town

pytestmark = pytest.mark.slow


def test_a_wheel_that_does_not_install_never_reaches_the_next_index(bot: Bot, town: Town) -> None:
    """It stands on the registry and goes no further; the reason is pip's."""
    bot.config["releases"][0]["install_check"] = True
    group = town.world.groups[bot.config["watch"]["groups"][0]]
    name = f"widget{next(town.numbers)}"
    filename, data = made.wheel(name, VERSION)
    bad = town.package(group, name=name, files={filename: _of_the_future(data, name)})
    bad.tag()
    bad.pipeline_over()

    partial = bot.release("apply", bad.target)

    assert (partial.code, partial.json["state"]) == (21, "partial")
    targets = {target["name"]: target for target in partial.json["targets"]}
    assert targets["install:registry"]["state"] == "failed"
    assert "pip cannot install it: " in targets["install:registry"]["reason"]
    assert targets["index:index"]["state"] == "pending"
    assert (bad.registry(), bad.index(), bad.releases()) == ([filename], [], [])


def _of_the_future(data: bytes, name: str) -> bytes:
    """The same wheel in a format that no pip knows yet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            text = old.read(member)
            if member == f"{name}-{VERSION}.dist-info/WHEEL":
                text = text.replace(b"Wheel-Version: 1.0", b"Wheel-Version: 9.0")
            new.writestr(zipfile.ZipInfo(member), text)
    return out.getvalue()
