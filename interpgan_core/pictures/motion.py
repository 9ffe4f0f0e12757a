"""Pictures that move: GIF, animated WebP, and videos (mp4)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    from interpgan_core.pictures.images import Pixels

Motion: TypeAlias = Literal["gif", "webp", "mp4"]

MILLISECONDS = 60  # that each frame is shown

# Good quality; with one thread, and arithmetic that is the same on every CPU, no byte depends on the machine.
_X264 = MappingProxyType({"crf": "16", "preset": "slow", "x264-params": "cpu-independent=1"})
_BT709 = 1  # colours of HD video, which every player takes where a file says so
_VIDEO_RANGE = 1  # 16 to 235


def need_video() -> None:
    """Check, before anything slow runs, that videos can be written.

    Raises:
        InterpganError: if PyAV is not installed.
    """
    if importlib.util.find_spec("av") is None:
        raise InterpganError('mp4 needs PyAV: pip install "interpgan-core[video]"')


def save_motion(frames: Sequence[Pixels], path: Path) -> None:
    """Write a picture that moves; the same frames give the same bytes.

    Args:
        frames: (h, w, 3) uint8 each, two at least; each is shown 60 ms.
        path: a name in .gif (256 colours a frame), .webp (quality 90) or .mp4 (H.264, for any browser; a side of
            an odd length has its last pixel doubled, since these videos have none); its folder is made. GIF and
            WebP say that they begin again when they end; an mp4 begins again where the player is told to.

    Raises:
        InterpganError: if an mp4 is asked for, and PyAV is not installed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mp4":
        _save_video(frames, path)
        return
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames]
    if path.suffix == ".gif":
        pictures = [picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=MILLISECONDS, loop=0, quality=90
    )


def _save_video(frames: Sequence[Pixels], path: Path) -> None:
    need_video()
    import av
    import numpy as np

    height, width, _ = frames[0].shape
    even = ((0, height % 2), (0, width % 2), (0, 0))
    with av.open(path, "w", options={"movflags": "faststart"}) as video:
        stream = video.add_stream("libx264", rate=Fraction(1000, MILLISECONDS), options=dict(_X264))
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = "yuv420p"
        encoder = stream.codec_context
        encoder.thread_count = 1
        encoder.color_primaries = encoder.color_trc = encoder.colorspace = _BT709
        encoder.color_range = _VIDEO_RANGE
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.pad(frame, even, mode="edge"), format="rgb24")
            picture = picture.reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", interpolation="BICUBIC"
            )
            video.mux(stream.encode(picture))
        video.mux(stream.encode(None))
