from dataclasses import replace

from interpgan_core import EditOperator, Generator, LatentBatch, hookimpl


class Exaggerate(EditOperator):
    """Move every code away from the mean, so that what is special about a sample becomes more so."""

    space = "w"
    factor: float = 1.5

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        mean = batch.space.mean
        return replace(batch, codes=mean + self.factor * (batch.codes - mean))


@hookimpl
def interpgan_operators() -> dict[str, str]:
    return {"example.exaggerate": f"{__name__}:Exaggerate"}
