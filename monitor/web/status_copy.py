"""A status page as files that any web server can publish: the same content as the daemon's, with relative addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.views.badges import BADGES
from monitor.views.open_data import daily_csv, data_package
from monitor.views.status_feed import atom, summary_json
from monitor.web.status_pages import Links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.views.status_page import StatusPageView
    from monitor.web.assets import Assets

_ASSETS: Final = ("status.css", "status.js", "icon.svg")


def copied_files(view: StatusPageView, assets: Assets, calendar: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file, `index.html` last, so that the files it links to exist before it.

    `calendar` is the feed of planned maintenance.
    """
    yield "maintenance.ics", calendar
    for name in _ASSETS:
        yield assets.names[name], assets.static[assets.names[name]].body
    if view.logo is not None:
        yield view.logo.file_name, view.logo.body
    for name, text in (*_data(view), *_pages(view, assets)):
        yield name, text.encode()


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
    inner, outer = _links(assets, "../"), _links(assets, "")
    for incident in view.incidents:
        text = assets.render("status/incident.html.j2", page=view, links=inner, incident=incident)
        yield f"incidents/{incident.id}.html", text
    yield "history.html", assets.render("status/history.html.j2", page=view, links=outer)
    yield "index.html", assets.render("status/page.html.j2", page=view, links=outer)


def _links(assets: Assets, base: str) -> Links:
    css, js, icon = (base + assets.names[name] for name in _ASSETS)
    return Links(f"{base}index.html", base, css, js, icon, static=True, suffix=".html")
