"""The answer of a child, which the code of a model may have forged, and the result made of it."""

from __future__ import annotations

import os
import re

from . import protocol

__all__ = ["error_signature", "parse", "to_result"]

# Parts of a message that differ between two tasks with the same error: addresses and identities of
# objects, the digest of an artifact, the folder of a task.
INCIDENTAL = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{64}\b|\btask-\d+-[0-9a-f]+\b|\b\d{9,}\b")
# ... and the file's config, which Keras quotes since 2.9: up to the last brace of its line.
CONFIG = re.compile(r"\bconfig(?:=|: )\{")
OUTCOMES = {"value", "error", "left"}


def parse(line: bytes) -> dict | None:
    """Return the message in ``line``; None if it is malformed or cannot be passed on."""
    try:
        message = protocol.decode(line)
        protocol.encode(message)
    except (ValueError, RecursionError):
        return None
    is_complete = isinstance(message.get("printed"), int) and message.keys() & OUTCOMES
    return message if is_complete else None


def to_result(
    message: dict | None, status: int | None, *, is_garbled: bool, timed_out: bool
) -> dict:
    """Return how a task ended.

    Args:
        message: the child's answer, if there is one.
        status: the child's exit status as ``wait`` reports it, if it has exited.
        is_garbled: the child has answered something that is not a message; then it may have
            chosen its exit status, too.
        timed_out: the child was killed at its deadline.
    """
    result: dict = dict(
        ended="crashed", value=None, error=None, stage=None, exit_code=None, signal=None
    )
    if timed_out:
        result["ended"] = "timed-out"
    elif message is None:
        if not is_garbled and status is not None:
            result["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            result["exit_code"] = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    elif "left" in message:
        result["exit_code"] = message["left"]
    elif "error" in message:
        result.update(ended="raised", error=message["error"], stage=message.get("stage"))
    else:
        result.update(ended="returned", value=message["value"])
    return result


def error_signature(result: dict) -> tuple | None:
    """Return stage, types and messages of an error, without the parts that differ between tasks.

    None if the task raised nothing: a crash or a timeout has nothing that could be compared.
    """
    if result["ended"] != "raised":
        return None
    try:
        chain = [
            (link["type"], "\n".join(map(_without_incidentals, link["message"].split("\n"))))
            for link in result["error"]["chain"]
        ]
    except (AttributeError, KeyError, TypeError):
        return None  # forged: another child cannot confirm it
    return (str(result["stage"]), *chain)


def _without_incidentals(line: str) -> str:
    """Return a line of a message without the parts that differ between tasks.

    The time is linear in the length of the line, which a model may have chosen.
    """
    config, end = CONFIG.search(line), line.rfind("}")
    if config is None or end < config.end():
        return INCIDENTAL.sub("", line)
    return INCIDENTAL.sub("", line[: config.start()]) + INCIDENTAL.sub("", line[end + 1 :])
