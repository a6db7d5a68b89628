"""Options of commands that write a report: output file, paper size and bundle."""

from __future__ import annotations

from pathlib import Path

import click

PAPER = click.option(
    "--paper", type=click.Choice(["letter", "a4"]), default="letter", show_default=True, help="Paper size of the PDF."
)
OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Output file.  [default: standard output]"
)
BUNDLE = click.option(
    "--bundle",
    "bundle",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Also write a bundle for `ninewatch verify`.  [default: next to the report]",
)
