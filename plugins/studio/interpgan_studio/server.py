"""The web application: its page, its socket, photographs in, files out; and who may talk to it."""

from __future__ import annotations

import hashlib
import mimetypes
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from interpgan_core import InterpganError, read_picture
from interpgan_studio import saving
from interpgan_studio.connection import Connection
from interpgan_studio.document import Document
from interpgan_studio.session import Session, new_folder
from interpgan_studio.workshop import Workshop

LARGEST = 20 * 2**20  # bytes of a photograph
MOST_TABS = 200  # sessions; the one that was left longest ago goes first
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_TAB = re.compile(r"[0-9a-f]{8,40}")
mimetypes.add_type("text/javascript", ".js")


class Studio:
    """All that is served: sessions by tab, on one workshop.

    Args:
        document: what each new tab opens; its folder is replaced by one of the tab's own.
        workshop: where results are made.
        out: the output folder.
        scratch: for strokes and photographs.
        hosts: that the page is reached under, such as 127.0.0.1:8000.
        token: that every request must bring.
    """

    def __init__(
        self, document: Document, workshop: Workshop, out: Path, scratch: Path, hosts: list[str], token: str
    ) -> None:
        self.document, self.workshop, self.out, self.scratch = document, workshop, out, scratch
        self.hosts, self.token = hosts, token
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._connections: dict[str, Connection] = {}

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/photo", self._photo, methods=["POST"]),
                Route("/save/{what:str}", self._save),
                Route("/{name:str}", self._asset),
                WebSocketRoute("/live", self._live),
            ],
            middleware=[Middleware(_Guard, hosts=self.hosts)],
        )

    async def _page(self, request: Request) -> Response:
        if not self._may(request):
            return _refused("This address lacks its token. Take the whole address that the studio printed.")
        return _asset("index.html")

    async def _asset(self, request: Request) -> Response:
        return _asset(request.path_params["name"])

    async def _photo(self, request: Request) -> Response:
        session, tab = self._session(request), request.query_params.get("tab", "")
        if session is None:
            return _refused("This page lacks its token; reload it from the address that the studio printed.")
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > LARGEST:
                return _error(f"The file is larger than {LARGEST // 2**20} MB; make it smaller first.", 413)
        try:
            picture = read_picture(bytes(data), "the file")
        except InterpganError as error:
            return _error(f"{error}.")
        name = f"photo-{hashlib.sha256(data).hexdigest()[:10]}.png"
        picture.save(session.history.now.folder / name)
        if tab not in self._connections:
            return _error("The tab has lost its connection; reload the page and drop the file again.")
        self._connections[tab].place(name)
        return JSONResponse({})

    async def _save(self, request: Request) -> Response:
        session, what = self._session(request), request.path_params["what"]
        if session is None:
            return _refused("This page lacks its token; reload it from the address that the studio printed.")
        if what not in ("picture", "recipe", "all"):
            return _error("There is nothing of this name to save.", 404)
        try:
            contents = await self.workshop.quickly(lambda: saving.everything(self.workshop, session.document))
        except InterpganError as error:
            return _error(f"{error}.")
        if what == "recipe":
            contents = {name: data for name, data in contents.items() if not name.startswith("picture")}
        if what == "picture":
            contents = {name: data for name, data in contents.items() if name.startswith("picture")}
        if len(contents) == 1:
            ((name, data),) = contents.items()
        else:
            name, data = f"{what if what != 'all' else 'studio'}.zip", saving.zipped(contents)
        return Response(
            data,
            media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    async def _live(self, socket: WebSocket) -> None:
        session, tab = self._session(socket), socket.query_params.get("tab", "")
        if session is None:
            await socket.close(4403, "no token")
            return
        await socket.accept()
        connection = Connection(socket, session, self.workshop, self.out)
        self._connections[tab] = connection
        try:
            await connection.serve()
        finally:
            if self._connections.get(tab) is connection:
                del self._connections[tab]

    def _may(self, connection: HTTPConnection) -> bool:
        return secrets.compare_digest(connection.query_params.get("token", "").encode(), self.token.encode())

    def _session(self, connection: HTTPConnection) -> Session | None:
        """What the tab of a request edits; None without the token."""
        tab = connection.query_params.get("tab", "")
        if not self._may(connection) or not _TAB.fullmatch(tab):
            return None
        if tab not in self._sessions:
            folder = new_folder(self.scratch, tab)
            own = Document(self.document.steps, self.document.shown, self.document.title, folder)
            self._sessions[tab] = Session(self.workshop, own)
        self._sessions.move_to_end(tab)
        idle = [name for name in self._sessions if name not in self._connections and name != tab]
        for name in idle[: max(0, len(self._sessions) - MOST_TABS)]:
            del self._sessions[name]
        return self._sessions[tab]


class _Guard:
    """Refuses what comes from elsewhere: another Host, or the page of another site; sets headers."""

    def __init__(self, app: ASGIApp, hosts: list[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = HTTPConnection(scope).headers
        origin = headers.get("origin")
        if headers.get("host", "") not in self.hosts:
            answer = "This studio does not serve that host; take the address that it printed."
        elif origin is not None and urlsplit(origin).netloc not in self.hosts:
            answer = "This studio does not talk to pages of other sites."
        else:
            await self.app(scope, receive, _with_headers(send))
            return
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(4403, answer)
        else:
            await _refused(answer)(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


def _asset(name: str) -> Response:
    """A file of the page, from a fixed list."""
    page = files("interpgan_studio") / "page"
    if name not in {entry.name for entry in page.iterdir()}:
        return _error("There is nothing here.", 404)
    return Response((page / name).read_bytes(), media_type=mimetypes.guess_type(name)[0])


def _refused(sentence: str) -> Response:
    return PlainTextResponse(sentence, 403)


def _error(sentence: str, status: int = 400) -> Response:
    return JSONResponse({"error": sentence}, status)
