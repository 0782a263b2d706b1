"""Reads the keywords of a job that have a shape of their own: rules, only/except, needs, artifacts, …"""

from collections.abc import Mapping
from typing import Final, cast

from bot.sandbox.ci.expressions import Expression, ExpressionError, compile_pattern, parse
from bot.sandbox.ci.fields import Lint, boolean, choice, duration, flattened, known, mapping, strings, text, variables
from bot.sandbox.ci.model import When
from bot.sandbox.ci.parallel import rows
from bot.sandbox.ci.spec import ArtifactSpec, Environment, Need, RefFilter, ReleaseSpec, Rule

RULE_WHEN: Final = ("on_success", "on_failure", "always", "never", "manual")
DEFAULT_EXPIRY = 30 * 86400  # seconds; the setting "default artifacts expiration"
_UPLOAD_WHEN: Final = ("on_success", "on_failure", "always")
_TIERS: Final = ("production", "staging", "testing", "development", "other")
_ACTIONS: Final = ("start", "stop", "prepare", "verify", "access")


def condition(node: object, where: str, lint: Lint) -> Expression | None:
    """A parsed `if`, or None after an error."""
    if isinstance(node, str):
        try:
            return parse(node)
        except ExpressionError:
            pass
    lint.refuse(where, "invalid expression syntax")
    return None


def rules(node: object, where: str, lint: Lint, *, workflow: bool = False) -> tuple[Rule, ...] | None:
    """`rules` of a job or of the workflow (which knows only `always` and `never`)."""
    entries = flattened(node)
    if entries is None:
        lint.refuse(f"{where}:rules", "config should be an array of hashes")
        return None
    return tuple(_rule(entry, f"{where}:rules:rule", lint, workflow=workflow) for entry in entries)


def _rule(node: object, where: str, lint: Lint, *, workflow: bool) -> Rule:
    entry = mapping(node, where, lint)
    known(entry, ("if", "when", "allow_failure", "variables", "changes", "exists"), where, lint)
    allowed = ("always", "never") if workflow else RULE_WHEN
    return Rule(
        condition=condition(entry["if"], f"{where} if", lint) if "if" in entry else None,
        changes=_paths(entry["changes"], f"{where}:changes", lint) if "changes" in entry else None,
        exists=_paths(entry["exists"], f"{where}:exists", lint) if "exists" in entry else None,
        when=cast("When", choice(entry["when"], allowed, f"{where} when", lint)) if "when" in entry else None,
        allow_failure=boolean(entry["allow_failure"], f"{where} allow failure", lint)
        if "allow_failure" in entry
        else None,
        variables=variables(entry["variables"], f"{where}:variables", lint) if "variables" in entry else {},
    )


def _paths(node: object, where: str, lint: Lint) -> tuple[str, ...]:
    if isinstance(node, dict):
        known(node, ("paths",), where, lint)
        node = node.get("paths", [])
    return strings(node, where, lint)


def ref_filter(node: object, where: str, lint: Lint) -> RefFilter:
    """`only` or `except`, as a list of refs or as a hash."""
    if not isinstance(node, dict):
        return RefFilter(refs=_refs(node, where, lint))
    known(node, ("refs", "variables", "changes"), where, lint)
    found = [condition(item, f"{where} variables", lint) for item in strings(node.get("variables", []), where, lint)]
    return RefFilter(
        refs=_refs(node["refs"], where, lint) if "refs" in node else None,
        variables=tuple(tree for tree in found if tree is not None),
        changes=_paths(node["changes"], where, lint) if "changes" in node else None,
    )


def _refs(node: object, where: str, lint: Lint) -> tuple[str, ...]:
    refs = strings(node, where, lint)
    for ref in refs:
        if ref.startswith("/"):
            try:
                compile_pattern(ref.partition("@")[0])
            except ExpressionError:
                lint.refuse(where, "config should be an array of strings or regular expressions using re2 syntax")
    return refs


def needs(node: object, where: str, lint: Lint) -> tuple[Need, ...]:
    """`needs`: names, or hashes with `job`, `artifacts`, `optional`, `parallel`."""
    result: list[Need] = []
    for entry in flattened(node) or ([] if isinstance(node, list) else [node]):
        if isinstance(entry, str):
            result.append(Need(job=entry))
            continue
        fields = mapping(entry, f"{where}:needs:need", lint)
        known(fields, ("job", "artifacts", "optional", "parallel"), f"{where}:needs:need", lint)
        result.append(
            Need(
                job=text(fields.get("job"), f"{where}:needs:need job", lint),
                artifacts=boolean(fields.get("artifacts", True), f"{where}:needs:need artifacts", lint),
                optional=boolean(fields.get("optional", False), f"{where}:needs:need optional", lint),
                parallel=rows(fields["parallel"], f"{where}:needs:need", lint) if "parallel" in fields else (),
            )
        )
    return tuple(result)


def artifacts(node: object, where: str, lint: Lint) -> tuple[ArtifactSpec, tuple[str, ...]]:
    """`artifacts`, and the names of the reports that are accepted and not read."""
    here = f"{where}:artifacts"
    entry = mapping(node, here, lint)
    known(
        entry, ("paths", "exclude", "expire_in", "when", "name", "expose_as", "public", "access", "reports"), here, lint
    )
    reports = mapping(entry["reports"], f"{here}:reports", lint) if "reports" in entry else {}
    spec = ArtifactSpec(
        paths=strings(entry["paths"], f"{here} paths", lint) if "paths" in entry else (),
        exclude=strings(entry["exclude"], f"{here} exclude", lint) if "exclude" in entry else (),
        expire_in=_expiry(entry.get("expire_in"), f"{here} expire in", lint),
        when=cast("When", choice(entry.get("when", "on_success"), _UPLOAD_WHEN, f"{here} when", lint)),
        name=text(entry.get("name", "artifacts"), f"{here} name", lint),
        dotenv=strings(reports["dotenv"], f"{here}:reports dotenv", lint) if "dotenv" in reports else (),
    )
    return spec, tuple(f"artifacts:reports:{kind}" for kind in reports if kind != "dotenv")


def _expiry(node: object, where: str, lint: Lint) -> int | None:
    if node is None:
        return DEFAULT_EXPIRY
    return None if node == "never" else duration(node, where, lint)


def environment(node: object, where: str, lint: Lint) -> Environment:
    """`environment`, as a name or as a hash."""
    if isinstance(node, str):
        return Environment(name=node)
    here = f"{where}:environment"
    entry = mapping(node, here, lint)
    known(entry, ("name", "url", "action", "on_stop", "auto_stop_in", "deployment_tier"), here, lint)
    tier = entry.get("deployment_tier")
    return Environment(
        name=text(entry.get("name"), f"{here} name", lint),
        url=text(entry.get("url", ""), f"{here} url", lint),
        action=choice(entry.get("action", "start"), _ACTIONS, f"{here} action", lint),
        tier=None if tier is None else choice(tier, _TIERS, f"{here} deployment tier", lint),
    )


def retry(node: object, where: str, lint: Lint) -> int:
    """How often a failed job is tried again: 0, 1 or 2."""
    count = node.get("max", 0) if isinstance(node, dict) else node
    if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= 2:
        return count
    lint.refuse(f"{where}:retry", "config must be an integer between 0 and 2")
    return 0


def allow_failure(node: object, where: str, lint: Lint) -> tuple[bool, frozenset[int]]:
    """`allow_failure`: a boolean, or the exit codes that are allowed."""
    if not isinstance(node, dict):
        return boolean(node, f"{where} allow failure", lint), frozenset()
    known(node, ("exit_codes",), f"{where}:allow_failure", lint)
    codes = node.get("exit_codes")
    listed = codes if isinstance(codes, list) else [codes]
    if not all(isinstance(code, int) and not isinstance(code, bool) for code in listed):
        lint.refuse(f"{where}:allow_failure", "exit codes should be an array of integers or an integer")
        return False, frozenset()
    return False, frozenset(listed)


def id_tokens(node: object, where: str, lint: Lint) -> Mapping[str, tuple[str, ...]]:
    """`id_tokens`: name to audiences."""
    result: dict[str, tuple[str, ...]] = {}
    for name, entry in mapping(node, f"{where}:id_tokens", lint).items():
        here = f"{where}:id_tokens:{name}"
        fields = mapping(entry, here, lint)
        known(fields, ("aud",), here, lint)
        result[name] = strings(fields.get("aud"), f"{here} aud", lint)
    return result


def release(node: object, where: str, lint: Lint) -> ReleaseSpec:
    """`release`."""
    here = f"{where}:release"
    entry = mapping(node, here, lint)
    known(entry, ("tag_name", "tag_message", "description", "name", "ref", "released_at", "assets"), here, lint)
    assets = mapping(entry.get("assets", {}), f"{here}:assets", lint)
    known(assets, ("links",), f"{here}:assets", lint)
    links = assets.get("links", [])
    return ReleaseSpec(
        tag_name=text(entry.get("tag_name"), f"{here} tag name", lint),
        description=text(entry.get("description"), f"{here} description", lint),
        name=_optional(entry, "name", here, lint),
        ref=_optional(entry, "ref", here, lint),
        released_at=_optional(entry, "released_at", here, lint),
        tag_message=_optional(entry, "tag_message", here, lint),
        links=tuple(
            {str(key): str(value) for key, value in mapping(link, f"{here}:assets:links", lint).items()}
            for link in (links if isinstance(links, list) else [links])
        ),
    )


def _optional(entry: Mapping[str, object], key: str, where: str, lint: Lint) -> str | None:
    return text(entry[key], f"{where} {key.replace('_', ' ')}", lint) if key in entry else None
