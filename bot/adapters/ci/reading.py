"""The text of a CI file to its facts. Runs in the child; bounded by counts here, and by the kernel there."""

from __future__ import annotations

from bot.adapters.ci.bounds import Beyond
from bot.adapters.ci.credentials import Credentials
from bot.adapters.ci.fields import as_lines, includes_of, keyword, named, rules_of, texts_of, tokens_of
from bot.adapters.ci.jobs import JobReader
from bot.adapters.ci.resolve import RESERVED, Resolver, is_job
from bot.adapters.ci.tree import Node, Tree, read_trees
from bot.domain.ci import CiFacts, CiJob, CiUnknown

_INHERITED = ("image", "before_script", "after_script", "id_tokens", "artifacts")
_OLD_DEFAULTS = ("image", "before_script", "after_script")  # at the top of the file they mean the same


def read_ci(text: str, *, merged: bool) -> CiFacts | CiUnknown:
    """What the file says, or why it could not be read. Never raises for anything in the text.

    A merged one is whole, whatever it still says about `extends`: GitLab has put in all of it.
    """
    try:
        return _facts(text, merged=merged)
    except Beyond as reason:
        return CiUnknown(reason=f"the CI file could not be read: {reason}")
    except RecursionError:
        return CiUnknown(reason="the CI file could not be read: it is nested too deep")


def _facts(text: str, *, merged: bool) -> CiFacts:
    documents = read_trees(text)
    if not documents:
        return CiFacts(jobs=(), variables={}, id_tokens={}, merged=merged, lines={})
    headed = len(documents) > 1 and documents[0].get("spec") is not None
    root = documents[1] if headed else documents[0]
    lines = not merged
    credentials = Credentials(lines=lines)
    credentials.add_shapes(text, {name: line for name, line in root.lines.items() if name not in RESERVED})
    resolver = Resolver(root)
    reader = JobReader(defaults=_defaults(resolver), credentials=credentials, lines=lines)
    variables = reader.variables(None, root)
    jobs = tuple(_jobs(root, resolver, reader, lines=lines))
    included = () if merged else includes_of(root.get("include"), lines=lines)
    default = resolver.keyword("default")
    return CiFacts(
        jobs=jobs,
        variables=variables,
        id_tokens=tokens_of(reader.defaults.get("id_tokens")),
        image=named(reader.defaults.get("image")),
        includes=tuple(include.kind for include in included),
        included=included,
        merged=merged,
        workflow=rules_of(keyword(resolver.keyword("workflow"), "rules"), "always"),
        credentials=credentials.all(),
        lines=as_lines({**root.lines, **(default.lines if isinstance(default, Tree) else {})}, kept=lines),
        stages=texts_of(root.get("stages")) if "stages" in root.entries else None,
    )


def _defaults(resolver: Resolver) -> dict[str, Node]:
    default = resolver.keyword("default")
    found = {key: node for key in _OLD_DEFAULTS if (node := resolver.keyword(key)) is not None}
    found |= {key: node for key in _INHERITED if (node := keyword(default, key)) is not None}
    return found


def _jobs(root: Tree, resolver: Resolver, reader: JobReader, *, lines: bool) -> list[CiJob]:
    jobs: list[CiJob] = []
    for name in root.entries:
        tree = resolver.job(name)
        if tree is None:
            continue
        if is_job(name):
            line = root.lines[name] if lines else None
            jobs.append(reader.read(name, tree, line=line, complete=not lines or name not in resolver.open))
        elif name.startswith("."):
            reader.variables(name, tree)  # credentials in a hidden job are as readable as any
    return jobs
