"""Check values against each other: duplicate ids, unknown or cyclic dependencies, rules that can never be met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from monitor.config.errors import Loc, LocatedMessages, Problem, quoted
from monitor.config.hosting import read_tiers, shipped_tiers
from monitor.config.references import SYSTEM_IDS
from monitor.config.yaml_nodes import Entries, Items, Node, Scalar, key_path, locate, misread_reason, step
from monitor.probe_result import VANTAGE

_MAX_CYCLES = 20


def conflicts(root: Node) -> list[Problem]:
    """Return contradictions between blocks. Works on the YAML tree, so that they are reported with the other errors."""
    return [
        Problem(locate(root, loc)[0], key_path(root, loc), message)
        for loc, message in (
            *_duplicate_ids(root),
            *_reserved_ids(root),
            *_shared_observation_files(root),
            *_former_ids(root),
            *_dependencies(root),
            *_unknown_exclusions(root),
            *_unknown_rota_products(root),
            *_unsatisfiable_rules(root),
            *_unknown_hosting_tiers(root),
        )
    ]


def empty_values(root: Node) -> Iterator[Problem]:
    """Yield every key and item without a value: an empty `matches:` would disable the check without notice."""
    for loc, leaf in leaves(root, ()):
        if leaf.value is None and loc[-3:-1] != ("expect", "json"):
            message = "has no value; add one, or remove the key"
            yield Problem(leaf.mark, key_path(root, loc), message)


def ambiguous_booleans(root: Node) -> Iterator[Problem]:
    """Yield every `no`, `yes`, `on` and `off` that may be meant as text: `{lang: no}`."""
    for loc, leaf in leaves(root, ()):
        is_plain_boolean = leaf.text is None or leaf.text.lower() in ("true", "false")
        if isinstance(leaf.value, bool) and not is_plain_boolean and _is_compared_with_response(loc):
            yield Problem(leaf.mark, key_path(root, loc), f"{misread_reason(leaf)}, or use {str(leaf.value).lower()}")


def _is_compared_with_response(loc: Loc) -> bool:
    """Return whether the value at `loc` is compared with a response's header, cookie or JSON."""
    index = loc.index("expect") if "expect" in loc else len(loc)
    is_flag = len(loc) == index + 4 and loc[-1] in ("exists", "optional")
    return loc[index + 1 : index + 2] in (("header",), ("cookie",), ("json",)) and not is_flag


def leaves(node: Node, loc: Loc) -> Iterator[tuple[Loc, Scalar]]:
    """Yield every scalar in the node with its location. `loc` is the node's location."""
    if isinstance(node, Scalar):
        yield loc, node
    elif isinstance(node, Items):
        for index, item in enumerate(node.items):
            yield from leaves(item, (*loc, index))
    else:
        for key, inner in node.entries.items():
            yield from leaves(inner, (*loc, key))


def _items(root: Node, loc: Loc) -> Iterator[tuple[Loc, Entries]]:
    """Yield the blocks of the list at `loc`."""
    _, node = locate(root, loc)
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Entries):
            yield (*loc, index), item


def _text(node: Node | None) -> str | None:
    return str(node.value) if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _duplicate_ids(root: Node) -> LocatedMessages:
    """Yield duplicate ids of products, rotas, references, vantages, and checks of one product: keys of the history."""
    yield from _duplicates(root, ("products",), "product")
    yield from _duplicates(root, ("standby",), "rota")
    yield from _duplicates(root, ("references",), "reference")
    yield from _duplicates(root, ("vantages",), "vantage")
    for loc, _ in _items(root, ("products",)):
        checks = [*_items(root, (*loc, "checks")), *_site_checks(root, loc)]
        yield from _duplicates_in(root, checks, "check of this product")
        yield from _duplicates(root, (*loc, "sites"), "site of this product")


def _reserved_ids(root: Node) -> LocatedMessages:
    """Yield references that use an id of the built-in references, and vantages that use the id of this daemon."""
    for loc, reference in _items(root, ("references",)):
        if _text(step(reference, "id")) in SYSTEM_IDS:
            yield (*loc, "id"), "is the id of a reference that is found on this machine; choose another id"
    for loc, vantage in _items(root, ("vantages",)):
        if _text(step(vantage, "id")) == VANTAGE:
            yield (*loc, "id"), "is this daemon, which always votes; remove the vantage, or choose another id"


def _shared_observation_files(root: Node) -> LocatedMessages:
    """Yield vantages with the file of another vantage: the same observations would vote twice."""
    first_uses: dict[str, str | None] = {}
    for loc, vantage in _items(root, ("vantages",)):
        path, name = _text(step(vantage, "observations")), _text(step(vantage, "id"))
        if path is not None and first_uses.setdefault(path, name) != name:
            yield (*loc, "observations"), f"is already the file of {first_uses[path]}; specify the file of this vantage"


def _site_checks(root: Node, loc: Loc) -> Iterator[tuple[Loc, Entries]]:
    """Yield the checks of the sites of the product at `loc`."""
    for site_loc, site in _items(root, (*loc, "sites")):
        for key in ("active", "direct"):
            if isinstance(check := step(site, key), Entries):
                yield (*site_loc, key), check


def _duplicates(root: Node, loc: Loc, description: str) -> LocatedMessages:
    yield from _duplicates_in(root, _items(root, loc), description)


def _duplicates_in(root: Node, items: Iterable[tuple[Loc, Entries]], description: str) -> LocatedMessages:
    first_uses: dict[str, Loc] = {}
    for item_loc, item in items:
        name = _text(step(item, "id"))
        if name is not None and first_uses.setdefault(name, item_loc) != item_loc:
            mark, _ = locate(root, (*first_uses[name], "id"))
            yield (*item_loc, "id"), f"{quoted(name)} is already the id of a {description} at {mark}; choose another id"


def _former_ids(root: Node) -> LocatedMessages:
    """Yield former ids that are in use as a current id, or that two products or checks list."""
    yield from _former_ids_in_list(root, ("products",), "product")
    for loc, _ in _items(root, ("products",)):
        yield from _former_ids_in_list(root, (*loc, "checks"), "check of this product")


def _former_ids_in_list(root: Node, loc: Loc, description: str) -> LocatedMessages:
    items = list(_items(root, loc))
    current_ids = {_text(step(item, "id")) for _, item in items}
    first_uses: dict[str, Loc] = {}
    for item_loc, item in items:
        for loc_of_id, name in _ids_in((*item_loc, "was"), step(item, "was")):
            if name == _text(step(item, "id")):
                yield loc_of_id, "is the current id; specify the previous id, or remove it"
            elif name in current_ids:
                message = (
                    f"{quoted(name)} is the id of another {description}, "
                    "which has its own history; remove this former id"
                )
                yield loc_of_id, message
            elif first_uses.setdefault(name, loc_of_id) != loc_of_id:
                mark, _ = locate(root, first_uses[name])
                yield loc_of_id, f"{quoted(name)} is already listed as a former id at {mark}; remove one of them"


def _ids_in(loc: Loc, node: Node | None) -> Iterator[tuple[Loc, str]]:
    """Yield the ids in a scalar or a list, each with its location."""
    items = [(loc, node)] if isinstance(node, Scalar) else []
    if isinstance(node, Items):
        items = [((*loc, index), item) for index, item in enumerate(node.items) if isinstance(item, Scalar)]
    for loc_of_id, scalar in items:
        if (name := _text(scalar)) is not None:
            yield loc_of_id, name


_DEPENDENCY_KEYS = ("parts", "depends_on")  # in the order of `Product.dependencies`


def _dependencies(root: Node) -> LocatedMessages:
    dependencies: dict[str, list[str]] = {}
    edge_locs: dict[tuple[str, str], Loc] = {}
    for loc, product in _items(root, ("products",)):
        name = _text(step(product, "id")) or ""
        for item_loc, other in _dependencies_of(loc, product):
            if edge_locs.setdefault((name, other), item_loc) == item_loc:
                dependencies.setdefault(name, []).append(other)
    names = {_text(step(product, "id")) for _, product in _items(root, ("products",))}
    for (_, other), loc in edge_locs.items():
        if other not in names:
            known = ", ".join(sorted(filter(None, names)))
            yield loc, f"unknown product {quoted(other)}; known products: {known}"
    yield from ((edge_locs[edge], message) for edge, message in _cycles(dependencies))


def _dependencies_of(loc: Loc, product: Node) -> Iterator[tuple[Loc, str]]:
    """Yield the ids of the dependencies in a product's block, each with its location."""
    for key in _DEPENDENCY_KEYS:
        entries = step(product, key)
        for index, node in enumerate(entries.items if isinstance(entries, Items) else ()):
            if (other := _text(node)) is not None:
                yield (*loc, key, index), other


def _unknown_exclusions(root: Node) -> LocatedMessages:
    """Yield products in the exclusions of an agreement whose id is unknown, or is that of the product itself."""
    products = list(_items(root, ("products",)))
    names = [_text(step(product, "id")) for _, product in products]
    for (loc, _), own_id in zip(products, names, strict=True):
        for item_loc, item in _items(root, (*loc, "agreement", "excludes")):
            for key in ("dependency", "failover_of"):
                other = _text(step(item, key))
                if other is not None and other == own_id:
                    message = "is the product itself; specify the id of another product, or remove the entry"
                    yield (*item_loc, key), message
                elif other is not None and other not in names:
                    known = ", ".join(sorted(filter(None, names)))
                    yield (*item_loc, key), f"unknown product {quoted(other)}; known products: {known}"


def _unknown_rota_products(root: Node) -> LocatedMessages:
    """Yield unknown products of on-call rotas."""
    names = {_text(step(product, "id")) for _, product in _items(root, ("products",))}
    for loc, rota in _items(root, ("standby",)):
        entries = step(rota, "products")
        for index, node in enumerate(entries.items if isinstance(entries, Items) else ()):
            if (other := _text(node)) is not None and other not in names:
                known = ", ".join(sorted(filter(None, names)))
                yield (*loc, "products", index), f"unknown product {quoted(other)}; known products: {known}"


def _cycles(dependencies: dict[str, list[str]]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield one dependency of each cycle, at most `_MAX_CYCLES`."""
    remaining = {name: list(others) for name, others in dependencies.items()}
    for _ in range(_MAX_CYCLES):
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            cycle = list(reversed(error.args[1]))
            name, other = cycle[0], cycle[1]
            yield (name, other), f"closes a cycle, {' -> '.join(cycle)}; remove one of these dependencies"
            remaining[name].remove(other)
        else:
            return


def _unsatisfiable_rules(root: Node) -> LocatedMessages:
    """Yield `at_least` rules that require more checks than the product has: it could never be up."""
    for loc, product in _items(root, ("products",)):
        rule, checks = step(product, "rule"), step(product, "checks")
        required = _at_least(rule)
        if required is not None and isinstance(checks, Items) and required > len(checks.items):
            yield (*loc, "rule"), f"requires {required} checks, but the product has {len(checks.items)}"


def _at_least(rule: Node | None) -> int | None:
    value = rule.plain() if rule is not None else None
    if isinstance(value, dict):
        value = value.get("at_least")
    if isinstance(value, str):
        value = value.removeprefix("at_least").strip(" _")
        return int(value) if value.isdecimal() and len(value) < 6 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _unknown_hosting_tiers(root: Node) -> LocatedMessages:
    """Yield products' hosting tiers that are not in the portfolio's policy."""
    policy_name = step(root, "hosting_tiers")
    try:
        tiers = read_tiers(policy_name.value)[1] if isinstance(policy_name, Scalar) else shipped_tiers()
    except ValueError:
        return  # validation reports it
    for loc, product in _items(root, ("products",)):
        name = _text(step(product, "hosting"))
        if name is not None and name not in tiers.names:
            yield (*loc, "hosting"), f"unknown hosting tier {quoted(name)}; known tiers: {', '.join(tiers.names)}"
