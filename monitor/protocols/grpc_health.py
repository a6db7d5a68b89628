"""Encode and decode the 2 messages of gRPC's health service (grpc.health.v1).

grpcio is not used, because it has its own threads, resolver and deadlines; the messages have one field each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.http.response import Response

PATH = "/grpc.health.v1.Health/Check"
LIMIT = 65_536  # bytes of a response; 7 are needed
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
_OURS = {"connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"}
HEALTH = {0: "UNKNOWN", 1: SERVING, 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class Answer(NamedTuple):
    """The response: the call's status code (0: OK), its message, and the health.

    `pushback` is the server's requested wait in milliseconds, as text.
    """

    code: int
    message: str
    health: str = ""
    pushback: str = ""


def is_reserved(name: str) -> bool:
    """Return whether metadata of this name is reserved for the call itself."""
    return name.lower() in _OURS or name.lower().startswith("grpc-")


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
    taken = bytearray()
    while number > 127:
        taken.append(number & 127 | 128)
        number >>= 7
    return bytes([*taken, number])


def parse_response(answer: Response) -> Answer:
    """Parse a response.

    Raises:
        ProbeFailure: `answer_too_long`, `http_status`, `grpc_malformed`; `grpc_status`: not a gRPC response.
    """
    if answer.truncated:
        raise ProbeFailure("answer_too_long", f"more than {LIMIT} bytes")
    if answer.status != 200:
        raise ProbeFailure("http_status", f"status {answer.status}, expected 200", status=answer.status)
    last = answer.trailers or answer.headers  # a call that fails at once has headers only
    code = last.get("grpc-status", "")
    if not (code.isascii() and code.isdecimal()):
        raise ProbeFailure("grpc_status", "no grpc-status")
    if int(code[:4]):
        return Answer(int(code[:4]), last.get("grpc-message", ""), pushback=last.get("grpc-retry-pushback-ms", ""))
    # HealthCheckResponse{status}: gRPC's 5-byte prefix, then field 1 as a varint, omitted for the default UNKNOWN.
    message = answer.body[5:]
    status = 0 if not message else message[1] if message[:1] == b"\x08" and len(message) == 2 else -1
    if status not in HEALTH:
        raise ProbeFailure("grpc_malformed", f"{quoted(message.hex(), 60)} is not a HealthCheckResponse")
    return Answer(0, "", HEALTH[status])
