"""A network in an ONNX file, with the preprocessing that it expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from interpgan_core import InterpganError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

_KINDS = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
}


@dataclass(frozen=True, eq=False)
class OnnxScorer:
    """A `Scorer`.

    Args:
        content: of the file. It stays data: onnxruntime runs no code of it, and nothing of another file.
        file: its name.
        names: k attributes.
        size, values, mean, std, layout, output, activation: as of the operator.
        device: "cpu", or "cuda" where onnxruntime is built for it.
    """

    content: bytes
    file: str
    names: tuple[str, ...]
    size: tuple[int, ...] | None = None
    values: tuple[float, ...] = (0.0, 1.0)
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    layout: str = "nchw"
    output: str | None = None
    activation: str = "none"
    device: str = "cpu"

    def __call__(self, images: Tensor) -> Tensor:
        """Scores.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, k) float32, on the CPU.

        Raises:
            InterpganError: if the network refuses them, or gives another number of scores.
        """
        import torch

        made = torch.cat([self._run(part) for part in self._parts(self._prepared(images))])
        made = made.flatten(1) if made.ndim > 1 else made[:, None]
        if made.shape[1] != len(self.names):
            raise InterpganError(
                f"{self.file} gives {made.shape[1]} numbers a picture, and there are {len(self.names)} names "
                f"({', '.join(self.names)}); name all of them, in their order"
            )
        made = made.float()
        if self.activation == "sigmoid":
            return made.sigmoid()
        return made.softmax(1) if self.activation == "softmax" else made

    @property
    def needs_squares(self) -> bool:
        """Does the network, or the step, fix a square? Another shape would be squeezed into it unseen."""
        return self._size is not None and self._size[0] == self._size[1]

    def check(self) -> None:
        """Find out now what would fail at the first picture.

        Raises:
            InterpganError: if the file does not hold what the parameters say.
        """
        import torch

        _ = self._input, self._output
        if self._size:
            self(torch.zeros(1, 3, *self._size))

    def __getstate__(self) -> dict[str, Any]:
        """What other processes need to build it again; a session cannot be sent."""
        return {name: vars(self)[name] for name in self.__dataclass_fields__}

    @cached_property
    def _session(self) -> Any:
        import onnxruntime
        import torch

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # what is wrong, we say ourselves
        wanted = ["CUDAExecutionProvider"] * (self.device == "cuda") + ["CPUExecutionProvider"]
        providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
        try:
            return onnxruntime.InferenceSession(self.content, options, providers=providers)
        except Exception as error:  # of no common kind
            raise InterpganError(
                f"{self.file} is not an ONNX model that onnxruntime can run: {_said(error)}; export it again, "
                "with its weights in the same file"
            ) from error

    @cached_property
    def _input(self) -> Any:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise InterpganError(
                f"{self.file} takes {len(inputs)} inputs ({', '.join(i.name for i in inputs)}); export a "
                "network that takes pictures alone"
            )
        taken = inputs[0]
        if taken.type not in _KINDS or len(taken.shape) != 4:
            raise InterpganError(
                f"{self.file} takes {taken.type} of {len(taken.shape)} dimensions, which are no pictures; "
                "export a network that takes (n, 3, h, w) float32"
            )
        channels = {"nchw": taken.shape[1], "nhwc": taken.shape[3]}
        fitting = [layout for layout, count in channels.items() if count == 3]
        if channels[self.layout] != 3 and (fitting or isinstance(channels[self.layout], int)):
            advice = f"set layout: {fitting[0]}" if fitting else "export one that takes red, green and blue"
            raise InterpganError(
                f"{self.file} takes arrays of shape {taken.shape}, which is no picture in colour in {self.layout}; "
                f"{advice}"
            )
        return taken

    @cached_property
    def _output(self) -> str:
        outputs = [output.name for output in self._session.get_outputs()]
        if self.output is None and len(outputs) > 1:
            raise InterpganError(
                f"{self.file} has several outputs; choose one by output: {', '.join(outputs)}"
            )
        if self.output is not None and self.output not in outputs:
            raise InterpganError(
                f"{self.file} has no output '{self.output}'" + did_you_mean(self.output, outputs)
            )
        return str(self.output or outputs[0])

    @cached_property
    def _size(self) -> tuple[int, ...] | None:
        """(height, width) of what the network takes; None: any."""
        fixed = self._input.shape[2:] if self.layout == "nchw" else self._input.shape[1:3]
        if not all(isinstance(side, int) for side in fixed):
            return self.size
        if self.size is not None and self.size != tuple(fixed):
            raise InterpganError(
                f"{self.file} takes pictures of {fixed[0]} x {fixed[1]} pixels alone, not "
                f"{self.size[0]} x {self.size[1]}; leave out size"
            )
        return tuple(fixed)

    def _prepared(self, images: Tensor) -> Tensor:
        """(n, …) in the size, range, layout and kind of number of the network, on the CPU."""
        import torch

        images = images.clamp(-1, 1).cpu()
        size = self._size or tuple(images.shape[2:])
        if size != tuple(images.shape[2:]):
            images = torch.nn.functional.interpolate(images, size, mode="bilinear", antialias=True)
        low, high = self.values
        mean, std = (torch.tensor(three)[:, None, None] for three in (self.mean, self.std))
        images = ((images + 1) / 2 * (high - low) + low - mean) / std
        if self.layout == "nhwc":
            images = images.permute(0, 2, 3, 1)
        kind = _KINDS[self._input.type]
        return (images.round() if kind == "uint8" else images).to(getattr(torch, kind)).contiguous()

    def _parts(self, images: Tensor) -> Iterator[Tensor]:
        """Batches as large as the network takes them; all at once where it takes any number."""
        fixed = self._input.shape[0]
        return iter(images.split(fixed) if isinstance(fixed, int) else (images,))

    def _run(self, images: Tensor) -> Tensor:
        import torch

        count, fixed = len(images), self._input.shape[0]
        if isinstance(fixed, int) and count < fixed:
            images = torch.cat([images, images[-1:].expand(fixed - count, *images.shape[1:])])
        try:
            (found,) = self._session.run([self._output], {self._input.name: images.numpy()})
        except Exception as error:  # of no common kind
            raise InterpganError(
                f"{self.file} refuses pictures of shape {tuple(images.shape)}: {_said(error)}; set size and "
                "layout to what it was trained on"
            ) from error
        return torch.from_numpy(found)[:count]


def _said(error: Exception) -> str:
    """What onnxruntime says, in one line and without its numbers."""
    return str(error).splitlines()[0].rpartition(" : ")[2]
