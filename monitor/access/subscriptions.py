"""Email subscriptions to status pages: a file of JSON lines next to the record, the only place that stores addresses.

Rows of the record, facts and logs refer to a subscription by its id. Each change rewrites the file, so that it contains
no erased address. Only the running daemon writes it.
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
PENDING_FOR: Final = 2 * DAY  # after the last request, when an unconfirmed address is erased
MAX_LINKS: Final = 3  # link messages per address, page and day
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
    """The messages that a subscriber wants: component ids (empty means all) and kinds of message.

    `language` is a language code; empty for the page's default language.
    """

    components: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS
    language: str = ""

    def includes(self, kind: str, components: Iterable[str]) -> bool:
        """Return whether the choice includes messages of this kind about any of the components."""
        return kind in self.kinds and (not self.components or not {*self.components}.isdisjoint(components))


@dataclass(frozen=True, slots=True)
class Subscription:
    """The subscription of an address to the status page `page`. `id` is random.

    Instants are microseconds since the epoch: `requested` is the last request, `links` are the recent requests to
    answer with a link message, `confirmed` is None until the address is confirmed.
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
    """Validate an address and return it with its domain in lower case.

    Raises:
        ValueError: the text is not a single ASCII address like name@example.org. The message does not quote it.
    """
    match = _ADDRESS.fullmatch(text.strip())
    # Mail software decodes an encoded word, =?utf-8?q?...?=, which would change the address.
    if match is None or "=?" in match[1] or len(match[0]) > MAX_ADDRESS or len(match[1]) > MAX_LOCAL_PART:
        raise ValueError("not an e-mail address")
    return f"{match[1]}@{match[2].lower()}"


class Subscriptions:
    """The subscriptions of all pages. Use it on the event loop's thread only; a worker thread writes the file.

    `version` increases with each change.
    """

    def __init__(self, path: Path, subscriptions: Iterable[Subscription] = ()) -> None:
        self.path = path
        self._by_id: ById = {subscription.id: subscription for subscription in subscriptions}
        self._lock = asyncio.Lock()
        self._changes = set[asyncio.Task[bool]]()
        self.version = 0

    @classmethod
    def load(cls, record: Path) -> Subscriptions:
        """Return the subscriptions of a record. Remove the leftovers of an interrupted change.

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
        """Return the subscription with this id, None if it was deleted."""
        return self._by_id.get(name)

    def of_page(self, page: str) -> list[Subscription]:
        """Return the subscriptions to a page, including unconfirmed ones."""
        return [subscription for subscription in self._by_id.values() if subscription.page == page]

    async def request(self, page: str, address: str, choice: Choice, now: int) -> None:
        """Record a request to subscribe an address. It is answered with a link message, at most `MAX_LINKS` per day.

        An unconfirmed subscription gets the choice of the request. A confirmed one is not changed, because anyone may
        send the request. At `MAX_PENDING` unconfirmed addresses, the oldest request is erased, so that mass requests do
        not block other people. All cases take the same steps, so that timing reveals nothing.

        Raises:
            SubscriptionsFullError: the limit of subscriptions is reached.
            NinewatchError: the file cannot be written.
        """

        def requested(by_id: ById) -> ById:
            subscription = self._requested(page, address, choice, now)
            within_limit = _within_limit(by_id)  # in all cases, for constant time
            current = by_id if subscription.id in by_id else within_limit
            if len(current) >= MAX_SUBSCRIPTIONS:
                raise SubscriptionsFullError("there are too many subscriptions")
            return {**current, subscription.id: subscription}

        await self._change(requested)

    def _requested(self, page: str, address: str, choice: Choice, now: int) -> Subscription:
        # A list, so that the time does not depend on whether and where the address exists.
        same = [known for known in self.of_page(page) if known.address.casefold() == address.casefold()]
        subscription = same[0] if same else Subscription(secret_bytes(16).hex(), page, address, choice, now, ())
        recent = tuple(at for at in subscription.links if now - at < DAY)
        links = (*recent, now) if len(recent) < MAX_LINKS else recent
        if subscription.confirmed is not None:
            return replace(subscription, links=links)
        return replace(subscription, choice=choice, requested=now, links=links)

    async def confirm(self, name: str, now: int) -> bool:
        """Confirm the address of a pending subscription. Return False if there is none.

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
        """Write the subscriptions that `compute` returns. Return False if it returns None.

        A change is completed even if the request is cancelled, because file and memory must not differ.
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


def _within_limit(by_id: ById) -> ById:
    """Drop the oldest unconfirmed subscriptions, so that one more is within the limit."""
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
