"""In the child: send one file with twine's own upload code."""

from __future__ import annotations

from pathlib import Path

import requests
from twine.exceptions import TwineException
from twine.package import PackageFile
from twine.repository import Repository

from bot.adapters.index.messages import Answered, Unanswered, UploadJob
from bot.adapters.index.transport import BriefAdapter, explain, prepare

LONGEST_BODY = 4096  # characters of the answer's text that go back
# twine sends a file again after each 5xx, without a pause; one is what we want, the engine decides about another.
_TRIES = 1


def upload(job: UploadJob) -> Answered | Unanswered:
    """Send the file and report what came back. The bytes are hashed right before they go."""
    access = job.access
    try:
        package = PackageFile.from_filename(job.path, None)
        if job.attestation:
            package.add_attestations([job.attestation])
    except (TwineException, OSError) as error:
        return Unanswered(fault="file", what=f"twine cannot read the kept file: {_first_line(error)}")
    if package.sha2_digest != job.sha256:
        return Unanswered(fault="file", what=f"the kept bytes of {Path(job.path).name} are not what was checked")
    repository = Repository(job.url, access.username, access.password, disable_progress_bar=True)
    prepare(repository.session, access, BriefAdapter(access))
    try:
        response = repository.upload(package, max_redirects=_TRIES)
    except requests.exceptions.SSLError as error:
        return Unanswered(fault="tls", what=explain(error))
    except (requests.RequestException, OSError) as error:
        return Unanswered(fault="transport", what=explain(error))
    finally:
        repository.close()
    return _answered(response)


def _answered(response: requests.Response) -> Answered:
    text = response.content.decode(response.encoding or "utf-8", errors="replace")
    return Answered(
        status=response.status_code,
        reason=response.reason or "",
        body=text[:LONGEST_BODY],
        html=text.lstrip("\ufeff \t\r\n")[:15].lower().startswith(("<!doctype html", "<html")),
        retry_after=response.headers.get("Retry-After"),
        location=response.headers.get("Location"),
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
