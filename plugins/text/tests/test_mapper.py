"""text.mapper and text.edit on the toy: a network trained without a text, and moved by texts."""

import numpy as np
import pytest
import torch

from interpgan_core import InterpganError, quiet
from interpgan_core.testing import Stopped, conformance, run_operator, stop_after, toy
from interpgan_text.edit import EditByText
from interpgan_text.mapper import LoadMapper, Mapper
from interpgan_text.mapper_network import MapperNet
from interpgan_text.mapper_training import root
from interpgan_text.net import of_images, of_texts, probe
from interpgan_text.pairs import Pairs
from interpgan_text.testing import Colours
from interpgan_text.train_mapper import TrainMapper

NET = Colours()
SMALL = TrainMapper(net=NET, samples=100, steps=3, batch_size=8, width=8)


def untrained():
    generator = toy()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = MapperNet(16, 4, 8).requires_grad_(False)
    parts = torch.zeros(16), torch.ones(16), torch.eye(4)
    return Mapper(net, "w", *parts, generator.fingerprint, probe(NET), NET.name)


test_training = conformance(SMALL, toy)
test_edit = conformance(EditByText(net=NET, mapper=untrained(), text="a red thing", neutral="a thing"), toy)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    step = TrainMapper(net=NET, samples=600, steps=250, batch_size=64, width=64)
    return run_operator(step, tmp_path_factory.mktemp("trained"), generator=toy())


def edit(mapper, **given):
    return EditByText(net=NET, mapper=mapper, **{"text": "a red thing", "neutral": "a thing", **given})


def similarity(batch, generator, text):
    with torch.no_grad():
        return of_images(NET, generator.images(batch, 8)) @ of_texts(NET, [text])[0]


@pytest.mark.parametrize("colour", ["red", "blue"])  # all pictures of the toy are about as green
def test_it_moves_samples_that_it_never_saw_to_texts_that_it_never_saw(trained, colour):
    generator, text = toy(), f"a {colour} thing"
    batch = generator.sample(range(50, 70))
    before = similarity(batch, generator, text)
    after = similarity(edit(trained, text=text).run(batch, generator), generator, text)
    assert (after > before).float().mean() >= 0.9
    away = similarity(edit(trained, text=text, strength=-0.75).run(batch, generator), generator, text)
    assert away.mean() < before.mean() < after.mean()


def test_it_explains_pairs_that_it_never_saw(trained):
    assert trained.figures["cosine"] > 0.3
    assert trained.figures["explained"] > 0.1
    assert trained.summary().tables[0].rows


def test_no_strength_changes_nothing_and_a_little_only_a_little(trained):
    generator = toy()
    batch = generator.to_space(generator.sample([1, 2, 3]), trained.space)
    far = [
        float((edit(trained, strength=s).run(batch, generator).codes - batch.codes).norm())
        for s in (0.0, 1e-3)
    ]
    assert far[0] == 0
    assert 0 < far[1] < 1e-2 * float(batch.codes.norm())


def test_only_the_named_layers_move(trained):
    generator = toy()
    batch = generator.to_space(generator.sample([1]), "s")
    moved = edit(trained, layers="1-2").run(batch, generator).codes != batch.codes
    assert torch.equal(moved[0], batch.space.mask("1-2") & (trained.deviation > 0))


def test_entries_that_never_vary_stay(trained):
    mapper = Mapper(
        **{**vars(trained), "deviation": trained.deviation * (torch.arange(len(trained.mean)) > 5)}
    )
    generator = toy()
    batch = generator.to_space(generator.sample([1]), mapper.space)
    assert torch.equal(edit(mapper).run(batch, generator).codes[:, :6], batch.codes[:, :6])


@pytest.mark.parametrize(("count", "inside"), [(1, "looking at"), (4, "training")])
def test_a_training_that_was_stopped_goes_on(count, inside, tmp_path, monkeypatch):
    monkeypatch.setattr("interpgan_text.work._SAVE_SECONDS", 0.0)
    step = SMALL.model_copy(update={"samples": 130, "steps": 8})
    whole = run_operator(step, tmp_path / "whole", generator=toy())
    with pytest.raises(Stopped):
        run_operator(step, tmp_path / "parts", stop_after(count, inside), generator=toy())
    gone_on = run_operator(step, tmp_path / "parts", generator=toy())
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(tensor, gone_on.net.state_dict()[name]), name
    assert whole.figures == gone_on.figures


def test_pairs_are_of_one_class():
    codes = np.arange(40, dtype=np.float32)[:, None]
    pairs = Pairs(codes, codes, np.arange(40) % 3)
    first, _, second, _ = pairs.drawn(step=0, count=500, seed=0)
    assert torch.equal(first % 3, second % 3)
    assert len(second.unique()) == 40
    assert torch.equal(pairs.drawn(0, 500, 0)[2], second)
    assert not torch.equal(pairs.drawn(1, 500, 0)[2], second)


def test_what_varies_between_classes_is_no_difference_of_a_pair():
    seen = np.array([[0, 0], [1, 0], [0, 9], [1, 9]], np.float32)
    spread = Pairs(seen, seen, np.array([0, 0, 1, 1])).spread()
    torch.testing.assert_close(spread, torch.tensor([[0.25, 0.0], [0.0, 0.0]], dtype=torch.float64))


def test_the_root_of_a_covariance():
    some = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    covariance = some.T @ some
    torch.testing.assert_close(root(covariance) @ root(covariance), covariance)


def test_a_file_is_for_its_generator_and_its_net(trained, tmp_path):
    trained.save(tmp_path)
    file = tmp_path / "mapper.safetensors"
    loaded = LoadMapper(file=file).run(toy())
    generator = toy()
    batch = generator.sample([1])
    assert torch.equal(edit(loaded).run(batch, generator).codes, edit(trained).run(batch, generator).codes)
    other = toy().rectify(toy().layers[:1])
    with pytest.raises(InterpganError, match=r"was trained on another generator; train one by text\.mapper"):
        LoadMapper(file=file).check(other)
    with pytest.raises(InterpganError, match="this mapper was trained on another generator"):
        edit(trained).check(other.sample([1]), other)
    with pytest.raises(InterpganError, match="belongs to a generator; load that first"):
        Mapper.load(file)
    (tmp_path / "wrong.safetensors").write_bytes(b"hello")
    with pytest.raises(InterpganError, match=r"wrong\.safetensors"):
        LoadMapper(file=tmp_path / "wrong.safetensors").run(generator)


class Wide(Colours):
    name = "wide"

    def embed_images(self, images):
        return torch.cat([super().embed_images(images)] * 2, 1)


class Turned(Colours):
    name = "turned"

    def embed_images(self, images):
        return super().embed_images(images).flip(1)


def test_another_net_is_refused(trained):
    generator = toy()
    batch = generator.sample([1])
    with pytest.raises(
        InterpganError, match="embeddings have 4 numbers, and those of wide have 8; name that net, or train"
    ):
        edit(trained).model_copy(update={"net": Wide()}).check(batch, generator)
    with pytest.raises(
        InterpganError, match="this mapper, of colours, was trained on another net than turned"
    ):
        edit(trained).model_copy(update={"net": Turned()}).check(batch, generator)


def test_what_else_is_refused(trained, tmp_path):
    generator = toy()
    with pytest.raises(InterpganError, match="one vector a layer"):
        SMALL.model_copy(update={"space": "w+"}).check(generator)
    with pytest.raises(InterpganError, match="mean the same to colours; say what shall change"):
        edit(trained, text="a thing").check(generator.sample([1]), generator)
    broken = SMALL.model_copy(update={"rate": 1e30, "steps": 20})
    with pytest.raises(InterpganError, match="is not finite; give a smaller 'rate'"):
        run_operator(broken, tmp_path, quiet, generator=generator)
