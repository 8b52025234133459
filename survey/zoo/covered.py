"""Prints which public classes and arguments of Keras have an exhibit, and why others have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def print_coverage(listed: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Print the share of classes and of arguments with an exhibit, then those without one.

    Args:
        listed: what each release knows, by release.
        stored: the stored table: an exhibit counts as covered if some release can build it.
    """
    classes: dict[str, str | None] = {}
    arguments: dict[str, str | None] = {}
    for answer in listed.values():
        for place, name, real, reason in answer["classes"]:
            classes[f"{place}/{name}"] = reason or _unbuilt(f"{place}/{real}", stored)
        for owner, names in answer["arguments"].items():
            for argument in names:
                missing = answer["missing"].get(owner, {}).get(argument)
                key = f"{owner}/{argument}"
                reason = missing or _unbuilt(f"{key}=", stored)
                if arguments.get(key, "") is not None:
                    arguments[key] = reason
    for what, found in (("classes", classes), ("arguments", arguments)):
        without = {name: reason for name, reason in sorted(found.items()) if reason}
        covered = len(found) - len(without)
        share = 100 * covered / max(1, len(found))
        print(f"{covered} of {len(found)} {what} have an exhibit: {share:.1f} %")
        for name, reason in without.items():
            print(f"  {name}: {reason}")


def _unbuilt(start: str, stored: Mapping[str, Any]) -> str | None:
    """Return why no release builds an exhibit whose name is, or begins with, ``start``."""
    exhibits = stored["exhibits"]
    names = [n for n in exhibits if n.startswith(start)] if start.endswith("=") else [start]
    found = [exhibits[name] for name in names if name in exhibits]
    if any(set(entry) - {"refused"} for entry in found):
        return None
    if found:
        return "every release refuses it: " + ", ".join(found[0]["refused"])
    return "not measured"
