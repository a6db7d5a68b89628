"""`ninewatch token`: create, list and revoke API tokens."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.access.audit_log import AuditEntry, Event
from monitor.access.scopes import MEANINGS, Scope
from monitor.access.tokens import TokenFile, new_token
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG
from monitor.commands.fact_options import by_option
from monitor.commands.fact_writing import command_origin, set_owner, write_audit_entry
from monitor.commands.record_location import location_of
from monitor.errors import NinewatchError
from monitor.facts.journal import LATEST_INSTANT
from sla.interval import SECOND
from sla.window import format_instant, parse_duration, parse_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.access.tokens import Token
    from monitor.commands.record_location import RecordLocation

LONGEST_NAME = 100
_BY_OPTION = by_option(required=False, text="Your name.  [default: the name of the user who runs the command]")
_SCOPES = "; ".join(f"{scope.value}: {meaning}" for scope, meaning in MEANINGS.items())


@click.group(short_help="Create, list and revoke API tokens.")
def token() -> None:
    """Create, list and revoke API tokens.

    With a token, a program can write through the API of the daemon. Only the hash of the token is stored, in a file
    next to the record. A running daemon accepts new tokens and refuses revoked tokens from the next request on.
    """


@token.command("create", short_help="Create a token and print it once.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help=f"Permission of the token; may be repeated. {_SCOPES}.",
)
@click.option("--expires", metavar="DURATION|TIME", help="When it expires: 90d from now, or an instant (RFC 3339).")
@click.option("--product", "products", multiple=True, help="Permit only alerts about this product; may be repeated.")
@_BY_OPTION
@CONFIG
def create(
    name: str, scopes: Sequence[str], expires: str | None, products: Sequence[str], author: str | None, path: Path
) -> None:
    """Create the token NAME and print it. It cannot be printed again.

    NAME is recorded as the author of all changes that are made with the token. Only the token is printed on standard
    output.
    """
    location, now, permitted = location_of(path), SystemClock().now(), [Scope(scope) for scope in scopes]
    file = TokenFile.of(location.record)
    name = _name("NAME", name)
    if any(existing.name == name and not existing.refusal(now) for existing in file.tokens().values()):
        raise NinewatchError(f'there is a valid token "{name}"; choose another name, or revoke it first')
    _check_products(location, products, permitted)
    instant = None if expires is None else _expiry(expires, location, now)
    created, text = new_token(name, _author(author), permitted, now, expires=instant, products=products)
    _audit(location.record, created, Event.TOKEN_CREATED, now, created.author)
    file.add(created)
    set_owner(file.path, location.record)
    click.echo(f"token {_description(created, now)}", err=True)
    click.echo("It cannot be printed again; keep it secret. Send it as `Authorization: Bearer TOKEN`.", err=True)
    click.echo(text)


@token.command("list", short_help="List tokens: scopes, limits, expiry, author.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@CONFIG
def list_command(as_json: bool, path: Path) -> None:
    """List all tokens, oldest first, including expired and revoked ones, without the secrets and their hashes."""
    now = SystemClock().now()
    tokens = TokenFile.of(location_of(path).record).tokens().values()
    for listed in tokens:
        click.echo(json.dumps(_plain(listed, now), ensure_ascii=False) if as_json else _description(listed, now))
    if not tokens and not as_json:
        click.echo("no tokens")


@token.command("revoke", short_help="Revoke a token.")
@click.argument("name", metavar="NAME|ID")
@_BY_OPTION
@CONFIG
def revoke(name: str, author: str | None, path: Path) -> None:
    """Revoke the token with this name or id. A running daemon refuses it from the next request."""
    record = location_of(path).record
    file = TokenFile.of(record)
    valid = [existing for existing in file.tokens().values() if existing.revoked is None]
    matches = [existing for existing in valid if name in (existing.id, existing.name)]
    if not matches:
        known = (
            f"valid tokens: {', '.join(existing.name for existing in valid)}" if valid else "there are no valid tokens"
        )
        raise NinewatchError(f'unknown token "{name}"; {known}')
    for match in matches:
        person, now = _author(author), SystemClock().now()
        _audit(record, match, Event.TOKEN_REVOKED, now, person)
        file.revoke(match, person, now)
        click.echo(f"revoked {match.id} {match.name}")


def _audit(record: Path, changed: Token, event: Event, now: int, author: str) -> None:
    """Write the entry of a token that is created or revoked. The detail is what `token list` prints."""
    described = _plain(changed, now)
    detail = {name: described[name] for name in ("id", "name", "scopes", "products", "expires")}
    write_audit_entry(record, AuditEntry(now, event, command_origin(author), detail=detail))


def _check_products(location: RecordLocation, products: Sequence[str], scopes: Sequence[Scope]) -> None:
    unknown = [name for name in products if location.products is not None and name not in location.products]
    if unknown:
        raise NinewatchError(f'unknown product "{unknown[0]}"; known products: {", ".join(location.products or ())}')
    if products and Scope.READ in scopes:
        raise NinewatchError("--product does not limit the scope `read`; create a separate token for reading")


def _expiry(text: str, location: RecordLocation, now: int) -> int:
    try:
        instant = parse_instant(text, location.zone) if "-" in text else now + parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(f"--expires: {error}") from None
    if not now < instant <= LATEST_INSTANT:
        raise NinewatchError("--expires is in the past or after 2255; use 90d, or a later instant")
    return instant


def _author(text: str | None) -> str:
    if text is not None:
        return _name("--by", text)
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # for example in a container
        raise NinewatchError("the user of this process has no name; add --by NAME") from None


def _name(option: str, text: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise NinewatchError(f"{option} is empty, longer than {LONGEST_NAME} characters or more than one line")
    return text


def _description(token: Token, now: int) -> str:
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
