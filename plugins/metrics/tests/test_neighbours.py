import numpy as np
import pytest
import torch

from interpgan_core import InterpganError
from interpgan_metrics import nearest as nearest_module
from interpgan_metrics import neighbours
from interpgan_metrics.nearest import nearest
from interpgan_metrics.neighbours import Neighbours


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def fresh(kit, count, seed, gain=0.2):
    # Seeds far from the samples': RandomState(1) begins with the sample of seed 1.
    return kit.picture_set(gain * np.random.RandomState(10**6 + seed).randn(count, 3, 2, 2))


@pytest.mark.parametrize("block", [2048, 7])
def test_nearest_is_what_a_full_table_says(monkeypatch, block):
    monkeypatch.setattr(nearest_module, "BLOCK", block)
    a, b = normal(30, 5), normal(50, 5, seed=1)
    distances, positions = nearest(a, b, 4)
    table = (a.double()[:, None] - b.double()).square().sum(2).sqrt()
    expected = table.sort(1)
    torch.testing.assert_close(distances, expected.values[:, :4])
    assert torch.equal(positions, expected.indices[:, :4])


def test_equal_vectors_have_distance_0():
    a = 1000 + normal(20, 64)
    assert nearest(a, a, 1)[0].max() == 0
    assert nearest(a, a * (1 + 1e-4), 1)[0].min() > 0


def run(kit, data, generator, folder, **fields):
    operator = Neighbours(data=data, features=kit.Flat(), **({"seeds": "0-199", "shown": 4} | fields))
    return operator.run(generator, folder, kit.quiet)


def test_planted_copies_are_found(kit, tmp_path):
    """Of 200 samples 20 stand in the data, among pictures of the same kind."""
    generator = kit.Plain()
    copies = kit.drawn(generator, range(0, 200, 10))
    others = fresh(kit, 980, 1)
    data = kit.picture_set(torch.cat([others.images(slice(None)), copies.images(slice(None))]))
    report = run(kit, data, generator, tmp_path, held_out=fresh(kit, 500, 2), shown=20)
    made, held = report.tables[0].rows
    assert made[:2] == ("generated", 200) and held[:2] == ("held out", 500)
    assert made[4] == made[3] == 0 < held[4]
    assert 10 <= made[5] < 14 and 0.5 < held[5] < 1.5
    assert made[2] == pytest.approx(held[2], rel=0.1)
    assert sorted(strip.title for strip in report.strips) == sorted(
        f"seed {seed} and its nearest" for seed in range(0, 200, 10)
    )
    for strip in report.strips:
        seed = int(strip.title.split()[1])
        assert strip.pictures[1].caption == f"picture {980 + seed // 10}, distance 0"
        first, copy = (tmp_path / picture.file for picture in strip.pictures[:2])
        assert len(strip.pictures) == 4
        assert pixels(first) == pixels(copy) != pixels(tmp_path / strip.pictures[2].file)


def pixels(path):
    from PIL import Image

    return np.asarray(Image.open(path)).tolist()


def test_a_generator_that_copies_nothing(kit, tmp_path):
    report = run(kit, fresh(kit, 3000, 1), kit.Plain(), tmp_path, seeds="0-999", shown=0)
    made, held = report.tables[0].rows
    assert held[1] == 600  # a fifth was set aside
    assert made[5] < 3
    assert made[2] == pytest.approx(held[2], rel=0.03)
    assert "a copy of one of them is not found" in report.tables[0].note
    assert report.strips == () and not list(tmp_path.iterdir())


def test_held_out_pictures_are_not_searched(kit, tmp_path):
    """A picture is not its own neighbour where the data is divided."""
    report = run(kit, fresh(kit, 500, 1), kit.Plain(), tmp_path, shown=0)
    assert report.tables[0].rows[1][4] > 0
    assert "nearest of 400 training pictures" in report.tables[0].note


def test_a_fifth_is_held_out_and_no_more_than_the_bound(kit, tmp_path, monkeypatch):
    assert neighbours.HELD_OUT == 1000
    monkeypatch.setattr(neighbours, "HELD_OUT", 30)
    report = run(kit, fresh(kit, 500, 1), kit.Plain(), tmp_path, shown=0)
    assert "nearest of 470 training pictures" in report.tables[0].note


def test_too_few_to_divide(kit, tmp_path):
    with pytest.raises(
        InterpganError, match=r"^9 pictures are too few to set some of them aside; give 'held_out'"
    ):
        run(kit, fresh(kit, 9, 1), kit.Plain(), tmp_path)
    with pytest.raises(
        InterpganError, match=r"^2 pictures of data and 5 held out are too few; give at least 3 and 2"
    ):
        run(kit, fresh(kit, 2, 1), kit.Plain(), tmp_path, held_out=fresh(kit, 5, 2))
    with pytest.raises(InterpganError, match=r"^9 pictures of data and 1 held out are too few"):
        run(kit, fresh(kit, 9, 1), kit.Plain(), tmp_path, held_out=fresh(kit, 1, 2))
