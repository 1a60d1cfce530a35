"""The page in a real browser: it draws, filters, sorts, compares, opens, fits, and is read by anyone."""

import dataclasses
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from browsing import data_of, script_of
from tiny import execute

from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.runs.chunks import joined, play_chunk
from discovery_gym.experiments.runs.records import open_folder, write_record
from discovery_gym.experiments.suites.task import plan

CARD = {
    "entry": {"name": "theirs", "agent": "module:Agent"},
    "code": {"url": "https://example.org/code", "licence": "MIT"},
    "claimed": {"fingerprint of the run": "ab" * 8},
    "method": {"kind": "learned", "summary": "a net"},
    "references": ["javascript:alert(1)", "<script>alert(1)</script>"],
}
EVIL = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "a&amp;\"'`|b",
    "{{ 7 * 7 }}",
    "x" * 150,
)


@pytest.fixture(scope="module")
def folder(played, tmp_path_factory):
    """A results folder: our agents, an entry of somebody, a suite of evil names, one without scores."""
    from tiny import TINY

    folder = tmp_path_factory.mktemp("page") / "results"
    shutil.copytree(played, folder)
    records, runs = open_folder(folder), plan(TINY)
    theirs = dataclasses.replace(runs[2], name="theirs", agent="fixed(batch_size=8)")
    result = joined(theirs, [play_chunk(theirs, 0)])
    for name, status, flags in (
        ("theirs", "verified", []),
        ("odd", "confirmed", ["labels were read"]),
    ):
        entry = {"name": name, "digest": "0" * 64, "status": status, "flags": flags, "card": CARD}
        write_record(records, dataclasses.replace(theirs, name=name), result, entry=entry)
    for name in EVIL:
        evil = dataclasses.replace(runs[0], suite="evil", name=name, about=name, episodes=8)
        execute(evil, records)
        execute(dataclasses.replace(evil, task=name), records)
        write_record(records, dataclasses.replace(evil, name=f"failed {name}"), None, f"no\n{name}")
    write_leaderboard(folder)
    return folder


@pytest.fixture
def visit(chromium, folder):
    """Open the page at an address; whatever a page complains of, or asks a network for, is a failure."""
    pages, wrong = [], []

    def open_at(address="", width=1400, theme="light"):
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.set_default_timeout(10_000)
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: request.url.startswith("file://") or wrong.append(request.url),
        )
        page.goto(f"{(folder / 'index.html').as_uri()}{address}")
        page.wait_for_selector("#main h2")
        pages.append(page)
        return page

    yield open_at
    for page in pages:
        page.close()
    assert wrong == []


def hash_of(page):
    return {key: value for key, (value,) in parse_qs(page.url.partition("#")[2]).items()}


def names_in(page, table):
    return page.locator(f"#{table} > tbody > tr.row > th .name").all_inner_texts()


# ---- it fits, and can be read

FITS, CONTRAST = (script_of(name) for name in ("fits.js", "contrast.js"))

OPENED = (
    "() => [...document.querySelectorAll('.numbers')].every((one) => one.querySelector('tbody'))"
)
PLACES = (
    "#suite=tiny&open=theirs",
    "#suite=tiny&task=tiny-ladder&open=odd",
    "#suite=tiny&task=tiny-ladder&a=theirs&b=small&episode=3&open=broken",
    "#suite=tiny&task=tiny-pool",
    "#suite=evil",
    "#suite=evil&task=tiny-ladder",
)


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_fits_and_can_be_read(visit, width, theme):
    page = visit(width=width, theme=theme)
    for place in PLACES:
        page.evaluate("place => { location.hash = place }", place)
        page.wait_for_function("suite => document.title.includes(suite)", arg=place[7:11])
        for details in page.locator("details.numbers > summary").all():
            details.click()
        page.wait_for_function(OPENED)
        assert page.evaluate(FITS) == [], place
        assert page.evaluate(CONTRAST) == [], place
    assert page.evaluate(
        "getComputedStyle(document.querySelector('.sortable > thead')).display"
    ) == ("none" if width == 390 else "table-header-group")


def test_names_have_room_beside_twenty_tasks(chromium):
    """On the board that is kept, on a laptop."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    board = Path(__file__).parents[3] / "docs" / "results" / "index.html"
    page.goto(f"{board.as_uri()}#suite=paper&wing=table")
    page.wait_for_selector(".matrix")
    tall = page.locator(".matrix tbody th").evaluate_all("all => all.map(one => one.offsetHeight)")
    wide = page.locator(".matrix thead th").evaluate_all("all => all.map(one => one.offsetWidth)")
    page.close()
    assert len(wide) == 21
    assert max(tall) < 60  # two lines
    assert wide[0] > 80


@pytest.mark.parametrize(
    "drawn",
    [
        """tradeoff([[1e-3, 0], [0.1 / 1.5, 1]].map(([x, y]) => ({ agent, x, y, words: "" })),
            { x: "time", y: "score" }, true, 300, [0, 1])""",
        """ridges([{ agent, counts: [1, 2], total: 3, score: { value: 1e5, low: null } }],
            { low: 0, high: 1e6 }, false, 300, "return")""",
    ],
    ids=["tradeoff", "ridges"],
)
def test_the_last_number_of_a_scale_is_not_cut(visit, drawn):
    page = visit("#suite=tiny", width=390)
    agent = "{ name: 'x', colour: 0, marker: 0, dash: 0 }"
    page.evaluate(f"() => {{ const agent = {agent}; main.replaceChildren({drawn}); }}")
    assert page.locator("#main svg text").count() > 2
    assert page.evaluate(FITS) == []


def test_the_checks_of_fit_and_contrast_find_what_they_look_for(visit):
    page = visit("#suite=tiny")
    page.evaluate(
        """() => {
          const bad = document.createElement("p");
          bad.textContent = "0.123456789".repeat(40);
          bad.style.setProperty("overflow", "hidden");
          bad.style.setProperty("white-space", "nowrap");
          bad.style.setProperty("color", "#aaa");
          document.querySelector("#main section").append(bad);
          document.querySelector("#main svg text").setAttribute("x", "-90");
        }"""
    )
    found = page.evaluate(FITS)
    assert any(flaw.startswith("clipped: P") for flaw in found)
    assert any(flaw.startswith("outside its picture") for flaw in found)
    assert len(page.evaluate(CONTRAST)) == 1


def test_behind_every_picture_is_a_table(visit, folder):
    page = visit("#suite=tiny&task=tiny-ladder")
    assert page.locator("figure").count() == 4  # curves, costs, spread, scatter
    for figure in page.locator("figure").all():
        assert figure.locator("> svg[role=img][aria-label]").count() == 1
        figure.locator("summary").click()
        figure.locator("table tbody tr").nth(1).wait_for()
    (curve,) = data_of(folder, "tiny")["tasks"][0]["curves"][:1]
    rows = page.locator("figure").first.locator("tbody tr").count()
    assert rows == sum(len(line["points"]) for line in curve["lines"])


def test_what_only_an_entry_says_is_marked_as_claimed(visit, folder):
    """Its times and its code, wherever they stand; what was played here was measured."""
    for place, table in (
        ("#suite=tiny", "ranking-campaign"),
        ("#suite=tiny&task=tiny-ladder", "task-tiny-ladder"),
    ):
        page = visit(place)
        rows = page.locator(f"#{table} > tbody > tr.row:not(:has(.failed))")
        cells = {
            row.locator("th .name").inner_text(): row.locator('td[data-label="a decision"]')
            for row in rows.all()
        }
        marked = {name for name, cell in cells.items() if cell.locator(".badge.claimed").count()}
        assert marked == {"theirs", "odd"} < cells.keys()
    page = visit("#suite=tiny&open=theirs")
    card = page.locator("tr.more").first
    assert card.locator("h3 .badge.claimed").inner_text() == "claimed"
    assert "ab" * 8 in card.inner_text()
    told = data_of(folder, "tiny")["badges"]["claimed"]
    assert card.locator("h3 .badge.claimed").get_attribute("title") == told
    assert "(claimed)" in page.locator("figure svg").first.inner_html()
    text = (folder / "LEADERBOARD.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.count("|") > 8]
    assert {line.split(" | ")[1] for line in lines if "(claimed)" in line} == {
        "theirs",
        "odd (flagged)",
    }


# ---- sorting and filters


def test_a_head_sorts_and_sorts_the_other_way(visit, folder):
    page = visit("#suite=tiny&task=tiny-ladder")
    task, agents = data_of(folder, "tiny")["tasks"][0], data_of(folder, "tiny")["agents"]
    played = [row for row in task["rows"] if "failed" not in row]
    for head, key, down in (
        ("score", lambda row: row["score"]["value"], True),
        ("a decision", lambda row: row["time"][0], False),
        ("agent", lambda row: agents[row["agent"]]["name"], False),
    ):
        button = page.locator("#task-tiny-ladder thead button", has_text=re.compile(f"^{head}$"))
        for reverse in (down, not down):
            button.click()
            expected = [key(row) for row in sorted(played, key=key, reverse=reverse)]
            of = {agents[row["agent"]]["name"]: key(row) for row in played}
            found = [of[name] for name in names_in(page, "task-tiny-ladder") if name in of]
            assert found == expected
            assert button.locator("..").get_attribute("aria-sort") == (
                "descending" if reverse else "ascending"
            )
    page.locator("#task-tiny-ladder thead button", has_text=re.compile("^score$")).click()
    assert names_in(page, "task-tiny-ladder")[-1] == "broken"


def test_filters_choose_agents_and_tasks_and_stand_in_the_address(visit):
    page = visit("#suite=tiny")
    whole = names_in(page, "ranking-campaign")
    assert set(whole) == {"random", "optimal", "small", "theirs", "odd"}
    for kind, left in (
        ("exact", ["optimal"]),
        ("outside", ["theirs", "odd"]),
        ("learned", ["theirs", "odd"]),
        ("rule", ["random", "small"]),
    ):
        page.locator("#kind").select_option(kind)
        assert hash_of(page)["kind"] == kind
        assert sorted(names_in(page, "ranking-campaign")) == sorted(left)
    page.locator("#kind").select_option("")
    page.locator("#verified").check()
    assert names_in(page, "ranking-campaign") == ["theirs"]
    page.locator("#verified").uncheck()
    page.locator("#wing").select_option("table")
    assert page.locator("#ranking-campaign").count() == 0
    assert set(names_in(page, "ranking-table")) == {"random", "greedy"}
    page.locator("#wing").select_option("")
    page.locator("#q").fill("SMALL")
    assert names_in(page, "ranking-campaign") == ["small"]
    assert page.locator(".grid .card").count() == 2
    page.locator("#q").fill("ten patients")
    assert page.locator(".grid .card").count() == 1
    page.reload()
    assert page.locator("#q").input_value() == "ten patients"
    assert page.locator(".grid .card").count() == 1


# ---- where one is, and back


def test_an_address_leads_to_what_it_names_and_back_leads_back(visit):
    page = visit()
    assert page.locator("nav [aria-current]").inner_text() == "evil"
    page.locator("nav .chip", has_text="tiny").click()
    page.locator(".grid .card", has_text="Tiny ladder").click()
    assert hash_of(page) == {"suite": "tiny", "task": "tiny-ladder"}
    assert page.locator("#main h2").first.inner_text().startswith("Tiny ladder <&>")
    assert page.title() == "Tiny ladder <&> · tiny · discovery_gym leaderboard"
    page.locator("#a").select_option("random")
    page.locator("#b").select_option("small")
    assert hash_of(page) == {"suite": "tiny", "task": "tiny-ladder", "a": "random", "b": "small"}
    link = page.url
    page.go_back()
    page.go_back()
    assert hash_of(page) == {"suite": "tiny", "task": "tiny-ladder"}
    page.go_back()
    page.wait_for_selector(".grid .card")
    other = visit(f"#{link.partition('#')[2]}")
    assert [other.locator(f"#{one}").input_value() for one in "ab"] == ["random", "small"]
    other.get_by_role("link", name="How to enter").first.click()
    assert other.locator("#a").input_value() == "random"  # a place on the page is no other view


def test_two_agents_are_compared_and_an_episode_opens(visit, folder):
    view = data_of(folder, "tiny")
    task = view["tasks"][0]
    number = {view["agents"][row["agent"]]["name"]: i for i, row in enumerate(task["rows"])}
    page = visit("#suite=tiny&task=tiny-ladder&a=random&b=optimal")
    (pair,) = (
        one
        for one in task["pairs"]
        if {one["a"], one["b"]} == {number["random"], number["optimal"]}
    )
    assert pair["a"] == number["optimal"]  # kept the other way around
    verdict = page.locator(".verdict").inner_text()
    assert verdict.startswith(f"random minus optimal: −{pair['text']} [−")
    low, high = pair["ends"].strip("[]").split(", ")
    assert f"[−{high}, {'−' + low if low[0] != '−' else low[1:]}]" in verdict
    assert ("optimal ahead" in verdict) == pair["sure"]
    assert page.locator("circle.episode").count() == 40
    page.locator("circle.episode[data-episode='7']").dispatch_event("click")
    assert hash_of(page)["episode"] == "7"
    for at, name in enumerate(("random", "optimal")):
        row = task["rows"][number[name]]
        words = page.locator(".episode-card").nth(at).inner_text()
        assert "1,000,007" in words
        assert row["episodes"]["return"][7] in words
        assert row["episodes"]["actions"][7] in words
        assert f"discovery-gym show records/{row['run']}.parquet --episode 7" in words
    page.locator("#episode").select_option("9")
    assert "1,000,009" in page.locator(".episode-card").first.inner_text()
    page.go_back()
    page.wait_for_function("() => document.querySelector('#episode').value === '7'")
    page.goto(page.url.replace("&task=tiny-ladder", ""))
    assert names_in(page, "duels") == []
    assert page.locator("#duels > tbody").count() == 1


def test_a_row_opens_its_card_by_mouse_and_keyboard(visit, folder):
    page = visit("#suite=tiny&task=tiny-ladder")
    task = data_of(folder, "tiny")["tasks"][0]
    button = page.get_by_role("button", name="theirs")
    button.focus()
    page.keyboard.press("Enter")
    card = page.locator("#task-tiny-ladder tr.more")
    assert card.count() == 1
    assert button.get_attribute("aria-expanded") == "true"
    assert "javascript:alert(1)" in card.inner_text()
    assert "0" * 64 in card.inner_text()
    assert card.locator("a").evaluate_all("all => all.map((a) => a.getAttribute('href'))") == [
        "https://example.org/code"
    ]
    assert hash_of(page)["open"] == "theirs"
    page.keyboard.press("Enter")
    assert not card.is_visible()
    page.locator("tr.row", has_text="broken").locator(".failed").click()
    (failed,) = (row for row in task["rows"] if "failed" in row)
    assert page.locator("pre").inner_text().split("\n") == failed["error"]


def test_themes(visit):
    page = visit("#suite=tiny", theme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="light").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="dark").click()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="system").click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == light


# ---- words of others


def test_evil_names_are_text(visit, folder):
    page = visit("#suite=evil")
    shown = data_of(folder, "evil")
    for task in ("", *(one["key"] for one in shown["tasks"])):
        page.evaluate("task => { location.hash = `suite=evil&task=${task}` }", task)
        assert page.locator("script").count() == 2
        assert (
            page.locator("img, iframe, object, embed, base, link, [onerror], [onload]").count() == 0
        )
        links = page.locator("a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
        assert all(one.startswith(("#", "https://")) or "/" not in one for one in links)
        assert not any(one.lower().startswith("javascript") for one in links)
    names = [agent["name"] for agent in shown["agents"]]
    page.evaluate("location.hash = 'suite=evil'")
    found = names_in(page, "ranking-campaign")
    for name in EVIL:
        spelt = name.replace("\u202e", "\\u202e")
        assert spelt in names
        assert spelt in found


def test_the_policy_stops_what_escaping_would_let_through(chromium, folder):
    page = chromium.new_page()
    page.goto((folder / "index.html").as_uri())
    page.evaluate(
        """() => {
          document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hacked = 1'>");
          const link = document.createElement("a");
          link.href = "javascript:window.hacked = 1";
          document.body.append(link);
          link.click();
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    page.close()


def test_metrics_have_a_table_and_a_curve_where_a_task_has_them(visit, folder):
    page = visit("#suite=tiny&task=tiny-pool")
    task = next(one for one in data_of(folder, "tiny")["tasks"] if one["key"] == "tiny-pool")
    shown = page.locator("#metrics-tiny-pool > tbody > tr")
    assert shown.count() == len(task["metrics"]["rows"]) == 2
    for row, said in zip(shown.all(), task["metrics"]["rows"], strict=True):
        for cell, one in zip(row.locator("td").all(), said["cells"], strict=True):
            assert cell.inner_text().split() == f"{one['text']} {one['ends']}".split()
    page.locator("#metrics-tiny-pool button", has_text="acceleration").click()
    assert page.locator("#metrics-tiny-pool [aria-sort]").inner_text().startswith("acceleration")
    page.locator(".switch button", has_text="gap closed").click()
    assert page.locator(".switch [aria-pressed=true]").first.inner_text() == "gap closed"
    page.evaluate("location.hash = '#suite=tiny&task=tiny-ladder'")
    page.wait_for_function("document.title.includes('ladder')")
    assert page.locator(".metrics").count() == 0
