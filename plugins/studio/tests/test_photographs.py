"""A photograph on the page: encoded at once, refined beside the pictures, pasted back on save."""

import socket
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from interpgan_core import load_generator, make_plan, quiet, run, to_uint8


def png(picture, kind="PNG"):
    data = BytesIO()
    picture.save(data, kind)
    return data.getvalue()


@pytest.fixture(scope="session")
def person():
    """A drawn face that no seed of the tests has."""
    generator = load_generator("avatars.stylegan2")
    return Image.fromarray(to_uint8(generator.images(generator.sample([4321])))[0]).resize((200, 200))


def post(tab, data):
    """What the studio answers to a file: status and text."""
    request = urllib.request.Request(tab.served.url("photo", tab=tab.name), data, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def placed(tab, data):
    assert post(tab, data) == (200, "{}")
    tab.until(lambda message: message.get("state", {}).get("people", {}).get("kind") == "photo")


def psnr(one, other):
    return -10 * np.log10(np.square((np.asarray(one, float) - np.asarray(other, float)) / 255).mean())


@pytest.mark.long
def test_a_photograph_is_encoded_and_edited(tab, person, tmp_path):
    placed(tab, png(person))
    assert psnr(tab.picture(), person.resize((64, 64))) > 15
    assert tab.state["people"]["psi"] is None
    tab.do(do="slide", direction="$avatars-directions.smile", value=2, layers="all", done=True)
    tab.do(do="save", name="photo")
    folder = max(tab.served.out.glob("photo*"), key=lambda path: path.stat().st_mtime)
    run(make_plan(folder / "recipe.yaml"), tmp_path / "run", device="cpu", progress=quiet)
    (picture,) = folder.glob("picture*")
    assert picture.read_bytes() in [file.read_bytes() for file in tmp_path.glob("run/*render/0*.png")]


@pytest.mark.long
def test_a_photograph_is_refined_while_sliders_move(tab, person):
    placed(tab, png(person))
    near = psnr(tab.picture(), person.resize((64, 64)))
    tab.send(do="refine")
    tab.until(lambda message: (message.get("job") or {}).get("total"))
    tab.do(do="slide", direction="$avatars-directions.age", value=1, layers="all", done=True)
    assert not tab.state["people"]["refined"]
    tab.until(lambda message: message.get("state", {}).get("people", {}).get("refined"), timeout=120)
    assert [edit["id"] for edit in tab.state["edits"]] == ["age"]
    tab.do(do="slide", direction="$avatars-directions.age", value=0, layers="all", done=True)
    assert psnr(tab.picture(), person.resize((64, 64))) > near + 1
    tab.do(do="undo")
    tab.do(do="undo")
    assert not tab.state["people"]["refined"]


@pytest.mark.long
def test_refining_is_cancelled(tab, person):
    placed(tab, png(ImageOps.mirror(person)))
    tab.send(do="refine")
    tab.until(lambda message: (message.get("job") or {}).get("total"))
    tab.send(do="cancel")
    tab.until(lambda message: message.get("said") == "Cancelled.")
    tab.until(lambda message: message.get("job", 0) is None)
    assert not tab.state["people"]["refined"]


def test_files_that_are_no_pictures_are_refused_in_a_sentence(tab):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    for data, said in {
        b"Dear diary, this is a text that is called photo.png": "is no picture",
        heic: "convert it to PNG",
        b"": "is empty",
        png(Image.new("RGB", (50, 50)))[:60]: "",
    }.items():
        status, text = post(tab, data)
        assert status == 400 and said in text, text
    assert tab.state["people"]["kind"] == "seeds"


def test_a_large_file_is_refused_before_it_is_all_there(tab):
    host, _, port = tab.served.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        path = tab.served.url("photo", tab=tab.name).partition(tab.served.host)[2]
        head = f"Host: {tab.served.host}\r\nContent-Length: {25 * 2**20}\r\nConnection: close"
        line.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
        line.sendall(bytes(20 * 2**20 + 1))
        answer = b"".join(iter(lambda: line.recv(4000), b"")).decode()
    assert " 413 " in answer.partition("\r\n")[0] and "larger than 20 MB" in answer


def test_a_generator_without_encoder_says_so(serve, open_tab, person):
    toy = open_tab(serve(weights="toy"))
    assert toy.state["photo"] == {
        "possible": False,
        "why": "This generator has no encoder for photographs. Open a recipe that has one.",
    }
    assert post(toy, png(person))[0] == 200
    toy.until(lambda message: "has no encoder" in message.get("said", ""))
    toy.close()


@pytest.mark.network
@pytest.mark.slow
def test_an_edited_face_is_pasted_back_into_its_photograph(serve, open_tab, tmp_path):
    portrait = Path(__file__).parents[3] / "recipes/my-face.jpg"
    tab = open_tab(serve(weights="mobilestylegan.ffhq"))
    placed(tab, portrait.read_bytes())
    tab.do(do="slide", direction="$faces-directions.age", value=2, layers="all", done=True)
    tab.do(do="save", name="portrait")
    (folder,) = tab.served.out.glob("portrait*")
    assert "use: faces.paste" in (folder / "recipe.yaml").read_text()
    with Image.open(folder / "picture.png") as picture, Image.open(portrait) as photograph:
        assert picture.size == photograph.size
        apart = np.abs(np.asarray(picture, int) - np.asarray(photograph.convert("RGB"), int)).mean(2)
    assert np.median(apart) < 1 and apart.max() > 30  # the photograph, but for the face
    run(make_plan(folder / "recipe.yaml"), tmp_path / "run", device="cpu", progress=quiet)
    pasted = [file.read_bytes() for file in tmp_path.glob("run/*pasted/**/*.png")]
    assert (folder / "picture.png").read_bytes() in pasted
    tab.close()
