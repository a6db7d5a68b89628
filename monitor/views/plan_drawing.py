"""The structure of a design as a drawing: boxes from top to bottom, so that it fits on narrow screens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.planning.plan_text import duration_text
from sla.feasibility import AtLeast, Coupling
from sla.feasibility.reliability_model import deployments_leaf
from sla.feasibility.structure import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sla.feasibility import Design, Part, Prediction, Repairable, Structure

WIDTH: Final = 300
_BOX, _GAP, _INDENT, _CAPTION = 46, 14, 10, 20
_MIN_SHARE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Box:
    """A part or a site. `share` is its part of all downtime; `is_decoupled`: its outages have no effect."""

    id: str
    name: str
    detail: str
    x: int
    y: int
    share: float
    is_decoupled: bool = False

    @property
    def width(self) -> int:
        """The width, which is smaller inside of a group."""
        return WIDTH - 2 * self.x

    @property
    def bar(self) -> int:
        """The width of the bar of the share."""
        return round(self.share * (self.width - 16))


@dataclass(frozen=True, slots=True)
class Group:
    """A frame around parts of which some are enough."""

    text: str
    x: int
    y: int
    height: int

    @property
    def width(self) -> int:
        """The width."""
        return WIDTH - 2 * self.x


@dataclass(slots=True)
class Drawing:
    """The drawing of a design. `links` are the heights at which two boxes are connected, as (top, bottom)."""

    boxes: list[Box] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    links: list[tuple[int, int]] = field(default_factory=list)
    height: int = 0
    text: str = ""


class _Drawer:
    """Draws one design."""

    def __init__(self, design: Design, prediction: Prediction) -> None:
        self.drawing = Drawing()
        self._parts = {part.id: part for part in design.parts}
        self._sites = {site.id: site for site in design.sites}
        self._downtime = {leaf.id: (leaf.downtime, leaf.share) for leaf in prediction.contributors}
        self._needed_by: Mapping[str, list[str]] = {
            name: [part.name for part in design.parts if name in part.needs] for name in (*self._parts, *self._sites)
        }

    def draw(self, structure: Structure, x: int, y: int) -> int:
        """Draw the structure, and return the height below it."""
        if isinstance(structure, str):
            self.drawing.boxes.append(self._box(structure, x, y))
            return y + _BOX
        is_group = structure.k < len(structure.members)
        top, inner = (y + _CAPTION, x + _INDENT) if is_group else (y, x)
        bottom = top
        for number, member in enumerate(structure.members):
            if number:
                if not is_group:
                    self.drawing.links.append((bottom, bottom + _GAP))
                bottom += _GAP
            bottom = self.draw(member, inner, bottom)
        if is_group:
            text = f"{structure.k} of {len(structure.members)} needed"
            bottom += _INDENT
            self.drawing.groups.append(Group(text, x, y, bottom - y))
        return bottom

    def _box(self, name: str, x: int, y: int) -> Box:
        downtime, share = self._sum(name, deployments_leaf(name))
        if (part := self._parts.get(name)) is None:
            return Box(name, self._sites[name].name, self._detail(name, downtime, []), x, y, share)
        notes = [_replicas(part.failures), *_coupling(part)]
        is_decoupled = part.coupling is Coupling.DECOUPLED
        return Box(name, part.name, self._detail(name, downtime, notes), x, y, share, is_decoupled)

    def _sum(self, *leaves: str) -> tuple[float, float]:
        values = [self._downtime.get(leaf, (0.0, 0.0)) for leaf in leaves]
        return sum(downtime for downtime, _ in values), sum(share for _, share in values)

    def _detail(self, name: str, downtime: float, notes: Iterable[str]) -> str:
        needed_by = self._needed_by[name]
        by = f"needed by {len(needed_by)} parts" if len(needed_by) > 1 else f"needed by {', '.join(needed_by)}"
        return " · ".join(filter(None, (f"{duration_text(downtime)} per year", *notes, by if needed_by else "")))


def draw(design: Design, prediction: Prediction) -> Drawing:
    """Return the drawing of a design, with the predicted downtime of its parts."""
    drawer = _Drawer(design, prediction)
    structure = drawn_structure(design)
    drawing = drawer.drawing
    drawing.height = drawer.draw(structure, 1, 1) + 1
    decoupled = [part for part in design.parts if part.coupling is Coupling.DECOUPLED]
    for part in decoupled:
        drawing.height = drawer.draw(part.id, 1, drawing.height + _GAP) + 1
    largest = max(drawing.boxes, key=lambda box: box.share)
    drawing.text = f"{len(drawing.boxes)} parts from top to bottom, connected if both must be up. "
    if largest.share >= _MIN_SHARE:
        drawing.text += f"Most downtime: {largest.name}."
    return drawing


def drawn_structure(design: Design) -> Structure:
    """Return the sites, the structure, and the other parts that must be up, as one series."""
    members: list[Structure] = []
    if design.sites:
        sites = tuple(site.id for site in design.sites)
        has_failover = len(sites) > 1 and design.failover is not None
        members += [AtLeast(1, sites)] if has_failover else sites[:1]
    inside = set() if design.structure is None else set(names(design.structure))
    if design.structure is not None:
        members.append(design.structure)
    members += [part.id for part in design.parts if part.id not in inside and part.coupling is not Coupling.DECOUPLED]
    return AtLeast(len(members), tuple(members))


def _replicas(failures: Repairable) -> str:
    return f"{failures.needed} of {failures.replicas} replicas" if failures.replicas > 1 else ""


def _coupling(part: Part) -> list[str]:
    if part.coupling is Coupling.DECOUPLED:
        return ["decoupled: no effect"]
    return ["calls are retried"] if part.coupling is Coupling.RETRIED else []
