"""What deploy/ tells Prometheus and Grafana, held against Prometheus's own tool and what the bot really says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.adapters.gitlab.endpoints import Endpoint
from bot.domain.readings import SharedBudgetReading
from bot.domain.spans import SpanName
from bot.web.metrics import Metrics
from tests.contract.test_metrics import made
from tests.tools import ROOT, program, run
from tests.unit.readings_made import BUDGET
from tests.unit.test_docs_links import anchors

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_TESTS = sorted(PROMETHEUS.glob("*_test.yaml"))
DASHBOARD = ROOT / "deploy" / "grafana" / "ropewalk.json"
OPERATIONS = ROOT / "docs" / "operations.md"
METRIC = re.compile(r"\b(?:ropewalk|process)_[a-z_]+")
SELECTED = re.compile(r"\b((?:ropewalk|process)_[a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"\b(?:sum|max|min|count)\s+by\s*\(([^)]*)\)\s*\(((?:[^()]|\([^()]*\))*)\)")
BY_SCRAPER = {"job", "instance"}  # labels that a scraper adds


def busy() -> Metrics:
    """Metrics of a bot to which everything has happened."""
    shared = SharedBudgetReading(processes=2, away=False, trades=9, failures=1)
    metrics = made(budget=replace(BUDGET, shared=shared), expires=date(2031, 5, 6))
    metrics.hook("a release begins")
    metrics.hook_lag(1)
    metrics.heard(SpanName.TURN, {}, 1)
    metrics.heard(SpanName.LOOK, {"step": "ref"}, 1)
    metrics.heard(SpanName.REQUEST, {"endpoint": Endpoint.READS.value}, 1)
    metrics.heard(SpanName.JOB, {"job": "poll"}, 1)
    metrics.heard(SpanName.UPLOAD, {"index": "pypi", "outcome": "accepted"}, 1)
    return metrics


@pytest.fixture(scope="module")
def series() -> dict[str, set[str]]:
    """Every series that the bot may show, with its labels."""
    families = text_string_to_metric_families(busy().text().decode())
    found: dict[str, set[str]] = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """All of the dashboard, by the name of the panel, with Grafana's own variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    asked += [(one["name"], one["expr"]) for one in dashboard["annotations"]["list"]]
    for title, expression in asked:
        yield title, expression.replace("$__rate_interval", "5m").replace("$job", ".+")


def expressions() -> list[tuple[str, str]]:
    return [*queries(), *((rule["alert"], rule["expr"]) for rule in rules())]


@pytest.mark.parametrize(("name", "expression"), expressions(), ids=lambda value: value[:40])
def test_every_query_is_about_series_and_labels_that_there_are(
    series: dict[str, set[str]], name: str, expression: str
) -> None:
    asked = METRIC.findall(expression)
    assert asked, name
    assert [one for one in asked if one not in series] == []
    for metric, matchers in SELECTED.findall(expression):
        assert set(MATCHER.findall(matchers)) - series[metric] <= BY_SCRAPER, metric
    for labels, inner in GROUPED.findall(expression):
        wanted = {one.strip() for one in labels.split(",")}
        assert all(wanted - series[metric] <= BY_SCRAPER for metric in METRIC.findall(inner)), expression


def test_every_metric_is_shown_or_alerted_on(series: dict[str, set[str]]) -> None:
    """What nobody looks at would better not be there."""
    used = {metric for _, expression in expressions() for metric in METRIC.findall(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in series if name.startswith("ropewalk_")}
    assert families - {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} == set()


def test_every_metric_is_documented() -> None:
    page = OPERATIONS.read_text("utf-8")
    told = set(re.findall(r"`(ropewalk_\w+)`", page))
    shown = {sample.name for family in families() for sample in family.samples}
    assert {re.sub(r"_(bucket|sum|count)$", "", one) for one in shown if one.startswith("ropewalk_")} == told


def families() -> list[Any]:
    return list(text_string_to_metric_families(busy().text().decode()))


def test_panels_have_a_place_and_say_what_they_show() -> None:
    places = [panel["gridPos"] for panel in panels()]
    cells = [
        (x, y)
        for one in places
        for x in range(one["x"], one["x"] + one["w"])
        for y in range(one["y"], one["y"] + one["h"])
    ]
    assert len(cells) == len(set(cells)), "two panels lie on each other"
    assert max(x for x, _ in cells) < 24
    identities = [panel["id"] for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]]
    assert len(set(identities)) == len(identities)
    assert [panel["title"] for panel in panels() if not panel["description"]] == []


def test_each_alert_leads_to_what_to_do() -> None:
    """Its own heading in docs/operations.md; and each heading there is an alert's."""
    found = rules()
    links = {rule["alert"]: rule["annotations"]["runbook"] for rule in found}
    assert links == {name: f"docs/operations.md#{name.lower()}" for name in links}
    assert {link.partition("#")[2] for link in links.values()} <= anchors(OPERATIONS)
    told = re.findall(r"^### (Ropewalk\w+)$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    assert told == [rule["alert"] for rule in found]
    assert {rule["labels"]["severity"] for rule in found} == {"critical", "warning", "info"}


def test_each_alert_has_a_test_of_its_own() -> None:
    tests = [test for path in RULE_TESTS for test in yaml.safe_load(path.read_text("utf-8"))["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = [rule["alert"] for rule in rules()]
    assert sorted(case["alertname"] for case in cases if case.get("exp_alerts")) == sorted(names)
    assert sorted(case["alertname"] for case in cases if not case.get("exp_alerts")) == sorted(names), "and a silence"


@pytest.mark.slow
def test_names_follow_prometheus_conventions() -> None:
    assert run([program("promtool"), "check", "metrics"], given=busy().text().decode()) == (0, "")


@pytest.mark.slow
def test_a_bad_name_would_be_told() -> None:
    text = "# HELP ropewalk_things Things.\n# TYPE ropewalk_things counter\nropewalk_things 1\n"
    code, said = run([program("promtool"), "check", "metrics"], given=text)
    assert code != 0
    assert "_total" in said


@pytest.mark.slow
def test_alerts_fire_where_they_shall() -> None:
    code, said = run([program("promtool"), "check", "rules", "alerts.yaml"], folder=PROMETHEUS)
    assert (code, f"{len(rules())} rules found" in said) == (0, True), said
    code, said = run([program("promtool"), "test", "rules", *RULE_TESTS], folder=PROMETHEUS)
    assert code == 0, said


@pytest.mark.slow
def test_queries_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": expr} for number, (_, expr) in enumerate(queries())]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    code, said = run([program("promtool"), "check", "rules", path])
    assert (code, f"{len(recorded)} rules found" in said) == (0, True), said
