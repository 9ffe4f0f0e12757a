"""The operator `interpretable.concepts`."""

from __future__ import annotations

from typing import ClassVar

from interpgan_core import Generator, Input, InterpganError, Operator
from interpgan_interpretable.partition.find import Partition


class UseConcepts(Operator):
    """The generator with a partition's concepts, which later steps use by name: `exchange: {concept: "3"}`.

    The network and the weights are the same, and the generator itself keeps its own concepts.
    """

    keep: ClassVar[bool] = False

    partition: Input[Partition]
    """Of this very generator."""

    def run(self, generator: Generator) -> Generator:
        """Attach them.

        Raises:
            InterpganError: if the partition is another generator's.
        """
        if self.partition.generator != generator.fingerprint:
            raise InterpganError(
                "this partition was found in another generator; run interpretable.partition on this one"
            )
        return generator.with_concepts(self.partition.concepts)
