"""A small network of network namespaces, in which tests drop packets. It needs root, `ip` and /dev/net/tun.

    monitor --veth-- router --tun pair-- outside

`monitor` has a default route to the router. The process forwards the packets between the two tun devices, so that a
test decides for each packet whether it is lost. Sockets are created in a namespace by `inside`, and can then be used
anywhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import selectors
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MONITOR4, ROUTER4 = "10.9.0.2", "10.9.0.1"
MONITOR6, ROUTER6 = "fd09::2", "fd09::1"
# Addresses outside: two references and two products, per family.
OUTSIDE4 = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "203.0.113.2")
OUTSIDE6 = ("2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:3::2")
_CLONE_NEWNET, _TUNSETIFF, _IFF_TUN_NO_PI = 0x40000000, 0x400454CA, 0x1001
_libc = ctypes.CDLL(None, use_errno=True)


def unavailable_reason() -> str:
    """Return why namespaces cannot be used here; empty if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None or not Path("/dev/net/tun").exists():
        return "network namespaces need the program ip and /dev/net/tun"
    name = f"nw{os.getpid()}x"
    completed = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if completed.returncode:
        return f"no network namespaces: {completed.stderr.strip()}"
    ip("netns", "del", name)
    return ""


def ip(*arguments: str) -> None:
    """Run `ip` with these arguments."""
    completed = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, f"ip {' '.join(arguments)}: {completed.stderr}"


def inside(namespace: str, function: Callable[[], T]) -> T:
    """Return the result of a function that runs in a namespace, in a thread of its own."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with Path(f"/var/run/netns/{namespace}").open() as file:
                if _libc.setns(file.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns failed")
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _tun(namespace: str, name: str) -> int:
    def create() -> int:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TUN_NO_PI))
        return descriptor

    return inside(namespace, create)


class Internet:
    """The namespaces `monitor`, `router` and `outside`. `drops` decides for each packet whether it is lost."""

    def __init__(self) -> None:
        number = os.getpid()
        self.monitor, self.router, self.outside = (f"nw{number}{role}" for role in "mro")
        self.drops: Callable[[bytes], bool] = lambda _packet: False
        self._stop_read, self._stop_write = os.pipe()

    def build(self) -> None:
        for name in (self.monitor, self.router, self.outside):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.monitor, "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", self.router)
        self._descriptors = _tun(self.router, "wan0"), _tun(self.outside, "isp0")
        ip("-n", self.router, "link", "set", "wan0", "up")
        ip("-n", self.outside, "link", "set", "isp0", "up")
        for four, six in zip(OUTSIDE4, OUTSIDE6, strict=True):
            ip("-n", self.outside, "addr", "add", f"{four}/32", "dev", "lo")
            ip("-n", self.outside, "addr", "add", f"{six}/128", "dev", "lo", "nodad")
        self.connect()
        ip("-n", self.outside, "route", "add", "10.9.0.0/24", "dev", "isp0")
        ip("-6", "-n", self.outside, "route", "add", "fd09::/64", "dev", "isp0")
        for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            inside(self.router, lambda key=key: Path(f"/proc/sys/net/{key.replace('.', '/')}").write_text("1"))  # type: ignore[misc]
        inside(self.monitor, lambda: Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647"))
        self._thread = threading.Thread(target=self._forward)
        self._thread.start()

    def connect(self) -> None:
        """Set the addresses and the default routes, also after a link was down, which removes its IPv6 addresses.

        The kernel asks for a neighbour's link address once per second, so that a request which was lost in the cut
        would delay the first packets. Without that entry, the next packet asks at once.
        """
        for name, device, four, six in (
            (self.monitor, "up0", MONITOR4, MONITOR6),
            (self.router, "down0", ROUTER4, ROUTER6),
        ):
            ip("-n", name, "link", "set", device, "up")
            ip("-n", name, "addr", "replace", f"{four}/24", "dev", device)
            ip("-n", name, "addr", "replace", f"{six}/64", "dev", device, "nodad")
            ip("-n", name, "neigh", "flush", "dev", device)
        ip("-n", self.monitor, "route", "replace", "default", "via", ROUTER4)
        ip("-6", "-n", self.monitor, "route", "replace", "default", "via", ROUTER6)
        ip("-n", self.router, "route", "replace", "default", "dev", "wan0")
        ip("-6", "-n", self.router, "route", "replace", "default", "dev", "wan0")

    def _forward(self) -> None:
        near, far = self._descriptors
        other_end = {near: far, far: near}
        with selectors.DefaultSelector() as selector:
            for descriptor in (near, far, self._stop_read):
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == self._stop_read:
                        return
                    with contextlib.suppress(OSError):  # a device that is down
                        packet = os.read(key.fd, 65_536)
                        if not self.drops(packet):
                            os.write(other_end[key.fd], packet)

    def remove(self) -> None:
        os.write(self._stop_write, b"x")
        if hasattr(self, "_thread"):
            self._thread.join()
        for descriptor in (*getattr(self, "_descriptors", ()), self._stop_read, self._stop_write):
            os.close(descriptor)
        for name in (self.monitor, self.router, self.outside):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def is_ip6(packet: bytes) -> bool:
    """Return whether a packet is an IPv6 packet."""
    return packet[0] >> 4 == 6


@contextlib.contextmanager
def internet() -> Iterator[Internet]:
    """Build the namespaces, and remove them afterwards."""
    network = Internet()
    try:
        network.build()
        yield network
    finally:
        network.remove()
