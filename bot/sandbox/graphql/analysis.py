"""What a query would cost before it runs: its complexity, its depth, the fields it nests into each other.

Source: lib/gitlab/graphql/query_analyzers/ast/recursion_analyzer.rb and graphql-ruby's QueryComplexity and QueryDepth.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values
from graphql.type import SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef

from bot.sandbox.graphql.costs import cost_of

RECURSION_LIMIT = 2
"""A field with selections may stand this often in one branch."""
_FREELY_NESTED = frozenset({"node", "edges", "nodes", "ofType"})
_META = {"__typename": TypeNameMetaFieldDef, "__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one request may cost. Source: app/graphql/gitlab_schema.rb."""

    complexity: int
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What was found. `recursive` counts field names that one branch nests too often."""

    complexity: int
    depth: int
    recursive: Mapping[str, int]

    def refusals(self, bounds: Bounds) -> list[str]:
        """GitLab's sentences, in its order; empty when the query may run."""
        found = []
        if self.recursive:
            # the stray quote and bracket are GitLab's own
            shown = ", ".join(f'"{name}"=>{times}' for name, times in self.recursive.items())
            found.append(
                f"Recursive query - too many of fields '{{{shown}}}' detected\nin single branch of the query\")\n"
            )
        if self.depth > bounds.depth:
            found.append(f"Query has depth of {self.depth}, which exceeds max depth of {bounds.depth}")
        if self.complexity > bounds.complexity:
            found.append(too_complex(self.complexity, bounds.complexity))
        return found


def too_complex(complexity: int, most: int) -> str:
    """What a query, or a multiplex as a whole, hears that costs too much."""
    return f"Query has complexity of {complexity}, which exceeds max complexity of {most}"


def analyse(
    model: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
) -> Analysis:
    """Analyse a valid operation with its coerced variables. Mutations are counted like queries."""
    walk = _Walk(model, document, variables)
    root = model.get_root_type(operation.operation)
    if root is None:
        return Analysis(complexity=0, depth=0, recursive={})
    complexity = walk.score(root, [operation.selection_set], 1)
    return Analysis(complexity=complexity, depth=walk.deepest, recursive=dict(walk.recursive))


class _Walk:
    def __init__(self, model: GraphQLSchema, document: DocumentNode, variables: VariableValues) -> None:
        self._model = model
        self._variables = variables
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._branch: Counter[str] = Counter()
        self.deepest = 0
        self.recursive: dict[str, int] = {}

    def score(self, parent: GraphQLCompositeType, selections: Iterable[SelectionSetNode], depth: int) -> int:
        """The sum of the fields selected on `parent`; a field asked for twice under one name counts once."""
        fields: dict[str, list[FieldNode]] = {}
        for selection in selections:
            for node in self._fields(selection):
                fields.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return sum(self._field(parent, nodes, depth) for nodes in fields.values())

    def _field(self, parent: GraphQLCompositeType, nodes: list[FieldNode], depth: int) -> int:
        name = nodes[0].name.value
        known = _definition(parent, name)
        if known is None:
            return 0
        self.deepest = max(self.deepest, depth)
        below = [node.selection_set for node in nodes if node.selection_set]
        children = 0
        kind = get_named_type(known.type)
        if below and is_composite_type(kind):
            self._branch[name] += 1
            if name not in _FREELY_NESTED and self._branch[name] > RECURSION_LIMIT:
                self.recursive[name] = max(self._branch[name], self.recursive.get(name, 0))
            children = self.score(kind, below, depth + 1)
            self._branch[name] -= 1
        return cost_of(parent.name, name).of(self._arguments(known, nodes[0]), children)

    def _arguments(self, known: GraphQLField, node: FieldNode) -> Mapping[str, object]:
        try:
            return get_argument_values(known, node, self._variables)
        except GraphQLError:  # the execution will say what is missing
            return {}

    def _fields(self, selection: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields of a selection with fragments opened, without what directives leave out."""
        for node in selection.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._fields(self._fragments[node.name.value].selection_set)

    def _included(self, node: object) -> bool:
        assert isinstance(node, (FieldNode, InlineFragmentNode, FragmentSpreadNode))
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and (include is None or bool(include["if"]))


def _definition(parent: GraphQLCompositeType, name: str) -> GraphQLField | None:
    if name in _META:
        return _META[name]
    return parent.fields.get(name) if isinstance(parent, GraphQLObjectType) else None
