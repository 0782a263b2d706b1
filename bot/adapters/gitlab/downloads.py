"""Files that GitLab hands out, or an object storage that it redirects to: bounded, and the token for GitLab alone."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import requests

from bot.adapters.gitlab.answers import host, redirect_target
from bot.adapters.gitlab.client import Api
from bot.domain.errors import RefusedError, TransientError

MOST_HOPS = 3
CHUNK = 256 * 1024


class Downloads:
    """Downloads into files of a folder, which is made if it is missing."""

    def __init__(self, api: Api, scratch: Path) -> None:
        self._api = api
        self._scratch = scratch

    def fetch(self, path: str, *, suffix: str, most: int | None = None, **parameters: str) -> Path | None:
        """GET a file into a new one, the caller's to delete; None if it is not there (404, 410).

        At most `most` bytes, else the limit of downloads. Follows at most three hops itself; the token goes to GitLab
        only, never to an object storage. Raises: TransientError, RefusedError, CredentialsError.
        """
        session, credentials = self._api.download_session()
        url = f"{self._api.url}/api/v4{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        what = f"GET {path}"
        with session:
            for hop in range(MOST_HOPS + 1):
                try:
                    with self._hop(session, url, credentials if hop == 0 else None) as response:
                        if response.status_code in (301, 302, 303, 307, 308):
                            url = self._next_hop(url, response.headers.get("Location", ""), what)
                            continue
                        if response.status_code in (404, 410):
                            return None
                        if response.status_code != 200:
                            raise self._not_given(response, hop, url, what)
                        if _is_page(response):
                            page = f"{what} was answered with a web page in place of the file"
                            raise TransientError(what=page, where=host(url))
                        return self._save(response, what, suffix, most or self._api.limits.download_bytes)
                except requests.RequestException as error:
                    raise self._api.unreachable(error, host(url)) from None
                except OSError as error:
                    raise TransientError(
                        what=f"cannot be written: {error.strerror}", where=str(self._scratch)
                    ) from None
        raise RefusedError(what=f"more than {MOST_HOPS} redirects for {what}", where=self._api.where)

    def _hop(self, session: requests.Session, url: str, credentials: dict[str, str] | None) -> requests.Response:
        """One request of a download, its body unread; with credentials it is one to GitLab, and the budget is asked."""
        get = partial(
            session.get, url, allow_redirects=False, stream=True, timeout=self._api.limits.silence, headers=credentials
        )
        if credentials is None:
            return get()
        with self._api.asking.request("get", url.removeprefix(f"{self._api.url}/api/v4")) as asked:
            response = get()
            asked.answer = self._api.answer(response)
        return response

    def _next_hop(self, url: str, location: str, what: str) -> str:
        """Where a redirect leads: to https, or to whatever scheme GitLab itself is spoken to with."""
        target = redirect_target(url, location)
        if target is not None:
            parts = urlsplit(target)
            if parts.scheme in {"https", urlsplit(self._api.url).scheme} and "@" not in parts.netloc:
                return target
        raise RefusedError(what=f"{what} redirects to an address that is not followed", where=self._api.where)

    def _not_given(self, response: requests.Response, hop: int, url: str, what: str) -> RefusedError | TransientError:
        """A storage's refusal says nothing of our token: its signed address expired, and GitLab makes a new one."""
        status = response.status_code
        if hop == 0:
            return self._api.refused(status, "", what, response.headers.get("Retry-After"))
        return TransientError(what=f"the storage that {what} redirects to answers {status}", where=host(url))

    def _save(self, response: requests.Response, what: str, suffix: str, most: int) -> Path:
        expected = response.headers.get("Content-Length", "")
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix="download-", suffix=suffix, delete=False) as file:
            path = Path(file.name)
            size = 0
            try:
                for chunk in response.iter_content(CHUNK):
                    size += file.write(chunk)
                    if size > most:
                        raise RefusedError(what=f"{what} is larger than {most} bytes", where=self._api.where)
                if expected.isdigit() and "Content-Encoding" not in response.headers and size != int(expected):
                    raise TransientError(
                        what=f"{what} broke off after {size} of {expected} bytes", where=self._api.where
                    )
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return path


def _is_page(response: requests.Response) -> bool:
    """Whether this is what a server says to people: that it is being deployed, or that they are to sign in."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml")
