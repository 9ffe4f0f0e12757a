"""The page in a browser: what a person does, and what is on the screen then."""

import io
import re
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interpgan_core import Generator, Live, difference, load_generator, make_plan, to_uint8

pytestmark = pytest.mark.browser

SMILE = 'input[type=range][data-direction="$avatars-directions.smile"]'
READY = "#find-use option"  # the last that comes when a tab is opened


class Page:
    """A page of a studio, opened in a context of its own."""

    def __init__(self, browser, served, **options):
        self.context = browser.new_context(bypass_csp=True, accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.requests, self.faults = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.page.goto(served.address)
        self.page.wait_for_selector(READY, state="attached", timeout=60_000)
        self.served = served

    @property
    def number(self):
        return int(self.page.get_attribute("#stage", "data-number"))

    def pixels(self, name="picture-0"):
        """What the canvas of a picture shows."""
        data = self.page.evaluate(
            "id => { const c = document.getElementById(id);"
            " return [c.width, c.height, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]] }",
            name,
        )
        width, height, values = data
        return np.array(values, dtype=np.uint8).reshape(height, width, 4)[..., :3].astype(int)

    def after(self, act):
        """Do something, and wait for the picture of it."""
        before = self.number
        act()
        self.page.wait_for_function(
            "n => { const s = document.querySelector('#stage').dataset;"
            " return Number(s.number) > n && s.draft !== 'true' }",
            arg=before,
        )
        while (seen := self.number) != before:  # a slider that was let go may be answered twice
            self.page.wait_for_timeout(120)
            before = seen

    def slide(self, selector, value):
        """Drag a slider there and let it go."""
        self.after(
            lambda: self.page.evaluate(
                "([selector, value]) => { const e = document.querySelector(selector); e.value = value;"
                " e.dispatchEvent(new Event('input', {bubbles: true}));"
                " e.dispatchEvent(new Event('change', {bubbles: true})) }",
                [selector, value],
            )
        )

    def open(self, panel):
        self.page.evaluate("id => { document.getElementById(id).open = true }", panel)

    def recipe(self):
        """The text that 'Recipe' saves, or that stands in the archive."""
        with self.page.expect_download() as download:
            self.page.click("#save-recipe")
        data = Path(download.value.path()).read_bytes()
        if data[:2] == b"PK":
            data = zipfile.ZipFile(io.BytesIO(data)).read("recipe.yaml")
        return data.decode()

    def close(self):
        assert not self.faults
        self.context.close()


@pytest.fixture
def page(browser, served):
    opened = Page(browser, served)
    yield opened
    opened.close()


def expected(*steps):
    """The pixels that the core draws of a recipe of avatars."""
    first = [{"use": "generator", "weights": "avatars.stylegan2"}, {"use": "avatars.directions", "id": "d"}]
    plan = make_plan({"interpgan": 1, "steps": [*first, *steps]})
    live = Live("cpu")
    generator = live.result(plan, plan.steps[0].id)
    assert isinstance(generator, Generator)
    return to_uint8(generator.images(live.result(plan, plan.steps[-1].id)))[0].astype(int)


def test_a_slider_moves_the_picture_and_the_arrow_keys_move_the_slider(page):
    people = {"use": "sample", "seeds": "9"}
    assert (page.pixels() == expected(people)).all()
    page.slide(SMILE, 2)
    smiling = {"use": "shift", "direction": "$d.smile", "strength": 2.0, "unit": "sigma"}
    assert (page.pixels() == expected(people, smiling)).all()
    page.page.focus(SMILE)
    page.after(lambda: page.page.keyboard.press("ArrowRight"))
    assert (page.pixels() == expected(people, {**smiling, "strength": 2.1})).all()
    assert "strength: 2.1" in page.recipe()


def test_a_text_becomes_a_slider(page):
    before = page.pixels()
    page.page.fill("#words", "an old man")
    page.page.press("#words", "Enter")
    slider = 'input[type=range][data-direction="$words.an-old-man"]'
    page.page.wait_for_selector(slider, timeout=60_000)
    assert page.page.input_value("#words") == ""
    page.after(lambda: page.slide(slider, 4))
    assert np.abs(page.pixels() - before).mean() > 1


def test_of_a_fast_drag_the_last_move_is_shown(page):
    box = page.page.locator(SMILE).bounding_box()
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.page.mouse.down()
    for move in range(60):
        page.page.mouse.move(box["x"] + box["width"] * (0.5 + 0.007 * move), middle)
    page.after(lambda: page.page.mouse.up())
    page.page.wait_for_timeout(500)
    value = float(page.page.input_value(SMILE))
    assert value > 3
    smiling = {"use": "shift", "direction": "$d.smile", "strength": value, "unit": "sigma"}
    assert (page.pixels() == expected({"use": "sample", "seeds": "9"}, smiling)).all()
    page.page.click("#undo")
    page.page.wait_for_function("document.querySelector('#undo').disabled")


def test_undo_redo_delete_and_the_keys_for_them(page):
    plain = page.pixels()
    page.slide(SMILE, 3)
    smiling = page.pixels()
    page.slide(SMILE.replace("smile", "beard"), 3)
    page.after(lambda: page.page.click("#undo"))
    assert (page.pixels() == smiling).all()
    page.after(lambda: page.page.keyboard.press("Control+z"))
    assert (page.pixels() == plain).all() and float(page.page.input_value(SMILE)) == 0
    page.after(lambda: page.page.click("#redo"))
    page.after(lambda: page.page.click("#redo"))
    page.open("steps-panel")
    page.after(lambda: page.page.click("[data-step=beard] button[aria-label^=Delete]"))
    assert (page.pixels() == smiling).all() and "beard" not in page.recipe()


def test_compare_and_views_show_the_original_and_the_changes(page):
    plain = page.pixels()
    page.slide(SMILE, 3)
    smiling = page.pixels()
    page.page.hover("#compare")
    page.page.mouse.down()
    page.page.wait_for_selector("#stage[data-comparing=true]")
    page.page.wait_for_function("document.getElementById('original-0')?.width > 10")
    assert (page.pixels("original-0") == plain).all()
    page.page.mouse.up()
    page.page.select_option("#view", "changes")
    page.page.wait_for_function("document.getElementById('changes-0')?.width > 10")
    assert (page.pixels("changes-0") == difference(plain.astype("uint8"), smiling.astype("uint8"))).all()


def test_the_brush_paints_where_the_pointer_is(page):
    before = page.pixels()
    page.open("brush-panel")
    page.page.check("#brush-on")
    page.page.select_option("#brush-target", label="all units of synthesis.b64.conv0")
    page.page.evaluate("() => { const e = document.querySelector('#brush-size'); e.value = 15;"
                       " e.dispatchEvent(new Event('input', {bubbles: true})) }")  # fmt: skip
    box = page.page.locator("#picture-0").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    page.page.mouse.move(*at(0.1, 0.1))
    page.page.mouse.down()
    page.page.mouse.move(*at(0.3, 0.1), steps=5)
    page.after(lambda: page.page.mouse.up())
    changed = np.abs(page.pixels() - before).sum(2) > 0
    assert changed[2:10, 6:20].mean() > 0.8 and changed[24:].mean() < 0.02
    assert re.search(r"use: ablate.*region: stroke-\w+\.png", page.recipe())


def test_a_click_takes_a_part_from_another_person(page):
    before = page.pixels()
    page.open("parts-panel")
    page.page.wait_for_selector("[data-part=hair]")
    page.page.check("#parts-on")
    page.page.wait_for_selector("#stage[data-parts]")
    box = page.page.locator("#picture-0").bounding_box()
    over_hair = (box["x"] + 0.5 * box["width"], box["y"] + 0.12 * box["height"])
    page.page.mouse.move(*over_hair)
    page.page.wait_for_selector("#stage[data-part=hair]")
    page.after(lambda: page.page.mouse.click(*over_hair))
    changed = np.abs(page.pixels() - before)
    assert changed[:16].mean() > 4 * changed[40:48, 26:38].mean()  # the mouth stays
    text = page.recipe()
    assert re.search(r"use: exchange.*parts: \[hair\]", text.replace("\n", " ")) and 'seeds: "15"' in text


def test_a_photograph_is_dropped_and_shown(page, tmp_path):
    generator = load_generator("avatars.stylegan2")
    file = tmp_path / "me.png"
    Image.fromarray(to_uint8(generator.images(generator.sample([99])))[0]).resize((150, 150)).save(file)
    before = page.pixels()
    page.page.set_input_files("#photo", file)
    page.page.wait_for_selector("#refine:visible", timeout=60_000)
    page.page.wait_for_timeout(500)
    assert np.abs(page.pixels() - before).mean() > 10
    (tmp_path / "words.png").write_text("This is no picture.")
    page.page.set_input_files("#photo", tmp_path / "words.png")
    page.page.wait_for_function("document.querySelector('#message').textContent.includes('is no picture')")
    assert "inversion.encode" in page.recipe()
    page.faults.clear()  # the browser itself notes the refusal


def test_what_is_saved_says_how_to_run_it(page):
    page.slide(SMILE, 1)
    page.page.fill("#save-name", "from-the-page")
    page.page.click("#save")
    page.page.wait_for_function("document.querySelector('#message').textContent.includes('interpgan-run')")
    assert list(page.served.out.glob("from-the-page*/recipe.yaml"))


def test_an_operator_of_someone_else_has_controls(page):
    page.open("steps-panel")
    page.open("add-panel")
    page.page.select_option("#add-use", "example.exaggerate")
    page.page.fill("#add-form input[type=number]", "0.5")
    page.after(lambda: page.page.click("#add"))
    nearer = {"use": "example.exaggerate", "factor": 0.5}
    assert (page.pixels() == expected({"use": "sample", "seeds": "9"}, nearer)).all()
    box = page.page.locator("[data-step=example-exaggerate] input[type=number]")
    page.page.evaluate("() => document.querySelectorAll('#steps details').forEach(d => { d.open = true })")
    box.fill("0.2")
    page.after(lambda: box.press("Enter"))
    assert (page.pixels() == expected({"use": "sample", "seeds": "9"}, {**nearer, "factor": 0.2})).all()


def test_several_people_stand_side_by_side_without_a_shift_of_the_page(page):
    page.page.fill("#seeds", "3-6")
    page.after(lambda: page.page.press("#seeds", "Enter"))
    page.page.wait_for_selector("#picture-3")
    before = page.page.locator("#picture-3").bounding_box()
    page.slide(SMILE, 2)
    assert page.page.locator("#picture-3").bounding_box() == before


def test_nothing_is_asked_of_other_hosts(page):
    page.slide(SMILE, 1)
    page.page.select_option("#generator", "avatars.pggan")
    page.page.wait_for_timeout(500)
    assert page.requests and all(
        url.split("/")[2] == page.served.host or url.startswith(("data:", "blob:")) for url in page.requests
    )


def test_the_page_works_under_its_own_policy_on_a_phone(browser, served):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    faults = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(served.address)
    page.wait_for_selector(READY, state="attached", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator("#stage").bounding_box()
    assert box["width"] > 300 and box["y"] < 200
    # Whoever cannot see hears what each control is.
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter(e => !(e.labels?.length ||"
        " e.getAttribute('aria-label') || e.textContent.trim() || e.title)).map(e => e.outerHTML)"
    )
    assert not unnamed and not faults
    context.close()


def test_a_studio_that_has_stopped_says_so(browser, serve):
    served = serve(weights="toy")
    page = Page(browser, served)
    server = served.server
    server.should_exit = True
    page.page.wait_for_function(
        "document.querySelector('#message').textContent.includes('stopped')", timeout=30_000
    )
    page.context.close()


def test_the_token_is_asked_of_a_browser_too(browser, served):
    page = browser.new_page()
    answer = page.goto(f"http://{served.host}/")
    assert answer.status == 403 and "token" in page.content()
    page.close()
    with urllib.request.urlopen(served.address) as answer:
        assert answer.status == 200
