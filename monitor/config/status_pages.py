"""Public status pages: one per audience, with chosen products under names of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from monitor.config.addresses import HostName, HttpUrl
from monitor.config.base import Model
from monitor.config.errors import Loc, Problem, quoted
from monitor.config.file_access import content
from monitor.config.subscribe import Subscribe, subscribe_problems
from monitor.config.values import Id, Text, local_path
from monitor.config.yaml_nodes import Node, key_path, locate
from monitor.language import translatable

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

MAX_TEXT: Final = 2_000  # characters of an update, and of a template
PLACEHOLDERS: Final = ("{components}", "{began}", "{duration}", "{next_update}")
_MEDIA_TYPES: Final = {".svg": "image/svg+xml", ".png": "image/png"}
_MAX_LOGO: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo: its path, media type and content."""

    path: Path
    media_type: str
    body: bytes

    @property
    def file_name(self) -> str:
        """The file name in URLs, which does not reveal the name on disk."""
        return f"logo{self.path.suffix.lower()}"


def _logo(value: Any, info: ValidationInfo) -> Logo:
    if isinstance(value, Logo):
        return value
    path = local_path(value, info)
    media_type = _MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise ValueError(f"{quoted(path.name)} is not a logo; use a file with the extension .svg or .png")
    return Logo(path, media_type, content(path, _MAX_LOGO))


LogoFile = Annotated[
    Logo,
    PlainValidator(_logo),
    PlainSerializer(lambda logo: str(logo.path), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string"}),
]

PageHost = Annotated[HostName, AfterValidator(str.lower)]
"""The host name of a page, in lower case for comparison with the Host header."""


def _template(value: str) -> str:
    unknown = [name for name in re.findall(r"\{[^}]*\}", value) if name not in PLACEHOLDERS]
    if unknown:
        raise ValueError(
            f"has the unknown placeholder {quoted(unknown[0])}; known placeholders: {', '.join(PLACEHOLDERS)}"
        )
    return value


Template = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT), AfterValidator(_template)]


def _languages(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        raise ValueError("has a language twice; write it once")
    return value


class UpdateTemplates(Model):
    """Templates of updates by phase. `{components}`, `{began}`, `{duration}` and `{next_update}` are filled in."""

    investigating: Template = translatable(
        "We are investigating a problem with {components}. It began at {began}. Next update by {next_update}."
    )
    """While the cause is unknown."""

    identified: Template = translatable(
        "The cause of the problem with {components} is known, and we are correcting it. It began at {began}. "
        "Next update by {next_update}."
    )
    """When the cause is known."""

    monitoring: Template = translatable(
        "The problem with {components} was corrected, and we are observing the effect. Next update by {next_update}."
    )
    """After a correction."""

    resolved: Template = translatable(
        "The problem with {components} is resolved. It began at {began} and lasted {duration}."
    )
    """At the end."""


class Licence(Model):
    """The licence of the daily figures. With it, they are published as open data."""

    name: Text
    """The short name: `OGL-BC-2.0`, `CC-BY-4.0`."""

    title: Text | None = None
    """The full name."""

    url: HttpUrl
    """The address of its text."""


class StatusComponent(Model):
    """A component of a status page: a product under a public name."""

    id: Id
    """Identifies the component in public addresses and data. It may differ from the product's id, which is not
    published."""

    name: Text
    """The public name of the component."""

    description: Text | None = None
    """A public description, in one sentence."""

    group: Text | None = None
    """The heading under which the component is shown. Components with the same heading are one group."""

    product: Id
    """The product that is measured. Its id and name are not published."""


class StatusPage(Model):
    """A public status page for one audience, at `/status/ID`. Everyone who can connect may read it."""

    id: Id
    """Identifies the page in its address: `/status/ID`."""

    title: Text
    """The title of the page."""

    description: Text | None = None
    """The introduction of the page, in one sentence."""

    host: PageHost | None = None
    """Host name of the page. For requests with this name, this page is served at `/`, and only public pages are
    served."""

    logo: LogoFile | None = None
    """A logo, as a `.svg` or `.png` file. A relative path is relative to the configuration file that contains the key.
    """

    link: HttpUrl | None = None
    """Public address of the page: `https://status.example.org/`. Feeds contain it. Default: from `public_url`."""

    languages: Annotated[tuple[Literal["en", "fr"], ...], Field(min_length=1), AfterValidator(_languages)] = ("en",)
    """The languages of the page, its feeds and the messages to subscribers: English and French. The first one is the
    default; texts of this file and of updates are expected in it, and are shown as they are written.
    """

    figures: Literal["contractual", "raw"] = "contractual"
    """The availability that is published: `contractual`, after the exclusions of the agreement, or `raw`. The page
    states which one."""

    licence: Licence | None = None
    """The licence of the daily figures. Default: none, and no `daily.csv`."""

    templates: UpdateTemplates = UpdateTemplates()
    """Templates of updates of public incidents. A person completes and publishes them."""

    remind: Id | None = None
    """The id of the receiver that is reminded when the next update of a public incident is due. Default: none."""

    notify: tuple[Id, ...] = ()
    """Ids of receivers that get each update of a public incident: a mailing list, a chat, a webhook."""

    subscribe: Subscribe | None = None
    """Subscription by e-mail. Default: none. Requires an https address of the page."""

    components: Annotated[tuple[StatusComponent, ...], Field(min_length=1)]
    """The components, in the order of the page."""

    def address(self, public_url: str | None) -> str:
        """Return the public URL of the page with a trailing slash. Empty if unknown."""
        if self.link is not None:
            return self.link.rstrip("/") + "/"
        if self.host is not None:
            return f"https://{self.host}/status/{self.id}/"
        return "" if public_url is None else f"{public_url.rstrip('/')}/status/{self.id}/"


def page_of_host(portfolio: Portfolio, authority: str) -> StatusPage | None:
    """Return the status page for the host of a request (`status.example.org:443`), or None."""
    host, _, port = authority.rpartition(":")
    name = (host if port.isdecimal() else authority).lower().rstrip(".")
    return next((page for page in portfolio.status_pages if page.host is not None and page.host == name), None)


def status_page_problems(portfolio: Portfolio, root: Node) -> Iterator[Problem]:
    """Yield the problems of status pages in an otherwise valid portfolio."""
    for check in (_duplicates, _private_host, _unknown_products, _receivers, subscribe_problems):
        for loc, message in check(portfolio):
            yield Problem(locate(root, loc)[0], key_path(root, loc), message)


def _duplicates(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    """Yield duplicate ids and host names of pages, and duplicate ids of a page's components."""
    ids, hosts = set[str](), set[str]()
    for number, page in enumerate(portfolio.status_pages):
        loc = ("status_pages", number)
        if page.id in ids:
            yield (*loc, "id"), f"{quoted(page.id)} is already the id of a status page; choose another id"
        if page.host is not None and page.host in hosts:
            yield (*loc, "host"), f"{quoted(page.host)} is already the host of a status page; choose another host"
        ids.add(page.id)
        hosts.add(page.host or "")
        known = set[str]()
        for index, component in enumerate(page.components):
            if component.id in known:
                message = f"{quoted(component.id)} is already the id of a component of this page; choose another id"
                yield (*loc, "components", index, "id"), message
            known.add(component.id)


def _private_host(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    private = urlsplit(portfolio.public_url or "").hostname
    for number, page in enumerate(portfolio.status_pages):
        if page.host is not None and page.host == private:
            message = "is the host of `public_url`, whose other pages would not be reachable; use another host name"
            yield ("status_pages", number, "host"), message


def _unknown_products(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    products = [product.id for product in portfolio.products]
    for number, page in enumerate(portfolio.status_pages):
        for index, component in enumerate(page.components):
            if component.product not in products:
                loc = ("status_pages", number, "components", index, "product")
                message = f"unknown product {quoted(component.product)}; known products: {', '.join(sorted(products))}"
                yield loc, message


def _receivers(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    """Yield configured receivers that do not exist or accept no reports."""
    receivers = {receiver.id: receiver for receiver in portfolio.receivers}
    for number, page in enumerate(portfolio.status_pages):
        names: list[tuple[Loc, str]] = [(("notify", index), name) for index, name in enumerate(page.notify)]
        for loc, name in names if page.remind is None else [*names, (("remind",), page.remind)]:
            if name not in receivers:
                known = f"known receivers: {', '.join(sorted(receivers))}" if receivers else "add one under receivers:"
                yield ("status_pages", number, *loc), f"unknown receiver {quoted(name)}; {known}"
            elif not receivers[name].accepts_reports:
                message = f"{quoted(name)} accepts no reports; use a chat, e-mail, ntfy, GC Notify or a webhook"
                yield ("status_pages", number, *loc), message
