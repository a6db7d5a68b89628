"""Subscriptions to status pages by e-mail: a file of JSON lines next to the record, and the only place of addresses.

Rows of the record, facts and logs refer to a subscription by its id. The file is replaced as a whole at each change, so
that it contains no address that was erased. The running daemon is its only writer.
"""

from __future__ import annotations

import asyncio
import json
import re
import stat
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from monitor.append_only_file import OWNER_ONLY, read_json_lines, replace_file, unreadable
from monitor.clock import secret_bytes
from monitor.errors import NinewatchError
from sla.interval import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

log = structlog.get_logger(__name__)

SUFFIX: Final = ".subscriptions.jsonl"
PENDING_FOR: Final = 2 * DAY  # from the last request until an unconfirmed address is erased
MAX_LINKS: Final = 3  # messages with a link to one address per page and day
MAX_PENDING: Final = 1_000  # unconfirmed addresses
MAX_SUBSCRIPTIONS: Final = 20_000
MAX_ADDRESS: Final = 254  # characters; RFC 5321, section 4.5.3.1.3, without the angle brackets
MAX_LOCAL_PART: Final = 64  # section 4.5.3.1.1
# A dot-atom (RFC 5322, section 3.2.3) without characters that need quotes, at a domain name with a dot.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})+)")
KINDS: Final = ("incidents", "maintenance")


class SubscriptionsFullError(NinewatchError):
    """There are too many subscriptions."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The messages that a subscriber gets: ids of components, none of them means all, and kinds of message.

    `language` is the code of their language. Empty for the default language of the page.
    """

    components: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS
    language: str = ""

    def includes(self, kind: str, components: Iterable[str]) -> bool:
        """Return whether a message of the kind about the components is sent."""
        return kind in self.kinds and (not self.components or not {*self.components}.isdisjoint(components))


@dataclass(frozen=True, slots=True)
class Subscription:
    """The subscription of an address to the status page `page`. `id` is random.

    `requested` is the last request, and `links` are the last requests that a message with a link answers. `confirmed`
    is None until the address is confirmed. Instants are microseconds since the epoch.
    """

    id: str
    page: str
    address: str
    choice: Choice
    requested: int
    links: tuple[int, ...]
    confirmed: int | None = None

    def is_pending(self, now: int) -> bool:
        """Return whether the address can be confirmed."""
        return self.confirmed is None and not self.is_expired(now)

    def is_expired(self, now: int) -> bool:
        """Return whether the address was not confirmed in time."""
        return self.confirmed is None and now - self.requested >= PENDING_FOR


ById = dict[str, Subscription]


def checked_address(text: str) -> str:
    """Return the address in the form in which it is used: the domain in lower case.

    Raises:
        ValueError: it is not one ASCII address like name@example.org. The text of the error does not contain it.
    """
    match = _ADDRESS.fullmatch(text.strip())
    # Mail programs decode an encoded word, =?utf-8?q?...?=, so that the mail would go to another address.
    if match is None or "=?" in match[1] or len(match[0]) > MAX_ADDRESS or len(match[1]) > MAX_LOCAL_PART:
        raise ValueError("not an e-mail address")
    return f"{match[1]}@{match[2].lower()}"


class Subscriptions:
    """The subscriptions of all pages. Use it on the event loop's thread; the file is written in another one.

    `version` changes with each change.
    """

    def __init__(self, path: Path, subscriptions: Iterable[Subscription] = ()) -> None:
        self.path = path
        self._by_id: ById = {subscription.id: subscription for subscription in subscriptions}
        self._lock = asyncio.Lock()
        self._changes = set[asyncio.Task[bool]]()
        self.version = 0

    @classmethod
    def load(cls, record: Path) -> Subscriptions:
        """Return the subscriptions of a record. Remove what a killed process left of an unfinished change.

        Raises:
            NinewatchError: the file cannot be read.
        """
        path = subscriptions_path(record)
        try:
            path.with_name(path.name + ".new").unlink(missing_ok=True)
            if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                log.warning("subscriptions_readable", file=str(path), advice=f"chmod 600 {path}")
        except OSError as error:
            raise unreadable(path, error) from None
        return cls(path, read_json_lines(path, _subscription, "subscription_unreadable"))

    def get(self, name: str) -> Subscription | None:
        """Return the subscription with the id. None if its address was erased."""
        return self._by_id.get(name)

    def of_page(self, page: str) -> list[Subscription]:
        """Return the subscriptions to a page, also unconfirmed ones."""
        return [subscription for subscription in self._by_id.values() if subscription.page == page]

    async def request(self, page: str, address: str, choice: Choice, now: int) -> None:
        """Record the request for an address. A message with a link answers it, at most `MAX_LINKS` per day.

        An unconfirmed subscription gets the choice of the request. A confirmed one is not changed, because anyone may
        send the request. If `MAX_PENDING` addresses are not confirmed, the one with the oldest request is erased, so
        that requests for many addresses do not keep other people from subscribing. All cases take the same steps.

        Raises:
            SubscriptionsFullError: no new subscription is accepted now.
            NinewatchError: the file cannot be written.
        """

        def requested(by_id: ById) -> ById:
            subscription = self._requested(page, address, choice, now)
            with_place = _with_place_for_one(by_id)  # in all cases, so that a request takes the same time
            kept = by_id if subscription.id in by_id else with_place
            if len(kept) >= MAX_SUBSCRIPTIONS:
                raise SubscriptionsFullError("there are too many subscriptions")
            return {**kept, subscription.id: subscription}

        await self._change(requested)

    def _requested(self, page: str, address: str, choice: Choice, now: int) -> Subscription:
        # A list, so that a request takes the same time wherever the address is, and if it is not there.
        same = [known for known in self.of_page(page) if known.address.casefold() == address.casefold()]
        subscription = same[0] if same else Subscription(secret_bytes(16).hex(), page, address, choice, now, ())
        recent = tuple(at for at in subscription.links if now - at < DAY)
        links = (*recent, now) if len(recent) < MAX_LINKS else recent
        if subscription.confirmed is not None:
            return replace(subscription, links=links)
        return replace(subscription, choice=choice, requested=now, links=links)

    async def confirm(self, name: str, now: int) -> bool:
        """Confirm the address of a subscription. Return False if none waits for it.

        Raises:
            NinewatchError: the file cannot be written.
        """

        def confirmed(by_id: ById) -> ById | None:
            pending = by_id.get(name)
            if pending is None or not pending.is_pending(now):
                return None
            return {**by_id, name: replace(pending, confirmed=now)}

        return await self._change(confirmed)

    async def choose(self, name: str, choice: Choice) -> bool:
        """Change the choice of a confirmed subscription. Return False if there is none.

        Raises:
            NinewatchError: the file cannot be written.
        """

        def chosen(by_id: ById) -> ById | None:
            subscription = by_id.get(name)
            if subscription is None or subscription.confirmed is None:
                return None
            return {**by_id, name: replace(subscription, choice=choice)}

        return await self._change(chosen)

    async def leave(self, name: str) -> bool:
        """Erase the subscription with its address. Return False if it does not exist.

        Raises:
            NinewatchError: the file cannot be written.
        """

        def left(by_id: ById) -> ById | None:
            return {key: value for key, value in by_id.items() if key != name} if name in by_id else None

        return await self._change(left)

    async def expire(self, now: int) -> None:
        """Erase the addresses that were not confirmed in time.

        Raises:
            NinewatchError: the file cannot be written.
        """
        if any(subscription.is_expired(now) for subscription in self._by_id.values()):
            await self._change(lambda by_id: {key: value for key, value in by_id.items() if not value.is_expired(now)})

    async def _change(self, compute: Callable[[ById], ById | None]) -> bool:
        """Write what `compute` returns. Return False if it returns None.

        A change is completed also if the request is cancelled meanwhile: file and memory must not differ.
        """
        change = asyncio.create_task(self._apply(compute))
        self._changes.add(change)
        change.add_done_callback(self._changes.discard)
        return await asyncio.shield(change)

    async def _apply(self, compute: Callable[[ById], ById | None]) -> bool:
        async with self._lock:
            changed = compute(self._by_id)
            if changed is None:
                return False
            await asyncio.to_thread(_write_file, self.path, changed)
            self._by_id = changed
            self.version += 1
            return True


def subscriptions_path(record: Path) -> Path:
    """Return the path of the subscriptions of a record."""
    return record.with_name(record.name + SUFFIX)


def _with_place_for_one(by_id: ById) -> ById:
    """Return the subscriptions without the oldest unconfirmed ones, so that one more is within the limit."""
    pending = sorted((known for known in by_id.values() if known.confirmed is None), key=lambda known: known.requested)
    erased = {known.id for known in pending[: max(0, len(pending) + 1 - MAX_PENDING)]}
    return {name: known for name, known in by_id.items() if name not in erased}


def _write_file(path: Path, by_id: Mapping[str, Subscription]) -> None:
    text = "".join(json.dumps(asdict(subscription)) + "\n" for subscription in by_id.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text, mode=OWNER_ONLY)


def _subscription(line: Mapping[str, Any]) -> Subscription:
    choice, confirmed = line["choice"], line["confirmed"]
    return Subscription(
        id=str(line["id"]),
        page=str(line["page"]),
        address=checked_address(str(line["address"])),
        choice=Choice(
            tuple(map(str, choice["components"])), tuple(map(str, choice["kinds"])), str(choice.get("language", ""))
        ),
        requested=int(line["requested"]),
        links=tuple(map(int, line["links"])),
        confirmed=None if confirmed is None else int(confirmed),
    )
