"""The engine `ray`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, TypeVar

from pydantic import Field

from interpgan_core import Engine

T = TypeVar("T")
R = TypeVar("R")


class RayEngine(Engine):
    """Several processes: on this machine, or on all machines of a Ray cluster.

    A part whose worker is lost is done again by another; answers are those of one process, on equal processors.
    """

    workers: Annotated[int, Field(ge=1)] | None = None
    """How many; by default one for each CPU of the cluster or, in a run on a GPU, for each GPU."""
    address: str | None = None
    """Of a cluster that is running, such as auto; by default one is started on this machine, and ended."""

    def map(self, work: Callable[[T], R], parts: Sequence[T]) -> Iterator[R]:
        """As promised; the work reaches the workers once, pickled.

        Raises:
            InterpganError: if the work cannot be pickled, the cluster is not there, or workers are lost over one
                part again and again. What `work` raises itself is raised here.
        """
        from interpgan_ray import cluster, pool

        if parts:
            with cluster.joined(self.address, self.workers):
                yield from pool.answers(work, parts, self.workers)
