"""The fields of the page's data are those of its types, and those that its script reads."""

import datetime
import re
from importlib import resources

import pytest

from kerasmatrix.diagnosis.upstream import side_of
from kerasmatrix.report import page_details
from kerasmatrix.report.html import SCRIPTS
from kerasmatrix.report.page_details import make_chunk
from kerasmatrix.results.cells import Status
from kerasmatrix.results.history import summarize
from kerasmatrix.results.observations import RetriedAttempt
from tests.unit.report.factory import make_cell, make_results

KINDS = {
    "cells": page_details.CellDetails,
    "errors": page_details.ErrorDetails,
    "sides": page_details.SideDetails,
    "attempts": page_details.AttemptDetails,
    "culprits": page_details.CulpritDetails,
    "predictions": page_details.PredictionDetails,
    "statements": page_details.StatementDetails,
}
NESTED = (page_details.LinkDetails, page_details.RetryDetails, page_details.SpanDetails)
# The variables that hold a value of a kind in the script, and what the script itself adds.
VARIABLES = {
    "result": {"scenario", "format", "saved", "loaded", "status", "cause"},
    "side": set(),
    "span": set(),
    "statement": set(),
}
OF_VARIABLE = {
    "result": page_details.CellDetails,
    "side": page_details.SideDetails,
    "span": page_details.SpanDetails,
    "statement": page_details.StatementDetails,
}


def fields_of(kind):
    return set(kind.__annotations__)


def resolved(fields):
    """Return the names that the script gives to fields whose references it has followed."""
    plural = {
        "culprit_refs": "culprits",
        "attempt_refs": "attempts",
        "statement_refs": "statements",
    }
    return {plural.get(name, re.sub("_refs?$", "", name)) for name in fields}


@pytest.fixture(scope="module")
def script():
    folder = resources.files("kerasmatrix.report") / "templates" / "script"
    return "\n".join(folder.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@pytest.fixture(scope="module")
def chunk():
    retry = RetriedAttempt(
        status=Status.PASS, summary="again", measured_at=datetime.datetime.now(datetime.UTC)
    )
    cell = make_cell("first", "h5", "tf2.2", "tf2.1", Status.FAIL).but(retries=(retry,))
    results = make_results().model_copy(update={"cells": (cell,)})
    sides = {environment.name: side_of(environment) for environment in results.environments}
    return make_chunk([cell], [summarize(results)], sides)


@pytest.mark.parametrize("table", KINDS)
def test_make_chunk_fields_are_those_of_the_type(chunk, table):
    assert chunk[table]
    assert all(set(entry) == fields_of(KINDS[table]) for entry in chunk[table])


def test_make_chunk_nested_fields_are_those_of_the_type(chunk):
    values = (chunk["errors"][0]["chain"][0], chunk["cells"][0]["retries"][0],
              chunk["histories"][0][0])  # fmt: skip
    assert [set(value) for value in values] == [fields_of(kind) for kind in NESTED]


@pytest.mark.parametrize("variable", VARIABLES)
def test_script_reads_only_fields_that_exist(script, variable):
    read = set(re.findall(rf"\b{variable}\.(\w+)", script))
    fields = fields_of(OF_VARIABLE[variable])
    assert read
    assert read <= fields | resolved(fields) | VARIABLES[variable]


def test_script_reads_every_reference(script):
    read = set(re.findall(r"\.(\w+_refs?)\b", script))
    kinds = (*KINDS.values(), *NESTED)
    assert read == {
        name for kind in kinds for name in fields_of(kind) if re.search("_refs?$", name)
    }


def test_script_reads_every_table(script, chunk):
    assert {name for name in chunk if f"chunk.{name}" in script} == set(chunk)
