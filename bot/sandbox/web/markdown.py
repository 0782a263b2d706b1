"""GitLab-flavoured Markdown as HTML: tables, task lists, strikethrough, bare URLs, references to the project's records.

Of raw HTML only a few tags without attributes are obeyed and comments are hidden, as GitLab's sanitiser does; all else
is shown as text. Images become links, so no page loads anything from elsewhere.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

_REFERENCE = re.compile(
    r"(?P<url>https?://[^\s<>]*[^\s<>.,;:!?)\]'\"])"
    r"|(?<![\w/&])(?:!(?P<request>\d+)|\#(?P<issue>\d+)|@(?P<user>[a-zA-Z0-9_](?:[\w.-]*\w)?))(?!\w)"
)
_TAGS = "details|summary|br|kbd|sub|sup|b|i|em|strong|code|p|del|ins"
_HTML = re.compile(rf"(?P<comment><!--.*?(?:-->|\Z))|(?P<tag></?(?:{_TAGS})(?: ?/)?>)", re.DOTALL | re.IGNORECASE)
_TASK = re.compile(r"\[([ xX])\][ \t]+")


def _link(url: str, text: str) -> list[Token]:
    opened = Token("link_open", "a", 1, attrs={"href": url})
    return [opened, Token("text", "", 0, content=text), Token("link_close", "a", -1)]


def _target(match: re.Match[str], base: str, root: str) -> str:
    if match["url"]:
        return match["url"]
    if match["request"]:
        return f"{base}/-/merge_requests/{match['request']}"
    return f"{base}/-/issues/{match['issue']}" if match["issue"] else f"{root}/{match['user']}"


def _linked(tokens: Sequence[Token], base: str, root: str) -> list[Token]:
    """The inline tokens with references in plain text turned into links; text inside links stays as it is."""
    found: list[Token] = []
    inside = 0
    for token in tokens:
        inside += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "text" or inside:
            found.append(token)
            continue
        at = 0
        for match in _REFERENCE.finditer(token.content):
            found.append(Token("text", "", 0, content=token.content[at : match.start()]))
            found.extend(_link(_target(match, base, root), match[0]))
            at = match.end()
        found.append(Token("text", "", 0, content=token.content[at:]))
    return found


def _task(before: Sequence[Token], inline: Token) -> None:
    """Make a list item that begins with `[ ]` or `[x]` a checkbox nobody can tick."""
    kinds = [token.type for token in before[-2:]]
    children = inline.children or []
    if kinds != ["list_item_open", "paragraph_open"] or not children or children[0].type != "text":
        return
    match = _TASK.match(children[0].content)
    if match is None:
        return
    children[0].content = children[0].content[match.end() :]
    before[-2].attrJoin("class", "task")
    ticked = " checked" if match[1] in "xX" else ""
    box = Token("task_box", "", 0, content=f'<input type="checkbox" disabled{ticked}> ')
    inline.children = [box, *children]


def _rule(base: str, root: str) -> Callable[[StateCore], None]:
    def apply(state: StateCore) -> None:
        for number, token in enumerate(state.tokens):
            if token.type == "inline":
                _task(state.tokens[:number], token)
                token.children = _linked(token.children or [], base, root)

    return apply


def _image(self: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[at]
    source = Markup.escape(str(token.attrGet("src") or ""))
    text = Markup.escape(self.renderInlineAsText(token.children or [], options, env))
    return f'<a href="{source}">{text or source}</a>'


def _box(self: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    del self, options, env
    return tokens[at].content


def _html(self: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    """Raw HTML with everything escaped but the harmless tags; comments vanish."""
    del self, options, env
    text, place = tokens[at].content, 0
    found = Markup()
    for match in _HTML.finditer(text):
        found += Markup.escape(text[place : match.start()]) + Markup(match["tag"] or "")  # noqa: S704  # one of the tags named above
        place = match.end()
    return found + Markup.escape(text[place:])


def render(text: str, *, base: str, root: str) -> Markup:
    """`text` as HTML. `base` is the project's path for `!1` and `#1`, `root` that of people for `@name`."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.core.ruler.push("gitlab", _rule(base, root))
    for kind, rule in (("image", _image), ("task_box", _box), ("html_block", _html), ("html_inline", _html)):
        parser.add_render_rule(kind, rule)
    return Markup(parser.render(text))  # noqa: S704  # the parser escapes every text, the rules above raw HTML
