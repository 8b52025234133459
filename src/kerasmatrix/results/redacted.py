"""Results as they may be handed on: without secrets, and without paths of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from kerasmatrix.results.observations import Culprit, ErrorReport
from kerasmatrix.results.schema import (
    CellResult,
    EnvironmentResult,
    RemedyResult,
    Results,
    RetryResult,
    SideResult,
)
from kerasmatrix.text.redaction import (
    MASK,
    is_secret_name,
    machine_folders,
    mask_secrets,
    path_shortener,
)

__all__ = ["redacted"]

Shared = TypeVar("Shared")
Model = TypeVar("Model", bound=BaseModel)


def redacted(results: Results, folders: Iterable[Path] = ()) -> Results:
    """Return ``results`` without secrets and paths of the machine, except as the user named them.

    Args:
        results: what was found.
        folders: the project's own, such as its store; those of kerasmatrix are known.
    """
    redaction = _Redaction(path_shortener((*machine_folders(), *folders)))
    return results.model_copy(
        update={
            "environments": tuple(map(redaction.environment, results.environments)),
            "cells": tuple(map(redaction.cell, results.cells)),
        }
    )


class _Redaction:
    """Redacts what many cells share once. What has nothing to take out stays the same object."""

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

    def environment(self, told: EnvironmentResult) -> EnvironmentResult:
        variables = {
            name: MASK if is_secret_name(name) else mask_secrets(value)
            for name, value in told.variables.items()
        }
        trouble = self.text(told.trouble) if told.trouble else told.trouble
        return told.model_copy(update={"variables": variables, "trouble": trouble})

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
        """The fields of a cell that hold texts, each with what redacts it."""
        return (
            ("error", self._error),
            ("culprits", self._culprits),
            ("save", self._side),
            ("load", self._side),
            ("remedies", self._remedies),
            ("retries", self._retries),
        )

    def _once(self, value: Shared, change: Callable[[Shared], Shared]) -> Shared:
        """Return what ``change`` makes of a value, which is asked for each object once."""
        known = self._objects.get(id(value))
        if known is None:
            # The value is kept, too, so that no other one gets its id.
            known = self._objects[id(value)] = (value, change(value))
        return cast("Shared", known[1])

    def _error(self, error: ErrorReport) -> ErrorReport:
        return _but(
            error,
            message=self.text(error.message),
            chain=_each(error.chain, lambda link: _but(link, message=self.text(link.message))),
            traceback=self.text(error.traceback),
        )

    def _culprits(self, culprits: tuple[Culprit, ...]) -> tuple[Culprit, ...]:
        return _each(culprits, lambda each: _but(each, error=self.text(each.error)))

    def _side(self, side: SideResult) -> SideResult:
        log, retried = self.text(side.log), _each(side.retried, self.text)
        if log is side.log and retried is side.retried:
            return side
        return side.but(log=log, retried=retried)

    def _remedies(self, remedies: tuple[RemedyResult, ...]) -> tuple[RemedyResult, ...]:
        return _each(
            remedies,
            lambda each: _but(
                each, summary=self.text(each.summary), did=_each(each.did, self.text)
            ),
        )

    def _retries(self, retries: tuple[RetryResult, ...]) -> tuple[RetryResult, ...]:
        return _each(retries, lambda each: _but(each, summary=self.text(each.summary)))


def _but(model: Model, **fields: object) -> Model:
    """Return a model with other values in some fields; itself if they are the same objects."""
    changed = {name: value for name, value in fields.items() if value is not getattr(model, name)}
    return model.model_copy(update=changed) if changed else model


def _each(values: tuple[Shared, ...], change: Callable[[Shared], Shared]) -> tuple[Shared, ...]:
    """Return a tuple of what ``change`` makes of each; the same if that is the same objects."""
    changed = tuple(map(change, values))
    same = all(new is old for new, old in zip(changed, values, strict=True))
    return values if same else changed
