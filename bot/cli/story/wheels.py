"""A file that somebody else put on the index: the same name, other bytes."""

from __future__ import annotations

import io
import zipfile

import httpx

from bot.cli.story.stage import Scene

WHEEL = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def plant(scene: Scene, name: str, version: str) -> None:
    """Upload a small valid wheel of that name and version to the index beside GitLab."""
    filename = f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{name}.py", '"""Not what the project builds."""\n')
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", WHEEL)
        archive.writestr(f"{info}/RECORD", "")
    fields = {":action": "file_upload", "protocol_version": "1", "name": name, "version": version}
    response = httpx.post(
        scene.index_upload,
        data=fields,
        files={"content": (filename, content.getvalue(), "application/octet-stream")},
        auth=(scene.index_username, scene.index_token),
        trust_env=False,
    )
    response.raise_for_status()
