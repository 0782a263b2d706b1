"""What the hook commands need before they begin, and the code that they end with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.exits import Exit
from bot.cli.hook_job import AGAIN_AFTER, one_round
from bot.cli.hooks import exit_of
from bot.domain.errors import ConfigError, TransientError
from bot.domain.hooks import HookPlace, HookWish, PlaceKind
from bot.domain.secrets import Secret
from bot.settings import Settings, load
from bot.settings.hooks import hook_wish
from bot.watch.hook_care import HookReport
from bot.watch.hook_health import HookVerdict
from bot.watch.hook_mending import HookRow

SIGNING = f"whsec_{'A' * 43}="
PLACE = HookPlace(kind=PlaceKind.GROUP, key="acme", path="acme")
OK, UNSEEN = HookVerdict.OK, HookVerdict.CANNOT_LOOK
ILL = [verdict for verdict in HookVerdict if verdict not in (OK, UNSEEN)]


def settings(folder: Path, address: str | None, secret: str | None) -> Settings:
    path = folder / "ropewalk.yaml"
    web = "" if address is None else f"web: {{public_url: '{address}'}}\n"
    path.write_text(f"gitlab: {{url: https://gitlab.example.com}}\nwatch: {{groups: [acme]}}\n{web}")
    environ = {"ROPEWALK_GITLAB_TOKEN": "a token of ours"}
    return load(path, environ if secret is None else environ | {"ROPEWALK_HOOK_SECRET": secret}, folder)


@pytest.mark.parametrize("secret", [SIGNING, "a plain secret"])
def test_the_hook_leads_to_the_daemons_address_with_its_secret(tmp_path: Path, secret: str) -> None:
    wish = hook_wish(settings(tmp_path, "https://bot.example.com/rope/", secret))
    assert wish == HookWish(url="https://bot.example.com/rope/hooks/gitlab", secret=Secret(secret))
    assert wish.signed == (secret == SIGNING)


@pytest.mark.parametrize(
    ("address", "secret", "where", "remedy"),
    [
        (None, SIGNING, "web.public_url", "https://"),
        ("https://bot.example.com", None, "watch.hook_secret_file", "whsec_$(openssl rand -base64 32)"),
        ("https://bot.example.com", "whsec_c2VjcmV0", "watch.hook_secret_file", "openssl"),
        ("https://bot.example.com", f"whsec_{'A' * 43}", "watch.hook_secret_file", "openssl"),
        ("https://bot.example.com", f"whsec_{'A' * 64}", "watch.hook_secret_file", "openssl"),
    ],
    ids=["no address", "no secret", "a short key", "without its padding", "a long key"],
)
def test_what_is_missing_is_one_sentence_with_a_remedy(
    tmp_path: Path, address: str | None, secret: str | None, where: str, remedy: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        hook_wish(settings(tmp_path, address, secret))
    assert caught.value.where == where
    assert remedy in caught.value.remedy
    assert secret is None or secret not in str(caught.value)


@pytest.mark.parametrize(
    ("verdicts", "stopped", "code"),
    [
        ([], "", Exit.NOTHING),
        ([], "429", Exit.UNKNOWN),
        ([OK, OK], "", Exit.DONE),
        ([OK], "429", Exit.UNKNOWN),
        ([OK, UNSEEN], "", Exit.UNKNOWN),
        *(([OK, verdict], "", Exit.BLOCKED) for verdict in ILL),
        *(([UNSEEN, verdict], "429", Exit.BLOCKED) for verdict in ILL),
    ],
)
def test_the_code_tells_the_worst(verdicts: list[HookVerdict], stopped: str, code: Exit) -> None:
    rows = tuple(HookRow(place=PLACE, verdict=verdict, reason="so") for verdict in verdicts)
    report = HookReport(rows=rows, stopped=stopped)
    assert exit_of(report) is code
    assert report.ready == (code is Exit.DONE or (code is Exit.NOTHING and not stopped))


def test_the_daemon_comes_again_in_a_minute_while_deliveries_are_left() -> None:
    """Not when all is done, and not when GitLab cannot be asked: then the next quarter of an hour is soon enough."""

    def unreachable() -> HookReport:
        raise TransientError(what="cannot be reached", where="gitlab")

    row = HookRow(place=PLACE, verdict=HookVerdict.FAILING, reason="so", actions=("ask",))
    asked: list[timedelta] = []
    one_round(lambda: HookReport(rows=(row,), stopped="429"), asked.append)
    one_round(unreachable, asked.append)
    assert asked == []
    one_round(lambda: HookReport(rows=(row,), more=True), asked.append)
    assert asked == [AGAIN_AFTER]
