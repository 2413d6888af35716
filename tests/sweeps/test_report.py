import json
import re
import shutil

import pytest

from accelsim.errors import ConfigError
from accelsim.sweeps import report
from accelsim.sweeps.read_store import find_space
from accelsim.sweeps.report import write_report
from accelsim.sweeps.store import Store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def page(tiny, sweep_here, folder):
    """Sweep the tiny space, write its page, and return its path; changes are of the space."""

    def write(*changes, figures=None):
        space = tiny(*changes)
        sweep_here(space)
        path = folder / "page.html"
        with Store(folder / "store.sqlite") as store:
            stored = find_space(store, None)
            write_report(store, stored, stored.space.objectives, path, figures)
        return path

    return write


def data_of(path):
    text = path.read_text()
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(match[1])


def test_the_page_has_every_point_and_asks_nobody_for_anything(page):
    path = page()
    data = data_of(path)
    assert len(data["front"]) == 16
    assert [axis["name"] for axis in data["axes"]] == [
        *("array.rows", "array.columns", "array.dataflow")
    ]
    assert data["objectives"] == ["latency", "energy"]
    assert data["front"].count(2) == 1
    assert data["base"]["array"]["rows"] == 4
    text = path.read_text()
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert not re.search(r"https?://", text)
    assert "fetch(" not in text
    assert "@import" not in text


def test_points_over_budget_are_shown_but_not_judged(page):
    path = page(("constraints:", "constraints:\n  - latency_us <= 1.5"))
    data = data_of(path)
    over = [index for index, kind in enumerate(data["front"]) if kind < 0]
    best = sum(kind > 0 for kind in data["front"])
    text = f"<p>16 designs are stored. {best} of {16 - len(over)} that are judged are on the front"
    assert text in path.read_text()
    assert f"<p>{len(over)} of 16 break a budget (latency_us &lt;= 1.5): " in path.read_text()
    assert 0 < len(over) < 16
    latencies = data["columns"]["latency"]["values"]
    assert all((latency > 1.5) == (index in over) for index, latency in enumerate(latencies))


def test_what_a_user_wrote_cannot_end_the_script(page):
    path = page(("name: tiny", "name: '</script><script>alert(1)</script>'"))
    assert "<script>alert" not in path.read_text()
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in path.read_text()


def test_a_page_of_too_many_points_has_all_of_the_front_and_says_so(page, monkeypatch):
    whole = data_of(page())
    monkeypatch.setattr(report, "MOST_POINTS", 8)
    path = page()
    thinned = data_of(path)
    assert len(thinned["front"]) == 8
    best = {key for key, kind in zip(whole["keys"], whole["front"], strict=True) if kind > 0}
    assert best <= set(thinned["keys"])
    assert "This page has 8 of 16 points: all of the front and an even sample" in path.read_text()


def test_figures_for_papers(page, tmp_path):
    page(figures=tmp_path / "figures")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {
        f"{name}.{suffix}"
        for name in ("front_latency_energy", "sensitivity")
        for suffix in ("svg", "png")
    }


def test_nothing_to_show_yet(tiny, folder):
    with Store(folder / "store.sqlite", create=True) as store:
        store.enter(tiny(), {})
        stored = find_space(store, None)
        with pytest.raises(ConfigError, match=r": no point of tiny has results to be judged yet$"):
            write_report(store, stored, stored.space.objectives, folder / "page.html", None)
    assert not (folder / "page.html").exists()


def test_nothing_that_keeps_the_budget(tiny, sweep_here, folder):
    sweep_here(tiny(("constraints:", "constraints:\n  - latency_us <= 0.001")))
    with Store(folder / "store.sqlite") as store:
        stored = find_space(store, None)
        with pytest.raises(
            ConfigError,
            match=r": no point of tiny has results to be judged: 16 break latency_us <= 0\.001$",
        ):
            write_report(store, stored, stored.space.objectives, folder / "page.html", None)
    assert not (folder / "page.html").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_in_a_browser(page, width):
    driver = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    path = page()
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": width, "height": 900})
        requests, complaints = [], []
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(f"file://{path}")
        assert tab.inner_text("#count") == "16 of 16 points"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.click(".chip >> nth=0")
        assert tab.inner_text("#count") == "6 of 16 points"
        tab.click("#clear")
        tab.check("#front-only")
        on_front = sum(kind > 0 for kind in data_of(path)["front"])
        assert tab.inner_text("#count") == f"{on_front} of 16 points"
        spot = tab.evaluate(
            "(() => { const canvas = document.getElementById('scatter');"
            "canvas.scrollIntoView(); const box = canvas.getBoundingClientRect();"
            "return [box.left + places[0][0], box.top + places[0][1], places[0][2]]; })()"
        )
        tab.mouse.move(spot[0], spot[1])
        assert "array.rows" in tab.inner_text("#tip")
        tab.mouse.click(spot[0], spot[1])
        command = tab.inner_text("#command")
        assert re.fullmatch(
            r"accelsim run gemm\.csv --hardware edge_4x4 --set array\.rows=\d --set "
            r"array\.columns=\d --set array\.dataflow=(ws|os) --bits 8 --batch 1",
            command,
        )
        tab.click("summary")
        rows = re.search(r"array\.rows=(\d)", command)[1]
        assert f"rows: {rows}\n" in tab.inner_text("#yaml")
        tab.click("th button >> nth=0")
        tab.click("tbody tr >> nth=0")
        assert requests == [f"file://{path}"] or all(
            url.startswith(("file:", "data:")) for url in requests
        )
        assert complaints == []
        browser.close()


def test_networks_that_are_different_work_have_a_front_each(page, folder):
    (folder / "large.csv").write_text("Layer, M, N, K,\nfirst, 64, 64, 64,\n")
    path = page(
        ("network: gemm.csv\n", ""),
        ("array.dataflow: [ws, os]", "network: [gemm.csv, large.csv]"),
    )
    data = data_of(path)
    assert data["front"].count(2) == 2
    (network,) = (axis for axis in data["axes"] if axis["name"] == "network")
    kinds = {
        name: [kind for kind, at in zip(data["front"], network["index"], strict=True) if at == i]
        for i, name in enumerate(network["values"])
    }
    for name, own in kinds.items():
        on_front = sum(kind > 0 for kind in own)
        assert on_front > 0
        card = f"<dt>{name}</dt><dd>{on_front} on its front<span"
        assert card in path.read_text()
    assert "no other of the same network is better in latency (less is better)" in path.read_text()
