"""The mails to subscribers of a status page: a link to confirm or change, an update of an incident, maintenance.

Every mail has a link to leave, also as the headers of RFC 8058, with which mail programs offer one click.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from monitor.access.subscription_link import LinkPurpose, link_token
from monitor.receivers.chat_text import truncate
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.access.link import LinkSigner
    from monitor.access.subscriptions import Subscription
    from monitor.config.status_pages import StatusPage

CONFIRM: Final = """\
Someone, probably you, asked for messages of "{title}" to this address.

Confirm that you want them:
{confirm}

The link works for two days. If you do not confirm, you get no messages, and your address is erased.
To erase it now:
{manage}
"""

MANAGE: Final = """\
Someone, probably you, asked for messages of "{title}" to this address.

You already get them. Change what you get, or leave:
{manage}
"""

INCIDENT: Final = """\
{title}
{phase}, {published}

{paragraphs}

Affected: {components}
{next_update}{link}"""

MAINTENANCE: Final = """\
Maintenance is planned.

Affected: {components}
From: {start}
To: {end}

{page}"""

FOOTER: Final = """

--
You get this because you subscribed to "{title}".
Change what you get, or leave:
{manage}
"""


@dataclass(frozen=True, slots=True)
class MailContext:
    """The page of a mail, its public address with a slash at its end, its sender, and the signer of its links."""

    page: StatusPage
    address: str
    sender: str
    signer: LinkSigner

    def link(self, purpose: LinkPurpose, subscription: str) -> str:
        """Return the link of a subscriber."""
        token = link_token(self.signer, purpose, self.page.id, subscription)
        return f"{self.address}{purpose.value}/{token}"


def subscriber_mail(
    context: MailContext, subscription: Subscription, fields: dict[str, Any], key: str, now: int
) -> EmailMessage:
    """Return the mail of a message. `fields` are the values of its kind, and `now` is its date in microseconds.

    `key` is the same for all attempts to send the message. So is the `Message-ID`, which mail programs use to hide a
    repeated mail.
    """
    domain, manage = context.sender.rpartition("@")[2], context.link(LinkPurpose.MANAGE, subscription.id)
    subject, text = _content(context, subscription, fields, manage)
    mail = EmailMessage()
    mail["Subject"] = truncate(" ".join(f"{context.page.title}: {subject}".split()), 200)
    mail["From"], mail["To"] = context.sender, subscription.address
    mail["Date"] = format_datetime(datetime.fromtimestamp(now // SECOND, UTC))
    mail["Message-ID"] = f"<{_identity(key)}@{domain}>"
    if incident := fields.get("incident"):
        thread = f"<subscription.{subscription.id}.{incident}@{domain}>"
        mail["In-Reply-To"] = mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Unsubscribe"] = f"<{manage}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(text)
    return mail


def _content(context: MailContext, subscription: Subscription, fields: dict[str, Any], manage: str) -> tuple[str, str]:
    """Return the subject and the text. `manage` is the link to change the choice and to leave."""
    title, names = context.page.title, ", ".join(fields.get("components", ()))
    footer = FOOTER.format(title=title, manage=manage)
    if "incident" in fields:
        due = fields["next_update_due"]
        text = INCIDENT.format(
            title=fields["title"],
            phase=fields["phase"].capitalize(),
            published=fields["published"],
            paragraphs="\n\n".join(fields["paragraphs"]),
            components=names,
            next_update="" if due is None else f"Next update by {due}\n",
            link=f"{context.address}incidents/{fields['incident']}",
        )
        return f"{fields['title']} ({fields['phase']})", text + footer
    if "start" in fields:
        text = MAINTENANCE.format(components=names, start=fields["start"], end=fields["end"], page=context.address)
        return f"planned maintenance of {names}", text + footer
    if subscription.confirmed is None:
        return "confirm your subscription", CONFIRM.format(
            title=title, confirm=context.link(LinkPurpose.CONFIRM, subscription.id), manage=manage
        )
    return "your subscription", MANAGE.format(title=title, manage=manage)


def _identity(key: str) -> str:
    """Return the key with the characters that an atom of a `Message-ID` may have."""
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in key)
