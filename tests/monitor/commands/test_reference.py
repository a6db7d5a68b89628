"""The generated reference of the commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from monitor.cli import cli
from monitor.commands.reference import cli_page

if TYPE_CHECKING:
    import pytest


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def test_every_command_has_a_section_with_every_option() -> None:
    sections = dict(re.findall(r"^##+ `([^`\n]+)`\n(.*?)(?=^##|\Z)", cli_page(cli), flags=re.MULTILINE | re.DOTALL))
    expected = dict(commands(cli, "ninewatch"))
    assert list(sections) == list(expected)
    for path, command in expected.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert any(f"`{name}" in sections[path] or f" {name}" in sections[path] for name in parameter.opts), (
                    path
                )


@click.group()
@click.option("--level", metavar="A|B", help="The *level*, e.g. <high>.", default="A", show_default=True)
def tool(level: str) -> None:
    """Do things."""


@tool.command()
@click.argument("target")
@click.option("--secret", hidden=True)
def send(target: str, secret: str) -> None:
    """Send one message
    to `<TARGET>`.

    \b
    0  sent
    1  rejected
    """


@tool.command(hidden=True)
def internal() -> None:
    """Not documented."""


def test_page_has_usage_description_and_escaped_cells() -> None:
    page = cli_page(tool)
    assert "| `--level A\\|B` | The &#42;level&#42;, e.g. &lt;high>. [default: A] |" in page
    assert "\n## `ninewatch send`\n\n```text\nninewatch send [OPTIONS] TARGET\n```\n\n" in page
    assert "\nSend one message to `<TARGET>`.\n" in page
    assert "```text\n0  sent\n1  rejected\n```" in page
    assert "internal" not in page
    assert "--secret" not in page


def test_page_does_not_depend_on_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = cli_page(cli)
    monkeypatch.setenv("COLUMNS", "40")
    with click.Context(cli, terminal_width=40, max_content_width=40):
        assert cli_page(cli) == expected
