"""Emails to the subscribers of a status page: confirmation and settings links, incident updates, maintenance.

Every email has a link to unsubscribe, also as one-click headers (RFC 8058).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from monitor.access.subscription_link import LinkPurpose, link_token
from monitor.language import language, translatable
from monitor.receivers.chat_text import truncate
from sla.interval import SECOND

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.access.link import LinkSigner
    from monitor.access.subscriptions import Subscription
    from monitor.config.status_pages import StatusPage
    from monitor.language import Language

CONFIRM: Final = translatable("""\
Someone, probably you, asked for messages of "{title}" to this address.

Confirm that you want them:
{confirm}

The link works for two days. If you do not confirm, you get no messages, and your address is erased.
To erase it now:
{manage}
""")

MANAGE: Final = translatable("""\
Someone, probably you, asked for messages of "{title}" to this address.

You already get them. Change what you get, or leave:
{manage}
""")

INCIDENT: Final = translatable("""\
{title}
{phase}, {published}

{paragraphs}

Affected: {components}
{next_update}{link}""")

MAINTENANCE: Final = translatable("""\
Maintenance is planned.

Affected: {components}
From: {start}
To: {end}

{page}""")

FOOTER: Final = translatable("""\
--
You get this because you subscribed to "{title}".
Change what you get, or leave:
{manage}
""")


@dataclass(frozen=True, slots=True)
class MailContext:
    """The page of an email. `address` is its public URL with a trailing slash, `signer` signs the links."""

    page: StatusPage
    address: str
    sender: str
    signer: LinkSigner
    zone: ZoneInfo

    def language(self, subscription: Subscription) -> Language:
        """Return the subscriber's language, by default that of the page."""
        chosen = subscription.choice.language
        return language(chosen if chosen in self.page.languages else self.page.languages[0])

    def query(self, spoken: Language) -> str:
        """Return the query string that selects the language; empty for the page's default language."""
        return "" if spoken.code == self.page.languages[0] else f"?lang={spoken.code}"

    def link(self, purpose: LinkPurpose, subscription: str) -> str:
        """Return the link of a subscriber."""
        token = link_token(self.signer, purpose, self.page.id, subscription)
        return f"{self.address}{purpose.value}/{token}"


def subscriber_mail(
    context: MailContext, subscription: Subscription, fields: dict[str, Any], key: str, now: int
) -> EmailMessage:
    """Return the email of a message. `fields` are the values for the template, `now` is the date in microseconds.

    `key` is the same for all attempts to send the message, and so is the `Message-ID`, by which mail programs hide
    duplicates.
    """
    domain, manage = context.sender.rpartition("@")[2], context.link(LinkPurpose.MANAGE, subscription.id)
    subject, text = _content(context, subscription, fields, manage)
    mail = EmailMessage()
    template = context.language(subscription).gettext("{title}: {subject}")
    mail["Subject"] = truncate(" ".join(template.format(title=context.page.title, subject=subject).split()), 200)
    mail["From"], mail["To"] = context.sender, subscription.address
    mail["Date"] = format_datetime(datetime.fromtimestamp(now // SECOND, UTC))
    mail["Message-ID"] = f"<{_identity(key)}@{domain}>"
    if incident := fields.get("incident"):
        thread = f"<subscription.{subscription.id}.{incident}@{domain}>"
        mail["In-Reply-To"] = mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Unsubscribe"] = f"<{manage}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(text)  # removes other headers of the content
    mail["Content-Language"] = context.language(subscription).code
    return mail


def _content(context: MailContext, subscription: Subscription, fields: dict[str, Any], manage: str) -> tuple[str, str]:
    """Return subject and text. `manage` is the link to change the subscription or unsubscribe."""
    title, spoken = context.page.title, context.language(subscription)
    footer = "\n\n" + spoken.gettext(FOOTER).format(title=title, manage=manage)
    if "incident" in fields:
        subject, text = _incident(context, spoken, fields)
        return subject, text + footer
    if "start" in fields:
        subject, text = _maintenance(context, spoken, fields)
        return subject, text + footer
    if subscription.confirmed is None:
        confirm = context.link(LinkPurpose.CONFIRM, subscription.id)
        text = spoken.gettext(CONFIRM).format(title=title, confirm=confirm, manage=manage)
        return spoken.gettext("confirm your subscription"), text
    return spoken.gettext("your subscription"), spoken.gettext(MANAGE).format(title=title, manage=manage)


def _incident(context: MailContext, spoken: Language, fields: dict[str, Any]) -> tuple[str, str]:
    """Return subject and text of an incident update. The update itself is not translated."""
    due, word = _time(context, spoken, fields, "next_update_due"), spoken.gettext(fields["phase"].capitalize())
    text = spoken.gettext(INCIDENT).format(
        title=fields["title"],
        phase=word,
        published=_time(context, spoken, fields, "published"),
        paragraphs="\n\n".join(fields["paragraphs"]),
        components=", ".join(fields["components"]),
        next_update=spoken.gettext("Next update by {time}").format(time=due) + "\n" if due else "",
        link=f"{context.address}incidents/{fields['incident']}{context.query(spoken)}",
    )
    return f"{fields['title']} ({word.lower()})", text


def _maintenance(context: MailContext, spoken: Language, fields: dict[str, Any]) -> tuple[str, str]:
    """Return subject and text for planned maintenance."""
    names = ", ".join(fields["components"])
    text = spoken.gettext(MAINTENANCE).format(
        components=names,
        start=_time(context, spoken, fields, "start"),
        end=_time(context, spoken, fields, "end"),
        page=f"{context.address}{context.query(spoken)}",
    )
    return spoken.gettext("planned maintenance of {names}").format(names=names), text


def _time(context: MailContext, spoken: Language, fields: dict[str, Any], name: str) -> str:
    """Return the time of a field in a language. Messages of earlier releases have the English text only."""
    at = fields.get("instants", {}).get(name)
    return str(fields[name] or "") if at is None else spoken.minute(at, context.zone)


def _identity(key: str) -> str:
    """Return the key as an atom of a `Message-ID`."""
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in key)
