"""The page of a study in a real browser: it draws, fits, can be read, and loads nothing."""

import json

import numpy as np
import pytest
from browsing import script_of

from discovery_gym.experiments.report import page as pages_of
from discovery_gym.experiments.report.study import course, study_page, tables
from discovery_gym.studies import Study

EVIL = "</script><img src=x onerror=alert(1)>"
FITS, CONTRAST = (script_of(name) for name in ("fits.js", "contrast.js"))


@pytest.fixture(scope="module")
def study():
    """A study whose words do harm where they can, with items in every state."""
    factors = {EVIL: ["a", "\u202egnp", "{{ 7 * 7 }}"], "T": [40, 60, 80], "x" * 90: [1, 2]}
    one = Study.pool(factors, target="<b>cost</b>", minimise=True, budget=12)
    plate = one.ask(5)
    one.tell({plate[0].id: 4.0, plate[1].id: 7.5, "18": 5.0})
    one.failed(plate[2].id, EVIL)
    one.withdraw("18")
    one.tell(plate[1].id, 3.5)
    return one


@pytest.fixture
def visit(chromium, study, tmp_path):
    """Open the page; whatever it complains of, or asks a network for, is a failure."""
    pages, wrong = [], []

    def visit(one=study, width=1400, theme="light"):
        path = tmp_path / "study.html"
        pages_of.save(path, study_page(one, EVIL))
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.set_default_timeout(10_000)
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda sent: sent.url == path.as_uri() or wrong.append(sent.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html.js")
        pages.append(page)
        return page

    yield visit
    for page in pages:
        page.close()
    assert wrong == []


@pytest.mark.parametrize(("width", "theme"), [(1400, "light"), (390, "dark")])
def test_the_page_fits_and_can_be_read(visit, width, theme):
    page = visit(width=width, theme=theme)
    assert page.evaluate(FITS) == []
    assert page.evaluate(CONTRAST) == []
    page.set_viewport_size({"width": 700, "height": 900})  # it is drawn again
    page.wait_for_function("() => document.querySelector('#course svg').clientWidth > 500")
    assert page.evaluate(FITS) == []


def test_the_page_shows_what_the_study_holds(visit, study):
    page = visit()
    assert page.locator("h1").inner_text() == f"<b>cost</b> of {EVIL}"
    lead = page.locator(".lead").inner_text()
    assert lead.startswith("Lowest <b>cost</b> so far: 3.5, by ")
    assert [one.label for one in course(study)] == [4.0, 7.5, 3.5]
    assert [one.best for one in course(study)] == [4.0, 4.0, 3.5]
    assert page.locator("#course circle.label").count() == 3
    assert page.locator("#map circle.item").count() == 18 + 4  # and the four of the legend
    states = [page.locator(f"#map figure > svg circle.state{state}").count() for state in range(4)]
    assert states == [13, 2, 2, 1]  # what is withdrawn looks like what was never asked
    assert study.journal.head in page.locator("dl").first.inner_text()
    assert page.locator("img, iframe, object, embed, base, link").count() == 0
    # The best by the posterior, the lowest mean first, those in flight and here among them.
    data = json.loads(page.locator("#data").inner_text())
    posterior = study.posterior()
    out = [study.status[name].word in ("failed", "withdrawn") for name in posterior.ids]
    order = np.argsort(np.where(out, np.inf, posterior.mean), kind="stable")
    assert [one["id"] for one in data["best"]] == [posterior.ids[i] for i in order[:12]]
    # Every row of its tables stands in the page.
    for part in tables(study):
        section = page.locator("section", has=page.get_by_role("heading", name=part.title))
        assert section.locator("tbody tr").count() == len(part.rows)


def test_a_study_without_labels(visit):
    page = visit(Study.pool({"a": [1, 2, 3]}, budget=3))
    assert page.locator(".lead").inner_text() == "No label has come yet."
    assert page.locator("#course figcaption").inner_text() == "No label yet."


def test_a_study_in_which_nothing_is_left(visit):
    one = Study.pool({"a": [1, 2]}, budget=4)
    one.tell({"1": 2.0, "2": 2.0})
    one.withdraw("1")
    one.withdraw("2")
    assert page_text(visit(one), "#top figcaption") == "Nothing is left to choose."


def page_text(page, place):
    return page.locator(place).inner_text()
