"""Read and validate a plan file: return a `Plan`, or all errors with position and allowed values."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from pydantic import ValidationError

from monitor.config.crosscheck import empty_values
from monitor.config.errors import ConfigError, Loc, LocatedMessages, Mark, Problem, quoted
from monitor.config.plan import PlanBlock
from monitor.config.validation_messages import Translator
from monitor.config.yaml_nodes import Entries, Items, Node, Scalar, key_path, locate, step
from monitor.config.yaml_reader import UnreadableError, read
from sla.feasibility import AtLeast, Design, Limit, Structure, changes, contradictions, parallel, series
from sla.feasibility.reliability_model import MAINTENANCE

if TYPE_CHECKING:
    from pathlib import Path

    from sla.objective import Objective
    from sla.readiness import Checklist

_BLOCKS = ("parts", "dependencies", "sites")
_FORMER_KEYS = {"fail_over": "failover"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A design with its structure, limits and costs.

    `default_mttr` lists components without `mttr`; `warnings` are about renamed keys.
    """

    design: Design
    objective: Objective | None
    met: tuple[str, ...]
    limits: tuple[Limit, ...]
    costs: Mapping[str, Fraction]
    assumptions: tuple[str, ...]
    default_mttr: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()


def load_plan(path: Path, checklist: Checklist) -> Plan:
    """Return the plan of a file. `checklist` has the items that are allowed under `meets`.

    Raises:
        ConfigError: the plan is invalid. The error contains all problems, with file, line, column and key path.
    """
    try:
        root, yaml_problems = read(path, str(path))
    except UnreadableError as error:
        raise ConfigError([error.problem]) from None
    if not isinstance(root, Entries):
        raise ConfigError([Problem(root.mark, "", "must be a mapping; start with title: and parts:")])
    root, warnings = _with_current_keys(root)
    structure = _Structure(root)
    block, invalid = _validate(root)
    problems = [
        *yaml_problems,
        *empty_values(root),
        *_problems(root, (*_references(root, checklist), *structure.problems)),
    ]
    known = {problem.mark for problem in problems}
    problems += [problem for problem in invalid if problem.mark not in known]
    if block is None or problems:
        raise ConfigError(problems)
    plan = _plan(block, structure.value)
    if mistakes := _problems(root, (*_contradicted_items(plan, checklist), *_unknown_costs(plan))):
        raise ConfigError(mistakes)
    return replace(plan, warnings=tuple(warnings))


def _with_current_keys(root: Entries) -> tuple[Entries, list[Problem]]:
    """Return the mapping with former keys renamed, and a warning per former key."""
    renamed = {old: new for old, new in _FORMER_KEYS.items() if old in root.entries and new not in root.entries}
    warnings = [Problem(root.keys[old], old, f"was renamed to {new}; rename the key") for old, new in renamed.items()]
    entries = {renamed.get(key, key): node for key, node in root.entries.items()}
    return Entries(root.mark, entries, {renamed.get(key, key): mark for key, mark in root.keys.items()}), warnings


def _validate(root: Entries) -> tuple[PlanBlock | None, list[Problem]]:
    try:
        return PlanBlock.model_validate(root.plain()), []
    except ValidationError as error:
        return None, list(Translator(root, PlanBlock, ()).problems(error))


def _plan(block: PlanBlock, structure: Structure | None) -> Plan:
    return Plan(
        design=block.design(structure),
        objective=block.objective,
        met=block.meets,
        limits=block.limits(),
        costs={change: Fraction(str(cost)) for change, cost in block.costs.items()},
        assumptions=block.assumptions,
        default_mttr=block.default_mttr(),
    )


def _problems(root: Node, messages: Iterable[tuple[Loc, str]]) -> list[Problem]:
    return [Problem(_mark(root, loc), key_path(root, loc), message) for loc, message in messages]


def _mark(root: Node, loc: Loc) -> Mark:
    return locate(root, loc)[0]


def _with_ids(root: Node, blocks: Iterable[str] = _BLOCKS) -> Iterator[tuple[Loc, str, Node]]:
    """Yield location, id and node of each item with an id."""
    for block in blocks:
        _, node = locate(root, (block,))
        for index, item in enumerate(node.items if isinstance(node, Items) else ()):
            if (name := _text(step(item, "id"))) is not None:
                yield (block, index), name, item


def _texts(root: Node, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Yield location and text of each item of a list of ids."""
    _, node = locate(root, loc)
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if (text := _text(item)) is not None:
            yield (*loc, index), text


def _text(node: Node | None) -> str | None:
    return str(node.value) if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _unknown_message(description: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    known_names = ", ".join(sorted(known)) or "none"
    suggestion = f"did you mean {near[0]}? " if near else ""
    return f"unknown {description} {quoted(name)}; {suggestion}known: {known_names}"


def _references(root: Node, checklist: Checklist) -> LocatedMessages:
    """Yield duplicate ids, and references to unknown ids."""
    yield from _duplicate_ids(root)
    yield from _needs(root)
    yield from _failover_problems(root)
    known = [item.id for item in checklist.items]
    for loc, name in _texts(root, ("meets",)):
        if name not in known:
            yield loc, _unknown_message(f"item of the checklist {checklist.id}", name, known)


def _duplicate_ids(root: Node) -> LocatedMessages:
    first: dict[str, Loc] = {}
    for loc, name, _ in _with_ids(root):
        if name == MAINTENANCE:
            yield (*loc, "id"), f'"{MAINTENANCE}" is reserved for planned windows in the output; choose another id'
        if first.setdefault(name, loc) != loc:
            yield (
                (*loc, "id"),
                f"{quoted(name)} is already the id at {_mark(root, (*first[name], 'id'))}; choose another id",
            )


def _needs(root: Node) -> LocatedMessages:
    known = {name for _, name, _ in _with_ids(root)}
    graph: dict[str, list[str]] = {}
    edge_locs: dict[tuple[str, str], Loc] = {}
    for loc, name, _ in _with_ids(root, ("parts", "dependencies")):
        for need_loc, need in _texts(root, (*loc, "needs")):
            if need not in known:
                yield need_loc, _unknown_message("part, dependency or site", need, known)
            graph.setdefault(name, []).append(need)
            edge_locs.setdefault((name, need), need_loc)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        yield edge_locs[cycle[0], cycle[1]], f"closes a cycle, {' -> '.join(cycle)}; remove one of them"


def _failover_problems(root: Node) -> LocatedMessages:
    """Yield a failover without second site, a second site without failover, and covered ids that are not parts."""
    _, sites = locate(root, ("sites",))
    count = len(sites.items) if isinstance(sites, Items) else 0
    kind = _text(locate(root, ("failover", "kind"))[1])
    if kind not in (None, "none") and count < 2:
        yield (
            ("failover", "kind"),
            f"requires a second site, but the plan has {count or 'no'}; add one under sites",
        )
    if count > 1 and kind is None and locate(root, ("failover",))[1] is None:
        yield ("sites", 1), "has no effect without failover; add failover, or use failover: {kind: none}"
    part_ids = [name for _, name, _ in _with_ids(root, ("parts",))]
    for loc, name in _texts(root, ("failover", "covers")):
        if name not in part_ids:
            yield loc, _unknown_message("part", name, part_ids)


class _Structure:
    """The tree under `structure`, read node by node, so that each problem has its position."""

    def __init__(self, root: Node) -> None:
        self.problems: list[tuple[Loc, str]] = []
        self._known = [name for _, name, _ in _with_ids(root, ("parts", "dependencies"))]
        _, node = locate(root, ("structure",))
        self.value = None if node is None else self._read(node, ("structure",))

    def _read(self, node: Node, loc: Loc) -> Structure:
        if (name := _text(node)) is not None:
            if name not in self._known:
                self.problems.append((loc, _unknown_message("part or dependency", name, self._known)))
            return name
        if isinstance(node, Entries):
            keys = set(node.entries)
            if keys in ({"all"}, {"any"}):
                key = next(iter(keys))
                members = self._members(node.entries[key], (*loc, key))
                return series(*members) if key == "all" else parallel(*members)
            if keys == {"at_least", "of"}:
                return self._at_least(node, loc)
        self.problems.append(
            (loc, "is not a structure; use an id, {all: [..]}, {any: [..]} or {at_least: 2, of: [..]}")
        )
        return series()

    def _members(self, node: Node, loc: Loc) -> list[Structure]:
        if not isinstance(node, Items) or not node.items:
            self.problems.append((loc, "must be a list of ids or structures; use [a, b]"))
            return [series()]
        return [self._read(item, (*loc, index)) for index, item in enumerate(node.items)]

    def _at_least(self, node: Entries, loc: Loc) -> Structure:
        members = self._members(node.entries["of"], (*loc, "of"))
        k = node.entries["at_least"]
        value = k.value if isinstance(k, Scalar) else None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= len(members):
            self.problems.append(((*loc, "at_least"), f"must be a whole number from 1 to {len(members)}"))
            return series()
        return AtLeast(value, tuple(members))


def _contradicted_items(plan: Plan, checklist: Checklist) -> LocatedMessages:
    """Yield the items under `meets` that the design does not meet."""
    items = {item.id for item in checklist.items}
    for index, name in enumerate(plan.met):
        if name in items and (reasons := contradictions(plan.design, name)):
            yield (
                ("meets", index),
                f"is not met by this design: {'; '.join(reasons)}; change the design or remove the item",
            )


def _unknown_costs(plan: Plan) -> LocatedMessages:
    known = [change.id for change in changes(plan.design)]
    for name in plan.costs:
        if name not in known:
            yield ("costs", name), _unknown_message("change", name, known)
