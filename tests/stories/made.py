"""Distributions for the stories: honest ones that pip installs, made once, and the many ways to be broken."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from functools import cache

WHEEL = "Wheel-Version: 1.0\nGenerator: stories\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@cache
def wheel(name: str, version: str, said: str = "made for a story", more: str = "") -> tuple[str, bytes]:
    """File name and bytes of a wheel; another `said` makes other bytes under the same name, `more` one more member."""
    info = f"{name}-{version}.dist-info"
    members = {
        f"{name}.py": f'"""{name}, {said}."""\n\n__version__ = "{version}"\n',
        f"{info}/METADATA": _metadata(name, version),
        f"{info}/WHEEL": WHEEL,
    }
    if more:
        members[more] = ""
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{name}-{version}-py3-none-any.whl", out.getvalue()


@cache
def sdist(name: str, version: str) -> tuple[str, bytes]:
    """File name and bytes of an sdist."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, text in {"PKG-INFO": _metadata(name, version), "pyproject.toml": "", f"{name}.py": "x = 1\n"}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return f"{name}-{version}.tar.gz", gzip.compress(out.getvalue(), mtime=0)


def both(name: str, version: str) -> dict[str, bytes]:
    """Wheel and sdist, by file name."""
    return dict((wheel(name, version), sdist(name, version)))


def zipped(files: dict[str, bytes]) -> bytes:
    """A job's artifact archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return out.getvalue()


def _metadata(name: str, version: str) -> str:
    return (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: a story\n"
        "Description-Content-Type: text/markdown\n\nA package of a story.\n"
    )


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
