"""Walks as videos: every frame, its size, its time and its colours, read back."""

import importlib.util
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import Direction, Interpolate, Render, Walk, quiet
from interpgan_core.pictures.motion import save_motion
from interpgan_core.testing import recipe_error, toy

TOY = toy()


def halved(frames):
    """Means of 2 x 2 pixels, on which these videos keep colours."""
    *before, h, w, c = frames.shape
    return frames.reshape(*before, h // 2, 2, w // 2, 2, c).mean((-4, -2))


def read(path):
    """Frames as (n, h, w, 3) integers, seconds a frame, seconds of the file."""
    with av.open(str(path)) as video:
        (stream,) = video.streams
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(stream)]
        return np.stack(frames), 1 / stream.average_rate, video.duration / av.time_base


@pytest.mark.parametrize(("height", "width"), [(64, 48), (33, 47), (64, 31)])
def test_a_video_has_the_frames_that_it_was_given(tmp_path, height, width):
    """Soft gradients that change from frame to frame; an odd side has its last pixel doubled."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    frames = [np.uint8(255 * np.stack([x, y, np.full_like(x, k / 9)], 2)) for k in range(10)]
    save_motion(frames, tmp_path / "new/a.mp4")
    save_motion(frames, tmp_path / "new/b.mp4")
    assert (tmp_path / "new/a.mp4").read_bytes() == (tmp_path / "new/b.mp4").read_bytes()
    found, each, whole = read(tmp_path / "new/a.mp4")
    assert found.shape == (10, height + height % 2, width + width % 2, 3)
    assert (each, whole) == (Fraction(6, 100), pytest.approx(0.6, abs=0.01))
    assert abs(found[:, :height, :width] - np.stack(frames)).mean() < 3
    if width % 2:
        assert abs(found[:, :, -1] - found[:, :, -2]).mean() < 3


def test_a_walk_as_a_video(tmp_path):
    """From the first column to the last and back, so that it goes on without a jump when it begins again."""
    batch = Walk(direction=Direction(torch.eye(16)[0], "w"), strengths=(-3, 0, 3)).run(
        TOY.sample([1, 2]), TOY
    )
    report = Render(motion="mp4", frames=4).run(TOY, batch, tmp_path, quiet)
    assert sorted(path.name for path in (tmp_path / "motion").glob("*.mp4")) == ["000.mp4", "001.mp4"]
    frames, _, seconds = read(tmp_path / "motion/000.mp4")
    assert (frames.shape, seconds) == ((16, 32, 32, 3), pytest.approx(0.96, abs=0.01))
    frames = halved(frames)
    still = [halved(np.asarray(Image.open(next(tmp_path.glob(f"000-0{k}_*.png"))), int)) for k in range(3)]
    steps = [abs(a - b).mean() for a, b in zip(frames, np.roll(frames, -1, 0), strict=True)]
    assert max(steps) < abs(still[0] - still[2]).mean() / 2
    for k, at in enumerate((0, 4, 8)):
        assert abs(frames[at] - still[k]).mean() < 8
        assert abs(frames[at] - still[k]).mean() < min(
            abs(frames[at] - still[j]).mean() for j in {0, 1, 2} - {k}
        )
    assert abs(frames[3] - frames[13]).mean() < 3
    (picture,) = report.strips[-1].pictures
    assert (picture.file, picture.thumbnail) == ("motion/001.mp4", "motion/small/001.mp4")


def test_an_interpolation_as_a_video(tmp_path):
    way = Interpolate(to=TOY.sample([5]), steps=3).run(TOY.sample([4]), TOY)
    Render(motion="mp4", frames=5).run(TOY, way, tmp_path, quiet)
    frames, _, _ = read(tmp_path / "motion/000.mp4")
    assert len(frames) == 20


def test_without_pyav_it_is_said_before_anything_runs(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "av" else find(name, *a)
    )
    said = recipe_error(
        "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sample}\n"
        "  - {use: render, motion: mp4}\n",
        tmp_path,
    )
    assert 'mp4 needs PyAV: pip install "interpgan-core[video]"' in said
