"""In the child: read one project page of a simple API, and hash files it shows no sha256 for.

Source: PEP 503 (HTML), PEP 691 (JSON), PEP 592 (yanked files stand there all the same).
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import unquote, urljoin, urlsplit

import requests
from packaging.utils import canonicalize_name
from pypi_simple import ACCEPT_JSON_PREFERRED, ProjectPage

from bot.adapters.index.addresses import same_origin
from bot.adapters.index.answers import parse_retry_after
from bot.adapters.index.limits import MIB, limit
from bot.adapters.index.messages import Listed, Listing, LookJob, Unreadable
from bot.adapters.index.transport import PatientAdapter, explain, prepare

LONGEST_PAGE = 16 * MIB
LONGEST_FILE = 2048 * MIB  # all downloads of one look together
MOST_HOPS = 3
_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = ("application/vnd.pypi.simple.v1+html", "text/html")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIXES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".egg")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({302, 303, 307})
_CHUNK = 1 << 18


class _StopError(Exception):
    """Ends a look with its result."""

    def __init__(self, result: Unreadable | Listing) -> None:
        super().__init__()
        self.result = result


def look(job: LookJob) -> Listing | Unreadable:
    """Read the page. An unknown name is an empty listing."""
    limit(memory=job.memory, cpu=job.cpu)
    looker = _Look(job)
    try:
        return looker.listing()
    except _StopError as stop:
        return stop.result
    except requests.exceptions.SSLError as error:
        return looker.unreadable("refused", explain(error), remedy="Check the certificate, or set ca_file")
    except (requests.RequestException, OSError) as error:
        return looker.unreadable("transient", explain(error))
    except MemoryError:
        return looker.unreadable("refused", "its list of files is too large to read")


class _Look:
    """One look: a session, a count of requests, and the bytes that may still be downloaded."""

    def __init__(self, job: LookJob) -> None:
        self.job = job
        self.requests = 0
        self.left = LONGEST_FILE
        self.session = requests.Session()
        prepare(self.session, job.access, PatientAdapter(job.access))

    def unreadable(
        self,
        fault: Literal["transient", "credentials", "refused"],
        what: str,
        *,
        response: requests.Response | None = None,
        remedy: str = "",
    ) -> Unreadable:
        wait = None
        if response is not None and fault == "transient":
            wait = parse_retry_after(response.headers.get("Retry-After"), now=datetime.now(UTC))
        return Unreadable(
            fault=fault,
            what=what,
            requests=self.requests,
            remedy=remedy,
            status=None if response is None else response.status_code,
            retry_after=wait,
        )

    def listing(self) -> Listing:
        url, content_type, encoding, body = self._page()
        try:
            if content_type == _JSON:
                page = ProjectPage.from_json_data(json.loads(body), url)
            else:
                page = ProjectPage.from_html(self.job.name, body, url, encoding)
        except Exception as error:
            raise _StopError(self.unreadable("refused", f"its page cannot be read ({type(error).__name__})")) from error
        if content_type != _JSON and not _is_listing(page, body):
            what = "it answers with a web page that is no list of files"
            if not self.job.follow:  # GitLab's own registry: its address is right, so this is a proxy's page of excuse
                raise _StopError(self.unreadable("transient", what))
            raise _StopError(self.unreadable("refused", what, remedy="Check simple_url and the credentials"))
        files: dict[tuple[str, str | None], Listed] = {}
        for package in page.packages:
            filename = package.filename if content_type == _JSON else unquote(urlsplit(package.url).path.split("/")[-1])
            if filename.endswith(_SUFFIXES):
                listed = self._listed(filename, package.url, package.digests)
                files.setdefault((filename, listed.sha256), listed)
        return Listing(files=tuple(files.values()), requests=self.requests)

    def _page(self) -> tuple[str, str, str | None, bytes]:
        """The page's own URL, content type, charset and bytes."""
        url = urljoin(self.job.url, f"{canonicalize_name(self.job.name)}/")
        for _ in range(MOST_HOPS + 1):
            with self._get(url, {"Accept": ACCEPT_JSON_PREFERRED}) as response:
                if response.status_code in _REDIRECTS:
                    url = self._next(url, response)
                    continue
                self._refuse(response)
                content_type, _, parameters = response.headers.get("Content-Type", "").partition(";")
                content_type = content_type.strip().lower()
                if content_type != _JSON and content_type not in _HTML:
                    what = f"it answers with {content_type[:60] or 'no content type'} instead of a list of files"
                    raise _StopError(self.unreadable("refused", what, response=response))
                charset = re.search(r"charset\s*=\s*\"?([\w.:-]+)", parameters)
                return url, content_type, charset and charset[1], self._body(response)
        raise _StopError(self.unreadable("refused", f"it redirects more than {MOST_HOPS} times"))

    def _next(self, url: str, response: requests.Response) -> str:
        """Where a redirect leads, if it may be followed; a redirect to another index's page means "not here".

        Source: GitLab and pypiserver forward the page of a name they do not know to another index.
        """
        target = urljoin(url, response.headers.get("Location", ""))
        there, here = urlsplit(target), urlsplit(url)
        last = unquote(there.path.rstrip("/").split("/")[-1])
        abroad = not same_origin(target, url)
        same = canonicalize_name(last) == canonicalize_name(self.job.name)
        # The same path by https is the index itself, which wants TLS; a GitLab project's path is its registry anywhere.
        moved = there.hostname == here.hostname and there.scheme != here.scheme
        itself = there.path == here.path and (moved or not self.job.follow)
        if abroad and same and not itself and response.status_code in _PASSING:
            raise _StopError(Listing(files=(), requests=self.requests))
        if not abroad and self.job.follow:
            return target
        shown = f"{there.scheme}://{there.hostname}{there.path}"
        what = f"it redirects to {shown}"
        raise _StopError(self.unreadable("refused", what, response=response, remedy="Set the address it redirects to"))

    def _refuse(self, response: requests.Response) -> None:
        """Turn every status but 200 into a result."""
        status = response.status_code
        if status == 200:
            return
        said = f"it answers {status} {response.reason or ''}".strip()
        if status in (401, 403):
            raise _StopError(self.unreadable("credentials", said, response=response))
        if status == 404:
            if not self.job.follow and self._hidden_project(response):
                fix = "Give the token's user a role in the project that reads packages"
                raise _StopError(
                    self.unreadable("refused", "the project is not visible", response=response, remedy=fix)
                )
            raise _StopError(Listing(files=(), requests=self.requests))
        if status in (408, 425, 429) or 500 <= status < 600:
            raise _StopError(self.unreadable("transient", said, response=response))
        raise _StopError(self.unreadable("refused", said, response=response))

    def _hidden_project(self, response: requests.Response) -> bool:
        """Whether GitLab's 404 speaks of the project and not of the package: it hides what one may not see."""
        try:
            data = json.loads(self._body(response))
        except (ValueError, RecursionError):
            return False
        return isinstance(data, dict) and data.get("message") == "404 Project Not Found"

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        for piece in response.iter_content(_CHUNK):
            body += piece
            if len(body) > LONGEST_PAGE:
                what = f"its list of files exceeds {LONGEST_PAGE // MIB} MiB"
                raise _StopError(self.unreadable("refused", what, response=response))
        return bytes(body)

    def _listed(self, filename: str, url: str, digests: dict[str, str]) -> Listed:
        shown = digests.get("sha256", "").lower()
        url = url.partition("#")[0]
        if _SHA256.fullmatch(shown):
            return Listed(filename=filename, url=url, sha256=shown, key=None)
        other = sorted(f"{algorithm}={value}" for algorithm, value in digests.items() if value)
        key = f"{url}#{other[0]}" if other else None
        sha256 = self._download(url) if filename in self.job.wanted else None
        return Listed(filename=filename, url=url, sha256=sha256, key=key)

    def _download(self, url: str) -> str | None:
        """The sha256 of a file's bytes; None if they cannot be read. Followed within the origin only."""
        for _ in range(MOST_HOPS + 1):
            if not same_origin(url, self.job.url):
                return None  # another host: not ours to ask, and no place for our credentials
            with self._get(url, {"Accept-Encoding": "identity"}) as response:
                if response.status_code in _REDIRECTS:
                    url = urljoin(url, response.headers.get("Location", ""))
                    continue
                if response.status_code != 200:
                    return None
                digest = hashlib.sha256()
                for piece in response.iter_content(_CHUNK):
                    self.left -= len(piece)
                    if self.left < 0:
                        return None
                    digest.update(piece)
                return digest.hexdigest()
        return None

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        access = self.job.access
        own = same_origin(url, self.job.url)
        auth = (access.username or "", access.password or "") if own and (access.username or access.password) else None
        self.requests += 1
        return self.session.get(url, headers=headers, auth=auth, allow_redirects=False, stream=True)


def _is_listing(page: ProjectPage, body: bytes) -> bool:
    """Whether an HTML page is a project page: it says its version, lists a file, or is headed as PEP 503 shows it."""
    if page.repository_version is not None:
        return True
    if any(urlsplit(package.url).path.endswith(_SUFFIXES) for package in page.packages):
        return True
    return (
        not page.packages and re.search(rb"<(?:title|h1)[^>]*>\s*links for\b", body[:_CHUNK], re.IGNORECASE) is not None
    )
