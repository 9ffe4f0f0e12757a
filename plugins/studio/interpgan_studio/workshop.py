"""Where results are made: one thread that draws, one for slow steps beside it, each with networks of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from interpgan_core import Generator, LatentBatch, Live, Plan
from interpgan_studio.document import Document
from interpgan_studio.drawing import Artist

T = TypeVar("T")


class Stopped(BaseException):
    """A slow step was cancelled: no failure, so that nothing on the way takes it for one."""


class Workshop:
    """What all tabs share.

    Pictures, and all that is quick, are made in one thread, one after the other: hooks on a network serve one
    picture at a time. Slow steps run in a second thread on networks of their own, so that sliders move meanwhile.

    Args:
        device: "cpu", "cuda"; None = cuda where there is one.
    """

    def __init__(self, device: str | None = None) -> None:
        self.live, self._slow_live = Live(device), Live(device)
        self.artist = Artist()
        self._quick = ThreadPoolExecutor(1, "pictures")
        self._slow = ThreadPoolExecutor(1, "background")

    async def quickly(self, work: Callable[[], T]) -> T:
        """Do something in the thread that draws."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, work)

    async def slowly(
        self,
        document: Document,
        step: str,
        told: Callable[[str, int, int | None], None],
        stopped: Callable[[], bool],
    ) -> None:
        """Compute the result of a step beside the pictures, for all later plans with it.

        Args:
            document: whose step it is.
            step: its id.
            told: called now and then with what is done, how far it is, and how far it goes.
            stopped: asked as often; where it says so, the step ends.

        Raises:
            InterpganError: if the step fails.
            Stopped: if it was asked to end.
        """

        def progress(
            items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = ""
        ) -> Iterator[Any]:
            for done, item in enumerate(items):
                if stopped():
                    raise Stopped
                told(what() if callable(what) else what, done, total)
                yield item

        def work() -> Any:
            plan = document.plan()
            return plan, self._slow_live.result(plan, step, progress)

        plan, result = await asyncio.get_running_loop().run_in_executor(self._slow, work)
        await self.quickly(lambda: self.live.remember(plan, step, result))

    def batch(self, document: Document, step: str | None = None) -> tuple[Generator, LatentBatch]:
        """The batch of a step, of what is shown when left out, with its generator; in the thread that draws."""
        plan = document.plan()
        batch = self.live.result(plan, step or document.shown)
        return self.generator(document, plan), batch

    def generator(self, document: Document, plan: Plan | None = None) -> Generator:
        """The generator of what is shown; in the thread that draws."""
        found: Generator = self.live.result(plan or document.plan(), document.generator["id"])
        return found

    def close(self) -> None:
        """Leave both threads."""
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)
