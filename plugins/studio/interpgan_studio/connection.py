"""The socket of one tab: messages in, the newest of each kind first served; states and pictures out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from interpgan_core import InterpganError, Mover, sigma
from interpgan_studio import saving, view
from interpgan_studio.document import Document
from interpgan_studio.session import Session, Slow
from interpgan_studio.workshop import Stopped, Workshop

log = logging.getLogger("interpgan.studio")

MISTAKE = "The studio has made a mistake; its terminal says more. Reload the page."
QUIET = ("show", "save", "donor")  # messages that draw no new picture
DRAGS = ("slide", "field", "psi")


class Connection:
    """Serves one tab while its socket is open; what is edited outlives it.

    Args:
        socket: accepted.
        session: what the tab edits.
        workshop: where results are made.
        out: the output folder.
    """

    def __init__(self, socket: WebSocket, session: Session, workshop: Workshop, out: Path) -> None:
        self.socket, self.session, self.workshop, self.out = socket, session, workshop, out
        self._waiting: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()
        self._job: asyncio.Task[None] | None = None
        self._preparation: asyncio.Task[None] | None = None
        self._stopped = self._unprepared = False  # asked to end: the job, and what an opened recipe prepares

    async def serve(self) -> None:
        """Until the tab is closed."""
        work = asyncio.create_task(self._work())
        try:
            while True:
                message = json.loads(await self.socket.receive_text())
                if not isinstance(message, dict):
                    continue
                if message.get("do") == "cancel":
                    self._stopped = self._unprepared = True
                    continue
                self._queue(message)
        except (WebSocketDisconnect, json.JSONDecodeError, RuntimeError):
            pass
        finally:
            self._stopped = self._unprepared = True
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    def _queue(self, message: dict[str, Any]) -> None:
        """Behind what waits; a move of a drag replaces the moves before it."""
        if self._waiting and _same_drag(self._waiting[-1], message):
            self._waiting.pop()
        self._waiting.append(message)
        self._arrived.set()

    async def _work(self) -> None:
        try:
            await self._hello()
            while True:
                await self._arrived.wait()
                if self._waiting:
                    await self._one(self._waiting.pop(0))
                else:
                    self._arrived.clear()
        except (WebSocketDisconnect, RuntimeError):
            pass  # the tab is gone

    async def _hello(self) -> None:
        await self._guarded(lambda: self._draw(0, whole=False))
        self._preparation = asyncio.create_task(self._guarded_job(self._prepare))
        await self._guarded(self._tell)

    async def _one(self, message: dict[str, Any]) -> None:
        number = int(message.get("number", 0))
        try:
            await self._answer(message, number)
        except InterpganError as error:
            await self._say(str(error), "error")
            await self._guarded(lambda: self._draw(number))
        except (WebSocketDisconnect, RuntimeError):
            raise
        except Exception:
            log.exception("the studio failed at a message")
            await self._say(MISTAKE, "error")
        await self.socket.send_json({"done": number})

    async def _answer(self, message: dict[str, Any], number: int) -> None:
        do = message.get("do")
        dragging = do in DRAGS and not message.get("done")
        if do == "save":
            await self._save(str(message.get("name", "")))
            return
        slow = await self.workshop.quickly(lambda: self.session.handle(message))
        if slow is not None:
            self._start(lambda: self._compute(slow))
        elif do == "show":
            what = str(message["what"])
            await self._send_frames(lambda: [frame.encoded() for frame in self.session.views(what, number)])
            if what == "parts":
                await self._tell()  # now their names are known
        elif do == "donor":
            await self._tell()
        elif all(waiting.get("do") in QUIET for waiting in self._waiting):
            await self._draw(number, drafts=dragging, told=not dragging)
        elif not dragging:
            await self._tell()

    async def _draw(self, number: int, drafts: bool = False, whole: bool = True, told: bool = True) -> None:
        """Pictures of what is shown, and then, unless one drags, the state."""
        await self._send_frames(lambda: [f.encoded() for f in self.session.pictures(number, drafts)])
        if told:
            await self._tell(whole)

    async def _tell(self, whole: bool = True) -> None:
        await self.socket.send_json({"state": await self.workshop.quickly(lambda: self.session.state(whole))})

    async def _send_frames(self, frames: Callable[[], list[bytes]]) -> None:
        for frame in await self.workshop.quickly(frames):
            await self.socket.send_bytes(frame)

    async def _guarded(self, work: Callable[[], Any]) -> None:
        """Do it, and say what is wrong."""
        try:
            await work()
        except InterpganError as error:
            await self._say(str(error), "error")

    async def _say(self, sentence: str, kind: str = "note") -> None:
        await self.socket.send_json({"said": sentence, "kind": kind})

    async def _save(self, name: str) -> None:
        document = self.session.document
        place = await self.workshop.quickly(lambda: saving.saved(self.workshop, document, self.out, name))
        await self._say(f"Saved in {place}. Run it: interpgan-run {place / saving.RECIPE}")

    # Slow steps.

    def place(self, name: str) -> None:
        """A photograph that came in: find its code in the background."""

        async def work() -> None:
            await self._compute(await self.workshop.quickly(lambda: self.session.placed(name)))

        self._start(work)

    def _start(self, work: Callable[[], Any]) -> None:
        if self._job is not None and not self._job.done():
            raise InterpganError("One thing after the other: wait for what is running, or cancel it.")
        self._stopped = False
        self._job = asyncio.create_task(self._guarded_job(work))

    async def _guarded_job(self, work: Callable[[], Any]) -> None:
        try:
            await work()
        except Stopped:
            await self._safely({"said": "Cancelled.", "kind": "note"})
        except InterpganError as error:
            await self._safely({"said": str(error), "kind": "error"})
        except Exception as error:
            if not isinstance(error, WebSocketDisconnect | RuntimeError):
                log.exception("a slow step of the studio failed")
                await self._safely({"said": MISTAKE, "kind": "error"})
        await self._safely({"job": None})

    async def _safely(self, message: Mapping[str, Any]) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            await self.socket.send_json(message)

    async def _compute(self, slow: Slow) -> None:
        await self.workshop.slowly(slow.document, slow.step, self._progress(slow.what), lambda: self._stopped)

        def taken() -> None:
            self.session.take(slow.what, slow.rebuild(self.session.history.now))

        await self.workshop.quickly(taken)
        await self._draw(0)

    async def _prepare(self) -> None:
        """Directions and units of the opened recipe that take time."""
        document = self.session.document
        for step in await self.workshop.quickly(lambda: view.pending(self.workshop, document)):
            await self.workshop.slowly(document, step, self._progress(step), lambda: self._unprepared)
            await self._tell()
        # How far codes spread along a direction takes a moment, which its first drag should not wait for.
        for direction in await self.workshop.quickly(lambda: view.directions(self.workshop, document)):
            if self._unprepared:
                return
            await self.workshop.quickly(partial(self._spread, document, direction))

    def _spread(self, document: Document, direction: Mover) -> None:
        sigma(direction, self.workshop.generator(document))

    def _progress(self, what: str) -> Callable[[str, int, int | None], None]:
        loop = asyncio.get_running_loop()

        def told(said: str, done: int, total: int | None) -> None:
            message = {"job": {"what": f"{what}: {said}" if said else what, "done": done, "total": total}}
            asyncio.run_coroutine_threadsafe(self._safely(message), loop)

        return told


def _same_drag(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Is the second a later move of the same drag?"""
    names = ("do", "direction", "step", "field")
    moving = one.get("do") in DRAGS and not one.get("done")
    return moving and all(one.get(name) == other.get(name) for name in names)
