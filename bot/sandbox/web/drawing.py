"""Templates of the web face as answers."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from bot.sandbox.web.markdown import render
from bot.sandbox.world.places import Project

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _moment(when: datetime | None) -> str:
    return "" if when is None else when.astimezone(UTC).strftime("%d %b %Y, %H:%M UTC")


def _markdown(text: str, project: Project) -> Markup:
    return render(text, base=f"/{project.full_path}", root="")


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"moment": _moment, "markdown": _markdown}
    return templates


def draw(template: str, status: int, *, title: str, **context: object) -> Response:
    """The page as an answer."""
    return HTMLResponse(_templates().get_template(template).render(title=title, **context), status, _HEADERS)
