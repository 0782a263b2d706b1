"""`ropewalk audit` as people and scripts use it, over the embedded GitLab."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys

import pytest
import yaml

from bot.sandbox.world import flow
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group
from tests.bounds import ONLY_IN_FULL
from tests.stories.bot import Bot
from tests.stories.town import Town
from tests.waiting import until

pytestmark = pytest.mark.slow


def project(town: Town, group: Group, name: str) -> int:
    made = town.world.create_project(f"{group.full_path}/{name}", files={"README.md": "x\n"})
    return made.id


def test_an_audit_finds_what_can_leak_and_says_so_by_its_code(bot: Bot, town: Town, group: Group) -> None:
    """JSON of the contract's form; 14 for a high finding; no value in any of it."""
    number = project(town, group, "beacon")
    secret = town.world.secret()
    town.world.set_variable(town.world.projects[number], "TWINE_PASSWORD", secret)
    done = bot.run("audit", "run", "--format", "json", "--only", "RW1")
    assert done.code == 14
    report = done.json
    assert (report["schema"], report["complete"], report["projects"]) == ("ropewalk.audit/1", True, 1)
    found = {one["rule"]: one for one in report["findings"]}
    assert {"RW101", "RW102", "RW103", "RW104"} <= set(found)
    one = found["RW101"]
    assert one["resource"] == f"project/{number}/variables/TWINE_PASSWORD"
    assert (one["severity"], one["verdict"], one["scope"]) == ("high", "fail", "*")
    assert one["project"] == f"{group.full_path}/beacon"
    assert {one["resource"] for one in report["unknown"]} == {"instance/variables"}
    assert secret not in done.out + done.err
    assert len(report["unknown"]) == 1
    told = bot.run("audit", "run", f"{group.full_path}/beacon", "--min-severity", "high")
    assert told.code == 14
    assert "RW101" in told.out
    assert "RW104" not in told.out


def test_that_nobody_looks_at_the_instance_can_be_accepted(bot: Bot, town: Town, group: Group) -> None:
    """Without an admin's token the code is 4; with a waiver by name it is 0, and the report says what was not seen."""
    project(town, group, "tidy")
    run = ("audit", "run", "--only", "RW1", "--format", "json")
    assert bot.run(*run).code == 4
    waiver = {"rule": "RW", "project": "**", "resource": "instance/variables", "owner": "Ada", "reason": "Ops do."}
    (bot.folder / "waivers.yaml").write_text(yaml.safe_dump({"waivers": [{**waiver, "expires": "2999-01-31"}]}))
    bot.config["hygiene"] = {"waivers": "waivers.yaml"}
    done = bot.run(*run)
    assert (done.code, done.json["unknown"]) == (0, [])
    (one,) = done.json["waived"]
    assert "could not look at variables of the instance" in one["reason"]


def test_a_clean_audit_that_saw_all_ends_with_nought(bot: Bot, town: Town, group: Group) -> None:
    """With an admin's token everything is known, and there is nothing to find."""
    project(town, group, "tidy")
    bot.secret("bot.token", town.gitlab.admin_token)
    done = bot.run("audit", "run", "--format", "json", "--only", "RW1", f"{group.full_path}/**")
    assert (done.code, done.json["findings"], done.json["unknown"]) == (0, [], [])


def test_what_is_not_there_is_code_three_and_what_is_no_rule_code_two(bot: Bot, group: Group) -> None:
    """Each with one sentence."""
    assert bot.run("audit", "run", f"{group.full_path}/none").code == 3
    for words in (("audit", "run"), ("audit", "exposure"), ("fix", "variables"), ("doctor",)):
        done = bot.run(*words, f"{group.full_path}/none*")
        assert (done.code, "none*" in done.complaint) == (3, True), (words, done.out, done.err)
    wrong = bot.run("audit", "run", "--only", "RX1")
    assert wrong.code == 2
    assert "RX1" in wrong.complaint
    assert bot.run("audit", "explain", "RW999").code == 2
    assert bot.run("audit", "run", "--min-severity", "dire").code == 2


def test_rules_explain_themselves(bot: Bot) -> None:
    """The list, and one page."""
    rules = json.loads(bot.run("audit", "rules", "--format", "json").out)
    assert {"RW101", "RW305"} <= {rule["id"] for rule in rules}
    assert "## Threat" in bot.run("audit", "explain", "RW101").out


@pytest.mark.chaos
@ONLY_IN_FULL
def test_reports_for_programs_end_with_nought_and_what_is_known_can_be_left_out(
    bot: Bot, town: Town, group: Group
) -> None:
    """SARIF and the like exit 0 unless asked; a baseline hides what it holds, a waiver accepts until its day."""
    project(town, group, "old")
    number = project(town, group, "beacon")
    town.world.set_variable(town.world.projects[number], "TWINE_PASSWORD", town.world.secret())
    run = ("audit", "run", "--only", "RW101")
    sarif = bot.run(*run, "--format", "sarif", "--output", "report.sarif")
    assert sarif.code == 0
    assert json.loads((bot.folder / "report.sarif").read_text())["version"] == "2.1.0"
    assert bot.run(*run, "--format", "junit", "--exit-codes").code == 14
    assert "<html" in bot.run(*run, "--format", "html").out
    assert bot.run("audit", "baseline").code == 0
    hidden = bot.run(*run, "--new-only", "--format", "json").json
    assert (hidden["findings"], hidden["baselined"]) == ([], 1)
    waiver = {
        "rule": "RW101",
        "project": f"{group.full_path}/**",
        "owner": "Ada",
        "reason": "It is worth nothing.",
        "expires": "2999-01-31",
    }
    (bot.folder / "waivers.yaml").write_text(yaml.safe_dump({"waivers": [waiver]}))
    bot.config["hygiene"] = {"waivers": "waivers.yaml"}
    waived = bot.run(*run, "--format", "json").json
    assert (waived["findings"], [one["verdict"] for one in waived["waived"]]) == ([], ["waived"])


@pytest.mark.chaos
@ONLY_IN_FULL
def test_issues_are_planned_before_they_are_kept(bot: Bot, town: Town, group: Group) -> None:
    """A plan writes nothing; by hand as by the daemon there is one issue, and none without a policy."""
    number = project(town, group, "beacon")
    made = town.world.projects[number]
    town.world.set_variable(made, "TWINE_PASSWORD", town.world.secret())
    assert bot.run("audit", "run", "--issues").code == 2
    bot.config["hygiene"] = {"issues": "project"}
    assert bot.run("audit", "run", "--issues", f"{group.full_path}/beacon").code == 2
    assert bot.run("audit", "run", "--dry-run").code == 2
    planned = bot.run("audit", "run", "--issues", "--dry-run", "--format", "json")
    assert planned.code == 14
    (one,) = planned.json["issues"]
    assert (one["deed"], one["place"], one["state"]) == ("open", f"project/{number}", "planned")
    assert not made.issues
    told = bot.run("audit", "run", "--issues", "--min-severity", "high")
    assert told.code == 14
    assert "issue about" in told.err
    (issue,) = made.issues.values()
    assert issue.confidential
    assert "RW104" in issue.description  # what the report leaves out is in the issue all the same
    assert bot.run("audit", "run", "--issues", "--format", "json").json["issues"] == []


def test_a_merge_request_that_changes_ci_files_is_told_at_once(bot: Bot, town: Town, group: Group) -> None:
    """By the hook that the daemon makes; a push that mends it edits the same note."""
    bot.secret("hook.secret", f"whsec_{base64.b64encode(os.urandom(32)).decode()}")
    bot.config["watch"] |= {"hook_secret_file": "hook.secret"}
    bot.config["web"]["public_url"] = f"http://127.0.0.1:{bot.port}"
    made = town.world.projects[project(town, group, "beacon")]
    town.world.add_member(made, town.bot, Level.MAINTAINER)
    leaky = "publish: {script: [twine upload -p $PYPI_TOKEN dist/*]}\n"
    ada = town.world.users[1]
    with bot.serving():
        bot.settled()
        until(lambda: made.hooks)
        flow.commit(town.world, made, "upload", "Upload", {".gitlab-ci.yml": leaky}, ada)
        request = flow.open_merge_request(town.world, made, ada, "upload", "main", "Upload")
        note = until(lambda: next((one for one in request.notes.values() if not one.system), None))
        assert note is not None
        assert "RW202" in note.body
        mended = leaky.replace(" -p $PYPI_TOKEN", "")
        flow.commit(town.world, made, "upload", "Mend", {".gitlab-ci.yml": mended}, ada)
        until(lambda: all("RW202" not in one.body for one in request.notes.values()))
    assert len([one for one in request.notes.values() if not one.system]) == 1


def test_doctor_says_whether_the_next_tag_would_publish(bot: Bot, town: Town, group: Group) -> None:
    """Not while its tag is unprotected: code 5 and the check that fails; exposure tells who reads the token."""
    number = project(town, group, "widget")
    made = town.world.projects[number]
    path = f"{group.full_path}/widget"
    owner = town.world.users[1]
    ci = "build:\n  script: python -m build\n  artifacts: {paths: [dist/]}\n  rules: [{if: $CI_COMMIT_TAG}]\n"
    town.world.commit(made, "main", "Add CI", {".gitlab-ci.yml": ci}, owner)
    town.world.set_variable(made, "TWINE_PASSWORD", town.world.secret(), masked=True, protected=True)
    blocked = bot.run("doctor", path, "--format", "json")
    assert (blocked.code, blocked.json["ready"]) == (5, False)
    assert {one["name"]: one["verdict"] for one in blocked.json["checks"]}["tag protected"] == "fail"
    town.world.protect_tag(made, "v*")
    good = bot.run("doctor", path, "--format", "json")
    assert (good.code, good.json["ready"]) == (0, True), good.out
    exposed = bot.run("audit", "exposure", path, "TWINE_PASSWORD", "--format", "json")
    (one,) = exposed.json["variables"]
    assert {"job", "branches", "tags", "forks", "people"} <= {reader["kind"] for reader in one["readers"]}
    assert bot.run("doctor", f"{group.full_path}/none").code == 3
    nothing = bot.run("audit", "exposure", path, "NOPE")
    assert (nothing.code, nothing.complaint) == (4, f"no variable NOPE reaches {path}, as far as can be seen")


def test_fix_plans_then_does_and_refuses_what_would_break(bot: Bot, town: Town, group: Group) -> None:
    """Nothing is changed without --apply; then the audit is clean but for what a person must do."""
    number = project(town, group, "beacon")
    made = town.world.projects[number]
    path = f"{group.full_path}/beacon"
    secret = town.world.secret()
    ci = "publish:\n  script: twine upload dist/*\n  rules: [{if: $CI_COMMIT_TAG}]\n"
    town.world.commit(made, "main", "Add CI", {".gitlab-ci.yml": ci}, town.world.users[1])
    town.world.set_variable(made, "TWINE_PASSWORD", secret)
    planned = bot.run("fix", "variables", path, "--format", "json")
    assert planned.code == 5
    states = {tuple(one["set"]): one["state"] for one in planned.json["changes"]}
    assert states == {("masked",): "planned", ("protected",): "refused", (): "recipe"}
    assert not made.variables[0].masked
    town.world.protect_tag(made, "v*")
    done = bot.run("fix", "variables", path, "--apply", "--format", "json")
    assert done.code == 0, done.out
    kept = made.variables[0]
    assert (kept.masked, kept.protected, kept.value) == (True, True, secret)
    assert secret not in planned.out + done.out + done.err
    assert bot.run("audit", "run", path, "--only", "RW101", "--format", "json").json["findings"] == []


def test_an_interrupted_audit_reports_what_it_has(bot: Bot, town: Town, group: Group) -> None:
    """Ctrl-C while answers are outstanding: valid JSON at once that says it is not complete, with what was found."""
    number = project(town, group, "beacon")
    town.world.set_variable(town.world.projects[number], "TWINE_PASSWORD", town.world.secret())
    town.world.set_variable(group, "PYPI_TOKEN", town.world.secret())
    town.fault(kind="hold", path="/protected_tags", times=None)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "audit", "run", "--format", "json", "--config", str(bot.write())],
        cwd=bot.folder,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: town.control("GET", "held").json())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)  # less than the held answer would be waited for
    report = json.loads(out)
    assert (report["complete"], process.returncode) == (False, 14)
    assert {one["resource"] for one in report["findings"]} == {f"group/{group.full_path}/variables/PYPI_TOKEN"}
    assert "interrupted" in err
    assert "Traceback" not in err
