"""Every configuration in our pages is one that the bot would start with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import check
from bot.settings.shape import Document

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^( *)```ya?ml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
SECRETS = re.compile(r"/run/(?:secrets|credentials)/[\w/-]+")
LEAST = 9
NEEDED: dict[str, Any] = {
    "gitlab": {"url": "https://gitlab.example.com"},
    "watch": {"groups": ["acme"]},
    "releases": [{"projects": ["acme/**"], "tags": ["v*"], "indexes": ["registry"]}],
}


def configurations() -> list[tuple[str, dict[str, Any]]]:
    """Those of all pages, made whole; CI files and lists of waivers are not among them."""
    found = []
    for page in PAGES:
        for number, (_, text) in enumerate(FENCED.findall(page.read_text("utf-8")), 1):
            given = yaml.safe_load(text)
            if isinstance(given, dict) and given.keys() == {"expect"}:
                given = {"releases": [{**NEEDED["releases"][0], **given}]}
            if isinstance(given, dict) and given.keys() <= Document.model_fields.keys():
                found.append((f"{page.relative_to(ROOT)} {number}", given))
    return found


@pytest.mark.parametrize(("where", "given"), [pytest.param(*one, id=one[0]) for one in configurations()])
def test_the_bot_would_start_with_it(tmp_path: Path, where: str, given: dict[str, Any]) -> None:
    whole = {**NEEDED, **given, "watch": {**NEEDED["watch"], **given.get("watch", {})}}
    named = {index for rule in whole["releases"] for index in rule["indexes"]}
    whole.setdefault("indexes", {name: {"kind": "gitlab"} for name in sorted(named)})
    text = yaml.safe_dump(whole)
    for place in SECRETS.findall(text):
        secret = tmp_path / place.strip("/").replace("/", "-")
        secret.touch(mode=0o600)
        secret.write_text("whsec_" + "A" * 43 + "=")
        text = text.replace(place, str(secret))
    path = tmp_path / "ropewalk.yaml"
    path.write_text(text)
    found = check(path, {"ROPEWALK_GITLAB_TOKEN": "a-token-of-some-length"}, tmp_path)
    assert [str(one) for one in found] == [], where


def test_the_pages_have_configurations() -> None:
    assert len(configurations()) >= LEAST
