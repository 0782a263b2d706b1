"""Answers outside the API that need no credential: readiness, the signing keys, the index that absent names lead to."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.signing import DISCOVERY_PATH, KEYS_PATHS, Signer, discovery

READINESS_PATH = "/-/readiness"
NOWHERE_PATH = "/-/no-index/simple/"
"""Where absent packages lead when no index stands beside the instance: nothing is there, and never PyPI."""


def answer(request: Request, url: str, signer: Signer) -> Response | None:
    """The answer at the request's path, None where none of these lives. `url` is the instance's."""
    path = request.url.path
    if path == READINESS_PATH:
        return JSONResponse({"status": "ok"})
    if path == DISCOVERY_PATH:
        return JSONResponse(discovery(url))
    if path in KEYS_PATHS:
        return JSONResponse(signer.keys())
    if path.startswith(NOWHERE_PATH):
        return PlainTextResponse("no index stands beside this instance\n", 404)
    return None
