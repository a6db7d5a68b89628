"""A status page as files that any web server can publish: the same content as the daemon's, with relative addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitor.language import NAMES, language
from monitor.views.badges import BADGES
from monitor.views.open_data import daily_csv, data_package
from monitor.views.status_feed import atom, summary_json
from monitor.web.status_pages import LanguageLink, Links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.language import Language
    from monitor.views.status_page import StatusPageView
    from monitor.web.assets import Assets

_ASSETS: Final = ("status.css", "status.js", "icon.svg")


def copied_files(
    view: StatusPageView, assets: Assets, calendar: Callable[[Language], bytes]
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file, `index.html` last, so that the files it links to exist before it.

    The default language is in the folder itself, and others are in folders of their own. `calendar` returns the feed
    of planned maintenance in a language.
    """
    for name in _ASSETS:
        yield assets.names[name], assets.static[assets.names[name]].body
    for code in reversed(view.languages):
        translated = view.in_language(language(code))
        folder = _folder(translated, code)
        yield f"{folder}maintenance.ics", calendar(translated.language)
        if view.logo is not None:
            yield folder + view.logo.file_name, view.logo.body
        for name, text in (*_data(translated), *_pages(translated, assets)):
            yield folder + name, text.encode()


def _folder(view: StatusPageView, code: str) -> str:
    """Return the folder of a language with a slash at its end, empty for the default language."""
    return "" if code == view.languages[0] else f"{code}/"


def _data(view: StatusPageView) -> Iterator[tuple[str, str]]:
    yield "status.json", summary_json(view)
    yield "feed.atom", atom(view)
    if view.licence is not None:
        yield "daily.csv", daily_csv(view)
        yield "datapackage.json", data_package(view)
    for component in view.components:
        for name, badge_of in BADGES.items():
            badge = badge_of(component)
            yield f"badges/{name}/{component.id}.svg", badge.svg()
            yield f"badges/{name}/{component.id}.json", badge.shields()


def _pages(view: StatusPageView, assets: Assets) -> Iterator[tuple[str, str]]:
    def page(template: str, name: str, **values: Any) -> tuple[str, str]:
        links = _links(view, assets, name)
        return name, assets.render(
            f"status/{template}.html.j2", page=view, language=view.language, links=links, **values
        )

    for incident in view.incidents:
        yield page("incident", f"incidents/{incident.id}.html", incident=incident)
    yield page("history", "history.html")
    yield page("page", "index.html")


def _links(view: StatusPageView, assets: Assets, name: str) -> Links:
    """Return the addresses in the file with this name in the folder of its language."""
    base = "../" * name.count("/")
    root = base + "../" * _folder(view, view.language.code).count("/")
    css, js, icon = (root + assets.names[asset] for asset in _ASSETS)
    languages = [
        LanguageLink(code, NAMES[code], root + _folder(view, code) + name)
        for code in view.languages
        if code != view.language.code
    ]
    return Links(f"{base}index.html", base, css, js, icon, static=True, suffix=".html", languages=languages)
