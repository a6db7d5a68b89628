"""The status page that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.config.status_pages import StatusPage


def status_page_with_id(portfolio: Portfolio, page_id: str | None) -> StatusPage:
    """Return the status page with the id; without an id, the only one.

    Raises:
        NinewatchError: there is no such page, or there are several and no id.
    """
    pages = {page.id: page for page in portfolio.status_pages}
    if not pages:
        raise NinewatchError("the configuration has no status page; add one under status_pages:")
    if page_id is None and len(pages) > 1:
        raise NinewatchError(f"there are several status pages; specify one with --page: {', '.join(pages)}")
    page = next(iter(pages.values())) if page_id is None else pages.get(page_id)
    if page is None:
        raise NinewatchError(f'unknown status page "{page_id}"; known pages: {", ".join(pages)}')
    return page
