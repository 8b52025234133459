"""The commands as functions, for notebooks, test suites and pipelines.

They return values instead of text: tables are pandas frames, everything else is a typed value.
Errors are `KerasmatrixError`s: the message names the file, and ``hint`` says what to do. A model
that does not load is a result, not an error.

Model files are paths or addresses (``hf://…``, ``models:/…``, ``s3://…``); what an address names is
downloaded, and removed with the function's result.

``matrix`` is the path of a ``matrix.yaml``; by default the one in the current folder, else the one
that is part of the package. ``store`` is the folder for stored results; by default it is next to
that matrix, or in the user's cache for the package's own. ``engine`` is ``"auto"``, ``"docker"``,
``"local"``, or an engine. A model file can hold code, which runs when it is loaded: an engine that
is not a sandbox requires ``trust=True``.
"""

from kerasmatrix.api.models import (
    CannotConvert,
    bisect,
    check,
    convert,
    diff,
    inspect,
    predict,
    reproduce,
)
from kerasmatrix.api.results import explain, explanation, frame, load_results
from kerasmatrix.report.checked_files import Checked

__all__ = [
    "CannotConvert",
    "Checked",
    "bisect",
    "check",
    "convert",
    "diff",
    "explain",
    "explanation",
    "frame",
    "inspect",
    "load_results",
    "predict",
    "reproduce",
]
