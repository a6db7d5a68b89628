"""ninewatch healthcheck"""

from __future__ import annotations

import click

from monitor.errors import NinewatchError
from monitor.network.json_client import error_text, get

DEFAULT_URL = "http://127.0.0.1:9999/livez"
TIMEOUT = 5.0  # seconds


@click.command
@click.argument("url", default=DEFAULT_URL, metavar="[URL]")
def healthcheck(url: str) -> None:
    """Check that a running daemon responds, for the health check of a container.

    URL is the address of /livez. Default: http://127.0.0.1:9999/livez. Exits with 0 if the response has the status 200,
    otherwise with 1.
    """
    try:
        answer = get(url, timeout=TIMEOUT, direct=True)
    except OSError as error:
        raise NinewatchError(f"{url}: {error_text(error)}; is the daemon running?") from None
    except ValueError as error:
        raise NinewatchError(f"{url}: {error}; specify the address of /livez") from None
    if answer.status != 200:
        raise NinewatchError(f"{url}: status {answer.status}; see the daemon's log")
    click.echo("the daemon responds")
