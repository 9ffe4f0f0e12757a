"""The scorer and the segmenter that come with the package, held to pictures that they were not trained on."""

import numpy as np
import pytest
import torch

from interpgan_avatars.anatomy import check_anatomy
from interpgan_avatars.data import drawn
from interpgan_avatars.drawing import parts
from interpgan_avatars.operators import DrawAvatars, LoadScorer, TrainScorer, TrainSegmenter
from interpgan_avatars.person import ATTRIBUTES, draw
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_avatars.training import images_from, labels_of, scorer_figures, segmenter_figures
from interpgan_core import ImageSet, InterpganError, Ranges, quiet
from interpgan_core.testing import toy

NEW = Ranges("100000-100999")  # the networks were trained on seeds below 36,000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn(NEW, tmp_path_factory.mktemp("drawn"), quiet)


@pytest.mark.long
def test_the_set_says_who_is_on_it(data):
    assert (len(data), data.resolution, data.class_names[0]) == (1000, 64, "short")
    people = [draw(seed) for seed in NEW]
    assert data.attribute("eyeglasses").tolist() == [float(p.eyeglasses) for p in people]
    assert data.attribute("hair").tolist() == [float(p.hair_colour) for p in people]
    assert data.classes.tolist() == [p.style for p in people]


@pytest.mark.long
def test_the_scorer_knows_new_faces(data):
    figures = scorer_figures(
        AvatarScorer.shipped().net, images_from(data, 0), labels_of([draw(s) for s in NEW])
    )
    assert set(figures) == {*ATTRIBUTES, "hair", "skin", "style"}
    assert all(figure >= 0.98 for figure in figures.values()), figures


@pytest.mark.long
def test_the_segmenter_knows_new_faces(data):
    maps = np.stack([parts(draw(seed)) for seed in NEW[:400]])
    figures = segmenter_figures(AvatarSegmenter.shipped().net, images_from(data, 0), maps)
    assert np.mean(list(figures.values())) >= 0.9, figures


@pytest.mark.long
def test_scores_are_what_they_say(data):
    images = data.images(slice(0, 50))
    scorer = AvatarScorer.shipped()
    scores = scorer(images)
    assert scores.shape == (50, 6)
    assert ((scores[:, 1:] >= 0) & (scores[:, 1:] <= 1)).all()
    logits = LoadScorer(scale="logit").run("cpu")(images)
    torch.testing.assert_close(logits[:, 1:].sigmoid(), scores[:, 1:])
    torch.testing.assert_close(logits[:, 0], scores[:, 0])
    assert scorer.features(images).shape == (50, 256)
    larger = torch.nn.functional.interpolate(images, scale_factor=2.0, mode="nearest")
    assert ((scorer(larger)[:, 1:] > 0.5) == (scores[:, 1:] > 0.5)).float().mean() > 0.97


@pytest.mark.long
def test_drawn_faces_are_anatomically_right(data, tmp_path):
    class Drawn:
        """As if they had been generated."""

        def stream(self, seeds, size):
            yield from (range(start, min(start + size, len(data))) for start in range(0, len(data), size))

        def images(self, rows, size):
            return data.images(list(rows))

    eyes = (AvatarScorer.shipped(), AvatarSegmenter.shipped())
    report = check_anatomy(Drawn(), NEW, *eyes, data, 100, quiet, tmp_path)
    first, *others = report.tables
    assert dict(first.rows)["exactly two eyes and one mouth"] > 99
    for table in others:
        assert max(abs(row[3]) for row in table.rows) < 2
    assert not report.strips


def test_patterns_are_no_faces(tmp_path):
    eyes = (AvatarScorer.shipped(), AvatarSegmenter.shipped())
    report = check_anatomy(toy(), range(20), *eyes, None, 10, quiet, tmp_path)
    assert dict(report.tables[0].rows)["exactly two eyes and one mouth"] < 20
    assert (tmp_path / report.strips[0].pictures[0].file).exists()


@pytest.mark.long
@pytest.mark.parametrize("operator", [TrainScorer, TrainSegmenter])
def test_both_can_be_trained_anew(data, tmp_path, operator):
    made = operator(data=data, steps=3, held_out=100).run(quiet)
    made.save(tmp_path)
    again = type(made).load(tmp_path)
    images = data.images(slice(0, 4))
    assert torch.equal(made(images), again(images))
    assert made.summary().tables[0].rows
    assert again.figures == made.figures


@pytest.mark.parametrize("operator", [TrainScorer, TrainSegmenter])
def test_they_learn_from_drawn_pictures_alone(data, operator):
    with pytest.raises(InterpganError, match=r"draw them with avatars\.data"):
        operator(data=ImageSet(data.pixels), steps=1).run(quiet)
    with pytest.raises(InterpganError, match="1000 pictures leave none to learn from beside 2000"):
        operator(data=data, steps=1, held_out=2000).run(quiet)


def test_nothing_to_draw(tmp_path):
    assert DrawAvatars().seeds == "0-9999"
    with pytest.raises(InterpganError, match="there is nothing to draw"):
        drawn([], tmp_path, quiet)


def test_without_the_drawing_libraries_one_is_told_what_to_install(monkeypatch):
    import sys

    from interpgan_avatars import drawing

    drawing._library.cache_clear()
    monkeypatch.setitem(sys.modules, "python_avatars", None)
    with pytest.raises(InterpganError, match=r"pip install 'interpgan-avatars\[draw\]'"):
        drawing.picture(draw(0))
