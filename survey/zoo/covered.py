"""Prints which public classes and arguments of Keras have an exhibit, and why others have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABSTRACT = "abstract"
REFUSED = "every release that was measured refuses it: "


def print_coverage(listed: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Print the share of classes and of arguments with an exhibit, then those without one.

    Args:
        listed: what each release knows, by release.
        stored: the stored table, with the exhibits that no release can build.
    """
    classes, arguments = coverage(listed, stored)
    measured = {part for name in stored["exhibits"] for part in _covered_by(name)}
    for what, found in (("classes", classes), ("arguments", arguments)):
        without = {name: reason for name, reason in sorted(found.items()) if reason}
        covered = [name for name in found if name not in without]
        share = 100 * len(covered) / max(1, len(found))
        print(
            f"{len(covered)} of {len(found)} {what} have an exhibit: {share:.1f} % "
            f"({sum(name in measured for name in covered)} measured)"
        )
        for name, reason in without.items():
            print(f"  {name}: {reason}")


def coverage(
    listed: Mapping[str, Any], stored: Mapping[str, Any]
) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Return all classes and all arguments, each with the reason why it has no exhibit, or None.

    Aliases are left out, since they are the same class, and classes that are only bases of others.
    """
    classes: dict[str, str | None] = {}
    arguments: dict[str, str | None] = {}
    for answer in listed.values():
        for place, _, real, reason in answer["classes"]:
            if reason == ABSTRACT:
                continue
            name = f"{place}/{real}"
            classes[name] = reason or _refused(name, stored)
        for owner, names in answer["arguments"].items():
            for argument in names:
                key = f"{owner}/{argument}"
                reason = answer["missing"].get(owner, {}).get(argument)
                # An argument counts if one release has an exhibit of it.
                if reason is None or key not in arguments:
                    arguments[key] = reason or _refused(f"{key}=", stored)
    return classes, arguments


def _covered_by(exhibit: str) -> tuple[str, str]:
    place, name, *setting = exhibit.split("/", 2)
    owner = f"{place}/{name}"
    return owner, f"{owner}/{setting[0].partition('=')[0]}" if setting else owner


def _refused(start: str, stored: Mapping[str, Any]) -> str | None:
    """Return why no release builds an exhibit whose name is, or begins with, ``start``."""
    found = [
        entry
        for name, entry in stored["exhibits"].items()
        if name == start or (start.endswith("=") and name.startswith(start))
    ]
    if not found or any(set(entry) - {"refused", "among"} for entry in found):
        return None
    return REFUSED + ", ".join(sorted({kind for entry in found for kind in entry["refused"]}))
