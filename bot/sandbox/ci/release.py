"""Does what `release:` asks for, with the job's own token, as `glab` does in a real job."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from bot.sandbox.ci.spec import ReleaseSpec
from bot.sandbox.ci.variables import expand

TIMEOUT = 30.0  # seconds for one request to a server on this machine


def create_release(
    spec: ReleaseSpec, values: Mapping[str, str], *, api: str, project_id: int, token: str
) -> tuple[bool, str]:
    """Create the GitLab Release; returns whether it stands, and the line for the trace."""
    optional = {
        "name": spec.name,
        "ref": spec.ref or values.get("CI_COMMIT_SHA"),
        "released_at": spec.released_at,
        "tag_message": spec.tag_message,
    }
    body: dict[str, object] = {key: expand(text, values) for key, text in optional.items() if text is not None}
    body |= {"tag_name": expand(spec.tag_name, values), "description": expand(spec.description, values)}
    if spec.links:
        body["assets"] = {"links": [{key: expand(text, values) for key, text in link.items()} for link in spec.links]}
    request = urllib.request.Request(  # noqa: S310 - the server's own address
        f"{api}/projects/{project_id}/releases",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "JOB-TOKEN": token},
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        return False, f"failed to create release: API Error Response status_code: {error.code} message: {_text(error)}"
    except OSError as error:
        return False, f"failed to create release: {error}"
    return True, f"Release created successfully! tag_name={body['tag_name']}"


def _text(error: urllib.error.HTTPError) -> str:
    return error.read(4096).decode(errors="replace").strip()
