"""The operator `dcgan`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from interpgan_core import LoadGenerator


class LoadDCGAN(LoadGenerator):
    """Load a DCGAN: a named model, or a checkpoint of PyTorch's tutorial and its like.

    Source: Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks, ICLR 2016.
    """

    family: ClassVar[str | None] = "dcgan"

    classes: int | None = Field(default=None, ge=0)
    """How many of the network's inputs, the last ones, are a label; 0 when left out. No file says it."""
    sigmoid: bool | None = None
    """Does the network end in a sigmoid, in place of a tanh? No file says it."""
    slope: float | None = Field(default=None, ge=0, lt=1)
    """Of the ReLUs below 0, where they are leaky: 0.2 in most such networks. No file says it."""
