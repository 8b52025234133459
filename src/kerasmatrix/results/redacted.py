"""Removes secrets and paths of the machine from results, so that they can be passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from kerasmatrix.results.observations import Culprit, ErrorReport, RetriedAttempt
from kerasmatrix.results.schema import (
    CellResult,
    EnvironmentResult,
    RemedyResult,
    Results,
    SideResult,
)
from kerasmatrix.slotted import Slotted
from kerasmatrix.text.redaction import (
    MASK,
    is_secret_name,
    machine_folders,
    mask_secrets,
    path_shortener,
)

__all__ = ["redacted"]

Shared = TypeVar("Shared")
Record = TypeVar("Record", bound=Slotted)


def redacted(results: Results, folders: Iterable[Path] = ()) -> Results:
    """Return ``results`` without secrets and paths of the machine, except as the user named them.

    Args:
        results: the results of a run.
        folders: folders of the project, such as its store; those of kerasmatrix are known.
    """
    redaction = _Redaction(path_shortener((*machine_folders(), *folders)))
    return results.model_copy(
        update={
            "environments": tuple(map(redaction.environment, results.environments)),
            "cells": tuple(map(redaction.cell, results.cells)),
        }
    )


class _Redaction:
    """Redacts values that cells share once. A value without secrets stays the same object."""

    def __init__(self, shorten: Callable[[str], str]) -> None:
        self._shorten = shorten
        self._texts: dict[str, str | None] = {}
        self._objects: dict[int, tuple[object, object]] = {}

    def text(self, text: str) -> str:
        if "/" not in text:
            return text
        if text not in self._texts:
            shorter = self._shorten(mask_secrets(text))
            self._texts[text] = None if shorter == text else shorter
        return self._texts[text] or text

    def environment(self, environment: EnvironmentResult) -> EnvironmentResult:
        variables = {
            name: MASK if is_secret_name(name) else mask_secrets(value)
            for name, value in environment.variables.items()
        }
        trouble = environment.trouble and self.text(environment.trouble)
        return environment.model_copy(update={"variables": variables, "trouble": trouble})

    def cell(self, cell: CellResult) -> CellResult:
        changed: dict[str, object] = {}
        if (summary := self.text(cell.summary)) is not cell.summary:
            changed["summary"] = summary
        for name, change in self._parts:
            value = getattr(cell, name)
            if value and (new := self._once(value, change)) is not value:
                changed[name] = new
        return cell.but(**changed) if changed else cell

    @cached_property
    def _parts(self) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        """The fields of a cell that hold texts, each with the function that redacts it."""
        return (
            ("error", self._error),
            ("culprits", self._culprits),
            ("save", self._side),
            ("load", self._side),
            ("remedies", self._remedies),
            ("retries", self._retries),
        )

    def _once(self, value: Shared, change: Callable[[Shared], Shared]) -> Shared:
        """Return the changed value; ``change`` is called once for each object."""
        known = self._objects.get(id(value))
        if known is None:
            # A reference to the value is kept, so that no other object gets its id.
            known = self._objects[id(value)] = (value, change(value))
        return cast("Shared", known[1])

    def _error(self, error: ErrorReport) -> ErrorReport:
        return _but(
            error,
            message=self.text(error.message),
            chain=_change_each(
                error.chain, lambda link: _but(link, message=self.text(link.message))
            ),
            traceback=self.text(error.traceback),
        )

    def _culprits(self, culprits: tuple[Culprit, ...]) -> tuple[Culprit, ...]:
        return _change_each(culprits, lambda part: _but(part, error=self.text(part.error)))

    def _side(self, side: SideResult) -> SideResult:
        log, retried = self.text(side.log), _change_each(side.retried, self.text)
        if log is side.log and retried is side.retried:
            return side
        return side.but(log=log, retried=retried)

    def _remedies(self, remedies: tuple[RemedyResult, ...]) -> tuple[RemedyResult, ...]:
        return _change_each(
            remedies,
            lambda fix: _but(
                fix, summary=self.text(fix.summary), did=_change_each(fix.did, self.text)
            ),
        )

    def _retries(self, retries: tuple[RetriedAttempt, ...]) -> tuple[RetriedAttempt, ...]:
        return _change_each(retries, lambda retry: _but(retry, summary=self.text(retry.summary)))


def _but(value: Record, **fields: object) -> Record:
    """Return a copy with other fields; ``value`` itself if they are the same objects."""
    changed = {name: new for name, new in fields.items() if new is not getattr(value, name)}
    return value.but(**changed) if changed else value


def _change_each(
    values: tuple[Shared, ...], change: Callable[[Shared], Shared]
) -> tuple[Shared, ...]:
    """Return the changed values; ``values`` itself if they are the same objects."""
    changed = tuple(map(change, values))
    same = all(new is old for new, old in zip(changed, values, strict=True))
    return values if same else changed
