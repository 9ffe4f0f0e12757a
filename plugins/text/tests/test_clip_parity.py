"""CLIP against the answers of the original classes: tokens, both layouts, the preparation of pictures."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from interpgan_text.clip import ClipNet, LoadClip
from interpgan_text.tokens import END, START, encoded
from parity.second import SecondCase

FOLDER = Path(os.environ.get("INTERPGAN_PARITY2", Path(__file__).parents[4] / "shared" / "parity2"))
pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(
        not (FOLDER / "clip_bpe_open.npz").exists(),
        reason="the answers of the original code are not beside this checkout",
    ),
]
NETS = sorted(path.stem for path in FOLDER.glob("clip_*.json") if "_w" in path.stem)


def test_every_sentence_has_the_original_tokens():
    facts = json.loads((FOLDER / "clip_bpe_open.json").read_text())
    with np.load(FOLDER / "clip_bpe_open.npz") as file:
        rows = file["tokens"]
    for sentence, row in zip(facts["sentences"], rows, strict=True):
        numbers = [START, *encoded(sentence), END]
        assert numbers == row[: len(numbers)].tolist(), sentence
        assert not row[len(numbers) :].any()


@pytest.mark.parametrize("name", NETS)
def test_embeddings_are_the_originals(name, tmp_path):
    case = SecondCase(name)
    state = case.state("C", lambda key, shape: None)
    quick = case.facts["ctor"].get("layout") != "hf" or "quick" in name
    save_file({k: t.contiguous() for k, t in state.items()}, tmp_path / "model.safetensors")
    loaded = LoadClip(
        weights=tmp_path / "model.safetensors", activation="quickgelu" if quick else "gelu"
    ).run("cpu")
    pictures, tokens = case.tensor("in/x"), case.tensor("in/tokens")
    for ending, net in (("", loaded.net), ("_f64", loaded.net.double())):
        x = pictures.to(net.logit_scale.dtype)
        seen, read = net.of_pictures(x), net.of_tokens(tokens)
        unit = torch.nn.functional.normalize
        logits = net.logit_scale.exp() * unit(seen, dim=1) @ unit(read, dim=1).T
        answers = {"image_features": seen, "text_features": read, "logits_per_image": logits}
        worst = 1e-9 if ending else 1e-5
        for answer, found in answers.items():
            stored = case.arrays[answer + ending]
            far = np.abs(found.numpy() - stored).max() / np.abs(stored).max()
            assert far < worst, f"{answer}{ending}: {far:.1e}"


@pytest.mark.network
@pytest.mark.parametrize("picture", ["square", "landscape", "small_portrait"])
def test_pictures_are_prepared_as_the_originals(picture):
    from PIL import Image

    skimage = pytest.importorskip("skimage")
    facts = json.loads((FOLDER / "clip_preprocess_open.json").read_text())["ctor"]["pictures"][picture]
    path = Path(skimage.__file__).parent / "data" / facts["file"]
    if not path.exists():
        pytest.skip("this picture of scikit-image is not installed")
    pixels = np.asarray(Image.open(path).convert("RGB"))
    if "crop" in facts:
        top, bottom, left, right = facts["crop"]
        pixels = pixels[top:bottom, left:right]
    net = ClipNet.__new__(ClipNet)
    net.side = 224

    class Scale:
        logit_scale = torch.zeros(())

    net.net = Scale()
    found = net.prepared(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 127.5 - 1)[0]
    with np.load(FOLDER / "clip_preprocess_open.npz") as file:
        stored = file[f"{picture}/sub"]
    levels = np.abs(found[:, ::4, ::4].numpy() - stored) * 0.26 * 255
    assert levels.max() < 2.5  # the original rounds to whole levels twice
    assert levels.mean() < 0.5
