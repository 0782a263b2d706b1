"""Where an index is: its URLs for one project and name, and the line a person types to install from it."""

from __future__ import annotations

import shlex
from typing import assert_never

from packaging.utils import canonicalize_name

from bot.domain.errors import ConfigError
from bot.domain.policy import IndexKind, IndexSpec
from bot.ports.index import IndexPlace


def make_place(spec: IndexSpec, *, gitlab_url: str, project_id: int, name: str) -> IndexPlace:
    """Fill in an index's URLs. Raises: ConfigError, if an index of kind `simple` lacks one.

    Source: GitLab, "PyPI packages in the package registry"; twine's own constants for the public indexes.
    """
    match spec.kind:
        case IndexKind.GITLAB:
            registry = f"{gitlab_url.rstrip('/')}/api/v4/projects/{project_id}/packages/pypi"
            return _place(spec, registry, f"{registry}/simple/", None)
        case IndexKind.PYPI | IndexKind.TESTPYPI:
            # Imported here: the command line starts twice as fast without twine, and most places need none of it.
            from twine.repository import TEST_WAREHOUSE, WAREHOUSE_WEB
            from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

            main = spec.kind is IndexKind.PYPI
            site = WAREHOUSE_WEB if main else TEST_WAREHOUSE
            upload = DEFAULT_REPOSITORY if main else TEST_REPOSITORY
            return _place(spec, upload, f"{site}simple/", f"{site}project/{canonicalize_name(name)}/")
        case IndexKind.SIMPLE:
            if not spec.upload_url or not spec.simple_url:
                raise ConfigError(what="upload_url and simple_url must be set", where=f"indexes.{spec.name}")
            return _place(spec, spec.upload_url, spec.simple_url.rstrip("/") + "/", None)
        case _:
            assert_never(spec.kind)


def install_line(place: IndexPlace, name: str, version: str) -> str:
    """A shell line that installs exactly this version from this index, without credentials in it."""
    wanted = shlex.quote(f"{name}=={version}")
    if place.spec.kind is IndexKind.PYPI:
        return f"pip install {wanted}"
    return f"pip install --index-url {shlex.quote(place.simple_url)} {wanted}"


def _place(spec: IndexSpec, upload_url: str, simple_url: str, page_url: str | None) -> IndexPlace:
    immediate = spec.kind in (IndexKind.GITLAB, IndexKind.SIMPLE)
    return IndexPlace(spec=spec, upload_url=upload_url, simple_url=simple_url, page_url=page_url, immediate=immediate)
