"""`parallel`: one job written down, several made: numbered ones, or one for each row of a matrix of variables.

Source: lib/gitlab/ci/config/normalizer.rb, its strategies, and entry/product/{parallel,matrix}.rb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from bot.sandbox.ci.fields import Lint, known, mapping
from bot.sandbox.ci.spec import JobSpec, Need, Row, YamlVariable

MOST = 200


def rows(node: object, where: str, lint: Lint) -> tuple[Row, ...]:
    """The value of `parallel`: the variables of each job to be made, none for numbered ones."""
    if isinstance(node, int) and not isinstance(node, bool):
        if not 1 <= node <= MOST:
            why = "greater than or equal to 1" if node < 1 else f"less than or equal to {MOST}"
            lint.refuse(f"{where}:parallel", f"config must be {why}")
            return ()
        return ((),) * node
    if not isinstance(node, dict):
        lint.refuse(f"{where}:parallel", "should be an integer or a hash")
        return ()
    known(node, ("matrix",), f"{where}:parallel", lint)
    if "matrix" not in node:
        lint.refuse(f"{where}:parallel", "config missing required keys: matrix")
        return ()
    return _matrix(node["matrix"], f"{where}:parallel:matrix", lint)


def _matrix(node: object, where: str, lint: Lint) -> tuple[Row, ...]:
    if not isinstance(node, list) or not all(isinstance(one, dict) for one in node):
        lint.refuse(where, "config should be an array of hashes")
        return ()
    found: list[Row] = []
    for entry in node:
        values = {key: _values(value) for key, value in mapping(entry, where, lint).items()}
        if not values or not all(values.values()):
            lint.refuse(f"{where}:variables", "config should be a hash of key value pairs, value can be an array")
            continue
        found += [tuple(zip(values, row, strict=True)) for row in product(*values.values())]
    if len(found) > MOST:
        lint.refuse(where, f"config generates too many jobs (maximum is {MOST})")
    return tuple(found)


def _values(node: object) -> list[str]:
    """Texts and numbers, one or a list; empty for anything else."""
    items = node if isinstance(node, list) else [node]
    good = all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in items)
    return [str(one) for one in items] if good else []


def expanded(jobs: list[JobSpec]) -> list[JobSpec]:
    """All jobs that are made; who needs one by the name it is written under needs all of them."""
    made = {job.name: _made(job) for job in jobs if job.parallel}
    return [_linked(one, made) for job in jobs for one in made.get(job.name, [job])]


def _made(job: JobSpec) -> list[JobSpec]:
    total = len(job.parallel)
    return [
        replace(
            job,
            name=name,
            variables={**job.variables, **{key: YamlVariable(value=value) for key, value in row}},
            node=(number, total),
        )
        for number, (name, row) in enumerate(zip(_names(job.name, job.parallel), job.parallel, strict=True), 1)
    ]


def _names(base: str, parallel: tuple[Row, ...]) -> list[str]:
    return [
        f"{base}: [{', '.join(value for _, value in row)}]" if row else f"{base} {number}/{len(parallel)}"
        for number, row in enumerate(parallel, 1)
    ]


def _linked(job: JobSpec, made: Mapping[str, list[JobSpec]]) -> JobSpec:
    needs, dependencies = job.needs, job.dependencies
    if needs is not None:
        needs = tuple(one for need in needs for one in _needs(need, made))
    if dependencies is not None:
        dependencies = tuple(name for base in dependencies for name in _meant(base, made))
    return replace(job, needs=needs, dependencies=dependencies)


def _meant(base: str, made: Mapping[str, list[JobSpec]]) -> list[str]:
    return [one.name for one in made[base]] if base in made else [base]


def _needs(need: Need, made: Mapping[str, list[JobSpec]]) -> list[Need]:
    chosen = _names(need.job, need.parallel) if need.parallel and need.job in made else _meant(need.job, made)
    return [replace(need, job=name) for name in chosen]
