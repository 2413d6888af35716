import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from accelsim.report.html import report_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects tags and attributes, and checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text(result, drawings):
    return report_html(result, drawings)


def test_the_page_is_well_formed_and_has_every_part(text):
    page = Page(text)
    assert page.open == []
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        "Accuracy, cycles and energy",
        "Where the energy goes",
        "Area",
        "Where the cycles go",
        "Machine",
        "What is not modelled",
        "How to repeat this run",
    ]
    assert page.tags.count("svg") == 3
    assert page.tags.count("details") == 5


def test_the_page_needs_nothing_from_outside(text):
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    fetching = [
        value
        for _, name, value in page.attributes
        if name in ("src", "href", "xlink:href", "srcset") and not value.startswith("#")
    ]
    assert fetching == []
    assert "http" not in text
    assert not re.search(r"@import|url\((?!#)", text)


def test_ids_are_unique_although_figures_share_the_page(text):
    ids = [name for name in Page(text).ids if "DejaVu" not in name]
    assert len(ids) == len(set(ids))


def test_the_page_carries_provenance(text, result):
    for value in (*result.provenance.hashes.values(), result.provenance.command, result.technology):
        assert value in text
    for item in result.not_modelled:
        assert f"<li>{item}</li>" in text


def test_names_from_files_are_text_and_never_markup(result, drawings):
    evil = replace(result, network="<script>alert(1)</script>")
    text = report_html(evil, drawings)
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; on edge_16x16" in text


def test_every_layer_is_in_the_table_of_every_point(text, result):
    for layer in result.points[0].layers:
        start = f'<tr><td class="text">{layer.name}</td>'
        assert text.count(start) == len(result.points)


def test_a_mismatch_is_said_in_the_first_line(result, drawings):
    wrong = replace(result.points[0], golden_mismatches=7)
    text = report_html(replace(result, points=(wrong,)), drawings)
    assert '<span class="warning">7 output integers differ</span> from the golden model.' in text


def test_one_warning_is_a_line_and_several_fold_away(result):
    single = report_html(replace(result, warnings=("a < b",)), {})
    assert '<p class="note">Note: a &lt; b.</p>' in single
    several = report_html(replace(result, warnings=("one", "two")), {})
    assert '<details class="note"><summary>2 notes</summary>' in several


def test_integers_of_a_file_are_said_to_be_its_own(given):
    page = report_html(given, {})
    assert "Float accuracy" not in page
    assert "Integer accuracy" in page
    assert "<p>The file's own integers, as they are. 1 image" in page
    assert "1 image of digits simulated with the cycle engine, every output integer equal" in page
    assert "<h2>Where the operators run</h2>" in page
    assert "<dt>folded</dt><dd>relu &lt;1&gt; (RELU, into conv1)</dd>" in page
    assert "<dt>on the host</dt><dd>softmax_5</dd>" in page
    assert "replaced by those of each" not in page
    assert "<dt>images</dt><dd>int8 as the input&#x27;s integers</dd>" in page


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_no_table_is_wider_than_its_page(text, tmp_path):
    """On a screen; on a telephone all but the layers; on A4, where layers lie across."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for width, media, which in (
            (1280, "screen", ".scroll"),
            (390, "screen", ".scroll:has(.turned)"),
            (718, "print", ".scroll:has(.turned)"),
            (1047, "print", ".scroll"),
        ):
            tab = browser.new_page(viewport={"width": width, "height": 900})
            tab.emulate_media(media=media)
            tab.goto(f"file://{path}")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            boxes = tab.evaluate(
                f"[...document.querySelectorAll('{which}')].filter((box) => box.offsetParent)"
                ".map((box) => [box.querySelector('table').getBoundingClientRect().right,"
                "box.getBoundingClientRect().right])"
            )
            assert len(boxes) >= 4
            assert [right for right, end in boxes if right > end + 0.5] == []
        browser.close()
