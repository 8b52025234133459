"""Explains the text of an error, or a symptom, without running anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from packaging.version import Version
from pydantic import Field

from kerasmatrix.diagnosis.atlas import Origin, find_origins
from kerasmatrix.diagnosis.catalogue import Advice, Cause, Signature, the_catalogue
from kerasmatrix.diagnosis.keras_range import KerasRange, parse_keras_range
from kerasmatrix.diagnosis.python_names import JAVASCRIPT_RAISED, find_named
from kerasmatrix.diagnosis.reader_in_text import reader_in_text
from kerasmatrix.diagnosis.recognize_cause import Candidate, Evidence, candidates
from kerasmatrix.diagnosis.traceback_parser import parse_chain
from kerasmatrix.errors import UsageError
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.patterns import Pattern, compile_pattern

__all__ = ["Explanation", "Near", "explain_message", "explain_symptom", "explain_text"]

# The rank of a signature from which its cause is named. Below, it is a near candidate: the text
# has several usual meanings, and advice for another one costs more than none.
NAMED = 5
CERTAIN = 8
MOST_NEAR = 3
MOST_ORIGINS = 3
# `tensorflow` has the Keras of TensorFlow 2.5 in `tensorflow.python.keras`.
KERAS_PACKAGES = {"keras", "tf_keras", "tensorflow"}
KERAS_MAJORS = (
    KerasRange(Version("2.0"), Version("2.99")),
    KerasRange(Version("3.0"), Version("99")),
)
ASKED = {
    "format": "the file's format: pass --format, or the file itself with --file",
    "writer_keras": "the version that saved the file: pass --saved-with",
    "reader_keras": "the version that loads it: pass --loaded-with",
    "status": "the result of a check: run kerasmatrix check FILE",
}
PROGRAM = "the Keras or TensorFlow that runs the program: pass --loaded-with"
WHOLE = "the whole traceback, from its first line to its last"
# Keras prints the exception itself after it.
WRAPPER = Pattern("could not be deserialized properly")
CHECK = "the file, if you have it: run kerasmatrix check FILE"
SHORT = 200
# A sentence of a person, rather than a message of a program.
SENTENCE = Pattern(r"(?i)[\pL\pP\d\s`<>→]{1,200}")
CODE = Pattern(r"[\[\]{}=\\]|^(WARNING|Warning)")
TOLD = Pattern(
    r"(?i)no error|\b(re|de)?-?(load|sav|restor|seriali|convert|predict|upgrad|train|accura"
    r"|learn|optimi|vocabul|weight|model|output|result)"
)
# A line that a terminal ended in the middle of a word.
WRAPPED = re.compile(r"(?m)^(.{70,}\S)\n(?=\S)")
OF_JAVASCRIPT = "tfjs"  # how the slugs of its causes begin
GENERAL_SYMPTOM = "silent-drift"

# A template of the atlas fits the whole message, and its note says the cause.
OF_A_NOTE = Signature(error=".", rank=6)

Confidence = Literal["high", "medium", "low"]


class Near(StrictModel):
    """A cause that is not named, but near: its slug and title, and what would decide."""

    slug: str
    story: str
    lacks: tuple[str, ...] = ()


class Explanation(StrictModel):
    """The knowledge about a message.

    Without a ``cause``, nothing is advised: ``needs`` says what would help, ``near`` which causes
    are possible, and ``raised_by`` where the message comes from.
    """

    cause: Cause | None = None
    confidence: Confidence | None = None
    matched: str | None = Field(
        default=None, description="the part of the text that was recognized"
    )
    advice: tuple[Advice, ...] = ()
    near: tuple[Near, ...] = ()
    needs: tuple[str, ...] = ()
    raised_by: tuple[Origin, ...] = ()
    known: tuple[str, ...] = Field(
        default=(), description="the releases that have what the message names"
    )


def explain_text(
    text: str, saved_with: str | None = None, loaded_with: str | None = None
) -> Cause | None:
    """Return the cause of an error, or None if none can be named; see `explain_message`."""
    return explain_message(text, saved_with, loaded_with).cause


def explain_message(
    text: str,
    saved_with: str | None = None,
    loaded_with: str | None = None,
    file_format: str | None = None,
) -> Explanation:
    """Return what is known of an error.

    Args:
        text: a message, or a whole traceback.
        saved_with: the TensorFlow or Keras that saved the file, such as ``tf2.4``, ``keras3.4.1``
            or ``2.13-2.15``.
        loaded_with: the one that loads it; by default the one that the files in a traceback tell.
        file_format: the file's format, such as ``h5``.

    Raises:
        UsageError: there is no text, or a version is invalid.
    """
    if not text.strip():
        raise UsageError(
            "nothing to explain",
            hint="pass the error message, or pipe a traceback: "
            "python app.py 2>&1 | kerasmatrix explain",
        )
    writer = parse_keras_range(saved_with) if saved_with else None
    reader = parse_keras_range(loaded_with) if loaded_with else reader_in_text(text)
    evidence = _evidence(text, file_format, writer, reader)
    found = _found(evidence)
    if not found and (unwrapped := WRAPPED.sub(r"\1", text)) != text:
        evidence = _evidence(unwrapped, file_format, writer, reader)
        found = _found(evidence)
    best, others = _best(found)
    if not found and evidence.chain[0][0] == "" and _is_told(text.strip()):
        # A sentence that describes a symptom, not a message.
        symptom = explain_symptom(text)
        if symptom.cause:
            return symptom
    origins = find_origins(evidence.chain)
    if best is None:
        best = _of_origins(origins)
    return Explanation(
        cause=best.cause if best else None,
        confidence=_confidence(best.signature.rank) if best else None,
        matched=best.matched if best else None,
        advice=_advice(best, reader or _raising_keras(origins)) if best else (),
        near=tuple(_near(one) for one in others[:MOST_NEAR]),
        needs=() if best else _needs(text, evidence, others),
        raised_by=origins[:MOST_ORIGINS],
        known=tuple(dict.fromkeys(one.fact for one in evidence.named if one.fact)),
    )


def _evidence(
    text: str, file_format: str | None, writer: KerasRange | None, reader: KerasRange | None
) -> Evidence:
    chain = parse_chain(text)
    return Evidence(
        chain=chain,
        log=text,
        named=find_named(chain, text, reader),
        format=file_format,
        writer_keras=writer.major if writer else None,
        reader_keras=reader.major if reader else None,
    )


def _found(evidence: Evidence) -> list[Candidate]:
    found = [one for one in candidates(the_catalogue(), evidence) if one.matched]
    if any(one.state == JAVASCRIPT_RAISED for one in evidence.named):
        # Advice in Python does not help there.
        return [one for one in found if one.cause.slug.startswith(OF_JAVASCRIPT)]
    return found


def explain_symptom(text: str) -> Explanation:
    """Return the causes of a symptom without an error, such as other predictions.

    Raises:
        UsageError: there is no text.
    """
    if not text.strip():
        raise UsageError("no symptom", hint='say what you see: "predictions differ after loading"')
    found = [
        cause
        for cause in the_catalogue().causes
        if any(compile_pattern(pattern).is_in(text.lower()) for pattern in cause.symptoms)
    ]
    # The general one, other outputs, is named last.
    found.sort(key=lambda cause: cause.slug == GENERAL_SYMPTOM)
    first = found[0] if found else None
    return Explanation(
        cause=first,
        confidence="low" if first else None,
        advice=first.advice if first else (),
        near=tuple(Near(slug=one.slug, story=one.story) for one in found[1 : 1 + MOST_NEAR]),
        needs=() if first else (CHECK,),
    )


def _is_told(text: str) -> bool:
    return SENTENCE.is_all_of(text) and TOLD.is_in(text) and not CODE.is_in(text)


def _best(found: Sequence[Candidate]) -> tuple[Candidate | None, list[Candidate]]:
    """Return the candidate that is named, if any, and the others."""
    named = [one for one in found if not one.lacks and _is_enough(one.signature)]
    if not named:
        return None, list(found)
    top = [one for one in named if one.signature.specificity == named[0].signature.specificity]
    wider = {one.cause.within for one in top}
    finest = [one for one in top if one.cause.slug not in wider]
    if len(finest) > 1:
        return None, list(found)
    best = finest[0]
    return best, [one for one in found if one is not best]


def _of_origins(origins: Sequence[Origin]) -> Candidate | None:
    """Return the cause on which the notes about the places that raise a message agree, if any."""
    slugs = {one.cause for one in origins}
    slug = slugs.pop() if len(slugs) == 1 else None
    if slug is None:
        return None
    return Candidate(the_catalogue()[slug], OF_A_NOTE, origins[0].template)


def _is_enough(signature: Signature) -> bool:
    return signature.alone or signature.rank >= NAMED


def _confidence(rank: int) -> Confidence:
    if rank >= CERTAIN:
        return "high"
    return "medium" if rank > NAMED else "low"


def _advice(best: Candidate, reader: KerasRange | None) -> tuple[Advice, ...]:
    """Return the advice that exists in the loading version; all of it if that is unknown."""
    first = best.signature.first
    found = [
        one
        for one in best.cause.advice
        if (not one.special or one.id == first) and (reader is None or _exists(one, reader))
    ]
    return tuple(sorted(found, key=lambda one: one.id != first))


def _raising_keras(origins: Sequence[Origin]) -> KerasRange | None:
    """Return the Keras that words a message so, if only one of its major versions does."""
    keras = [one for one in origins if one.package in KERAS_PACKAGES]
    if not keras or len(keras) < len(origins):
        return None
    is_newer = {
        one.package == "keras" and number.startswith("3.")
        for one in keras
        for number in re.split("[ -]", one.releases)
    }
    return None if len(is_newer) > 1 else KERAS_MAJORS[is_newer.pop()]


def _exists(advice: Advice, reader: KerasRange) -> bool:
    if not reader.meets(advice.since, advice.before):
        return False
    remedy = the_catalogue().remedy(advice.id)
    # Keras 2 has no TFSMLayer, and needs no tf_keras.
    wanted = remedy.reader_keras if remedy else None
    return wanted is None or reader.major in {None, wanted}


def _near(one: Candidate) -> Near:
    return Near(slug=one.cause.slug, story=one.cause.story, lacks=one.lacks)


def _needs(text: str, evidence: Evidence, others: Sequence[Candidate]) -> tuple[str, ...]:
    if any(one.fact for one in evidence.named):
        return (PROGRAM, *([WHOLE] if len(text) < SHORT else []))
    lacks = dict.fromkeys(
        fact for one in others for fact in one.lacks if one.signature.rank >= NAMED
    )
    asked = [ASKED[fact] for fact in lacks]
    if not asked and len(others) > 1:
        asked = [ASKED["writer_keras"], ASKED["reader_keras"]]
    if len(text) < SHORT or WRAPPER.is_in(text):
        asked.append(WHOLE)
    return (*asked, CHECK)
