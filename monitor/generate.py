"""`python -m monitor.generate`: write the files that are generated from code. `--check`: list outdated files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import click

from monitor.blackbox.documentation import documentation as blackbox_documentation
from monitor.cli import cli
from monitor.commands.reference import cli_page
from monitor.config.reference import with_reference
from monitor.config.schema import schema_file
from monitor.exporters.dashboards.files import DASHBOARDS, dashboard_file
from monitor.exporters.documentation import metrics_page
from monitor.exporters.rules import rules_file
from monitor.probes.documentation import documentation
from monitor.probes.registry import CHECK_TYPES
from monitor.receivers.documentation import documentation as receivers_documentation
from monitor.receivers.registry import RECEIVER_TYPES
from monitor.web.runbook import runbook_html

ROOT = Path(__file__).resolve().parents[1]

# The Helm chart cannot read files outside its folder, so it contains copies.
GENERATED: Mapping[str, Callable[[], str]] = {
    "CONFIGURATION.md": lambda: with_reference(
        (ROOT / "CONFIGURATION.md").read_text(encoding="utf-8"), CHECK_TYPES, RECEIVER_TYPES
    ),
    "config/schema.json": lambda: schema_file(CHECK_TYPES, RECEIVER_TYPES),
    "dashboards/ninewatch.rules.yaml": rules_file,
    "docs/cli.md": lambda: cli_page(cli),
    "docs/metrics.md": metrics_page,
    "docs/blackbox.md": blackbox_documentation,
    "docs/probes.md": documentation,
    "docs/receivers.md": receivers_documentation,
    "helm/ninewatch/files/ninewatch.rules.yaml": rules_file,
    "monitor/web/templates/runbook_body.html": lambda: runbook_html((ROOT / "docs/runbook.md").read_text("utf-8")),
    **{
        f"{folder}/{name}.json": partial(dashboard_file, name)
        for folder in ("dashboards", "helm/ninewatch/files/dashboards")
        for name in DASHBOARDS
    },
}


def outdated_files(root: Path) -> list[str]:
    """Return the names of the generated files under `root` that are missing or out of date."""
    return [name for name, make in GENERATED.items() if _read(root / name) != make()]


def write(root: Path) -> None:
    """Write every generated file under `root`."""
    for name, make in GENERATED.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files that differ.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=ROOT, help="The checkout.")
def main(check: bool, root: Path) -> None:
    """Write the generated files of a checkout: reference, JSON Schema, rules, dashboards, the chart's copies."""
    if not (root / "pyproject.toml").exists():
        raise click.ClickException(f"{root} is not a checkout of ninewatch; use --root FOLDER")
    if not check:
        write(root)
        return
    if names := outdated_files(root):
        raise click.ClickException(f"out of date: {', '.join(names)}; run `python -m monitor.generate`")


if __name__ == "__main__":
    main()
