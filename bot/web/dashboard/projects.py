"""Pages about projects: the whole organisation as a table, one project, who can read its credentials."""

from __future__ import annotations

from dataclasses import replace

from starlette.exceptions import HTTPException

from bot.domain.errors import RefusedError, TransientError
from bot.domain.releases import STOPPED, ReleaseState
from bot.domain.tokens import SOON
from bot.domain.views import Attention, FindingFilter, ProjectFilter, ProjectRow
from bot.web.dashboard.charts import OPEN
from bot.web.dashboard.findings import CATALOGUE, PAGES, SEVERITIES, found
from bot.web.dashboard.releases import of_project
from bot.web.dashboard.sight import Of
from bot.web.dashboard.site import Context, Visit

PAGE = 50  # rows
SHORT = 15  # of a project's releases and findings on its own page
OF_PROJECT: Of[ProjectRow, str] = Of(place=lambda row: row.full_path, about=lambda row: (row.id, row.full_path))
CONFIDENTIAL = (Attention.FINDINGS, Attention.EXPIRING)
UNTOLD = "why it is not tagged is told to Reporters of the project"
STUCK = tuple(state for state in ReleaseState if state in STOPPED and state is not ReleaseState.BLOCKED)


def organisation(visit: Visit) -> Context:
    """Watched projects and what is on record of each."""
    text, word = visit.asked("q"), visit.asked("show")
    known = {one.value: one for one in Attention}
    today = visit.now.date()
    wanted = ProjectFilter(text=text, attention=known.get(word), ends_by=today + SOON)
    sight = visit.inside if wanted.attention in CONFIDENTIAL else visit.sight
    sheet = sight.sheet(
        lambda place, limit, among: visit.site.projects.projects(replace(wanted, among=among), place, limit),
        OF_PROJECT,
        visit.asked("after", 500) or None,
        PAGE,
    )
    return {
        "rows": sheet.rows,
        "tallies": visit.site.projects.tally(sheet.rows),
        "inside": visit.inside.projects(row.id for row in sheet.rows),
        "next": sheet.next or "",
        "first": not visit.asked("after"),
        "text": text,
        "show": word if word in known else "",
        "severities": SEVERITIES,
        "stuck": STUCK,
        "today": today,
    }


def _project(visit: Visit) -> ProjectRow:
    """The project of an address. Raises: HTTPException with 404 if it is not watched, or not to be seen."""
    project_id: int = visit.request.path_params["project_id"]
    row = visit.site.projects.project(project_id) if project_id < 2**63 else None
    if row is None or not visit.sight.project(row.id):
        raise HTTPException(404)
    return row


def project(visit: Visit) -> Context:
    """One project: its releases, its findings, when tokens end: its own, and of groups what the viewer may know."""
    row = _project(visit)
    releases = of_project(visit, row.id, SHORT)
    findings = found(visit, FindingFilter(project=row.full_path), None, SHORT)
    head = visit.site.projects.head(row.id)
    if head is not None and head.told and not visit.inside.project(row.id):
        head = replace(head, told=UNTOLD)
    above = visit.site.projects.group_tokens(parents(row.full_path))
    return {
        "project": row,
        "tally": visit.site.projects.tally([row])[row.id],
        "inside": visit.inside.project(row.id),
        "head": head,
        "group_tokens": {path: known for path, known in sorted(above.items()) if visit.inside.place(None, path)},
        "today": visit.now.date(),
        "releases": releases.rows,
        "more_releases": releases.next is not None,
        "findings": findings.rows,
        "more_findings": findings.next is not None,
        "rules": CATALOGUE,
        "pages": PAGES,
        "severities": SEVERITIES,
        "stuck": STUCK,
        "maintains": visit.viewer.maintains(row.id),
    }


def parents(path: str) -> list[str]:
    """The full paths of the groups that a project is in."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def exposure(visit: Visit) -> Context:
    """Who can read the project's credentials, asked of GitLab now; of one of them as a picture.

    It is for those to whom GitLab shows the project's variables. Raises: HTTPException with 404 for all others.
    """
    row = _project(visit)
    if not visit.viewer.maintains(row.id):
        raise HTTPException(404)
    try:
        look, why = visit.site.exposures(row), ""
    except (TransientError, RefusedError) as error:
        look, why = None, str(error)
    shown = () if look is None else look.exposures
    named = visit.asked("variable", 600)
    chosen = next((one for one in shown if one.resource == named), shown[0] if shown else None)
    return {"project": row, "look": look, "why": why, "chosen": chosen, "open": OPEN}
