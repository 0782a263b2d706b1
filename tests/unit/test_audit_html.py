"""The page is one well-formed file that fetches nothing, and no name in it becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given, settings

from bot.domain.findings import AuditReport, RuleInfo
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.formats import FORMATS, Options
from tests.unit.audit_reports import CATALOGUE, catalogues, finding, report, reports, waiver

VOID = {"meta", "input", "rect"}
OWN_TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "section", "article", "div", "p", "h1", "h2",
    "h3", "ul", "ol", "li", "label", "input", "span", "a", "b", "code", "time", "svg", "rect", "table", "thead",
    "tbody", "tr", "th", "td", "script",
}  # fmt: skip
PAYLOAD = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"'`{{7*7}}"


class _Page(HTMLParser):
    """Reads a page and notes its tags, whether they close in order, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def _page(given: AuditReport, catalogue: dict[str, RuleInfo] = CATALOGUE, options: Options | None = None) -> _Page:
    return _Page(FORMATS["html"](given, catalogue, options or Options(version="1.2.3")))


def test_the_page_has_a_row_for_each_finding_and_says_all_of_it() -> None:
    held = finding("RW104", Severity.LOW, verdict=Verdict.WAIVED, waiver=waiver("RW104"))
    unknown = finding("RW102", verdict=Verdict.UNKNOWN)
    page = _page(report(finding(scope="production"), unknown=(unknown,), waived=(held,)))
    assert page.count("tr") == 1 + 3
    text = " ".join("".join(page.words).split())
    for part in (
        "28 November 2026, 06:00 UTC",
        "1 finding in 2,000 projects: 1 high; 1 check could not be made.",
        "1 waived by Ann, until 2027-01-31.",
        "RW101 publishing credential not masked",
        "TWINE_PASSWORD is not as it should be.",
        "scope production",
        "Waived by Ann until 2027-01-31: Known.",
        "Whoever reads the job log can publish.",
        "ropewalk audit explain RW101",
    ):
        assert part in text
    assert [attrs["class"] for tag, attrs in page.tags if tag == "tr" and "class" in attrs] == [
        "high",
        "unknown",
        "waived",
    ]


def test_what_stands_between_backticks_is_code() -> None:
    text = FORMATS["html"](report(finding(resource="project/1/variables/`<b>`")), CATALOGUE, Options())
    assert "<code>&lt;b&gt;</code> is not as it should be." in text


def test_a_name_is_never_markup_nor_a_template() -> None:
    hostile = finding(rule=PAYLOAD, project=PAYLOAD, resource=PAYLOAD, scope=PAYLOAD)
    page = _page(report(hostile, finding()), CATALOGUE, Options(version=PAYLOAD, docs="https://x.example/{rule}"))
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert "49" not in "".join(page.words)


def test_nothing_is_fetched_and_only_our_own_style_and_script_may_act() -> None:
    text = FORMATS["html"](report(finding()), CATALOGUE, Options())
    page = _Page(text)
    assert not {"link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if {"src", "style", "srcset"} & set(attrs)]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "url(" not in text
    (policy,) = (a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv"))
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; script-src 'sha256-[\w+/]{43}='; "
        r"base-uri 'none'; form-action 'none'",
        policy,
    )


def test_a_clean_report_is_called_clean_only_when_it_is() -> None:
    def clean(given: AuditReport) -> bool:
        return any("clean" in attrs.get("class", "").split() for _, attrs in _page(given).tags)

    assert clean(report())
    assert not clean(report(complete=False))
    assert not clean(report(unknown=(finding(verdict=Verdict.UNKNOWN),)))
    assert not clean(report(finding()))


@settings(max_examples=50)  # the page is long
@given(reports, catalogues)
def test_the_page_is_well_formed_whatever_the_names(given: AuditReport, catalogue: dict[str, RuleInfo]) -> None:
    page = _page(given, catalogue)
    assert {tag for tag, _ in page.tags} <= OWN_TAGS
    total = len(given.findings) + len(given.unknown) + len(given.waived)
    assert page.count("tr") == (total + 1 if total else 0)
    assert page.count("script") == 1
    assert all(word.replace("\n", "").isprintable() for word in page.words)
