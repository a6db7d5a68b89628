"""A server that echoes the received data, over several protocols."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded

_PROTOCOL_3 = (196_608).to_bytes(4, "big")  # of PostgreSQL
_USUAL = (b"GET ", b"POST ", b"Host", b"User-Agent", b"Accept", b"Connection", b"Content-Length", b"Upgrade", b"Sec-")
_METHODS = (b"GET ", b"POST ", b"HEAD ", b"CONNECT ")


class _Echo(socketserver.BaseRequestHandler):
    request: socket.socket

    def handle(self) -> None:
        self.request.settimeout(5)
        with contextlib.suppress(OSError):
            self._answer(self.request.recv(65_536))

    def _answer(self, received: bytes) -> None:
        if received.startswith(b"PRI * HTTP/2"):
            self._http_2(received)
        elif received.startswith(_METHODS):
            self._http_1(received)
        elif received.startswith(b"*"):
            self.request.sendall(b"-ERR unknown: " + _line(received) + b"\r\n")
        elif received[4:8] == _PROTOCOL_3:
            self._postgres()
        else:
            self.request.sendall(received)

    def _http_1(self, received: bytes) -> None:
        """Return the request in a header, in a redirect address, and in an error page like that of an API."""
        text = _common_parts_last(received).decode("latin-1")
        body = json.dumps({"status": "error", "error": text, "error_description": text, "at": text}).encode()
        head = f"HTTP/1.1 200 OK\r\nX-Echo: {text}\r\nLocation: /?{text}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.request.sendall(head.encode("latin-1") + body)

    def _http_2(self, received: bytes) -> None:
        """Return the request in the message of a failed gRPC call."""
        http, headers = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1")), ""
        http.initiate_connection()
        while received:
            for event in http.receive_data(received):
                if isinstance(event, RequestReceived):
                    headers = " ".join(f"{name}: {value}" for name, value in event.headers)
                elif isinstance(event, StreamEnded):
                    http.send_headers(1, [(":status", "200"), ("x-echo", headers)])
                    http.send_headers(1, [("grpc-status", "13"), ("grpc-message", headers)], end_stream=True)
            self.request.sendall(http.data_to_send())
            received = self.request.recv(65_536)

    def _postgres(self) -> None:
        """Request the password in clear text, and return it in an error."""
        self.request.sendall(b"R" + struct.pack("!II", 8, 3))
        message = b"SERROR\0CXX000\0Mno: " + _line(self.request.recv(65_536)) + b"\0\0"
        self.request.sendall(b"E" + struct.pack("!I", len(message) + 4) + message)


def _common_parts_last(received: bytes) -> bytes:
    """Return a request as one line, with the common parts last, because only the start of a response is shown."""
    head, _, body = received.partition(b"\r\n\r\n")
    lines = sorted(head.split(b"\r\n"), key=lambda line: line.startswith(_USUAL))
    return _line(b" ".join([body, *lines]))


def _line(received: bytes) -> bytes:
    return b" ".join(received.replace(b"\0", b" ").split())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Do not log errors."""


def _echo_datagrams(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            received, sender = sock.recvfrom(65_536)
            if received == b"end":
                return
            sock.sendto(received, sender)


@contextlib.contextmanager
def echo_server() -> Iterator[int]:
    """Return all received data, on one port of TCP and UDP, while the `with` block runs. Yields the port."""
    with _Server(("127.0.0.1", 0), _Echo) as server, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(server.server_address)
        threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,)),
            threading.Thread(target=_echo_datagrams, args=(datagrams,)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            datagrams.sendto(b"end", datagrams.getsockname())
            for thread in threads:
                thread.join()
