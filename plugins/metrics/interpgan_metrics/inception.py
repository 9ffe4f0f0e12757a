"""The operator `metrics.inception`: the network that published FIDs are measured with, from the user's own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interpgan_core import InputFile, InterpganError, Operator, read_weights
from interpgan_core.plugin import build

if TYPE_CHECKING:
    from torch import Tensor, nn

FILE = "pt_inception-2015-12-05-6726825d.pth"
SIDE = 299  # pixels of the pictures that the network was trained on


class Inception:
    """Inception v3 up to its pooled features: a `FeatureNet`.

    Args:
        network: as `network.inception_v3` makes it, with weights.
    """

    name: str = "Inception v3 of 2015"

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, 2048) float32."""
        import torch

        device = next(self.network.parameters()).device
        sized = torch.nn.functional.interpolate(images.to(device), (SIDE, SIDE), mode="bilinear")
        found: Tensor = self.network(sized)
        return found


class LoadInception(Operator):
    """Load the Inception v3 of published FIDs, as an extractor of 2048 features.

    The file is pt_inception-2015-12-05-6726825d.pth, which the project pytorch-fid publishes.

    Source: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016, table 1, with the
        pooling of TensorFlow's graph of 2015: averages leave the padding out, and the last block takes maxima.
    """

    keep = False

    weights: InputFile
    """The state dict, in torch's format or as safetensors."""

    def run(self, device: str) -> Inception:
        import torch

        from interpgan_metrics.inception_network import inception_v3

        tensors = read_weights(self.weights)
        if not isinstance(tensors, Mapping) or not any(str(name).startswith("Mixed_") for name in tensors):
            raise InterpganError(f"{self.weights} holds no Inception v3; give the file {FILE}")
        used = {n: t for n, t in tensors.items() if not n.startswith("fc.")}  # without the classifier
        # How many batches the statistics come from matters in training alone, and files differ in having it.
        counted = [
            n.replace("running_mean", "num_batches_tracked") for n in used if n.endswith("running_mean")
        ]
        used = {**dict.fromkeys(counted, torch.tensor(0)), **used}
        return Inception(build(inception_v3, used, self.weights).to(device))
