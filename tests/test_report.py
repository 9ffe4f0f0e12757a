from __future__ import annotations

import base64
import copy
import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interpgan_core.errors import InterpganError
from interpgan_core.pictures import images
from interpgan_core.pictures.report import THUMBNAIL, Picture, Report, Strip, Table, write_page

HOSTILE = "<script>alert('\"1\"')</script>&amp;"
RECIPE = f"""# Four people, and what {HOSTILE}
# does to them.
interpgan: 1
steps:
  - {{use: sample, seeds: 0-3}}   # {HOSTILE}
"""


def picture(seed: int, side: int = 400) -> np.ndarray:
    """A smooth colourful field, another one for each seed."""
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.sin(seed + 5 * x * (c + 1) + 3 * y * (3 - c)) for c in range(3)]
    return (np.stack(waves, axis=2) * 120 + 128).astype(np.uint8)


def step(number: int, name: str, folder: str | None, **more) -> dict:
    return {
        "number": number,
        "id": name,
        "use": name,
        "parameters": {"seeds": "0-3", "strengths": [-1, 0.5], "space": None, "text": HOSTILE},
        "key": f"{number}" * 64,
        "status": "ran",
        "reason": "strength 2 -> 3",
        "seconds": 0.12,
        "folder": folder,
        "result": "Report",
        "files": [],
        **more,
    }


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> tuple[Path, dict]:
    """An output folder with samples, a walk with difference maps, wide tables; and its manifest."""
    out = tmp_path_factory.mktemp("out")
    for name in ("01-sample", "02-walk", "03-empty"):
        (out / name).mkdir()
    samples = tuple(
        Picture.write(picture(i), out / "01-sample", f"seed {i}#{i}.png", f"seed {i}") for i in range(4)
    )
    table = Table(
        HOSTILE,
        ("name", "found", "mixed", *(f"column {i}" for i in range(20))),
        (("smile", 1, None, *range(20)), (HOSTILE, 1234.5678, "x", *range(20))),
        note="in units of w",
    )
    Report(strips=(Strip("", samples),), tables=(table,), notes=(HOSTILE,)).save(out / "01-sample")
    strips = []
    for seed in (7, 8):
        row = [picture(seed + i) for i in range(5)]
        strip = Strip(
            f"seed {seed}",
            tuple(Picture.write(p, out / "02-walk", f"{seed}{i}.jpg", f"{i - 2}") for i, p in enumerate(row)),
            2,
            tuple(
                Picture.write(images.difference(row[2], p), out / "02-walk", f"{seed}{i}.d.png", "", HOSTILE)
                for i, p in enumerate(row)
                if i != 2
            ),
        )
        strips.append(strip)
    Report("A walk", tuple(strips)).save(out / "02-walk")
    run = {
        "title": f"Title {HOSTILE}",
        "recipe": {"file": "recipe.yaml", "text": RECIPE},
        "overrides": [f"sample.seeds={HOSTILE}"],
        "device": "cpu",
        "seconds": 75.2,
        "started": "2026-11-22T09:11:50+00:00",
        "finished": "2026-11-22T09:12:03+00:00",
        "versions": {"interpgan-core": "0.1.0", "torch": "2.13.0"},
        "licences": [f"Not for sale {HOSTILE}"],
        "generator": {"fingerprint": "0123456789abcdef", "weights": "toy"},
        "steps": [
            step(1, "sample", "01-sample", status="cached"),
            step(2, "walk", "02-walk"),
            step(3, "empty", "03-empty", reason=""),
            step(4, "later", None, status="skipped", reason="no step that runs needs it"),
        ],
    }
    write_page(out / "report.html", run, out)
    return out, run


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="session")
def html(finished) -> str:
    return (finished[0] / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(html) -> Page:
    return Page(html)


# What a step shows, on disk


def test_a_report_comes_back_equal(tmp_path) -> None:
    shots = tuple(Picture(f"{i}.png", f"ü{i}", "alt", f"small/{i}.webp") for i in range(3))
    report = Report(
        "t",
        (Strip("walk", shots, 0, shots[1:]), Strip("", shots[:1])),
        (Table("x", ("a", "b"), ((1, 2.0), (None, "3"), (float("inf"), -0.0)), "n"),),
        ("one", "two"),
    )
    report.save(tmp_path)
    loaded = Report.load(tmp_path)
    assert loaded == report
    assert [type(v) for row in loaded.tables[0].rows for v in row] == [
        int,
        float,
        type(None),
        str,
        float,
        float,
    ]
    Report().save(tmp_path)
    assert Report.load(tmp_path) == Report()


def test_a_written_picture_has_a_small_one_beside_it(tmp_path) -> None:
    (tmp_path / "deep").mkdir()
    kept = Picture.write(picture(1, 500), tmp_path, "deep/a.png", "c", "alt", {"seed": "1"})
    assert kept == Picture("deep/a.png", "c", "alt", "deep/small/a.webp")
    with Image.open(tmp_path / kept.file) as full, Image.open(tmp_path / kept.thumbnail) as small:
        assert (full.size, full.text) == ((500, 500), {"seed": "1"})
        assert (small.size, small.format) == ((THUMBNAIL, THUMBNAIL), "WEBP")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: Strip("s", (p,), 1), "no picture 1 to be its origin"),
        (lambda p: Strip("s", (p,), -1), "no picture -1 to be its origin"),
        (lambda p: Strip("s", (p, p), None, (p,)), "needs an origin and one difference map for each other"),
        (lambda p: Strip("s", (p, p), 0, (p, p)), "needs an origin and one difference map for each other"),
        (lambda p: Table("t", ("a", "b"), ((1, 2), (1,))), "table 't' needs 2 values in each row"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(make, message) -> None:
    with pytest.raises(InterpganError, match=message):
        make(Picture("a.png", ""))


PICTURE = '{"strips": [{"title": "", "pictures": [{"file": %s, "caption": "", "thumbnail": %s}]}]}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged.*run again with --fresh"),
        ("[]", "is damaged"),
        ('{"title": 3}', "is damaged: title: Input should be a valid string"),
        ('{"notes": "abc"}', "is damaged: notes"),
        ('{"tables": [{"title": "", "columns": ["a"], "rows": [[[1]]]}]}', r"damaged: tables\.0\.rows"),
        ('{"tables": [{"title": "", "columns": ["a"], "rows": [[1, 2]]}]}', "needs 1 values in each row"),
        ('{"strips": [{"title": "", "pictures": [], "origin": 0}]}', "no picture 0 to be its origin"),
        (PICTURE % ('"../secret.png"', '""'), r"'\.\./secret\.png' outside it; run again with --fresh"),
        (PICTURE % ('"/secret.png"', '""'), "outside it"),
        (PICTURE % ('"a.png"', '"../secret.png"'), "outside it"),
        (PICTURE % ('"link/secret.png"', '""'), "outside it"),
        (PICTURE % (r'"a\u0000.png"', '""'), "outside it"),
    ],
)
def test_an_edited_report_is_refused(tmp_path, text: str, message: str) -> None:
    (tmp_path / "step").mkdir()
    (tmp_path / "step" / "link").symlink_to(tmp_path)
    (tmp_path / "secret.png").write_bytes(b"")
    (tmp_path / "step" / "report.json").write_text(text)
    with pytest.raises(InterpganError, match=message):
        Report.load(tmp_path / "step")


def test_a_missing_report_is_named(tmp_path) -> None:
    with pytest.raises(InterpganError, match=r"cannot read .*report\.json: No such file"):
        Report.load(tmp_path)


# The page


def test_the_page_needs_nothing_but_itself(html: str, page: Page) -> None:
    assert "http:" not in html
    assert "https:" not in html
    assert not {"script", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "url(" not in html
    assert "@import" not in html
    sources = [attributes["src"] for _, attributes in page.elements if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'")


def test_every_picture_is_there_small_described_and_linked(finished, page: Page) -> None:
    out, _ = finished
    shown = page.all("img")
    assert len(shown) == 4 + 2 * 5 + 2 * 4
    for picture_shown in shown:
        kind, data = picture_shown["src"].split(";base64,")
        with Image.open(BytesIO(base64.b64decode(data))) as decoded:
            assert (kind, decoded.format) == ("data:image/webp", "WEBP")
            assert max(decoded.size) == THUMBNAIL
    described = [picture_shown["alt"] for picture_shown in shown]
    assert described[:6] == ["seed 0", "seed 1", "seed 2", "seed 3", "seed 7, -2", HOSTILE]
    links = [a["href"] for a in page.all("a")]
    assert links[0] == "01-sample/seed%200%230.png"
    assert all((out / link.replace("%20", " ").replace("%23", "#")).is_file() for link in links)


def test_words_from_outside_stay_words(html: str, page: Page) -> None:
    assert "<script" not in html
    assert f"Title {HOSTILE}" in page.text
    assert page.text.count(HOSTILE) >= 9


def test_the_page_tells_how_it_was_made(page: Page) -> None:
    text = " ".join(page.text.split())
    for words in (
        "None of them is a photograph of a person.",
        f"Four people, and what {HOSTILE} does to them.",
        "1 min 15 s on cpu",
        "22 November 2026, 09:12 UTC",
        "- {use: sample, seeds: 0-3}",
        f"Changed on the command line: sample.seeds={HOSTILE}",
        "strengths -1, 0.5",
        "step 1, sample · cached · 0.12 s",
        "strength 2 -> 3 · key 222222222222",
        "skipped no step that runs needs it · key 444444444444",
        "64 of 255 or more",
        "0123456789abcdef",
        f"Not for sale {HOSTILE}",
        "torch 2.13.0",
    ):
        assert words in text
    assert "space None" not in text


def test_the_recipe_keeps_its_lines(page: Page) -> None:
    assert RECIPE.strip() in page.text


def test_numbers_stand_to_the_right(page: Page) -> None:
    heads = [th.get("class") for th in page.all("th")[:4]]
    cells = [td.get("class") for td in page.all("td")[:4]]
    assert heads == [None, "digits", None, "digits"]
    assert cells == [None, "digits", None, "digits"]
    text = page.text
    assert "1235" in text
    assert "–" in text


def test_a_table_may_be_coloured(tmp_path, finished) -> None:
    row = ("a", 1.0, -4.0, 0.0, None, float("nan"))
    Report(tables=(Table("t", tuple("nabcde"), (row,), full=2.0),)).save(tmp_path)
    assert Report.load(tmp_path).tables[0].full == 2
    write_page(tmp_path / "report.html", {**finished[1], "steps": [step(1, "one", ".")]}, tmp_path)
    cells = Page((tmp_path / "report.html").read_text()).all("td")
    red, blue = "background: rgb(178 24 43 / {})", "background: rgb(33 102 172 / {})"
    styles = [None, red.format("25%"), blue.format("50%"), blue.format("0%"), None, blue.format("0%")]
    assert [cell.get("style") for cell in cells] == styles


def test_only_steps_with_something_to_show_have_a_section(page: Page) -> None:
    assert [h.get("id") for h in page.all("h2")] == ["step-1", "step-2", "made", None]


def test_pictures_stand_before_tables(tmp_path, finished) -> None:
    _, run = finished
    for name in ("01-find", "02-show"):
        (tmp_path / name).mkdir()
    Report("Found", tables=(Table("t", ("a",), ((1,),)),)).save(tmp_path / "01-find")
    shown = Picture.write(picture(1), tmp_path / "02-show", "a.png", "a")
    Report("Shown", (Strip("", (shown,)),)).save(tmp_path / "02-show")
    steps = [step(1, "find", "01-find"), step(2, "show", "02-show")]
    write_page(tmp_path / "report.html", {**run, "steps": steps}, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.index(">Shown</h2>") < html.index(">Found</h2>")


def test_a_run_without_a_generator_has_a_page_too(tmp_path, finished) -> None:
    run = {**finished[1], "title": "", "generator": {}, "device": None, "licences": [], "steps": []}
    write_page(tmp_path / "report.html", run, tmp_path)
    page = Page((tmp_path / "report.html").read_text())
    assert "recipe.yaml" in page.text
    assert "None" not in page.text.replace("None of them", "")
    assert not page.all("img")


def test_a_picture_without_a_small_one_is_shown_as_it_is(tmp_path, finished) -> None:
    images.save_picture(picture(0, 40), tmp_path / "plain.png")
    Report(strips=(Strip("", (Picture("plain.png", "plain"),)),)).save(tmp_path)
    write_page(tmp_path / "report.html", {**finished[1], "steps": [step(1, "one", ".")]}, tmp_path)
    (shown,) = Page((tmp_path / "report.html").read_text()).all("img")
    data = base64.b64encode((tmp_path / "plain.png").read_bytes()).decode()
    assert shown == {"src": f"data:image/png;base64,{data}", "alt": "plain"}


def test_a_rebuilt_page_is_the_same_and_loads_no_torch(finished, html: str) -> None:
    out, run = finished
    (out / "run.json").write_text(json.dumps(run))
    code = (
        "import json, sys; from pathlib import Path; from interpgan_core.pictures.report import write_page\n"
        "out = Path(sys.argv[1]); run = json.loads((out / 'run.json').read_text())\n"
        "write_page(out / 'again.html', run, out)\n"
        "print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, out], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert (out / "again.html").read_text(encoding="utf-8") == html


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda out, run: (out / "02-walk" / "small" / "70.webp").unlink(), r"70\.webp: .*--fresh"),
        (lambda out, run: (out / "02-walk" / "report.json").write_text("{"), "is damaged"),
        (lambda out, run: run["steps"][0].update(folder=".."), "outside it"),
        (
            lambda out, run: Report(strips=(Strip("", (Picture("a.svg", ""),)),)).save(out / "02-walk"),
            r"a page cannot carry .*a\.svg; end the name in \.webp, \.png",
        ),
    ],
)
def test_a_page_that_cannot_be_made_leaves_the_old_one(tmp_path, finished, change, message) -> None:
    out, run = tmp_path / "copy", copy.deepcopy(finished[1])
    shutil.copytree(finished[0], out)
    (out / "report.html").write_text("old")
    change(out, run)
    before = sorted(p.name for p in out.iterdir())
    with pytest.raises(InterpganError, match=message):
        write_page(out / "report.html", run, out)
    assert (out / "report.html").read_text() == "old"
    assert sorted(p.name for p in out.iterdir()) == before


def test_a_place_that_cannot_be_written_is_named(tmp_path, finished) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InterpganError, match=r"cannot write page\.html"):
        write_page(tmp_path / "file" / "page.html", {**finished[1], "steps": []}, tmp_path)


# In a browser


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1100, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_looks_right_alone_and_without_network(browser, html, tmp_path, width, scheme) -> None:
    (tmp_path / "moved.html").write_text(html, encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    tab, problems, requests = context.new_page(), [], []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto((tmp_path / "moved.html").as_uri())

    assert problems == []
    assert [url for url in requests if not url.startswith("data:")] == [(tmp_path / "moved.html").as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    sizes = tab.eval_on_selector_all("img", "shown => shown.map(i => [i.naturalWidth, i.clientWidth])")
    assert len(sizes) == 22
    assert all(natural == THUMBNAIL and 50 <= client <= THUMBNAIL for natural, client in sizes)

    with Image.open(BytesIO(tab.screenshot())) as shot:
        colours = np.asarray(shot.convert("RGB")).reshape(-1, 3)
    assert (colours[0].mean() > 128) == (scheme == "light")
    assert len(np.unique(colours, axis=0)) > 1000

    maps = tab.locator(".change").first
    assert maps.is_visible()
    tab.get_by_label("Change from the picture in bold").uncheck()
    assert not maps.is_visible()
    context.close()


@pytest.mark.browser
def test_what_scrolls_shows_it(browser, finished) -> None:
    """Arrows at the right edge of a row and of a table that go on there, until their end is seen."""
    accent = np.array([150, 23, 90])
    tab = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="light")
    tab.goto((finished[0] / "report.html").as_uri())

    def arrows(place) -> int:
        with Image.open(BytesIO(place.screenshot())) as shot:
            pixels = np.asarray(shot.convert("RGB")).astype(int)
        return int((np.abs(pixels[:, -12:] - accent).max(2) < 30).sum())

    for place in (tab.locator(".sheet.scrolls"), tab.locator(".table .scrolls")):
        assert place.evaluate("e => e.scrollWidth > e.clientWidth")
        assert arrows(place) > 50
        place.evaluate("e => { e.scrollLeft = e.scrollWidth }")
        assert arrows(place) == 0
    tab.set_viewport_size({"width": 1600, "height": 800})
    fits = tab.locator(".sheet.scrolls")
    assert not fits.evaluate("e => e.scrollWidth > e.clientWidth") and arrows(fits) == 0
    tab.close()
