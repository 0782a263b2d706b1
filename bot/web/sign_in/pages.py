"""What the door says: one sentence, and what can be done next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A page of one sentence. `link` is a path of ours that leads on, `word` what it is called."""

    status: int
    title: str
    words: str
    link: str = "/"
    word: str = "Back to the dashboard"


Draw = Callable[[Notice], str]
"""A notice as HTML; whatever it says is escaped."""


def plain(notice: Notice) -> str:
    """A notice without a layout."""
    title, words, link, word = (escape(text) for text in (notice.title, notice.words, notice.link, notice.word))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title} · Ropewalk</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{words}</p>\n"
        f'<p><a href="{link}">{word}</a></p>\n</main>\n</body>\n</html>\n'
    )


def told(notice: Notice, draw: Draw = plain) -> Response:
    """The answer."""
    return HTMLResponse(draw(notice), notice.status, dict(HEADERS))


def sign_in_again(words: str, *, status: int, next_: str = "/") -> Notice:
    """Whoever is not in, and how they get in."""
    return Notice(status=status, title="Sign in", words=words, link=sign_in_path(next_), word="Sign in with GitLab")


def sign_in_path(next_: str) -> str:
    """Where signing in begins."""
    return "/sign-in" if next_ == "/" else f"/sign-in?next={quote(next_, safe='')}"
