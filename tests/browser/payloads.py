"""Texts that would run in a page that does not escape them: they mark the window, or leave an element of their own."""

from __future__ import annotations

import random
from collections.abc import Iterator

HIT = "top.taken=(top.taken||0)+1"
BREAKS = (
    "", '"', "'", ">", '">', "'>", "`>", "-->", "]]>", "</title>", "</script>", "</style>", "</textarea>", "</select>",
    "</option>", "</svg>", "</time>", "</code></a>", '" x="', "' x='", "\\", "\\\"", "{{", "{%", "&quot;>", "&#34;>",
    "\u2028", "\u202e", "\x1b[2J", "\n\n", "data: ", "\r\n\r\n", "%22%3E", "+ADw-", "\ufeff", "\U0001f600", "\x7f",
    "<!--",
)  # fmt: skip
BODIES = (
    "<script>{hit}</script>",
    "<img src=x onerror={hit}>",
    "<img src=x:x onerror='{hit}' data-planted>",
    "<svg onload={hit}>",
    "<svg><script>{hit}</script></svg>",
    "<svg><animate onbegin={hit} attributeName=x dur=1s>",
    "<details open ontoggle={hit}>x</details>",
    "<iframe srcdoc='<script>{hit}</script>'></iframe>",
    "<iframe src=javascript:{hit}></iframe>",
    "<object data=javascript:{hit}></object>",
    "<embed src=javascript:{hit}>",
    "<input autofocus onfocus={hit}>",
    "<select autofocus onfocus={hit}></select>",
    "<video><source onerror={hit}></video>",
    "<audio src=x onerror={hit}></audio>",
    "<body onload={hit}>",
    "<math><mtext><table><mglyph><style><img src=x onerror={hit}>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:{hit}'>",
    "<link rel=stylesheet href=//evil.example/x>",
    "<form action=javascript:{hit}><button autofocus>x</button></form>",
    "<a href=javascript:{hit} data-planted>x</a>",
    " onerror={hit} autofocus onfocus={hit} ",
    "javascript:{hit}",
    "{{{{ cycler.__init__.__globals__ }}}}{{% for x in [1] %}}{{{{x}}}}{{% endfor %}}",
)
TWISTS = (
    lambda text: text,
    lambda text: text.replace("<s", "<S").replace("<i", "<I").replace("on", "oN"),
    lambda text: text.replace(" ", "/", 1),
    lambda text: text.replace(" ", "\t", 1),
    lambda text: text.replace("script", "scr\0ipt"),
    lambda text: text.replace("<", "<\n", 1),
    lambda text: text.replace("<", "<<", 1),
)
PLANTED = """() => [...document.querySelectorAll(
  "[data-planted], main :is(img, script, iframe, object, embed, link, style, video, audio, math, animate), base,"
  + " meta[http-equiv], [onerror], [onload], [onfocus], [ontoggle], [onbegin], body > script,"
  + " [href^='javascript:' i], [src^='javascript:' i], [action^='javascript:' i]"
)].map((one) => one.outerHTML.slice(0, 200))"""
"""What no page of ours holds: it stands there only if a text became more than text."""


def payloads(seed: int) -> Iterator[str]:
    """Without end; the first thousands differ from each other."""
    chance = random.Random(seed)
    while True:
        body = chance.choice(TWISTS)(chance.choice(BODIES).format(hit=HIT))
        yield chance.choice(BREAKS) + body + chance.choice(BREAKS)
