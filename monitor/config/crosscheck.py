"""Check values against each other: duplicate ids, unknown or cyclic dependencies, objectives that cannot be proven."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from monitor.config.dependent_clients import misfits_of
from monitor.config.errors import Loc, Problem, quoted
from monitor.config.hosting import shipped_tiers, tiers_named
from monitor.config.readiness import load_checklist, places
from monitor.config.validation_context import Located
from monitor.config.yaml_nodes import Entries, Items, Node, Scalar, find, key_path, locate, misread, step
from sla.objective import format_duration
from sla.stage import About

if TYPE_CHECKING:
    from monitor.config.model import CheckBase, Portfolio, Product


_MAX_CYCLES = 20


def conflicts(root: Node) -> list[Problem]:
    """Return contradictions between blocks, found in the YAML tree, so that they are reported with all other errors."""
    return [
        Problem(locate(root, loc)[0], key_path(root, loc), message)
        for loc, message in (
            *_duplicate_ids(root),
            *_former_ids(root),
            *_dependencies(root),
            *_unknown_exclusions(root),
            *_unknown_standby(root),
            *_unreachable_rule(root),
            *_unknown_attestations(root),
            *_hosting(root),
        )
    ]


def omissions(root: Node) -> Iterator[Problem]:
    """Yield every key and item without a value: an empty `matches:` would silently expect nothing."""
    for loc, leaf in leaves(root, ()):
        if leaf.value is None and loc[-3:-1] != ("expect", "json"):
            message = "has no value; add one, or remove the key"
            yield Problem(leaf.mark, key_path(root, loc), message)


def ambiguities(root: Node) -> Iterator[Problem]:
    """Yield every `no`, `yes`, `on` and `off` that may be meant as a word: `{lang: no}`."""
    for loc, leaf in leaves(root, ()):
        named = leaf.text is None or leaf.text.lower() in ("true", "false")
        if isinstance(leaf.value, bool) and not named and _compared(loc):
            yield Problem(leaf.mark, key_path(root, loc), f"{misread(leaf)}, or write {str(leaf.value).lower()}")


def _compared(loc: Loc) -> bool:
    """Return whether a response's header, cookie or JSON is compared with this value."""
    at = loc.index("expect") if "expect" in loc else len(loc)
    flag = len(loc) == at + 4 and loc[-1] in ("exists", "optional")
    return loc[at + 1 : at + 2] in (("header",), ("cookie",), ("json",)) and not flag


def leaves(node: Node, loc: Loc) -> Iterator[tuple[Loc, Scalar]]:
    """Yield every scalar with its place; `loc` is the place of the node."""
    if isinstance(node, Scalar):
        yield loc, node
    elif isinstance(node, Items):
        for index, item in enumerate(node.items):
            yield from leaves(item, (*loc, index))
    else:
        for key, inner in node.entries.items():
            yield from leaves(inner, (*loc, key))


Found = Iterator[tuple[Loc, str]]


def _items(root: Node, loc: Loc) -> Iterator[tuple[Loc, Entries]]:
    """Yield the blocks of the list at `loc`."""
    _, node = locate(root, loc)
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Entries):
            yield (*loc, index), item


def _text(node: Node | None) -> str | None:
    return str(node.value) if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _duplicate_ids(root: Node) -> Found:
    """Yield duplicate ids of products, rotas, and checks of one product. The record is kept by id."""
    yield from _repeated(root, ("products",), "product")
    yield from _repeated(root, ("standby",), "rota")
    for loc, _ in _items(root, ("products",)):
        yield from _repeated(root, (*loc, "checks"), "check of this product")


def _repeated(root: Node, loc: Loc, what: str) -> Found:
    first: dict[str, Loc] = {}
    for item_loc, item in _items(root, loc):
        name = _text(step(item, "id"))
        if name is not None and first.setdefault(name, item_loc) != item_loc:
            place, _ = locate(root, (*first[name], "id"))
            yield (*item_loc, "id"), f"{quoted(name)} already names a {what} at {place}; choose another id"


def _former_ids(root: Node) -> Found:
    """Yield former ids that are configured, or that two products or checks have."""
    yield from _former(root, ("products",), "product")
    for loc, _ in _items(root, ("products",)):
        yield from _former(root, (*loc, "checks"), "check of this product")


def _former(root: Node, loc: Loc, what: str) -> Found:
    items = list(_items(root, loc))
    present = {_text(step(item, "id")) for _, item in items}
    claimed: dict[str, Loc] = {}
    for item_loc, item in items:
        for at, name in _names((*item_loc, "was"), step(item, "was")):
            if name == _text(step(item, "id")):
                yield at, "is the id itself; write the id before it was renamed, or remove it"
            elif name in present:
                yield at, f"{quoted(name)} is the id of a configured {what}, which has its own record; remove it"
            elif claimed.setdefault(name, at) != at:
                place, _ = locate(root, claimed[name])
                yield at, f"{quoted(name)} is continued already at {place}; a former id belongs to one {what}"


def _names(loc: Loc, node: Node | None) -> Iterator[tuple[Loc, str]]:
    """Yield names, written as a scalar or a list, each with its place."""
    listed = [(loc, node)] if isinstance(node, Scalar) else []
    if isinstance(node, Items):
        listed = [((*loc, index), item) for index, item in enumerate(node.items) if isinstance(item, Scalar)]
    for at, scalar in listed:
        if (name := _text(scalar)) is not None:
            yield at, name


_NEEDS = ("parts", "depends_on")  # in the order of `Product.needs`


def _dependencies(root: Node) -> Found:
    needs: dict[str, list[str]] = {}
    places: dict[tuple[str, str], Loc] = {}
    for loc, product in _items(root, ("products",)):
        name = _text(step(product, "id")) or ""
        for item_loc, other in _needed(loc, product):
            if places.setdefault((name, other), item_loc) == item_loc:
                needs.setdefault(name, []).append(other)
    names = {_text(step(product, "id")) for _, product in _items(root, ("products",))}
    for (_, other), loc in places.items():
        if other not in names:
            known = ", ".join(sorted(filter(None, names)))
            yield loc, f"there is no product {quoted(other)}; there are {known}"
    yield from ((places[edge], message) for edge, message in _cycles(needs))


def _needed(loc: Loc, product: Node) -> Found:
    """Yield the dependencies in a product's block, each with its place."""
    for key in _NEEDS:
        listed = step(product, key)
        for index, node in enumerate(listed.items if isinstance(listed, Items) else ()):
            if (other := _text(node)) is not None:
                yield (*loc, key, index), other


def _unknown_exclusions(root: Node) -> Found:
    """Yield excluded dependencies of agreements that are unknown products or the product itself."""
    products = list(_items(root, ("products",)))
    names = [_text(step(product, "id")) for _, product in products]
    for (loc, _), own in zip(products, names, strict=True):
        for item_loc, item in _items(root, (*loc, "agreement", "excludes")):
            other = _text(step(item, "dependency"))
            if other is not None and other == own:
                yield (
                    (*item_loc, "dependency"),
                    "is the product itself; use another, or remove it",
                )
            elif other is not None and other not in names:
                known = ", ".join(sorted(filter(None, names)))
                yield (*item_loc, "dependency"), f"there is no product {quoted(other)}; there are {known}"


def _unknown_standby(root: Node) -> Found:
    """Yield unknown products of standby rotas."""
    names = {_text(step(product, "id")) for _, product in _items(root, ("products",))}
    for loc, rota in _items(root, ("standby",)):
        listed = step(rota, "products")
        for index, node in enumerate(listed.items if isinstance(listed, Items) else ()):
            if (other := _text(node)) is not None and other not in names:
                known = ", ".join(sorted(filter(None, names)))
                yield (*loc, "products", index), f"there is no product {quoted(other)}; there are {known}"


def _cycles(needs: dict[str, list[str]]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield one dependency of each cycle, at most `_MAX_CYCLES`."""
    left = {name: list(others) for name, others in needs.items()}
    for _ in range(_MAX_CYCLES):
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            name, other = circle[0], circle[1]
            yield (name, other), f"closes a cycle, {' -> '.join(circle)}; remove one of these dependencies"
            left[name].remove(other)
        else:
            return


def _unreachable_rule(root: Node) -> Found:
    """Yield `at_least` rules that need more checks than there are, so that the product could never be up."""
    for loc, product in _items(root, ("products",)):
        rule, checks = step(product, "rule"), step(product, "checks")
        wanted = _at_least(rule)
        if wanted is not None and isinstance(checks, Items) and wanted > len(checks.items):
            yield (*loc, "rule"), f"requires {wanted} checks, but the product has {len(checks.items)}"


def _at_least(rule: Node | None) -> int | None:
    value = rule.plain() if rule is not None else None
    if isinstance(value, dict):
        value = value.get("at_least")
    if isinstance(value, str):
        value = value.removeprefix("at_least").strip(" _")
        return int(value) if value.isdecimal() and len(value) < 6 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _unknown_attestations(root: Node) -> Found:
    """Yield attested items that are not on the checklist, such as misspelt ones."""
    for loc, product in _items(root, ("products",)):
        known = _checklist_items(find(product, ("readiness", "checklist")))
        for item_loc, item in _items(root, (*loc, "readiness", "attested")) if known else ():
            name = _text(step(item, "item"))
            if name is not None and name not in known:
                yield (*item_loc, "item"), f"is not on the checklist; it has {', '.join(known)}"


def _checklist_items(node: Node | None) -> list[str]:
    """Return the ids of the checklist's items; none if it is invalid, which validation reports."""
    name = node.value if isinstance(node, Scalar) else None
    if not isinstance(name, Located):
        return []
    path = next((path for path in places(name, name.directory) if path.is_file()), None)
    try:
        return [item.id for item in load_checklist(path).items] if path is not None else []
    except ValueError:
        return []


def _hosting(root: Node) -> Found:
    """Yield hosting tiers of products that the portfolio's policy does not have."""
    named = step(root, "hosting_tiers")
    try:
        tiers = tiers_named(named.value)[1] if isinstance(named, Scalar) else shipped_tiers()
    except ValueError:
        return  # validation reports it
    for loc, product in _items(root, ("products",)):
        name = _text(step(product, "hosting"))
        if name is not None and name not in tiers.names:
            yield (*loc, "hosting"), f"there is no hosting tier {quoted(name)}; there are {', '.join(tiers.names)}"


_COUNTED = "counts like any other time: the product's agreement does not exclude maintenance"


def possible_mistakes(portfolio: Portfolio, root: Node, now: int) -> Iterator[Problem]:
    """Yield warnings about values that are allowed but probably wrong; attestations must be valid at `now`."""
    for number, product in enumerate(portfolio.products):
        if product.maintenance and "maintenance" not in product.agreement.excludes:
            block: Loc = ("products", number, "maintenance")
            yield Problem(locate(root, block)[0], key_path(root, block), _COUNTED)
        for misfit in misfits_of(portfolio, product, now):
            where: Loc = ("products", number, "stage" if misfit.about is About.CLIENTS else "objective")
            yield Problem(locate(root, where)[0], key_path(root, where), misfit.text)
        for obstacle in product.burn_obstacles:
            goal: Loc = ("products", number, "objective")
            yield Problem(locate(root, goal)[0], key_path(root, goal), obstacle)
        for index, check in enumerate(product.checks):
            loc: Loc = ("products", number, "checks", index)
            for key, message in _unsuitable(product, check):
                yield Problem(locate(root, (*loc, key))[0], key_path(root, (*loc, key)), message)


def _unsuitable(product: Product, check: CheckBase) -> Iterator[tuple[str, str]]:
    """Yield warnings about a check, each with its key."""
    if (message := _unresolvable(product, check)) is not None:
        yield "interval", message
    if check.timeout > check.interval * 9 // 10:
        yield (
            "timeout",
            f"{format_duration(check.timeout)} leaves no time before the next probe, due every "
            f"{format_duration(check.interval)}: in an outage each second probe is skipped; write "
            f"{format_duration(check.interval * 4 // 5)} or less",
        )


def _unresolvable(product: Product, check: CheckBase) -> str | None:
    """Return a warning if the allowed downtime is less than twice the interval (measurement.md, section 6)."""
    allowed = product.objective.allowed(product.window)
    if allowed >= 2 * check.interval:
        return None
    return (
        f"{product.objective} over {format_duration(product.window)} allows {format_duration(int(allowed))} down, "
        f"which probing every {format_duration(check.interval)} cannot resolve; "
        f"it would take {format_duration(int(allowed / 2))} or less"
    )
