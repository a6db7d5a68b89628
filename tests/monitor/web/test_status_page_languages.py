"""Public status pages in English and French: choice of the language, feeds, forms and copies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from monitor.web.accept_language import accepted
from sla.interval import DAY
from tests.monitor.web.test_pages import Outline
from tests.monitor.web.test_status_data import ATOM
from tests.support.ledgers import NOW
from tests.support.status_pages import PAGE, maintenance, public_ledger, status_page, with_incidents
from tests.support.subscribers import ALL, link, subscriber_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.monitor.web.conftest import RunningServer
    from tests.monitor.web.test_status_data import Publish

BASE = f"/status/{PAGE}"
BOTH = ["en", "fr"]


async def bilingual(publish: Publish, languages: list[str] | None = None) -> RunningServer:
    page = status_page(languages=BOTH if languages is None else languages, host="status.example.org")
    ledger = public_ledger(page=page, maintenance=[maintenance(NOW + DAY)])
    with_incidents(ledger)
    return await publish(ledger)


def plain(text: str) -> str:
    """Return the text of a page with usual spaces."""
    return Outline(text).text.replace("\u00a0", " ")


async def test_page_in_french(publish: Publish) -> None:
    server = await bilingual(publish)
    answer = await server.get(f"{BASE}?lang=fr")
    text = plain(answer.text)
    assert '<html lang="fr">' in answer.text
    assert answer.headers["Content-Language"] == "fr"
    for expected in (
        "Panne majeure : Online forms (services touchés : 1 sur 3)",
        "Opérationnel",
        "Maintenance prévue",
        "Incidents en cours",
        "il y a 90 jours",
        "disponible 99,",
        "21 septembre 2026, ",
        "août 2026",
    ):
        assert expected in text, expected
    assert "Services for citizens" in text
    for english in ("Outage", "Operational", "available", "Planned", "Past incidents", "Last observation", "no data"):
        assert english not in text, english


async def test_texts_of_operators_stay_as_written_and_have_their_language(publish: Publish) -> None:
    server = await bilingual(publish)
    french = (await server.get(f"{BASE}?lang=fr")).text
    assert '<p lang="en">We replace it.</p>' in french
    assert '<span lang="en">Online forms do not load</span>' in french
    assert "<p>We replace it.</p>" in (await server.get(BASE)).text


async def test_language_is_that_of_the_browser_until_one_is_chosen(publish: Publish) -> None:
    server = await bilingual(publish)

    async def code(path: str, header: str) -> str:
        answer = await server.get(path, headers={"Accept-Language": header})
        assert (answer.status, answer.headers["Vary"]) == (200, "Accept-Language")
        match = re.search(r'<html lang="(\w+)">', answer.text)
        assert match is not None
        return match[1]

    assert await code(BASE, "fr-CA,fr;q=0.9,en;q=0.5") == "fr"
    assert await code(BASE, "en-CA") == "en"
    assert await code(BASE, "") == "en"
    assert await code(f"{BASE}?lang=en", "fr") == "en"
    assert await code(f"{BASE}/history?lang=fr", "en") == "fr"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("fr", "fr"),
        ("de;q=1, fr;q=0.1", "fr"),
        ("en;q=0.5, fr;q=0.7", "fr"),
        ("fr;q=0, de", "en"),
        ("fr;q=nan", "en"),
        ("fr;q=x", "en"),
        (";;,=,fr;level=1", "fr"),
    ],
)
def test_accepted_language_has_the_highest_weight(header: str, expected: str) -> None:
    assert accepted(header, BOTH) == expected


async def test_links_lead_to_the_other_language_and_keep_the_chosen_one(publish: Publish) -> None:
    server = await bilingual(publish)
    french = Outline((await server.get(f"{BASE}?lang=fr")).text)
    alternates = [row for row in french.attributes_of("link") if "hreflang" in row]
    assert [(row["hreflang"], row["href"]) for row in alternates] == [("en", "?lang=en")]
    links = [row["href"] or "" for row in french.attributes_of("a")]
    inner = [href for href in links if "incidents/" in href or href.endswith("history?lang=fr")]
    assert len(inner) >= 3
    assert all(href.endswith("?lang=fr") for href in inner)
    assert f"{BASE}/feed.atom?lang=fr" in links
    assert f"{BASE}/history" in [row["href"] for row in Outline((await server.get(BASE)).text).attributes_of("a")]
    for href in inner:
        assert '<html lang="fr">' in (await server.get(href)).text


async def test_page_with_one_language_has_no_choice(publish: Publish) -> None:
    for code in BOTH:
        server = await bilingual(publish, [code])
        answer = await server.get(BASE, headers={"Accept-Language": "fr, en"})
        assert f'<html lang="{code}">' in answer.text
        assert "hreflang" not in answer.text
        assert "Vary" not in answer.headers
        assert "lang=" not in re.sub(r"<html lang=..{4}", "", answer.text)


async def test_unknown_language_is_refused(publish: Publish) -> None:
    server = await bilingual(publish)
    for path in ("?lang=de", "/history?lang=", "/feed.atom?lang=de", "?lang=fr&lang=en"):
        assert (await server.get(BASE + path)).status == 400
    answer = await server.get(f"{BASE}/history?lang=de")
    assert 'this page does not exist in the language "de"; use lang=en|fr' in answer.text


async def test_error_page_is_in_the_language_of_the_browser(publish: Publish) -> None:
    server = await bilingual(publish)
    headers = {"Accept": "text/html", "Accept-Language": "fr"}
    answer = await server.get(f"{BASE}/incidents/none", headers=headers)
    assert answer.status == 404
    assert "Incident inconnu" in answer.text
    english = await server.get(f"{BASE}/history?page=1", headers=headers)
    assert '<span lang="en">Unknown parameter' in english.text


async def test_feeds_and_badges_have_french_labels(publish: Publish) -> None:
    server = await bilingual(publish)
    feed = ET.fromstring((await server.get(f"{BASE}/feed.atom?lang=fr")).text)  # noqa: S314 - our own text
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert titles == ["Online forms do not load (cause trouvée)", "Slow sign-in (résolu)"]
    assert "Services touchés\u00a0: Online forms" in ET.tostring(feed, encoding="unicode")
    badge = (await server.get(f"{BASE}/badges/state/forms.svg?lang=fr")).text
    assert "Online forms: panne majeure" in badge
    assert "au moins" in (await server.get(f"{BASE}/badges/availability/forms.json?lang=fr")).text
    calendar = (await server.get(f"{BASE}/maintenance.ics?lang=fr")).text.replace("\r\n ", "")
    assert "SUMMARY:Maintenance\u00a0: Sign-in" in calendar
    assert "SUMMARY:Maintenance: Sign-in" in (await server.get(f"{BASE}/maintenance.ics")).text.replace("\r\n ", "")


async def test_feeds_do_not_depend_on_the_browser(publish: Publish) -> None:
    server = await bilingual(publish)
    answer = await server.get(f"{BASE}/feed.atom", headers={"Accept-Language": "fr"})
    assert "(identified)" in answer.text
    assert "(cause trouvée)" in (await (await bilingual(publish, ["fr", "en"])).get(f"{BASE}/feed.atom")).text


async def test_subscriber_gets_messages_in_the_chosen_language(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path, languages=BOTH) as world:
        form = await world.server.page("GET", "/status/citizens/subscribe?lang=fr")
        assert "Votre adresse de courriel est recueillie uniquement" in form.text
        assert re.search(r'value="fr" checked', form.text)
        manage = await world.subscribe(fields=[*ALL, ("language", "fr")])
        shown = await world.server.page("GET", manage)
        assert "Vous recevez les messages suivants" in shown.text
        world.publish()
        (mail,) = await world.mails()
        assert mail["Subject"] == "Services : Forms fail (en cours d’analyse)"
        assert mail["Content-Language"] == "fr"
        content = mail.get_content().replace("\u00a0", " ")
        assert "We look." in content
        assert "Services touchés : Online forms" in content
        assert "Vous recevez ce message parce que vous êtes abonné à « Services »." in content
        assert re.search(r"En cours d’analyse, \d+(er)? \w+ \d{4}, \d+ h \d\d \(UTC([-+]\d\d:\d\d)?\)", content)
        assert "?lang=fr" in content
        left = await world.post(manage, [("action", "leave")])
        assert left.headers["Location"] == "/status/citizens/subscribe/left?lang=fr"
        assert "Vous êtes désabonné" in (await world.server.page("GET", left.headers["Location"])).text


async def test_confirmation_is_in_the_language_of_the_form(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path, languages=BOTH) as world:
        await world.request(fields=[*ALL, ("language", "fr")])
        (mail,) = await world.mails()
        assert mail["Subject"] == "Services : confirmez votre abonnement"
        assert "Le lien est valide pendant deux jours." in mail.get_content()
        shown = await world.server.page("GET", link(mail, "confirm"))
        assert "Confirmez votre adresse" in shown.text


async def test_language_is_changed_with_the_choice(tmp_path: Path) -> None:
    async with subscriber_world(tmp_path, languages=BOTH) as world:
        manage = await world.subscribe()
        saved = await world.post(manage, [("action", "save"), *ALL, ("language", "fr")])
        assert "Vos choix ont été enregistrés." in (await world.server.page("GET", saved.headers["Location"])).text
        world.server.clock.jump(60)
        world.publish()
        (mail,) = await world.mails()
        assert mail["Content-Language"] == "fr"
        await world.post(manage, [("action", "save"), *ALL, ("language", "de")])
        shown = await world.server.page("GET", manage)
        assert "You get these messages" in shown.text, "an unknown language is the default one"
