"""A connection that is reset during the start of TLS leaves no socket open."""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import warnings

import pytest

from monitor.network.connection import close_unfinished_tls_socket


def reset_connection() -> socket.socket:
    """Return a connected socket whose peer has already reset the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    return client


def test_socket_is_closed_when_starting_tls_fails() -> None:
    with warnings.catch_warnings(record=True) as caught_warnings:
        warnings.simplefilter("always")
        client = reset_connection()
        with pytest.raises(OSError) as failed:  # noqa: PT011 - reset, or not connected any more
            ssl.create_default_context().wrap_socket(client, server_hostname="h", do_handshake_on_connect=False)
        close_unfinished_tls_socket(failed.value)
        client.close()
        del failed
        gc.collect()
    assert [warning for warning in caught_warnings if issubclass(warning.category, ResourceWarning)] == []
