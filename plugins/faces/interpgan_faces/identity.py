"""The operator `faces.identity`: whose face it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from interpgan_core import Operator, Square
from interpgan_faces.chips import chip_square, prepared
from interpgan_faces.landmarks import LoadLandmarks
from interpgan_faces.wheels import IDENTITY

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_faces.landmarks import Landmarks
    from interpgan_faces.resnet import FaceResNet

SAME = 0.6
"""Distance of features under which two faces are taken for one person's; the net was trained for this number."""

PADDING = 0.25
MEAN = Path(__file__).parent / "mean_descriptor.json"  # of 1,000 generated faces
# Where eyes, nose and corners of the mouth stand in pictures that are aligned as those of FFHQ, as shares of the side:
# means of MTCNN's points. The nose is not used.
ALIGNED = ((0.3770, 0.4742), (0.6229, 0.4738), (0.5, 0.62), (0.3873, 0.7334), (0.6119, 0.7334))


class Identity:
    """A `FeatureNet`: rows of one person's faces are nearer than `SAME`.

    The features are dlib's descriptors less their mean over many faces: distances are dlib's, and the cosine is about
    0 for strangers.

    Args:
        net: dlib's residual net.
        mean: (128,) mean descriptor.
        finder: finds the face of each picture, in place of taking it where FFHQ's pictures have it; or None.
    """

    licence = "public domain: dlib's face ResNet, by Davis King, in the package face-recognition-models"
    name = "dlib's face ResNet"

    def __init__(self, net: FaceResNet, mean: Tensor, finder: Landmarks | None = None) -> None:
        self.net, self.mean, self.finder = net, mean, finder

    def features(self, images: Tensor) -> Tensor:
        """Descriptors of the largest face of each picture, differentiable in the images.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, 128) float32.
        """
        import torch

        if self.finder is None:
            chips = self.cut(images, aligned(images.shape[2:]))
        else:
            chips = torch.cat([self.cut(image[None], self._square(image)) for image in images])
        descriptors: Tensor = self.net(prepared(chips))
        return descriptors - self.mean

    def _square(self, image: Tensor) -> Square:
        assert self.finder is not None
        faces = self.finder.landmarks(image.detach())
        return chip_square(faces[0], PADDING) if len(faces) else aligned(image.shape[1:])

    def cut(self, images: Tensor, square: Square) -> Tensor:
        """(n, 3, 150, 150) chips from one square of all."""
        from interpgan_faces.resnet import SIDE

        flat = images.to(self.mean.device).flatten(0, 1)
        return square.cut(flat, SIDE).reshape(-1, 3, SIDE, SIDE)


def aligned(size: Sequence[int]) -> Square:
    """Where the face of an aligned picture is cut; size: height and width, in pixels."""
    import torch

    height, width = size
    middle = torch.tensor([width, height]) / 2
    return chip_square(middle + (torch.tensor(ALIGNED) - 0.5) * min(size), PADDING)


class LoadIdentity(Operator):
    """A net that tells whose face it is: for the identity term of `inversion`, and for distances of pictures.

    Two faces are of one person where the distance of their features is below 0.6. Fetched once (93 MB, public domain;
    22 MB are kept).

    Source: King, High Quality Face Recognition with Deep Metric Learning, 2017: dlib's
        face_recognition_resnet_model_v1.
    """

    keep: ClassVar[bool] = False

    aligned: bool = True
    """Whether pictures stand as those of FFHQ, as `inversion.align` cuts them and its generators draw them: the face is
    where theirs is. Otherwise it is sought in each picture, and taken from there all the same where none is found."""

    def run(self, device: str) -> Identity:
        """Load it.

        Raises:
            InterpganError: if it cannot be fetched.
        """
        import torch

        from interpgan_faces.dlib_file import read_layers
        from interpgan_faces.resnet import FaceResNet

        (data,) = IDENTITY.files().values()
        net = FaceResNet(read_layers(data)).to(device)
        mean = torch.tensor(json.loads(MEAN.read_text(encoding="utf-8")), device=device)
        return Identity(net, mean, None if self.aligned else LoadLandmarks().run(device))
