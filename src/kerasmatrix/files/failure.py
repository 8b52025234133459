"""How a load failed, and whether two loads failed alike. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.recognize_cause import AmbiguousError, Evidence, recognize_cause
from kerasmatrix.results.cells import UNCLASSIFIED, Status
from kerasmatrix.results.observations import Observation
from kerasmatrix.strict_model import StrictModel

__all__ = ["Failure", "failure_of", "template"]

# The text from here on describes the model.
DUMP = re.compile(
    r"(?:full object config|config\s*=|received)\s*:?\s*\{.*", re.IGNORECASE | re.DOTALL
)
VALUES = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
# A bracket without its end, in a message that was cut.
OPEN = re.compile(r"[\[{].*", re.DOTALL)
ADDRESS = re.compile(r"0x[0-9a-f]+", re.IGNORECASE)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
PATH = re.compile(r"[^\s'\"=]{0,500}\.(?:keras|hdf5|h5)\b")
QUOTED = re.compile(r"(['\"`])(.*?)\1")
LONGEST = 600
STATUS = {"raised": Status.FAIL, "crashed": Status.CRASH, "timed-out": Status.TIMEOUT}


class Failure(StrictModel):
    """The failure of a load. ``error`` is the last exception, ``root`` the one that it came from.

    ``message`` and ``reason`` are the messages of both. ``template`` is
    the reason without what may differ from model to model.
    """

    ended: str
    stage: str | None
    cause: str
    error: str
    message: str
    root: str
    reason: str = ""
    template: str
    traceback: str = ""

    def is_like(self, other: Failure) -> bool:
        """Whether another load failed alike: the same cause, exceptions and template."""
        return self._kind == other._kind

    @property
    def _kind(self) -> tuple[object, ...]:
        return (self.ended, self.stage, self.cause, self.error, self.root, self.template)


def failure_of(
    observation: Observation,
    form: str,
    names: Iterable[str],
    majors: tuple[int | None, int | None],
) -> Failure | None:
    """Return how a load failed; None if it did not.

    Args:
        observation: the end of the load.
        form: the format of the file.
        names: those of the model's layers, which say nothing about the failure.
        majors: of the Keras that wrote the file, and of the one that loads it.
    """
    if observation.ended == "returned" or observation.ended not in STATUS:
        return None
    report = observation.error
    chain = tuple((link.type, link.message) for link in report.chain) if report else ()
    try:
        cause = recognize_cause(
            the_catalogue(),
            Evidence(
                chain=chain,
                log=observation.log,
                status=STATUS[observation.ended],
                format=form,
                writer_keras=majors[0],
                reader_keras=majors[1],
            ),
        )
    except AmbiguousError:
        cause = None
    first = chain[0] if chain else ("", "")
    last = chain[-1] if chain else ("", observation.log)
    return Failure(
        ended=observation.ended,
        stage=observation.stage,
        cause=cause.slug if cause else UNCLASSIFIED,
        error=first[0],
        message=first[1],
        root=last[0],
        reason=last[1] if chain else "",
        template=template(last[1], names) if chain else "",
        traceback=(report.traceback or "") if report else "",
    )


def template(message: str, names: Iterable[str] = ()) -> str:
    """Return a message without configurations, values, numbers, paths and names of layers."""
    text, before = DUMP.sub("…", message), ""
    while text != before:  # lists of nodes are nested
        text, before = VALUES.sub("…", text), text
    text = OPEN.sub("…", text[:LONGEST])
    text = PATH.sub("…", text)
    own = set(names)
    text = QUOTED.sub(lambda found: "…" if found.group(2) in own else found.group(0), text)
    for name in sorted(own, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", text)
    return " ".join(NUMBER.sub("#", ADDRESS.sub("#", text)).split())
