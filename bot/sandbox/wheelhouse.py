"""Wheels of packages that are installed here, so that builds find their backends without a network."""

import base64
import csv
import hashlib
import importlib.metadata
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BACKENDS = ("hatchling", "setuptools", "wheel", "flit-core", "poetry-core", "pdm-backend", "setuptools-scm")
# What installers add to a wheel's own files.
_ADDED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json"})


def fill(folder: Path, names: Iterable[str] = BACKENDS) -> None:
    """Put wheels of the named distributions, and of all that they need, into a folder, which is made if missing.

    Raises:
        PackageNotFoundError: one of them is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting, done = [canonicalize_name(name) for name in names], set[str]()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        distribution = importlib.metadata.distribution(name)
        _write(folder, distribution)
        needs = (Requirement(text) for text in distribution.requires or ())
        waiting += [canonicalize_name(need.name) for need in needs if need.marker is None or need.marker.evaluate()]


def _write(folder: Path, distribution: importlib.metadata.Distribution) -> None:
    files = sorted(distribution.files or (), key=str)
    info = next(path.parts[0] for path in files if path.parts[0].endswith(".dist-info"))
    wheel = folder / f"{info.removesuffix('.dist-info')}-{_tag(distribution)}.whl"
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in files:
            added = path.parts[0] == info and path.name in _ADDED
            if ".." in path.parts or path.is_absolute() or path.suffix == ".pyc" or added:
                continue
            data = Path(str(path.locate())).read_bytes()
            archive.writestr(zipfile.ZipInfo(str(path)), data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.writerow([path, f"sha256={digest}", len(data)])
        rows.writerow([f"{info}/RECORD", "", ""])
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), record.getvalue())


def _tag(distribution: importlib.metadata.Distribution) -> str:
    """The wheel's tags, as its file name compresses them."""
    lines = (distribution.read_text("WHEEL") or "").splitlines()
    tags = [line.removeprefix("Tag:").strip().split("-") for line in lines if line.startswith("Tag:")]
    return "-".join(".".join(dict.fromkeys(parts)) for parts in zip(*tags, strict=True))
