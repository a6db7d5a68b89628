"""`ninewatch token`: create, list and revoke API tokens."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.access.scopes import MEANINGS, Scope
from monitor.access.tokens import TokenFile, new_token
from monitor.clock import SystemClock
from monitor.commands.common import CONFIG
from monitor.commands.correct import location_of
from monitor.errors import NinewatchError
from monitor.facts.journal import LATEST
from sla.interval import SECOND
from sla.window import format_instant, parse_duration, parse_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.access.tokens import Token
    from monitor.commands.correct import RecordLocation

LONGEST_NAME = 100
_AUTHOR = click.option("--author", help="Your name.  [default: the name of the user who runs the command]")
_SCOPES = "; ".join(f"{scope.value}: {meaning}" for scope, meaning in MEANINGS.items())


@click.group(short_help="Create, list and revoke API tokens.")
def token() -> None:
    """Create, list and revoke API tokens.

    A token permits a program to write through the API of the daemon. Only its hash is kept, in a file next to the
    record; a running daemon accepts a new token, and refuses a revoked one, with the next request.
    """


@token.command("create", short_help="Create a token and print it once.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([each.value for each in Scope]),
    help=f"What it permits; repeat for several. {_SCOPES}.",
)
@click.option("--expires", metavar="DURATION|TIME", help="When it expires: 90d from now, or an instant (RFC 3339).")
@click.option("--product", "products", multiple=True, help="Permit only alerts about this product; may be repeated.")
@_AUTHOR
@CONFIG
def create(
    name: str, scopes: Sequence[str], expires: str | None, products: Sequence[str], author: str | None, path: Path
) -> None:
    """Create the token NAME and print it. It is shown this once.

    NAME becomes the author of everything that the token writes. Only the token goes to standard output.
    """
    location, now, held = location_of(path), SystemClock().now(), [Scope(each) for each in scopes]
    tokens = TokenFile.of(location.record)
    name = _name("NAME", name)
    if any(each.name == name and not each.refusal(now) for each in tokens.tokens().values()):
        raise NinewatchError(f'there is a valid token "{name}"; choose another name, or revoke it first')
    _check_products(location, products, held)
    instant = None if expires is None else _expiry(expires, location, now)
    made, text = new_token(name, _author(author), held, now, expires=instant, products=products)
    tokens.add(made)
    _give_to_owner(tokens.path, location.record)
    click.echo(f"token {_described(made, now)}", err=True)
    click.echo("It is shown this once; keep it secret. Send it as `Authorization: Bearer TOKEN`.", err=True)
    click.echo(text)


@token.command("list", short_help="List tokens: scopes, limits, expiry, author.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@CONFIG
def list_command(as_json: bool, path: Path) -> None:
    """List all tokens, also expired and revoked ones, oldest first; never the tokens themselves or their hashes."""
    now = SystemClock().now()
    held = TokenFile.of(location_of(path).record).tokens().values()
    for each in held:
        click.echo(json.dumps(_plain(each, now), ensure_ascii=False) if as_json else _described(each, now))
    if not held and not as_json:
        click.echo("no tokens")


@token.command("revoke", short_help="Revoke a token.")
@click.argument("name", metavar="NAME|ID")
@_AUTHOR
@CONFIG
def revoke(name: str, author: str | None, path: Path) -> None:
    """Revoke the token NAME (or with this ID). A running daemon refuses it from the next request on."""
    tokens = TokenFile.of(location_of(path).record)
    valid = [each for each in tokens.tokens().values() if each.revoked is None]
    found = [each for each in valid if name in (each.id, each.name)]
    if not found:
        known = f"there are {', '.join(each.name for each in valid)}" if valid else "there is none"
        raise NinewatchError(f'no token "{name}"; {known}')
    for each in found:
        tokens.revoke(each, _author(author), SystemClock().now())
        click.echo(f"revoked {each.id} {each.name}")


def _give_to_owner(path: Path, record: Path) -> None:
    """Let the user of the daemon read the file, where another user (root) created it."""
    if record.exists() and (owner := record.stat().st_uid) != path.stat().st_uid:
        try:
            os.chown(path, owner, record.stat().st_gid)
        except OSError:
            click.echo(f"warning: the owner of {record} cannot read {path}; run this as that user", err=True)


def _check_products(location: RecordLocation, products: Sequence[str], scopes: Sequence[Scope]) -> None:
    unknown = [each for each in products if location.products is not None and each not in location.products]
    if unknown:
        raise NinewatchError(f'there is no product "{unknown[0]}"; there are {", ".join(location.products or ())}')
    if products and Scope.READ in scopes:
        raise NinewatchError("--product does not limit what `read` permits; create a token of its own for reading")


def _expiry(text: str, location: RecordLocation, now: int) -> int:
    try:
        instant = parse_instant(text, location.zone) if "-" in text else now + parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(f"--expires: {error}") from None
    if not now < instant <= LATEST:
        raise NinewatchError("--expires is in the past or after 2255; write 90d, or a later instant")
    return instant


def _author(text: str | None) -> str:
    if text is not None:
        return _name("--author", text)
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of a container, without a name
        raise NinewatchError("the user who runs this has no name; add --author NAME") from None


def _name(option: str, text: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise NinewatchError(f"{option} is empty, longer than {LONGEST_NAME} characters or more than one line")
    return text


def _described(token: Token, now: int) -> str:
    state = token.refusal(now)
    until = "" if token.expires is None else f", expires {_instant(token.expires)}"
    limit = f", products {', '.join(token.products)}" if token.products else ""
    made = f"created {_instant(token.made)} by {token.author}"
    return f"{token.id}  {token.name}: {', '.join(sorted(token.scopes))}{limit}; {made}{until}" + (
        f" ({state})" if state else ""
    )


def _plain(token: Token, now: int) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "products": list(token.products),
        "created": _instant(token.made),
        "author": token.author,
        "expires": None if token.expires is None else _instant(token.expires),
        "revoked": None if token.revoked is None else _instant(token.revoked),
        "valid": not token.refusal(now),
    }


def _instant(at: int) -> str:
    return format_instant(at // SECOND * SECOND)
