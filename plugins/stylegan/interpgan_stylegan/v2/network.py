"""StyleGAN 2's generator, with NVIDIA's names. Letters in shapes: n samples, c channels in, o out, h w pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from interpgan_stylegan.dense import Mapping
from interpgan_stylegan.style_network import StyleNetwork, StyleSynthesis
from interpgan_stylegan.v2.architecture import Plan
from interpgan_stylegan.v2.layers import Skip, StyledConv, ToRGB, untracked_on_cpu
from interpgan_stylegan.v2.resampling import enlarge


class Network(StyleNetwork):
    """The whole generator: `mapping` (z -> w), `synthesis.styles` (w+ -> s), `synthesis` (s -> pictures).

    Source:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020, section 2 and
        appendix B; Training Generative Adversarial Networks with Limited Data, NeurIPS 2020.
    """

    mapping: Mapping
    synthesis: Synthesis

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.mapping = Mapping(plan.z, plan.mapping, plan.classes, plan.embedding, plan.joint)
        self.synthesis = Synthesis(plan)


class Synthesis(StyleSynthesis):
    """Styles to pictures: one block for each resolution, `b4`, `b8` …"""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.depth = len(plan.widths)
        for i in range(self.depth):
            self.add_module(f"b{4 * 2**i}", Block(plan, i))

    @property
    def blocks(self) -> list[Block]:
        """In forward order."""
        parts = (self.get_submodule(f"b{4 * 2**i}") for i in range(self.depth))
        return [part for part in parts if isinstance(part, Block)]

    @property
    def convs(self) -> list[StyledConv]:
        """All convolutions in forward order; their positions are the layers' numbers."""
        return [conv for block in self.blocks for conv in block.convs]

    def styled(self) -> Iterator[tuple[int, StyledConv | ToRGB]]:
        """(number of the code in w+, layer), in the order of use."""
        places = {"conv0": -1, "conv1": 0, "torgb": 1}
        for i, block in enumerate(self.blocks):
            for name in block.styled:
                layer = block.get_submodule(name)
                assert isinstance(layer, StyledConv | ToRGB)
                yield 2 * i + places[name], layer

    def styles(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, l, d) of w+; Returns: (n, s), the layers' styles in the order of use."""
        return torch.cat([layer.affine(codes[:, number]) for number, layer in self.styled()], 1)

    def forward(self, styles: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Synthesis.

        Args:
            styles: (n, s).
            noise: (n or 1, 1, h, w) for each convolution; None = none.

        Returns:
            (n, 3, h, w), of the styles' type; 1 or 4 channels where the plan says so.
        """
        if self._seen(styles):
            return self._render(styles, noise, reuse=False)
        # One by one: the same bytes as together, in a fraction of the memory.
        pictures = []
        for i in range(len(styles)):
            own = [maps if maps is None or len(maps) == 1 else maps[i : i + 1] for maps in noise]
            pictures.append(self._render(styles[i : i + 1], own, reuse=True))
        return torch.cat(pictures)

    def _render(self, styles: Tensor, noise: Sequence[Tensor | None], reuse: bool) -> Tensor:
        parts = iter(torch.split(styles, [layer.weight.shape[1] for _, layer in self.styled()], 1))
        maps = iter(noise)
        x: Tensor | None = None
        picture: Tensor | None = None
        for block in self.blocks:
            own = {name: next(parts) for name in block.styled}
            added = {name: next(maps) for name in block.styled if name != "torgb"}
            x, picture = block(x, picture, own, added, reuse)
        assert picture is not None
        return picture

    def _seen(self, styles: Tensor) -> bool:
        """Are the maps between the layers read outside of this network, by hooks or by autograd?"""
        hooked = any(part._forward_hooks or part._forward_pre_hooks for part in self.modules())
        return not len(styles) or hooked or not untracked_on_cpu(styles, *self.parameters())

    def cast(self, dtype: torch.dtype) -> None:
        """Set the precision of the convolutions; what makes styles, and pictures, stays as it is."""
        for conv in self.convs:
            if dtype == torch.float16:
                # Keeps sums of products in its range; demodulation takes it out again.
                size = conv.weight.data.abs().max() * conv.weight[0].numel() ** 0.5
                conv.weight.data = conv.weight.data / size
        for name, parameter in self.named_parameters():
            if ".affine." not in name and ".torgb." not in name:
                parameter.data = parameter.data.to(dtype)


class Block(nn.Module):
    """The layers of one resolution.

    Args:
        plan: of the whole.
        number: 0 at 4 pixels.
    """

    def __init__(self, plan: Plan, number: int) -> None:
        super().__init__()
        width, size = plan.widths[number], plan.size(number)
        self.resnet = plan.architecture == "resnet" and number > 0
        if number == 0:
            self.const = nn.Parameter(torch.empty(width, *size))
            self.styled = ["conv1"]
        else:
            before = plan.widths[number - 1]
            self.conv0 = StyledConv(plan, before, width, size, up=True)
            self.styled = ["conv0", "conv1"]
        self.conv1 = StyledConv(plan, width, width, size, gain=0.5**0.5 if self.resnet else 1.0)
        if plan.architecture == "skip" or number == len(plan.widths) - 1:
            self.torgb = ToRGB(plan, width)
            self.styled.append("torgb")
        if self.resnet:
            self.skip = Skip(before, width)

    @property
    def convs(self) -> list[StyledConv]:
        """In forward order."""
        parts = (self.get_submodule(name) for name in self.styled if name != "torgb")
        return [part for part in parts if isinstance(part, StyledConv)]

    def forward(
        self,
        x: Tensor | None,
        picture: Tensor | None,
        styles: dict[str, Tensor],
        noise: dict[str, Tensor | None],
        reuse: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """One resolution.

        Args:
            x: (n, c, h/2, w/2) maps of the block before; None at 4 pixels.
            picture: (n, 3, h/2, w/2) so far, or None.
            styles: (n, c) by layer.
            noise: (n or 1, 1, h, w) or None, by convolution in forward order.
            reuse: write maps into memory that the next block or sample overwrites.

        Returns:
            Maps (n, o, h, w), and the picture (n, 3, h, w) as far as there is one.
        """
        if x is None:
            x = self.const.expand(len(styles["conv1"]), -1, -1, -1)
            if x.device.type == "cpu" or x.dtype.itemsize == 2:
                x = x.contiguous(memory_format=torch.channels_last)
        added = self.skip(x) if self.resnet else None
        for name, added_noise in noise.items():
            half = int(name == "conv1")  # each reads one half of the reused memory and writes the other
            x = self.get_submodule(name)(x, styles[name], added_noise, half if reuse else None)
        if added is not None:
            x = x + added
        if picture is not None:
            picture = enlarge(picture)
        if "torgb" in self.styled:
            drawn = self.torgb(x, styles["torgb"])
            picture = drawn if picture is None else picture + drawn
        return x, picture
