"""`ropewalk doctor PROJECT`: would the next tag publish?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.cli.doctor import MARKS, SCHEMA
from bot.cli.exits import Exit
from bot.cli.options import Format, Options
from bot.domain.errors import RefusedError
from bot.domain.freezes import frozen
from bot.domain.verdicts import Verdict
from bot.hygiene.spelling import visible
from bot.ports.policy_files import Age

if TYPE_CHECKING:
    from bot.app import App
    from bot.domain.estate import ProjectFacts
    from bot.hygiene.readiness import Question


def doctor_project(options: Options, project: str, tag: str | None) -> Exit:
    """Gather everything about one project and say what stands in the way of its next tag."""
    from bot.app import App
    from bot.cli.auditor import Auditor
    from bot.cli.process import harden
    from bot.hygiene.readiness import readiness, ready

    harden()
    bot = App(options.settings(), options.redactor, reads=True)
    try:
        found = Auditor(bot).facts_of(project, linted=True)
        if len(found) != 1:
            what = f"{project} stands for {len(found)} projects"
            raise RefusedError(what=what, where=bot.api.where, remedy="Name one of them", status=404)
        asked = question(bot, found[0], tag)
    finally:
        bot.close()
    checks = readiness(found[0], asked)
    good = ready(checks)
    if options.format is Format.JSON:
        rows = [{**asdict(check), "verdict": check.verdict.value} for check in checks]
        document = {"schema": SCHEMA, "project": found[0].full_path, "tag": asked.tag, "checks": rows, "ready": good}
        options.result(json.dumps(document))
    else:
        for check in checks:
            remedy = f". {check.remedy}" if check.remedy and check.verdict in (Verdict.FAIL, Verdict.UNKNOWN) else ""
            options.result(visible(f"{MARKS[check.verdict]} {check.name:<16} {check.reason}{remedy}"))
        options.result(visible(f"{'ready' if good else 'not ready'}: tag {asked.tag} of {found[0].full_path}"))
    if good:
        return Exit.DONE
    return Exit.BLOCKED if any(check.verdict is Verdict.FAIL for check in checks) else Exit.UNKNOWN


def question(bot: App, facts: ProjectFacts, tag: str | None) -> Question:
    """What is asked about the next tag of a project, or about that one."""
    from bot.hygiene.readiness import Question, covering, next_tag

    policy = bot.settings.policy
    name = tag or next_tag(facts.release_tags)
    rule = covering(policy.releases, facts.full_path, name)
    hygiene, freezes = policy.hygiene, policy.freezes
    project = None if rule is None else bot.projects.project(facts.full_path)
    if rule is not None and project is not None:
        holds = bot.layering.effective(project, rule, Age.NEW)
        rule, hygiene, freezes = holds.rule, holds.hygiene, holds.freezes
    return Question(
        tag=name,
        rule=rule,
        indexes=() if rule is None else policy.indexes_of(rule),
        block_at=hygiene.block_at,
        gitlab=urlsplit(bot.settings.gitlab.url).hostname or "",
        frozen=frozen([freeze for freeze in freezes if freeze.covers(facts.full_path)], bot.clock()),
        may_build=policy.build is not None,
        block_unknown=hygiene.block_unknown,
    )
