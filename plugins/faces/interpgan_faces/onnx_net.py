"""A small net in an ONNX file, of dlib's kind: upright chips of faces in, probabilities out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from interpgan_faces.chips import prepared

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class ChipNet:
    """Age or gender of a face.

    Args:
        content: of the file; data, of which no code is run.
    """

    content: bytes

    def __call__(self, chips: Tensor) -> Tensor:
        """Probabilities of its classes.

        Args:
            chips: (n, 3, s, s) float32 in [-1, 1], of the net's own side.

        Returns:
            (n, classes) float32, on the CPU.
        """
        import torch

        session = self._session
        (taken,) = session.get_inputs()
        (found,) = session.run(None, {taken.name: prepared(chips.cpu()).numpy()})
        return torch.from_numpy(found)

    def __getstate__(self) -> dict[str, Any]:
        """What other processes need to build it again; a session cannot be sent."""
        return {"content": self.content}

    @cached_property
    def _session(self) -> Any:
        import onnxruntime
        import torch

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # only what ends it
        return onnxruntime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])
