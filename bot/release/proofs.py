"""Receipts: what the looks so far prove of a release."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.distributions import Distribution
from bot.domain.policy import Source
from bot.domain.releases import Receipt
from bot.release.facts import Facts, IndexFacts, Seen, Wanted
from bot.release.identity import released_files
from bot.release.publishing import Publishers, publishers
from bot.release.sources import source_of


def standing(facts: Facts, wanted: Wanted) -> tuple[Receipt, ...]:
    """The receipts of what the looks so far found in its place; the others prove nothing any more."""
    proven = proven_now(facts, wanted)
    return tuple(receipt for receipt in facts.receipts if has(proven, receipt))


def proven_now(facts: Facts, wanted: Wanted) -> tuple[Receipt, ...]:
    """Receipts of all that the looks so far prove, made anew."""
    proven: list[Receipt] = []
    piped = source_of(wanted, facts) is Source.PIPELINE and _uploaded(wanted, facts)
    for spec in wanted.indexes:
        seen = facts.indexes.get(spec.name)
        if not isinstance(seen, Seen) or facts.files is None:
            continue
        target = f"index:{spec.name}"
        for file in _provable(wanted, facts, seen.value):
            listed = seen.value.lists(file)
            if listed is not None:
                kind = "upload" if facts.wrote(target, file.filename) else "published" if piped else "found"
                proven.append(
                    Receipt(
                        target=target, kind=kind, where=listed.url, at=facts.now, file=file.filename, sha256=file.sha256
                    )
                )
    if isinstance(facts.release, Seen) and facts.release.value and facts.wrote("gitlab_release"):
        there = facts.release.value
        proven.append(Receipt(target="gitlab_release", kind="release", where=there.web_url, at=facts.now))
    return tuple(proven)


def _provable(wanted: Wanted, facts: Facts, index: IndexFacts) -> tuple[Distribution, ...]:
    """The files that may stand on an index: ours; where there are none, whatever it has of the release's version."""
    if not facts.bare:
        return facts.files.value.files if facts.files else ()
    return released_files(wanted, replace(facts, indexes={index.place.spec.name: Seen(index)}))


def _uploaded(wanted: Wanted, facts: Facts) -> bool:
    """Whether the pipeline has run a job that publishes, or had done so when it was still there."""
    found = facts.pipeline.value if facts.pipeline else None
    if found is None:
        return any(receipt.kind == "published" for receipt in facts.receipts)
    who = publishers(wanted, facts, found)
    unknown = wanted.rule.pipeline.job is None
    return isinstance(who, Publishers) and (who.ran or (not who.jobs and unknown))


def has(receipts: tuple[Receipt, ...], new: Receipt) -> bool:
    """Whether that is proven already."""
    return any((r.target, r.file, r.sha256) == (new.target, new.file, new.sha256) for r in receipts)
