"""The running server: compiles before the port opens, finishes what it began before it stops."""

import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from tocsin.demo import demo_folder
from tocsin.errors import UserError
from tocsin.service.app import create_app
from tocsin.service.cds import add_graders, end_graders
from tocsin.service.config import Config
from tocsin.service.context import Context
from tocsin.service.logs import write_json_lines
from tocsin.service.memory import hold_little
from tocsin.service.patients import state_of
from tocsin.service.wire import Wire

_GRACE_S = 20
_KEEP_ALIVE_S = 30

Ready = Callable[[Context, int], None]


class Prepared:
    """A service that is about to run: its port is held, its store open, its code compiled."""

    def __init__(self, app: FastAPI, listener: socket.socket, ready: Ready) -> None:
        self.context: Context = app.state.context
        self._app, self._listener = app, listener
        self._server = _Server(_settings(app), self.context, ready)

    def add_processes(self) -> None:
        """Start what grades beside this process; only while no thread of ours runs."""
        add_graders(self._app, (self._listener.fileno(),))

    def run(self) -> None:
        """Serve until asked to stop; then finish what was begun."""
        try:
            with self._listener:
                self._server.run(sockets=[self._listener])
        finally:
            end_graders(self._app)
            gc.unfreeze()  # what was frozen at the start goes in good order

    def stop(self) -> None:
        """Ask the service to stop; from any thread."""
        self._server.handle_exit(signal.SIGTERM, None)


def prepare(config: Config, ready: Ready) -> Prepared:
    """Return a service that can run at once; `ready` is called with the port once the first request can be answered.

    Raises UserError when the port or the store cannot be had.
    """
    listener = _listener(config.host, config.port)
    try:
        app = create_app(config)
        warm_up()
    except BaseException:
        listener.close()
        raise
    return Prepared(app, listener, ready)


def serve(config: Config, ready: Ready) -> None:
    """Serve until a signal asks to stop. Raises UserError when the port or the store cannot be had."""
    hold_little()
    prepared = prepare(config, ready)
    write_json_lines(config.log)
    prepared.add_processes()
    # The server takes the signals while it runs, and raises them again at its end: by then all is done.
    before = {number: signal.signal(number, _done) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        prepared.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def warm_up() -> None:
    """Grade one made-up patient: compiles what is not compiled, and reads the knowledge."""
    name = "1-car-t-tocilizumab"
    state = state_of(name, (demo_folder() / f"{name}.json").read_bytes())
    assert state.claim is not None
    # What is there now stays: the collector need not search the knowledge and the libraries again and again.
    gc.collect()
    gc.freeze()


def _done(number: int, frame: FrameType | None) -> None:
    del number, frame


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that holds the port; nobody can connect before the server listens on it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise UserError(
            f"host {host}: no such address; write 127.0.0.1, ::1 or an address of this machine"
        ) from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or "no such port"
        raise UserError(f"{host}, port {port}: {reason}; give another with --port") from None
    return listener


def _settings(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Wire,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom to believe about addresses is the configuration's to say
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )


class _Server(uvicorn.Server):
    """A server that says when it is ready, and tells open streams when it stops."""

    def __init__(self, config: uvicorn.Config, context: Context, ready: Ready) -> None:
        super().__init__(config)
        self._context, self._ready = context, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            self._ready(self._context, int(sockets[0].getsockname()[1]))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._context.stopping.set()
        super().handle_exit(sig, frame)
