"""The help of the program and of its commands, at 80 columns."""

import importlib
import re

import click
import pytest

from kerasmatrix.cli import GROUPS, commands


def help_of(command, name):
    context = click.Context(command, info_name=name, terminal_width=80)
    return command.get_help(context)


def test_help_lists_each_command_once_and_whole():
    text = help_of(commands, "kerasmatrix")
    for title, group in GROUPS.items():
        assert f"{title}:\n" in text
        for name, summary in group.items():
            assert re.search(rf"^  {name} +{re.escape(summary)}$", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 80


def test_groups_have_a_module_for_each_command():
    for name in commands.list_commands(None):
        module = importlib.import_module(f"kerasmatrix.cli.{name.replace('-', '_')}")
        assert isinstance(getattr(module, name.replace("-", "_")), click.Command)


@pytest.mark.parametrize("name", commands.list_commands(None))
def test_help_of_command_has_an_example_and_fits(name):
    text = help_of(commands.get_command(None, name), f"kerasmatrix {name}")
    assert (
        f"\n  Example:\n    kerasmatrix {name}" in text
        or "\n  Example:\n    kerasmatrix run" in text
    )
    assert max(map(len, text.splitlines())) <= 80
