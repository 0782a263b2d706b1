"""Routes as tables and a tree that finds them. Paths are split before they are decoded, so `%2F` stays in a segment."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

from bot.sandbox.answers import Answer

if TYPE_CHECKING:
    from bot.sandbox.rest.call import Call

Handler: TypeAlias = "Callable[[Call], Answer]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation. `scopes` are accepted beside `api` and `read_api`; `anonymous` ones write without a credential."""

    method: str
    template: str
    handler: Handler
    job_token: bool = False
    deploy_token: bool = False
    scopes: tuple[str, ...] = ()
    anonymous: bool = False


class Routes:
    """The routes of one resource, filled by decorators."""

    def __init__(self) -> None:
        self.table: list[Route] = []

    def add(
        self,
        method: str,
        template: str,
        *,
        job_token: bool = False,
        deploy_token: bool = False,
        scopes: tuple[str, ...] = (),
        anonymous: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Register a handler. In templates `:name` is one segment, `*name` (last) the rest of the path."""

        def register(handler: Handler) -> Handler:
            self.table.append(
                Route(
                    method=method,
                    template=template,
                    handler=handler,
                    job_token=job_token,
                    deploy_token=deploy_token,
                    scopes=scopes,
                    anonymous=anonymous,
                )
            )
            return handler

        return register

    def get(self, template: str, *, job_token: bool = False, deploy_token: bool = False, scopes: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:  # fmt: skip  # noqa: E501
        """`add` for GET."""
        return self.add("GET", template, job_token=job_token, deploy_token=deploy_token, scopes=scopes)

    def post(self, template: str, *, job_token: bool = False) -> Callable[[Handler], Handler]:
        """`add` for POST."""
        return self.add("POST", template, job_token=job_token)

    def put(self, template: str, *, job_token: bool = False) -> Callable[[Handler], Handler]:
        """`add` for PUT."""
        return self.add("PUT", template, job_token=job_token)

    def delete(self, template: str, *, job_token: bool = False) -> Callable[[Handler], Handler]:
        """`add` for DELETE."""
        return self.add("DELETE", template, job_token=job_token)


@dataclass(slots=True, eq=False)
class _Node:
    literal: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    rest: "_Node | None" = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the router found at a path: the route for the method, or only the methods there are."""

    route: Route | None
    arguments: dict[str, str]
    methods: tuple[str, ...]


class Router:
    """Finds routes; literal segments win over parameters."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._insert(route)

    def _insert(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.template.strip("/").split("/"):
            if segment.startswith(":"):
                names.append(segment[1:])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            elif segment.startswith("*"):
                names.append(segment[1:])
                node.rest = node.rest or _Node()
                node = node.rest
            else:
                node = node.literal.setdefault(segment, _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.template}")
        node.routes[route.method] = (route, tuple(names))

    def find(self, method: str, raw_path: str) -> Found | None:
        """The route at the encoded path; None when nothing is there. HEAD falls back to GET."""
        return self._find(self._root, raw_path.strip("/").split("/"), 0, [], method)

    def _find(self, node: _Node, segments: list[str], at: int, values: list[str], method: str) -> Found | None:
        if at == len(segments):
            return self._ended(node, values, method)
        segment = segments[at]
        literal = node.literal.get(segment)
        found = self._find(literal, segments, at + 1, values, method) if literal else None
        if found is None and node.parameter is not None and segment:
            found = self._find(node.parameter, segments, at + 1, [*values, unquote(segment)], method)
        if found is None and node.rest is not None:
            found = self._ended(node.rest, [*values, unquote("/".join(segments[at:]))], method)
        return found

    @staticmethod
    def _ended(node: _Node, values: list[str], method: str) -> Found | None:
        if not node.routes:
            return None
        known = node.routes.get(method) or (node.routes.get("GET") if method == "HEAD" else None)
        if known is None:
            return Found(route=None, arguments={}, methods=tuple(node.routes))
        route, names = known
        return Found(route=route, arguments=dict(zip(names, values, strict=True)), methods=tuple(node.routes))
