"""Start and stop of the demo's products as a separate process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from monitor.demo import launch, modes
from monitor.demo.listener import HOST
from monitor.errors import NinewatchError

SHIPPED = Path(__file__).parents[3] / "config" / "demo.yaml"
DEADLINE = 20.0


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


async def test_demo_serves_its_products_on_the_portfolios_ports(tmp_path: Path) -> None:
    async with launch.demo(tmp_path, script_name="none", base_port=0) as run, aiohttp.ClientSession() as client:
        text = run.config_path.read_text()
        assert f"store: {json.dumps(str(tmp_path / 'ninewatch.db'))}" in text
        urls = re.findall(r" http: (http://[^\s,}]+)", text)
        assert len(urls) == 17
        for url in urls:
            async with client.get(url) as response:
                is_passive_site = f":{run.ports['keycloak-golddr']}/" in url
                assert response.status in ((503,) if is_passive_site else (200, 401)), url
        async with client.get(run.control + "/_script") as script_response:
            assert script_response.status == 200


async def test_leaving_the_demo_stops_its_products(tmp_path: Path) -> None:
    async with launch.demo(tmp_path, script_name="none", base_port=0) as run:
        assert await answers(run.ports["chefs"])
    assert not await answers(run.ports["chefs"])
    assert not await answers(run.ports["control"])


async def test_unexpected_end_of_the_products_is_detected(tmp_path: Path) -> None:
    async with launch.demo(tmp_path, script_name="none", base_port=0) as run:
        run._process.kill()
        with pytest.raises(NinewatchError, match=r"stopped unexpectedly \(signal 9\)"):
            await asyncio.wait_for(run.raise_on_exit(), DEADLINE)


async def test_second_demo_in_the_same_folder_is_rejected_and_changes_nothing(tmp_path: Path) -> None:
    async with launch.demo(tmp_path, script_name="none", base_port=0) as run:
        before = run.config_path.read_text()
        with pytest.raises(
            NinewatchError, match=f"process {os.getpid()} .*; stop that demo, or run this one in another"
        ):
            async with launch.demo(tmp_path, script_name="none", base_port=0):
                pass
        assert run.config_path.read_text() == before


async def test_unusable_folder_gives_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NinewatchError) as refusal:
        async with launch.demo(tmp_path / "file", script_name="none", base_port=0):
            pass
    assert "\n" not in str(refusal.value)


async def test_invalid_script_is_rejected_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(NinewatchError, match="use `default`, `none` or a JSON file"):
        async with launch.demo(tmp_path / "var", script_name=str(tmp_path / "missing.json")):
            pass
    assert not (tmp_path / "var").exists()


def start_products(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, int]]:
    """Start the products, and return them with their ports when they are ready."""
    command = [sys.executable, "-m", "monitor.demo.products", "--base-port", "0", "--script", "none", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    ports_message = json.loads(child.stdout.readline())
    assert ports_message["ready"] is True
    return child, ports_message["ports"]


def test_products_stop_cleanly_on_termination_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        child, _ = start_products()
        with child:
            child.send_signal(number)
            assert child.wait(DEADLINE) == 0


async def test_products_stop_when_their_parent_is_killed(tmp_path: Path) -> None:
    """After kill -9, the kernel closes the parent's end of their pipe."""
    parent = f"""
import asyncio, pathlib
from monitor.demo import launch
async def main():
    async with launch.demo(pathlib.Path({str(tmp_path)!r}), script_name="none", base_port=0) as run:
        print(run.ports["control"], flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        reader, writer = await asyncio.open_connection(HOST, port)
        process.kill()
    assert await asyncio.wait_for(reader.read(), DEADLINE) == b""
    writer.close()
    assert not await answers(port)


def test_invalid_script_gives_one_line_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monitor.demo.products", "--script", str(tmp_path / "none.json")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_written_portfolio_differs_only_in_ports_and_store() -> None:
    shipped = SHIPPED.read_text()
    ports = {name: 40_000 + number for number, name in enumerate(modes.LISTENERS)}
    rendered = launch.render(shipped, ports, Path('/tmp/a "folder"/n.db'))  # noqa: S108 - only a name
    assert 'store: "/tmp/a \\"folder\\"/n.db"' in rendered
    changed = [new for old, new in zip(shipped.splitlines(), rendered.splitlines(), strict=True) if old != new]
    assert all(
        re.search(r'(http|gc_notify): "?http://127.0.0.1:400\d\d/|tcp: "127.0.0.1:400\d\d"|^store: ', line)
        for line in changed
    )
    assert len(changed) == 20 + 1 + 2 + 1  # http, gc_notify, tcp, store
    assert "listen: 127.0.0.1:9999" in rendered


def test_shipped_portfolio_uses_only_ports_of_the_products() -> None:
    known = set(modes.DEFAULT_PORTS.values())
    assert {int(port) for port in re.findall(r'[a-z]+: "?(?:http://)?127.0.0.1:(17\d+)', SHIPPED.read_text())} < known
