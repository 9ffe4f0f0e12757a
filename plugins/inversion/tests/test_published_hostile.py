"""Damaged and malicious files of published encoders: every reader says a sentence, and nothing in them runs."""

import os
import pickle
import struct

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import toy
from interpgan_inversion import testing
from interpgan_inversion.encode import LoadEncoder
from interpgan_inversion.published.describe import describe

OPTIONS = {"encoder_type": "Encoder4Editing", "stylegan_size": 16, "start_from_latent_avg": True}
CONTENT = testing.published(
    testing.style_encoder(testing.plan(6, 16)), None, toy().spaces["w"].mean, **OPTIONS
)
RESTYLE = testing.published(
    testing.style_encoder(testing.plan(6, 16, "backbone", 6, "ResNet-34")),
    None,
    toy().spaces["w"].mean,
    encoder_type="ResNetBackboneEncoder",
    output_size=16,
    n_iters_per_batch=1,
)
FLAT = testing.published(
    testing.style_encoder(testing.plan(6, 16, "flat")),
    None,
    toy().spaces["w"].mean,
    encoder_type="BackboneEncoderUsingLastLayerIntoWPlus",
)
IDINVERT = {"state_dict": testing.idinvert(6, 16)}
FILES = {"e4e": CONTENT, "ReStyle": RESTYLE, "pSp": FLAT, "IDInvert": IDINVERT}

strange = st.one_of(
    st.none(),
    st.just("text"),
    st.just([torch.ones(2)]),
    st.just({"weight": torch.ones(2)}),
    st.just(2**70),
    st.sampled_from(
        [(), (0,), (1,), (16,), (512, 512), (1, 1, 1, 1), (16, 16, 3, 3), (0, 3, 3, 3), (7, 16)]
    ).map(torch.ones),
    st.just(torch.ones(16, dtype=torch.int64)),
    st.just(torch.ones(16, dtype=torch.complex64)),
    st.just(torch.full((16,), torch.nan)),
    st.just(torch.ones(16, dtype=torch.float64)),
)
options = st.fixed_dictionaries(
    {},
    optional={
        "encoder_type": st.one_of(
            strange, st.text(max_size=80), st.just("GradualStyleEncoder"), st.just("WEncoder")
        ),
        "stylegan_size": st.one_of(strange, st.integers(-5, 2**40), st.booleans()),
        "output_size": st.one_of(strange, st.integers(-5, 2**40)),
        "start_from_latent_avg": strange,
        "n_iters_per_batch": st.one_of(strange, st.integers(-3, 10**9)),
        "dataset_type": st.one_of(strange, st.text(max_size=80)),
    },
)


def tried(path):
    """Load the file by every reader; only sentences come out."""
    generator, said = toy(), []
    for family in ("", "StyleGAN 1"):
        generator.codes_of = family
        try:
            encoder = LoadEncoder(file=path).run(generator)
            with torch.no_grad():
                assert encoder.encode(torch.zeros(1, 3, 32, 32)).codes.isfinite().all()
        except InterpganError as error:
            said.append(str(error))
    assert all(
        sentence.startswith((str(path), "the encoder of")) and len(sentence) < 1500 for sentence in said
    )
    assert all(isinstance(value, str) for value in describe(Checkpoint(path)).values())


@pytest.mark.parametrize("name", FILES)
@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_tensors_that_are_something_else(name, data, tmp_path):
    state = dict(FILES[name]["state_dict"])
    for _ in range(data.draw(st.integers(1, 3))):
        key = data.draw(st.sampled_from(sorted(state)))
        match data.draw(st.sampled_from(["lost", "renamed", "strange", "doubled", "thirty blocks"])):
            case "lost":
                del state[key]
            case "renamed":
                state[data.draw(st.text(max_size=60))] = state.pop(key)
            case "strange":
                state[key] = data.draw(strange)
            case "doubled":
                if isinstance(state[key], torch.Tensor):
                    state[key] = torch.cat([state[key].flatten()] * 2)
            case _:
                state |= {f"block{i}.conv2.weight": torch.ones(2, 2, 3, 3) for i in range(30)}
    torch.save({**FILES[name], "state_dict": state}, tmp_path / "net.pt")
    tried(tmp_path / "net.pt")


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(FILES)), opts=st.one_of(options, strange), mean=strange)
@example(name="pSp", opts={"start_from_latent_avg": torch.ones(16)}, mean=None)
def test_options_and_means_that_are_something_else(name, opts, mean, tmp_path):
    content = {**FILES[name], "opts": opts}
    torch.save({**content, "latent_avg": mean} if mean is not None else content, tmp_path / "net.pt")
    tried(tmp_path / "net.pt")


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(FILES)), old=st.booleans(), data=st.data())
def test_bytes_that_are_lost_or_changed(name, old, data, tmp_path):
    path = tmp_path / "net.pt"
    torch.save(FILES[name], path, _use_new_zipfile_serialization=not old)
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        changed = bytearray(whole)
        for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=20)):
            changed[place] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(changed)
    tried(path)


class Evil:
    def __reduce__(self):
        return os.system, ("echo ran > ran.txt",)


@pytest.mark.parametrize("where", ["opts", "latent_avg", "optimizer", "state_dict"])
@pytest.mark.parametrize("write", ["torch", "torch, old format", "pickle"])
def test_code_in_a_file_is_not_run(where, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = {**CONTENT, where: {**CONTENT["state_dict"], "evil": Evil()} if where == "state_dict" else Evil()}
    path = tmp_path / "net.pt"
    if write == "pickle":
        path.write_bytes(pickle.dumps({where: Evil()}))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=write == "torch")
    for reader in (LoadEncoder(file=path).check, LoadEncoder(file=path).run):
        with pytest.raises(InterpganError, match="asks to run code"):
            reader(toy())
    assert "asks to run code" in describe(Checkpoint(path))["encoder"]
    assert [p.name for p in tmp_path.iterdir()] == ["net.pt"]


def large(path):
    """A file whose tensors stay in it: above 32 MB."""
    state = {**CONTENT["state_dict"], "decoder.ballast": torch.zeros(2**24 // 2)}
    torch.save({**CONTENT, "state_dict": state}, path)
    return path


def test_a_large_file_that_is_cut_short(tmp_path):
    path = large(tmp_path / "net.pt")
    whole = path.read_bytes()
    for share in (0.01, 0.5, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        tried(path)


def test_a_large_file_whose_tensors_claim_more_than_there_is(tmp_path):
    """Sizes are in the pickle, and lengths in the directory of the zip: neither is believed alone."""
    path = large(tmp_path / "net.pt")
    whole = path.read_bytes()
    count = struct.pack("<I", 2**23)
    assert whole.count(b"J" + count)
    path.write_bytes(whole.replace(b"J" + count, b"J" + struct.pack("<I", 2**30)))
    with pytest.raises(InterpganError, match="damaged"):
        LoadEncoder(file=path).check(toy())
