"""Files sent by GitLab itself, or by object storage behind a redirect.

Source: lib/api/helpers.rb `present_carrierwave_file!`.
"""

from pathlib import Path
from urllib.parse import quote

from bot.sandbox.answers import Answer
from bot.sandbox.rest.call import Call


def send_file(call: Call, path: Path, name: str, media_type: str = "application/octet-stream") -> Answer:
    """The file's bytes, or 302 to a signed URL on another host when the world has object storage."""
    if call.world.storage_url is not None:
        return Answer(status=302, content=b"", headers={"Location": call.world.storage_url(path, name)})
    disposition = f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"
    return Answer(path=path, media_type=media_type, headers={"Content-Disposition": disposition})
