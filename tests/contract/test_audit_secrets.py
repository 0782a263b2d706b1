"""Forty planted secrets in eight spellings: none is in anything an audit says, keeps or thinks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from bot.adapters.ci.service import parse_ci
from bot.domain.gitlab import Level
from bot.hygiene.audit import Order, audit
from bot.hygiene.catalogue import RULES
from bot.hygiene.exposure import exposures
from bot.hygiene.formats import FORMATS
from bot.hygiene.readiness import Question, readiness
from bot.hygiene.repair import repairs
from bot.hygiene.targets import scope_of
from tests.contract.estate_parts import EVERYTHING, estate, sweep
from tests.contract.sandbox_org import LEVELS, Org, organisation

KEYS = ("TWINE_PASSWORD", "PYPI_TOKEN", "AWS_SECRET_KEY", "DEPLOY_REGION", "CI_DEBUG_TRACE")


def forms(secret: str) -> Iterator[str]:
    """Raw, base64 of two kinds, URL, hex, JSON within JSON, reversed, and in capitals."""
    raw = secret.encode()
    yield from (secret, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), quote(secret, safe=""))
    yield from (raw.hex(), json.dumps(json.dumps(secret))[3:-3], secret[::-1], secret.upper())


def plant(org: Org) -> list[str]:
    """Variables of every level, a schedule's variables, trigger tokens, the CI file."""
    secrets = [f"Planted{number:02}/+%&{org.world.secret(12)}" for number in range(40)]
    waiting = iter(secrets)
    for owner in (None, org.world.groups["acme"], org.world.groups["acme/tools"], org.project):
        for key in KEYS:
            org.world.set_variable(owner, key, next(waiting), masked=False)
            org.world.set_variable(owner, key, next(waiting), environment_scope="pypi") if owner else None
    base = f"/projects/{org.project.id}"
    made = org.call(
        "POST", f"{base}/pipeline_schedules", json={"description": "d", "ref": "refs/heads/main", "cron": "0 1 * * *"}
    ).json()
    where = f"{base}/pipeline_schedules/{made['id']}/variables"
    assert org.call("POST", where, json={"key": "TWINE_PASSWORD", "value": next(waiting)}).status_code == 201
    trigger = org.call("POST", f"{base}/triggers", json={"description": "deploy"}, who="admin").json()
    literal = next(waiting)
    upload = f"twine upload -p '{next(waiting)}' dist/*"
    ci = f"publish:\n  variables: {{TWINE_PASSWORD: '{literal}'}}\n  script: [{upload}]\n"
    org.world.commit(org.project, "main", "CI", {".gitlab-ci.yml": ci}, org.people["owner"])
    return [*secrets, trigger["token"]]


def test_no_secret_is_in_anything_an_audit_says() -> None:
    """Facts, findings, every report, exposure, readiness, repairs."""
    with organisation() as org:
        org.world.add_member(org.world.groups["acme"], org.people["maintainer"], LEVELS["maintainer"])
        secrets = plant(org)
        reads = estate(org, "admin", read_ci=parse_ci)
        order = Order(scope=scope_of(["acme"], membership=False), rules=RULES)
        report = audit(reads, order, lambda: datetime.now(UTC), lambda done, total: None).report
        places = sweep(org, "acme", wishes=EVERYTHING, reads=reads)
    assert len(report.findings) > 20
    catalogue = {rule.info.id: rule.info for rule in RULES}
    said = [render(report, catalogue) for render in FORMATS.values()]
    said += [repr(places), repr(report), repr(repairs(places, "acme"))]
    for facts in places:
        if facts.level is Level.PROJECT:
            said += [repr(exposures(facts)), repr(readiness(facts, Question(tag="v1", rule=None)))]
    found = {(secret, form) for secret in secrets for form in forms(secret) for text in said if form in text}
    assert found == set()
    assert len(secrets) > 40
