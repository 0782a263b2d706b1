"""HTTP as a child speaks it: nothing from the environment, no redirect, patience with an end, bodies with an end."""

from __future__ import annotations

import io
from collections.abc import Mapping

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError as Urllib3Error

from bot.adapters.index.messages import Access

LONGEST_ANSWER = 64 * 1024  # bytes of an upload's answer that are read; the rest says nothing more


class PatientAdapter(HTTPAdapter):
    """Sends once. Waits `connect` seconds for a connection and `silence` seconds between two signs of life."""

    def __init__(self, access: Access) -> None:
        super().__init__(max_retries=0)
        self._timeout = (access.connect, access.silence)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | tuple[float | None, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As the base class, but with our own time-outs: twine gives none."""
        del timeout
        return super().send(request, stream, self._timeout, verify, cert, proxies)


class BriefAdapter(PatientAdapter):
    """Reads no more than `LONGEST_ANSWER` of a body: requests would read all of it before anyone can look."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | tuple[float | None, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As the base class; `raw` of the response is an excerpt in memory."""
        del stream
        response = super().send(request, True, timeout, verify, cert, proxies)
        if _cut(response):
            response.close()
            raise requests.ConnectionError("the answer was cut in its head", request=request)
        try:
            excerpt = response.raw.read(LONGEST_ANSWER, decode_content=True)
        except (Urllib3Error, OSError) as error:
            # The status line came, its body did not: the effect is as unknown as if nothing had come.
            raise requests.ConnectionError(error, request=request) from error
        finally:
            response.close()
        response.raw = io.BytesIO(excerpt)
        return response


def _cut(response: requests.Response) -> bool:
    """Whether an answer broke off before its headers were whole: the standard library takes what came for all of it."""
    head = getattr(getattr(response.raw, "_original_response", None), "msg", None)
    return head is not None and (not head.keys() or bool(head.defects))


def prepare(session: requests.Session, access: Access, adapter: HTTPAdapter) -> None:
    """Make a session ours: credentials, CA file and proxy as given, nothing from environment or netrc."""
    session.trust_env = False
    session.verify = access.ca_file or True
    session.proxies = {"http": access.proxy, "https": access.proxy} if access.proxy else {}
    session.mount("http://", adapter)
    session.mount("https://", adapter)


def explain(error: BaseException) -> str:
    """A transport error in a few words of ours: the library's own text holds URLs and object addresses."""
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS failed: " + _innermost(error, "the certificate is not trusted")
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not connect: " + _innermost(error, "no connection")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, (requests.exceptions.ReadTimeout, TimeoutError)):
        return "no answer in time"
    return "the connection failed: " + _innermost(error, "closed without an answer")


def _innermost(error: BaseException, otherwise: str) -> str:
    """The operating system's words at the bottom of a chain of exceptions, or `otherwise`."""
    words = otherwise
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        item = todo.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, OSError) and item.strerror and not isinstance(item, requests.RequestException):
            words = item.strerror
        todo += [*item.args, item.__cause__, item.__context__, getattr(item, "reason", None)]
    return words
