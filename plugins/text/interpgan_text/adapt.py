"""The operator `text.adapt`: a generator that draws what a text says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, Operator, Progress
from interpgan_text.net import Text, TextImageNet, check_gradients, of_texts, toward

Count = Annotated[int, Field(ge=1)]


class AdaptGenerator(Operator):
    """Fine-tune a copy of the generator until its samples are changed as one text differs from another.

    Every sample is changed: "a person" to "an old person" makes a generator of old people. Codes and directions of the
    parent stay good, as far as the text lets them. It is kept as safetensors, and knows its parent's fingerprint. A
    run that was stopped goes on.

    Source: Gal et al., StyleGAN-NADA, TOG 2022: the change of each picture is to point the way of the texts (equation
        3), and in each step the layers are trained that matter most (section 4.2). Deviations: one net; one text in
        place of a set of templates; the net sees pictures a few pixels aside; biases and strengths of noise stay; which
        layers matter is told by one gradient every five steps, where codes are not of single layers by that of the
        weights.
    """

    net: Input[TextImageNet]
    text: Text
    """What samples shall show, such as "an old person"."""
    neutral: Text = "a person"
    """What they show."""
    steps: Count = 100
    """More of them: more is changed, and more is lost."""
    rate: Annotated[float, Field(gt=0)] = 0.005
    """Of Adam; 0.002 in the paper, with some hundred steps."""
    batch_size: Count = 4
    """Samples a step."""
    layers: Count | None = None
    """How many layers are trained in each step; left out: two of three."""
    least_diversity: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Stop where samples become alike: mean squared distance of the pictures of two of them, as a share of what it was;
    0: never."""

    def check(self, generator: Generator) -> Generator:
        toward(self.net, [self.text], self.neutral)
        check_gradients(self.net)
        if not generator.can_be_saved:
            generator.saved()
        if not generator.layers:
            raise InterpganError("this generator has no layers to train")
        if self.layers is not None and self.layers > len(generator.layers):
            raise InterpganError(
                f"{self.layers} layers shall be trained, and this generator has {len(generator.layers)}; give fewer, "
                "or leave 'layers' out"
            )
        return generator

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> Generator:
        """Adapt.

        Raises:
            InterpganError: if generators of this family cannot be saved, or samples became alike.
        """
        from interpgan_text.adapting import Adapting, Goal, adapted_generator

        self.check(generator)
        count = self.layers or max(1, round(2 * len(generator.layers) / 3))
        goal = Goal(
            self.net, toward(self.net, [self.text], self.neutral)[0], of_texts(self.net, [self.text])[0]
        )
        work = Adapting(generator, goal, self.rate, self.batch_size, count, scratch)
        said = f"text.adapt, '{self.neutral}' to '{self.text}', {self.steps} steps"
        return adapted_generator(work, self.steps, self.least_diversity, said, folder, scratch, progress)
