"""In the child: exchange a CI job's ID token for an index's own, with twine's code (Trusted Publishing).

twine, and the library it asks, read the ID token from the environment. This process has none: what they look for is put
into the mapping of this one child, which ends with the exchange; what the kernel shows of its environment stays as it
was.

Source: twine.auth and the documentation of Trusted Publishing. An ID token is taken once.
"""

from __future__ import annotations

import os

import requests
from twine.auth import TOKEN_USERNAME, CredentialInput, Resolver
from twine.exceptions import TwineException
from twine.utils import RepositoryConfig

from bot.adapters.index.messages import Minted, MintJob, Unminted
from bot.adapters.index.transport import explain

_SERVER_ERROR = 500


def mint(job: MintJob) -> Minted | Unminted:
    """The index's token for this job, or why there is none."""
    os.environ.update(_asked_for(job))
    config: RepositoryConfig = {"repository": job.url, "username": None, "password": None}
    try:
        token = Resolver(config, CredentialInput(TOKEN_USERNAME)).make_trusted_publishing_token()
    except TwineException as error:
        return Unminted(what=_one_line(error), transient=False)
    except requests.HTTPError as error:
        status = error.response.status_code
        return Unminted(what=f"it answers {status} when asked for its audience", transient=status >= _SERVER_ERROR)
    except requests.exceptions.SSLError as error:
        return Unminted(what=explain(error), transient=False)
    except requests.RequestException as error:
        return Unminted(what=explain(error), transient=True)
    except (KeyError, TypeError, ValueError):
        return Unminted(what="it answers the exchange with something else than a token or its reasons", transient=False)
    return Minted(token=token) if token else Unminted(what="it gave no token", transient=False)


def _asked_for(job: MintJob) -> dict[str, str]:
    """What twine looks for in a job of GitLab's: the job's mark, the ID token, and how to connect."""
    asked = {"GITLAB_CI": "true", job.variable: job.id_token}
    if job.access.ca_file is not None:
        asked["REQUESTS_CA_BUNDLE"] = job.access.ca_file
    if job.access.proxy is not None:
        asked |= {"HTTP_PROXY": job.access.proxy, "HTTPS_PROXY": job.access.proxy}
    return asked


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
