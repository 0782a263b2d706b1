"""Forty planted secrets in eight spellings: none is in anything an audit says, keeps or thinks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.adapters.ci.service import parse_ci
from bot.app import App
from bot.cli.auditor import Auditor
from bot.cli.review_job import review_merge_requests
from bot.cli.rolling import Keeper
from bot.domain.gitlab import Level
from bot.domain.secrets import Redactor
from bot.hygiene.audit import Order, audit
from bot.hygiene.catalogue import RULES
from bot.hygiene.exposure import exposures
from bot.hygiene.formats import FORMATS
from bot.hygiene.readiness import Question, readiness
from bot.hygiene.repair import repairs
from bot.hygiene.targets import scope_of
from bot.sandbox.world import flow
from bot.settings import load
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


CONFIG = """\
gitlab: {{url: "{url}", token_file: token}}
watch: {{groups: [acme]}}
state: sqlite:///state/state.db
indexes: {{registry: {{kind: gitlab}}}}
releases:
  - {{projects: ["acme/**"], tags: ["v*"], source: artifacts, indexes: [registry]}}
hygiene: {{issues: group, issue_project: security}}
"""


@pytest.mark.slow
def test_no_secret_is_in_the_state_an_issue_a_note_or_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The files of the database are searched byte by byte, and what was posted as GitLab keeps it."""
    caplog.set_level("INFO")
    with organisation() as org:
        org.world.add_member(org.world.groups["acme"], org.people["maintainer"], LEVELS["maintainer"])
        secrets = plant(org)
        security = org.new_project("acme/security")
        (tmp_path / "token").write_text(org.tokens["admin"])
        (tmp_path / "token").chmod(0o600)
        (tmp_path / "ropewalk.yaml").write_text(CONFIG.format(url=org.url))
        app = App(load(tmp_path / "ropewalk.yaml", {}, tmp_path), Redactor())
        try:
            review_merge_requests(app, lambda _: None, lambda: False)
            ci = f"leak:\n  script: [twine upload -p '{secrets[0]}' dist/*]\n"
            flow.commit(org.world, org.project, "leak", "Leak", {".gitlab-ci.yml": ci}, org.people["owner"])
            request = flow.open_merge_request(org.world, org.project, org.people["owner"], "leak", "main", "Leak")
            org.control("POST", "clock", json={"advance": 300})
            review_merge_requests(app, lambda _: None, lambda: False)
            Keeper(app, Auditor(app).audit_watched()).keep(between=0)
        finally:
            app.close()
        (issue,) = security.issues.values()
        posted = [issue.description, *(note.body for note in request.notes.values())]
    kept = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert "RW201" in issue.description
    assert len(posted) == 2
    assert any(b"TWINE_PASSWORD" in data for data in kept), "the history is not where it was looked for"
    said = [text.encode() for text in (*posted, caplog.text)]
    spellings = {form.encode() for secret in secrets for form in forms(secret)}
    found = {form for form in spellings for data in (*kept, *said) if form in data}
    assert found == set()
