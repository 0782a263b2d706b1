"""Which of the files that a pipeline built are the release's, where one repository holds several packages."""

from __future__ import annotations

from dataclasses import replace

from packaging.utils import canonicalize_name

from bot.domain.distributions import Distribution, read_tag
from bot.domain.left_out import LeftOut
from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseId
from bot.ports.index import Gathered
from bot.ports.store import Kept
from bot.release.facts import Facts, Seen, Wanted
from bot.release.identity import identity
from bot.release.names import METADATA_FILES


def belonging(wanted: Wanted, gathered: Gathered) -> Gathered:
    """The files of the package that policy or the tag's prefix names; the others are laid aside.

    A prefix that names none of the packages (`release/1.0`) says nothing: then all files count, and have to be of one.
    """
    named = package_of(wanted)
    mine = tuple(file for file in gathered.files if named and _name(file) == named)
    if mine:
        aside = tuple(file.filename for file in gathered.files if file not in mine)
        return replace(gathered, files=mine, aside=aside, left_out=_of(gathered, named))
    if wanted.rule.package is None or not gathered.files or gathered.problems:
        return gathered
    built = ", ".join(sorted({file.metadata.name for file in gathered.files}))
    problem = f"the jobs built {built}, and policy says that {wanted.id.ref} is about {wanted.rule.package}"
    return Gathered(files=(), problems=(problem,))


def package_of(wanted: Wanted) -> str:
    """The package that a release is about as far as policy or the tag say so (PEP 503), else empty."""
    if wanted.rule.package is not None:
        return canonicalize_name(wanted.rule.package)
    return read_tag(wanted.id.ref).package if wanted.id.kind is RefKind.TAG else ""


def metadata_paths(release: ReleaseId) -> tuple[str, ...]:
    """Where the package's own metadata may stand: at the top, or in the folder that the tag's prefix names."""
    prefix = read_tag(release.ref).prefix if release.kind is RefKind.TAG else ""
    folders = ("", f"{prefix}/", f"packages/{prefix.rpartition('/')[2]}/") if prefix else ("",)
    return tuple(f"{folder}{name}" for folder in folders for name in METADATA_FILES)


def claim(kept: Kept, wanted: Wanted, facts: Facts) -> Facts | None:
    """Record the name for the project before the first file of it is sent; None if it is ours already.

    Of two projects that publish one new name at the same moment only one is recorded; the facts say whose it is.
    """
    names = facts.names.value if facts.names else None
    metadata = identity(wanted, facts)
    if names is None or metadata is None or names.owner == wanted.id.project_id:
        return None
    owner = kept.own(canonicalize_name(metadata.name), wanted.id.project_id)
    return replace(facts, names=Seen(replace(names, owner=owner, claimed=owner == wanted.id.project_id)))


def _of(gathered: Gathered, named: str) -> tuple[LeftOut, ...] | None:
    """What was left out of that package, or may have been of it."""
    left = gathered.left_out
    return None if left is None else tuple(one for one in left if one.name == named or not one.name)


def _name(file: Distribution) -> str:
    return canonicalize_name(file.metadata.name)
