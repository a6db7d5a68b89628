"""Encode and decode the 2 messages of gRPC's health service (grpc.health.v1).

grpcio is not used, because it has its own threads, resolver and deadlines. Both messages have one field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.http.response import Response

PATH = "/grpc.health.v1.Health/Check"
MAX_RESPONSE = 65_536  # bytes; a valid response has 7
SERVING = "SERVING"
CODES = dict(
    enumerate(
        (
            *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
            *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
            *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
        )
    )
)
"""gRPC's status codes and their names."""
_RESERVED = {"connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"}
HEALTH = {0: "UNKNOWN", 1: SERVING, 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class HealthResponse(NamedTuple):
    """The status code of a call (0: OK), its message, and the health.

    `pushback` is the time in milliseconds for which the server requests no calls, as text.
    """

    code: int
    message: str
    health: str = ""
    pushback: str = ""


def is_reserved(name: str) -> bool:
    """Return whether the gRPC call itself sets the metadata of this name."""
    return name.lower() in _RESERVED or name.lower().startswith("grpc-")


def encode_request(service: str) -> bytes:
    """Return HealthCheckRequest{service} with gRPC's 5-byte prefix."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    """Return a number as protobuf varint: 7 bits per byte, lowest first.

    >>> _varint(300).hex()
    'ac02'
    """
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def parse_response(response: Response) -> HealthResponse:
    """Parse a response.

    Raises:
        ProbeFailure: `answer_too_long`, `http_status`, `grpc_malformed`; `grpc_status`: not a gRPC response.
    """
    if response.truncated:
        raise ProbeFailure("answer_too_long", f"more than {MAX_RESPONSE} bytes")
    if response.status != 200:
        raise ProbeFailure("http_status", f"status {response.status}, expected 200", status=response.status)
    trailers = response.trailers or response.headers  # a call that fails immediately has only headers
    code = trailers.get("grpc-status", "")
    if not (code.isascii() and code.isdecimal()):
        raise ProbeFailure("grpc_status", "no grpc-status")
    if int(code[:4]):
        return HealthResponse(
            int(code[:4]), trailers.get("grpc-message", ""), pushback=trailers.get("grpc-retry-pushback-ms", "")
        )
    # HealthCheckResponse{status}: gRPC's 5-byte prefix, then field 1 as a varint, omitted for the default UNKNOWN.
    message = response.body[5:]
    status = 0 if not message else message[1] if message[:1] == b"\x08" and len(message) == 2 else -1
    if status not in HEALTH:
        raise ProbeFailure("grpc_malformed", f"{quoted(message.hex(), 60)} is not a HealthCheckResponse")
    return HealthResponse(0, "", HEALTH[status])
