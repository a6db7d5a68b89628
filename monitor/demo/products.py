"""Run the simulated products in one process: `python -m monitor.demo.products`.

Prints the readiness line (JSON with the ports of the listeners) to standard output, messages to standard error. Exits
on SIGINT, SIGTERM and, with `--with-parent`, when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import click
from aiohttp import web

from monitor.clock import Clock, SystemClock
from monitor.demo import modes, script
from monitor.demo.listener import HOST, Listener, Server, reserve
from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.demo.script import Script, Step


class Products:
    """All simulated products with their modes (initially `up`), and the control server."""

    def __init__(
        self,
        loaded_script: Script,
        clock: Clock,
        base_port: int = 0,
        announce: Callable[[str], None] = lambda _line: None,
    ) -> None:
        control, *free_ports = reserve(len(modes.LISTENERS), base_port)
        self.script = loaded_script
        self.current_modes: dict[str, str] = {}
        self._changing = asyncio.Lock()  # script and control server may change a product concurrently
        self._held_products: set[str] = set()
        self._control = Server(control, self._handle_control)
        self._listeners = {
            name: Listener(reserved, clock) for name, reserved in zip(modes.LISTENERS[1:], free_ports, strict=True)
        }
        self._clock = clock
        self._started_at = clock.monotonic()
        self._announce = announce

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports by listener name (`modes.LISTENERS`)."""
        return {modes.CONTROL: self._control.port} | {
            name: listener.server.port for name, listener in self._listeners.items()
        }

    async def __aenter__(self) -> Products:
        for product in modes.MODES:
            await self.set(product, "up")
        await self._control.open()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for server in (self._control, *(listener.server for listener in self._listeners.values())):
            await server.release()

    async def set(self, product: str, mode: str) -> None:
        """Set a product's mode, which is in effect when this returns.

        Raises:
            NinewatchError: unknown product or mode.
        """
        modes.find(product, mode)
        async with self._changing:
            self.current_modes[product] = mode
            await self._apply(product)
            if product == modes.UPLINK:
                for other in self.current_modes.keys() - {product}:
                    await self._apply(other)

    async def _apply(self, product: str) -> None:
        """Apply a product's mode to its listeners, or close them while the uplink is cut."""
        is_cut = self.current_modes.get(modes.UPLINK) == modes.UPLINK_OUTAGE
        for name, behaviour in modes.find(product, self.current_modes[product]).listeners.items():
            await self._listeners[name].set_behaviour(modes.CLOSED_PORT if is_cut else behaviour)

    def hold(self, product: str, *, is_held: bool) -> None:
        """Hold a product: the script does not change it until it is released."""
        (self._held_products.add if is_held else self._held_products.discard)(product)

    async def play(self) -> None:
        """Play the script endlessly, and announce each step."""
        self._started_at = self._clock.monotonic()
        await script.play(self.script, self._clock, self._step)

    async def _step(self, step: Step) -> None:
        if step.product in self._held_products:
            return
        await self.set(step.product, step.mode)
        at = script.format_time(self._clock.monotonic() - self._started_at)
        self._announce(f"demo {at}  {step.product}: {step.mode} - {step.description}")

    async def _handle_control(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path:
            case "POST", "/_control":
                return await self._set_mode(await request.read())
            case "GET", "/_control":
                return web.json_response(
                    {"now": self.current_modes, "modes": {p: list(m) for p, m in modes.MODES.items()}}
                )
            case "GET", "/_script":
                return web.Response(text=self.script.table() + "\n" + self._current_state_text() + "\n")
            case _:
                return web.Response(status=404, text="Use GET /_script, GET /_control or POST /_control.\n")

    async def _set_mode(self, raw: bytes) -> web.Response:
        """Set the mode in the body `{"product": ..., "mode": ...}` before responding.

        `"hold": true` also holds the product, `"hold": false` releases it.
        """
        try:
            document: Any = json.loads(raw)
            await self.set(str(document["product"]), str(document["mode"]))
            if "hold" in document:
                self.hold(str(document["product"]), is_held=document["hold"] is True)
        except NinewatchError as error:
            return web.json_response({"error": str(error)}, status=400)
        except (ValueError, KeyError, TypeError):
            form = 'expected {"product": "chefs", "mode": "not_ready"}'
            return web.json_response({"error": form}, status=400)
        return web.json_response({"now": self.current_modes})

    def _current_state_text(self) -> str:
        elapsed = (self._clock.monotonic() - self._started_at) % self.script.length
        states = ", ".join(f"{product} {mode}" for product, mode in self.current_modes.items())
        return f"now {script.format_time(elapsed)}: {states}"


async def serve(products: Products, *, with_parent: bool) -> None:
    """Serve and play until terminated; print the readiness line when all listeners accept connections."""
    parent_exited = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, parent_exited.set)
    async with products, asyncio.TaskGroup() as tasks:
        click.echo(json.dumps({"ready": True, "ports": dict(products.ports)}))
        playing = tasks.create_task(products.play())
        watching = tasks.create_task(_until_orphaned(parent_exited)) if with_parent else None
        await parent_exited.wait()
        playing.cancel()
        if watching:
            watching.cancel()


async def _until_orphaned(parent_exited: asyncio.Event) -> None:
    """Set the event when standard input closes, which happens when the parent exits for any reason."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass
    parent_exited.set()


def _print_line(line: str) -> None:
    click.echo(line, err=True)


@click.command()
@click.option(
    "--base-port",
    type=click.IntRange(0, 65535 - len(modes.LISTENERS)),
    default=modes.BASE_PORT,
    show_default=True,
    help="First port of the block; any free ports if it is 0 or a port is in use.",
)
@click.option("--script", "name", default="default", show_default=True, help="default, none, or a JSON file.")
@click.option("--with-parent", is_flag=True, help="End when standard input closes.")
def main(base_port: int, name: str, *, with_parent: bool) -> None:
    """Run the demo's simulated products on loopback until terminated."""
    try:
        loaded_script = script.load(name)
    except NinewatchError as error:
        raise click.ClickException(str(error)) from error
    products = Products(loaded_script, SystemClock(), base_port, _print_line)
    if base_port and products.ports[modes.CONTROL] != base_port:
        _print_line(
            f"demo: a port from {base_port} to {base_port + len(modes.LISTENERS) - 1} is in use; using free ones"
        )
    if not with_parent:  # otherwise the parent prints the script
        _print_line(f"{loaded_script.table()}\nControl: http://{HOST}:{products.ports[modes.CONTROL]}/_script")
    asyncio.run(serve(products, with_parent=with_parent))


if __name__ == "__main__":
    main()
