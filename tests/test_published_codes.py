"""Codes as other tools leave them: read, used, written back."""

import numpy as np
import pytest
import torch

from interpgan_core import InterpganError, LoadBatch, Save, load_generator
from interpgan_core.errors import Remark
from interpgan_core.loading.inspection import inspect

RANDOM = np.random.default_rng(0)
GENERATOR = load_generator("toy")
LAYERS, WIDTH = GENERATOR.spaces["w+"].shape
W = RANDOM.standard_normal((3, WIDTH)).astype(np.float32)
WPLUS = RANDOM.standard_normal((3, LAYERS, WIDTH)).astype(np.float32)


def repeated(codes):
    return np.repeat(codes[:, None], LAYERS, axis=1)


def write(path, content):
    if path.suffix == ".npy":
        np.save(path, content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    else:
        torch.save(content, path)
    return path


def tensors(value):
    return torch.from_numpy(value)


LAYOUTS = {
    "NVIDIA's projector, one code of w repeated": ("projected_w.npz", {"w": repeated(W[:1])}, "w", W[:1]),
    "NVIDIA's projector, w+": ("projected_w.npz", {"w": WPLUS[:1]}, "w+", WPLUS[:1]),
    "e4e's latents": ("latents.pt", tensors(WPLUS), "w+", WPLUS),
    "in half precision": ("latents.npy", WPLUS.astype(np.float16), "w+", WPLUS.astype(np.float16)),
    "pSp's, one dict a picture": ("p.pt", {"a.png": {"latent": tensors(WPLUS[0]), "img": torch.zeros(1, 3, 4, 4)},
                                           "b.png": {"latent": tensors(WPLUS[1])}}, None, None),
    "PTI's pivot": ("0.pt", tensors(WPLUS[:1]), "w+", WPLUS[:1]),
    "rosinality's projector": ("p.pt", {"face.png": {"img": torch.zeros(3, 4, 4), "latent": tensors(W[0]),
                                                     "noise": [torch.zeros(1, 1, 4, 4)]}}, None, None),
    "Puzer's encoder": ("dlatents.npz", {"dlatents": WPLUS}, "w+", WPLUS),
    "ReStyle's, one array a picture": ("l.npy", {"a.jpg": WPLUS[0], "b.jpg": WPLUS[1]}, "w+", WPLUS[:2]),
    "a list of codes": ("list.pt", [tensors(WPLUS[:1]), tensors(WPLUS[1:2])], "w+", WPLUS[:2]),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, row in LAYOUTS.items() if row[2]])
def test_codes_of_every_layout(name, tmp_path):
    file, content, space, codes = LAYOUTS[name]
    batch = LoadBatch(file=write(tmp_path / file, content)).run(GENERATOR)
    assert batch.space.name == space and torch.equal(batch.codes, torch.from_numpy(codes).float())
    assert GENERATOR.images(batch).shape == (len(codes), 3, 32, 32)
    if "ReStyle" in name:  # arrays by the names of pictures could be anything
        return
    facts = inspect(tmp_path / file)
    assert "step load" in facts["family"] or "code" in str(facts) or facts["family"].startswith("directions")


@pytest.mark.parametrize(
    ("name", "codes"), [("pSp's, one dict a picture", WPLUS[:2]), ("rosinality's projector", W[:1])]
)
def test_codes_whose_space_the_step_says(name, codes, tmp_path):
    file, content, _, _ = LAYOUTS[name]
    path = write(tmp_path / file, content)
    space = "w" if codes.ndim == 2 else "w+"
    batch = LoadBatch(file=path, space=space).run(GENERATOR)
    assert torch.equal(batch.codes, torch.from_numpy(codes))


@pytest.mark.parametrize("ending", [".npy", ".npz"])
@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_written_and_read_again(space, ending, tmp_path):
    batch = GENERATOR.to_space(GENERATOR.sample([1, 2, 3]), space)
    Save(file=f"codes{ending}").run(tmp_path, batch, GENERATOR)
    again = LoadBatch(file=tmp_path / f"codes{ending}", space=space).run(GENERATOR)
    assert again.space.name == space and torch.equal(again.codes, batch.codes)
    content = np.load(tmp_path / f"codes{ending}", allow_pickle=False)
    if ending == ".npz" and space != "z":  # what generate.py --projected-w asks for
        assert content["w"].shape == (3, LAYERS, WIDTH)
    elif ending == ".npy":
        assert content.shape == tuple(batch.codes.shape)


def test_codes_of_another_number_of_layers_go_by_layer():
    """18 codes of StyleGAN 2 onto MobileStyleGAN's 23: number k to each code that drives layer k."""
    from dataclasses import replace

    from interpgan_core.loading.published_codes import _batch

    numbers = torch.tensor([0, 1, 1, 2, 3, 3, 4])
    space = replace(GENERATOR.spaces["w+"], shape=(7, WIDTH), layer_of=numbers[:, None], mean=None)
    codes = torch.from_numpy(WPLUS[:, :5])
    batch = _batch(codes, space, GENERATOR, "codes.npy")
    assert torch.equal(batch.codes, codes[:, numbers])
    with pytest.raises(InterpganError, match=r"codes \(4, 16\), and a code of w\+ is \(7, 16\)"):
        _batch(codes[:, :4], space, GENERATOR, "codes.npy")


@pytest.mark.parametrize(
    ("content", "space", "message"),
    [
        (
            W,
            None,
            r"array \(3, 16\): 3 codes of z or w; say which, as space: z, or space: w\+ if it is one code of 3 layers",
        ),
        (WPLUS, "w", r"other numbers for each layer: they are of w\+, not w"),
        (WPLUS[..., :5], "w+", r"codes \(6, 5\), and a code of w\+ is \(6, 16\) in this generator"),
        (W, "v", "this generator has no space 'v'; there are: s, w"),
        (W * np.nan, "w", "numbers that are not finite"),
        (np.arange(5), None, "holds no codes that are known here"),
    ],
)
def test_codes_that_do_not_fit(content, space, message, tmp_path):
    with pytest.raises(InterpganError, match=message):
        LoadBatch(file=write(tmp_path / "codes.npy", content), space=space).run(GENERATOR)


def test_one_code_of_wplus_without_a_word(tmp_path):
    """Puzer's encoder leaves (18, 512): as many rows as the generator has layers."""
    path = write(tmp_path / "face.npy", WPLUS[0])
    with pytest.warns(Remark, match=r"was read as one code of w\+; if it is 6 codes of w, say space: w"):
        batch = LoadBatch(file=path).run(GENERATOR)
    assert batch.space.name == "w+" and torch.equal(batch.codes[0], torch.from_numpy(WPLUS[0]))
    assert len(LoadBatch(file=path, space="w").run(GENERATOR)) == LAYERS


def test_a_batch_of_our_own_has_its_space(tmp_path):
    GENERATOR.sample([1]).save(tmp_path)
    path = tmp_path / "batch.safetensors"
    assert LoadBatch(file=path, space="z").run(GENERATOR).seeds.tolist() == [1]
    with pytest.raises(InterpganError, match="holds codes of z, not w; leave out 'space'"):
        LoadBatch(file=path, space="w").run(GENERATOR)
