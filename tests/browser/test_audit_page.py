"""In a real browser the page's own script runs, sorts, searches and filters, and what a name carries does not."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.formats import FORMATS, Options
from tests.clients.throwaway import unavailable
from tests.unit.audit_reports import CATALOGUE, finding, report

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAYLOAD = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
REPORT = report(
    finding(project="acme/b", resource=f"project/1/variables/{PAYLOAD}"),
    finding("RW103", Severity.MEDIUM, project="acme/c"),
    finding("RW104", Severity.LOW, project="acme/a"),
    unknown=(finding("RW102", project="acme/d", verdict=Verdict.UNKNOWN),),
)
# What a person would do, and what they would see then.
LOOK = """
const seen = () => [...document.querySelectorAll("tbody tr")]
  .filter((row) => getComputedStyle(row).display !== "none")
  .map((row) => row.querySelector(".where b").textContent.slice(-1)).join("");
document.body.dataset.said = seen();
"""
DRIVER = f"""
{LOOK}
const click = (node) => node.click();
const heading = (key) => document.querySelector(`th[data-key=${{key}}] button`);
const search = (text) => {{
  const field = document.getElementById("search");
  field.value = text;
  field.dispatchEvent(new Event("input"));
}};
const say = [seen()];
click(heading("where")); say.push(seen());
click(heading("where")); say.push(seen());
click(heading("gravity")); say.push(seen());
click(document.getElementById("show-medium")); say.push(seen());
search("rw104 ACME"); say.push(seen(), document.getElementById("shown").textContent);
search("nowhere"); say.push(String(document.getElementById("nothing").hidden));
document.body.dataset.said = say.join(" ");
"""


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}"


def _dom(folder: Path, html: str) -> str:
    """The page as it stands in the browser after its scripts ran."""
    if CHROMIUM is None:
        unavailable("Chromium is missing: apt-get install chromium")
    assert CHROMIUM is not None
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command = [CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_page_sorts_searches_and_filters(tmp_path: Path) -> None:
    html = FORMATS["html"](REPORT, CATALOGUE, Options())
    html = html.replace("script-src '", f"script-src '{_hash(DRIVER)}' '", 1)
    dom = _dom(tmp_path, html.replace("</body>", f"<script>{DRIVER}</script></body>"))
    said = re.search(r'data-said="([^"]*)"', dom)
    assert said is not None
    assert said[1] == "bcad abcd dcba bcad bad a 1 of 4 false"


def test_the_page_lets_no_foreign_script_run_even_if_it_broke_out(tmp_path: Path) -> None:
    html = FORMATS["html"](REPORT, CATALOGUE, Options())
    dom = _dom(tmp_path, html.replace("</main>", f"{PAYLOAD}</main>"))
    assert "<title>Hygiene audit" in dom
    assert '<p id="shown" role="status">4</p>' in dom


def test_the_boxes_filter_without_the_script(tmp_path: Path) -> None:
    html = FORMATS["html"](REPORT, CATALOGUE, Options())
    html = re.sub(r"script-src '[^']*'", f"script-src '{_hash(LOOK)}'", html, count=1)
    html = html.replace('id="show-medium" checked', 'id="show-medium"')
    dom = _dom(tmp_path, html.replace("</body>", f"<script>{LOOK}</script></body>"))
    assert '<p id="shown" role="status"></p>' in dom
    assert 'data-said="bad"' in dom
