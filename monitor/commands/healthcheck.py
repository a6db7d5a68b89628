"""ninewatch healthcheck"""

from __future__ import annotations

import click

from monitor.network.json_client import error_text, get

DEFAULT_URL = "http://127.0.0.1:9999/livez"
TIMEOUT = 5.0  # seconds


@click.command
@click.argument("url", default=DEFAULT_URL, metavar="[URL]")
def healthcheck(url: str) -> None:
    """Check that a running daemon responds.

    It is the health check of the container.

    URL is the address of /livez. Default: http://127.0.0.1:9999/livez. Exits with 0 if the response has the status 200,
    otherwise with 1.
    """
    if problem := _problem(url):
        click.echo(f"{url}: {problem}", err=True)
        raise SystemExit(1)  # container engines reserve 2, the status of other errors
    click.echo("the daemon responds")


def _problem(url: str) -> str:
    """Return why the daemon is not healthy, with a remedy. Empty if it is."""
    try:
        answer = get(url, timeout=TIMEOUT, direct=True)
    except OSError as error:
        return f"{error_text(error)}; is the daemon running?"
    except ValueError as error:
        return f"{error}; specify the address of /livez"
    return "" if answer.status == 200 else f"status {answer.status}; see the daemon's log"
