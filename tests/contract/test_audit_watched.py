"""What the daemon does at each slot of `hygiene.audit`: everything watched, by all rules, into the history."""

from __future__ import annotations

from pathlib import Path

from bot.app import App
from bot.cli.auditor import Auditor
from bot.domain.secrets import Redactor
from bot.settings import load
from tests.contract.sandbox_org import LEVELS, organisation

CONFIG = """\
gitlab: {{url: "{url}", token_file: token}}
watch: {{groups: [acme], exclude: ["acme/attic/**"]}}
state: sqlite:///state.db
hygiene: {{audit: "0 6 * * 1-5", waivers: waivers.yaml}}
"""
WAIVERS = """\
waivers:
  - {rule: RW108, project: "acme/**", owner: Ada, reason: "It opens nothing.", expires: 2999-01-31}
"""


def test_an_audit_of_everything_watched_is_remembered(tmp_path: Path) -> None:
    """First all is new; after repair it is fixed, the rest keeps its day; what is excluded is not looked at."""
    with organisation() as org:
        org.world.add_member(org.world.groups["acme"], org.people["maintainer"], LEVELS["maintainer"])
        attic = org.new_project("acme/attic/old")
        for project in (org.project, attic):
            org.world.set_variable(project, "TWINE_PASSWORD", org.world.secret())
        org.world.set_variable(org.project, "AWS_SECRET", org.world.secret())
        (tmp_path / "token").write_text(org.tokens["maintainer"])
        (tmp_path / "token").chmod(0o600)
        (tmp_path / "waivers.yaml").write_text(WAIVERS)
        (tmp_path / "ropewalk.yaml").write_text(CONFIG.format(url=org.url))
        app = App(load(tmp_path / "ropewalk.yaml", {}, tmp_path), Redactor())
        try:
            first = Auditor(app).audit_watched()
            org.world.set_variable(org.project, "TWINE_PASSWORD", org.world.secret(), masked=True)
            second = Auditor(app).audit_watched()
        finally:
            app.close()
    rules = {one.rule for one in first.report.findings}
    assert {"RW101", "RW102"} <= rules
    assert "RW108" not in rules
    assert [one.rule for one in first.report.waived] == ["RW108"]
    assert all("attic" not in one.project for one in first.report.findings)
    assert (first.new, first.fixed) == (len(first.report.findings) + 1, 0)
    assert (second.new, second.fixed) == (0, 1)
    days = {one.identity: one.first_seen for one in first.report.findings}
    assert all(one.first_seen == days[one.identity] for one in second.report.findings)
