"""The site that `make site` builds from these pages; it needs no network, neither to be built nor to be read.

Every page stays plain Markdown that reads where it lies. What a site needs besides, which page follows which, is taken
from the lists of links in `index.md` and in the pages that list others.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
# Pages that lie elsewhere, by what they are called in the site.
OUTSIDE = {"changelog": HERE.parent / "CHANGELOG.md", "contributing": HERE.parent / "CONTRIBUTING.md"}
HUBS = ("rules/README", "decisions/README")
SECTION = re.compile(r"^## ", re.MULTILINE)
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#\s]+)\.md\)")

project = "Ropewalk"
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["_static"]
highlight_language = "none"  # what a block is that does not say it
nitpicky = True
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # blocks that show a conversation are in no language

html_theme = "furo"
html_title = "Ropewalk"
html_logo = "mark.svg"
html_favicon = "mark.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Bring in what lies outside, and let lists of links be the order of pages."""
    if name in OUTSIDE:
        source[0] = OUTSIDE[name].read_text("utf-8").replace("](docs/", "](")
    for inside, path in OUTSIDE.items():
        up = "../" * (name.count("/") + 1)
        source[0] = source[0].replace(f"]({up}{path.name}", f"]({'../' * name.count('/')}{inside}.md")
    if name == app.config.root_doc:
        source[0] += "".join(map(order, SECTION.split(source[0])[1:]))
    elif name in HUBS:
        source[0] += order(source[0])


def order(text: str) -> str:
    """A hidden table of contents out of the pages that a text lists; its heading is the caption."""
    caption = text.partition("\n")[0].removeprefix("# ")
    pages = "\n".join(dict.fromkeys(LINK.findall(text)))
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
