"""In the child: download one published file, within bounds, and only the bytes that the index listed.

Our credentials go to the index's own origin and nowhere else. Another place is followed only by https (or, on the
index's own host, by the index's own scheme), never into a private network, and what comes must hash to what the index
lists. GitLab alone may send us to whatever object storage it has, as it may with the artifacts of jobs.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from typing import IO, Literal
from urllib.parse import urljoin, urlsplit

import requests

from bot.adapters.index.addresses import origin, same_origin
from bot.adapters.index.limits import MIB
from bot.adapters.index.messages import Fetch, Unreadable
from bot.adapters.index.transport import PatientAdapter, explain, prepare

MOST_HOPS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 1 << 18


class FetchError(Exception):
    """A download that did not come to its end. `result` says why."""

    def __init__(self, result: Unreadable) -> None:
        super().__init__()
        self.result = result


def fetch(job: Fetch, target: IO[bytes]) -> int:
    """Write the file's bytes to `target`; gives how many requests that took. Raises: FetchError."""
    session = requests.Session()
    prepare(session, job.access, PatientAdapter(job.access))
    url = job.url
    for hop in range(MOST_HOPS + 1):
        if not _may_follow(url, job):
            raise _error("refused", f"its download leads to {_shown(url)}, which is not followed", hop)
        try:
            with session.get(url, headers=_HEADERS, auth=_auth(url, job), allow_redirects=False, stream=True) as got:
                if got.status_code not in _REDIRECTS:
                    _take(got, job, target, hop + 1)
                    return hop + 1
                url = urljoin(url, got.headers.get("Location", ""))
        except requests.exceptions.SSLError as error:
            raise _error("refused", explain(error), hop + 1) from error
        except (requests.RequestException, OSError) as error:
            raise _error("transient", explain(error), hop + 1) from error
    raise _error("refused", f"its download redirects more than {MOST_HOPS} times", MOST_HOPS + 1)


_HEADERS = {"Accept-Encoding": "identity"}


def _take(response: requests.Response, job: Fetch, target: IO[bytes], asked: int) -> None:
    status = response.status_code
    if status != 200:
        said = f"its download answers {status} {response.reason or ''}".strip()
        if status in (401, 403):
            raise _error("credentials", said, asked, status)
        passing = status in (408, 425, 429) or 500 <= status < 600
        raise _error("transient" if passing else "refused", said, asked, status)
    digest, size = hashlib.sha256(), 0
    for piece in response.iter_content(_CHUNK):
        size += len(piece)
        if size > job.most:
            raise _error("refused", f"it is larger than {job.most // MIB:,} MiB", asked)
        digest.update(piece)
        target.write(piece)
    if digest.hexdigest() != job.sha256:
        raise _error("refused", "its bytes are not what the index lists", asked)


def _may_follow(url: str, job: Fetch) -> bool:
    there, home = origin(url), origin(job.home)
    if there is None or home is None:
        return False
    scheme, host, port = there
    if host == home[1] or job.storage:
        return scheme in ("https", home[0])
    return scheme == "https" and (job.access.proxy is not None or _public(host.strip("[]"), port))


def _public(host: str, port: int) -> bool:
    """Whether all addresses of a host are on the internet. One that has none is for the connection to say."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return True
    return all(ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_global for address in found)


def _auth(url: str, job: Fetch) -> tuple[str, str] | None:
    own = same_origin(url, job.home)
    access = job.access
    return (access.username or "", access.password or "") if own and (access.username or access.password) else None


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


def _error(
    fault: Literal["transient", "credentials", "refused"], what: str, asked: int, status: int | None = None
) -> FetchError:
    return FetchError(Unreadable(fault=fault, what=what, requests=asked, status=status))
