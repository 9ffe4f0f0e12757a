"""What the three StyleGANs share: their spaces, the maps between them, and noise from seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_stylegan.style_network import StyleNetwork

MEAN_CODES = 10_000  # of which the mean of w is taken where a file has none


class StyleGenerator(Generator):
    """z -> w -> w+ (a code a layer) -> s (StyleSpace: what the affine layers make of the codes).

    A subclass sets `module`, which has `mapping(z, labels)` and `synthesis.styles(codes)`, and calls
    `set_spaces`.

    Source:
        StyleSpace: Wu et al., CVPR 2021.
    """

    module: StyleNetwork

    def set_spaces(
        self, z: int, codes: int, w: int, styles: Sequence[tuple[int, int]], mean: Tensor | None
    ) -> None:
        """Make z, w, w+ and s.

        Args:
            z: size of a code of z.
            codes: how many codes of w+ there are; number k drives layer k.
            w: size of a code of w.
            styles: (layer, size) of each affine layer, in the order of use.
            mean: (w,) the mean of w; None: taken from 10,000 samples.
        """
        numbers, sizes = (torch.tensor(column) for column in zip(*styles, strict=True))
        spaces = [
            LatentSpace("z", (z,)),
            LatentSpace("w", (w,)),
            LatentSpace("w+", (codes, w), torch.arange(codes)[:, None], base="w"),
            LatentSpace("s", (int(sizes.sum()),), numbers.repeat_interleave(sizes)),
        ]
        self.spaces = {space.name: space for space in spaces}
        if mean is None:
            mean = self.to_space(self.sample(range(MEAN_CODES)), "w").codes.mean(0)
        for name in ("w", "w+", "s"):
            centre = self.map(mean.float()[None], "w", name, None)[0]
            self.spaces[name] = replace(self.spaces[name], mean=centre)

    def prior(self, seeds: Sequence[int]) -> Tensor:
        """Codes of z."""
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """z -> w -> w+ -> s, as far as asked.

        Raises:
            InterpganError: if the generator has classes, and codes of z come without labels.
        """
        if source == "z" and target != "z":
            if self.classes and labels is None:
                raise InterpganError(
                    f"this generator has {self.classes} classes, and these codes name none; "
                    "sample them with classes"
                )
            codes = self.module.mapping(codes, labels if self.classes else None)
        if source in ("z", "w") and target in ("w+", "s"):
            codes = codes[:, None].expand(-1, *self.spaces["w+"].shape)
        return self.module.synthesis.styles(codes) if target == "s" and source != "s" else codes

    def check_style_layer(self, space: str, layer: int) -> None:
        """Check that a layer takes its style from codes of a space.

        Raises:
            InterpganError: if the space or the layer has none.
        """
        if space not in ("w", "w+"):
            raise InterpganError(f"styles are made from codes of w or w+, not {space}; choose one of these")
        last = self.spaces["w+"].shape[0] - 1
        if not 0 <= layer <= last:
            raise InterpganError(f"there is no layer {layer}; layers are 0 to {last}")


def seeded_noise(batch: LatentBatch, maps: Sequence[Tensor]) -> list[Tensor]:
    """A noise map for each layer, drawn from each sample's seed.

    Args:
        batch: n samples.
        maps: (1, 1, h, w) or (1, h, w) each; the layers' own, for size, place and kind of number.

    Returns:
        (n, 1, h, w) each.

    Raises:
        InterpganError: if the batch has no seeds.
    """
    if batch.seeds is None:
        raise InterpganError(
            "random noise is drawn from each sample's seed, and these codes have none (inverted codes "
            "never do); load the generator with noise: const or none"
        )
    seeds = batch.seeds.tolist()
    return [seeded_normal(seeds, (1, *m.shape[-2:]), stream=k + 1).to(m) for k, m in enumerate(maps)]
