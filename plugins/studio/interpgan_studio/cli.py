"""The command `interpgan-studio`."""

from __future__ import annotations

import secrets
import socket
import sys
import tempfile
import webbrowser
from pathlib import Path

import click

LOOPBACK = "127.0.0.1"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("recipe", required=False, type=click.Path(path_type=Path))
@click.option("--weights", help="A named model, or a file; in place of a recipe.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: any that is free]")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out/studio"), help="Where 'save' writes."
)
@click.option("--device", metavar="[cpu|cuda]", help="[default: cuda where there is one]")
@click.option(
    "--listen", default=LOOPBACK, metavar="ADDRESS",
    help="Serve other computers, too: whoever has the printed address can use this one.",
)  # fmt: skip
def command(
    recipe: Path | None,
    weights: str | None,
    port: int,
    no_browser: bool,
    out: Path,
    device: str | None,
    listen: str,
) -> None:
    """Edit pictures of a pretrained GAN on a page that this computer serves.

    Opens RECIPE, or a model; without both, small drawn faces. What you save is a recipe that interpgan-run
    renders to the same picture.
    """
    if recipe is not None and weights is not None:
        raise click.UsageError("name a recipe or --weights, not both")
    from interpgan_core import InterpganError

    try:
        _serve(recipe, weights, port, not no_browser, out, device, listen)
    except InterpganError as error:
        raise click.ClickException(str(error)) from None


def _serve(
    recipe: Path | None,
    weights: str | None,
    port: int,
    browser: bool,
    out: Path,
    device: str | None,
    listen: str,
) -> None:
    from interpgan_core import InterpganError, use_the_machine_well

    use_the_machine_well()
    import uvicorn

    from interpgan_studio.opening import first_model, opened, started
    from interpgan_studio.server import Studio
    from interpgan_studio.workshop import Workshop

    with tempfile.TemporaryDirectory(prefix="interpgan-studio-") as scratch:
        folder = Path(scratch)
        document = opened(recipe, folder) if recipe else started(weights or first_model(), folder)
        document.plan()  # says what is wrong before anything is served
        if listen in ("0.0.0.0", "::"):
            raise InterpganError(
                "--listen takes one address of this computer, such as 192.168.1.5, not all of them"
            )
        bound = _bound(listen, port)
        port = bound.getsockname()[1]
        token = secrets.token_urlsafe(16)
        names = {listen, LOOPBACK, "localhost"} if listen in (LOOPBACK, "localhost") else {listen}
        hosts = [f"{name}:{port}" for name in sorted(names)]
        workshop = Workshop(device)
        studio = Studio(document, workshop, out, folder, hosts, token)
        address = f"http://{listen}:{port}/?token={token}"
        if listen not in (LOOPBACK, "localhost"):
            click.echo(
                f"Whoever reaches {listen} and has this address can edit, save and read what you edit.",
                err=True,
            )
        click.echo(f"Studio: {address}  (stop with Ctrl+C)")
        if browser:
            webbrowser.open(address)
        config = uvicorn.Config(
            studio.app(),
            log_level="warning",
            ws_max_size=2**20,
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        try:
            uvicorn.Server(config).run(sockets=[bound])
        finally:
            workshop.close()


def _bound(address: str, port: int) -> socket.socket:
    """A socket on the address.

    Raises:
        InterpganError: if the port is taken, or this computer has no such address.
    """
    from interpgan_core import InterpganError

    # Named as TCP, for only then small messages are sent at once.
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address, port))
    except OSError as error:
        raise InterpganError(
            f"nothing can be served at {address}:{port}: {error.strerror}; leave --port out, or choose another"
        ) from None
    bound.listen(128)  # who comes early waits
    return bound


def main() -> None:
    """The command; exit status 2 for a mistake in what was typed."""
    try:
        command.main(prog_name="interpgan-studio", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
