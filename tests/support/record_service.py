"""A stateful HTTP service with records, which loses what was not replicated when it fails over."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class RecordService:
    """POST /records, GET, PUT and DELETE /records/ID, GET /records.

    While `replicates` is set, all records are copied to the standby; `fail_over` continues with those that the standby
    has. If `status` is set, every request is answered with it and not executed; if `page` is set, with status 200 and
    that HTML page. After a request with a method in `cut_after`, the connection is closed without a response.
    `committed` is called after each such request. `paged` has the paths of the requests that got the HTML page.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.standby: dict[str, dict[str, Any]] = {}
        self.replicates = True
        self.status: int | None = None
        self.page = ""
        self.paged: list[str] = []
        self.cut_after: list[str] = []
        self.committed: Callable[[str], None] = lambda _: None
        self.hits: Counter[str] = Counter()
        self.created = 0
        self.authorization: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port of the service."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[RecordService]:
        """Run the service while the `with` block runs."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def close(self) -> None:
        """Close a service that does not run."""
        self._server.server_close()

    def fail_over(self) -> None:
        """Continue with the records of the standby."""
        with self._lock:
            self.records = {name: dict(record) for name, record in self.standby.items()}

    def duplicate(self) -> None:
        """Add a copy of each record, as a replay of requests does."""
        with self._lock:
            for record in list(self.records.values()):
                self._create(dict(record))

    def _create(self, record: dict[str, Any]) -> dict[str, Any]:
        self.created += 1
        record["id"] = str(self.created)
        self.records[record["id"]] = record
        return record

    def execute(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and response of a request."""
        with self._lock:
            self.hits[method] += 1
            if self.status is not None:
                return self.status, {"error": "unavailable"}
            response = self._execute(method, path.partition("?")[0], json.loads(body) if body else {})
            if self.replicates:
                self.standby = {name: dict(record) for name, record in self.records.items()}
            return response

    def _execute(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/records":
            return (201, self._create({"draft": True, **body})) if method == "POST" else (200, [*self.records.values()])
        name = re.sub("^/records/", "", path)
        if name not in self.records:
            return 404, {"error": "unknown"}
        if method == "DELETE":
            return 200, self.records.pop(name)
        self.records[name] |= body if method == "PUT" else {}
        return 200, self.records[name]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                service.authorization.add(self.headers.get("Authorization", ""))
                service.paged += [self.path] if service.page else []
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, answer = (200, None) if service.page else service.execute(self.command, self.path, body)
                service.committed(self.command)
                if self.command in service.cut_after:
                    service.cut_after.remove(self.command)
                    self.close_connection = True
                    return
                payload = service.page.encode() or json.dumps(answer).encode()
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", "text/html" if service.page else "application/json")
                    self.send_header("Content-Length", str(len(payload)))
                    self.end_headers()
                    self.wfile.write(payload)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of the base class

            def log_message(self, *_: object) -> None:
                """Do not log requests."""

        return Handler


def pair(url: str, **changed: Any) -> dict[str, Any]:
    """Return the configuration of a pair of requests for the service at the URL."""
    return {
        "begin": {
            "method": "POST",
            "url": f"{url}/records",
            "body": '{"note": "{{run_id}}"}',
            "capture": {"id": "$.id"},
        },
        "finish": {"method": "PUT", "url": f"{url}/records/{{{{id}}}}", "body": '{"draft": false}'},
        "read": {"url": f"{url}/records/{{{{id}}}}", "finished": {"$.draft": False}},
        "find": {"url": f"{url}/records", "ids": "$[?@.note == '{{run_id}}'].id"},
        "clean": {"method": "DELETE", "url": f"{url}/records/{{{{id}}}}"},
        **changed,
    }
