"""An exception as plain data: its chain of types and messages, and its traceback."""

from __future__ import annotations

import traceback

__all__ = ["describe"]

# A message can hold a whole model config; the cause is at its beginning or its end.
MESSAGE_LIMIT = 20000
TRACEBACK_LIMIT = 16000
CHAIN_LIMIT = 20


def describe(error: BaseException) -> dict:
    """Return ``type``, ``message``, ``traceback`` and the ``chain`` of causes, outermost first."""
    chain: list[dict] = []
    seen = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(chain) < CHAIN_LIMIT:
        seen.add(id(link))
        chain.append({"type": _type_name(link), "message": _message(link)})
        # As Python prints a chain: `raise … from None` hides the exception before it.
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
    except Exception as unprintable:
        lines = [f"(the traceback cannot be printed: {unprintable!r})"]
    return {
        "type": chain[0]["type"],
        "message": chain[0]["message"],
        "chain": chain,
        "traceback": _cut("".join(lines), TRACEBACK_LIMIT),
    }


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__name__


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as unprintable:
        text = f"(the message cannot be printed: {unprintable!r})"
    return _cut(text, MESSAGE_LIMIT)


def _cut(text: str, limit: int) -> str:
    """Return ``text`` as valid Unicode, without its middle if it is longer than ``limit``."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - limit} characters ...]\n{text[-half:]}"
