"""The health service of gRPC (grpc.health.v1), as two messages and what stands around them.

Not grpcio: it brings its own threads, resolver and deadlines, and the two messages have one field each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.http.response import Response

PATH = "/grpc.health.v1.Health/Check"
LIMIT = 65_536  # bytes of an answer that takes seven
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
    """What came back: the call's status, 0 if it was made, with its message, and what the health is.

    `pushback` is for how many milliseconds the server asks not to be called again, as it is written.
    """

    code: int
    message: str
    health: str = ""
    pushback: str = ""


def of_the_call(name: str) -> bool:
    """Return whether metadata of this name would say something of the call itself."""
    return name.lower() in _OURS or name.lower().startswith("grpc-")


def request(service: str) -> bytes:
    """Return HealthCheckRequest{service} with gRPC's five bytes before it."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    """Return a number in protobuf's form: seven bits a byte, the lowest first.

    >>> _varint(300).hex()
    'ac02'
    """
    taken = bytearray()
    while number > 127:
        taken.append(number & 127 | 128)
        number >>= 7
    return bytes([*taken, number])


def answered(answer: Response) -> Answer:
    """Return what an answer says, which is not judged here.

    Raises:
        ProbeFailure: `answer_too_long`, `http_status`, `grpc_malformed`, `grpc_status`: it is none of gRPC's.
    """
    if answer.cut:
        raise ProbeFailure("answer_too_long", f"more than {LIMIT} bytes")
    if answer.status != 200:
        raise ProbeFailure("http_status", f"status {answer.status}, expected 200", status=answer.status)
    last = answer.trailers or answer.headers  # a call that fails at once has only headers
    code = last.get("grpc-status", "")
    if not (code.isascii() and code.isdecimal()):
        raise ProbeFailure("grpc_status", "no grpc-status")
    if int(code[:4]):
        return Answer(int(code[:4]), last.get("grpc-message", ""), pushback=last.get("grpc-retry-pushback-ms", ""))
    # HealthCheckResponse{status}: five bytes of gRPC's, then field 1 as a varint; UNKNOWN, the default, is left out.
    message = answer.body[5:]
    status = 0 if not message else message[1] if message[:1] == b"\x08" and len(message) == 2 else -1
    if status not in HEALTH:
        raise ProbeFailure("grpc_malformed", f"{quoted(message.hex(), 60)} is no HealthCheckResponse")
    return Answer(0, "", HEALTH[status])
