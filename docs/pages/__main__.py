"""Write all of them: `python -m docs.pages`."""

from docs.pages.all import PAGES, ROOT

for path, make in PAGES.items():
    (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / path).write_text(make(), encoding="utf-8")
