"""The operator `faces.directions`: age, gender, smile, pose and glasses in W of StyleGAN 2, trained on FFHQ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from interpgan_core import DirectionSet, Generator, Operator, load_directions
from interpgan_faces.space import mean_of_w, shipped

FILE = "directions.safetensors"


class LoadDirections(Operator):
    """The directions that come with this plugin: age, gender, smile, pose, glasses.

    They are of W of StyleGAN 2, trained on FFHQ, and so of mobilestylegan.ffhq; found by ridge regression on the scores
    of `faces.scorer` (`recipes/train/ffhq-directions.yaml`). Up is older, male, smiling, turned to the right of the
    picture, with glasses.

    Source: Shen et al., Interpreting the Latent Space of GANs for Semantic Face Editing, CVPR 2020.
    """

    keep: ClassVar[bool] = False

    alone: bool = False
    """Each direction without what it shares with the others, so that their attributes stay; a weaker edit."""

    def sources(self) -> Iterable[Path]:
        return (shipped(FILE),)

    def check(self, generator: Generator) -> DirectionSet:
        return self.run(generator)

    def run(self, generator: Generator) -> DirectionSet:
        """Load them.

        Raises:
            InterpganError: if the generator is no StyleGAN 2 of FFHQ.
        """
        mean_of_w(generator, "faces.directions")
        # Found with one generator of that W, they are those of every other.
        found = {name: replace(d, generator="") for name, d in load_directions(shipped(FILE)).items()}
        if self.alone:
            others = {name: [d for other, d in found.items() if other != name] for name in found}
            found = {name: direction.without(*others[name]) for name, direction in found.items()}
        return DirectionSet(found)
