"""Removes secrets and paths of this machine from texts of reports and the terminal.

Texts may come from a model file, so all functions take linear time. They are idempotent.

Secrets are masked in URLs: ``s3://KEY:SECRET@bucket`` becomes ``s3://***@bucket``, and a query's
``token=…`` becomes ``token=***``. Paths are cut to the part below ``site-packages``
(``.../keras/src/layers/layer.py``), below Python's library or below the folders of kerasmatrix, and
the home folder becomes ``~``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

__all__ = [
    "MASK",
    "command_line",
    "is_secret_name",
    "machine_folders",
    "mask_secrets",
    "mask_secrets_of",
    "path_shortener",
]

MASK = "***"
NAME_PART = r"(?:token|secret|passw|passphrase|pwd|key|sig|auth|cred|sas)"
# Ends a URL in a text.
END = r"\s'\"<>"
USER = re.compile(rf"(?<=://)[^/?#@{END}]{{1,300}}(?:@[^/?#@{END}]{{1,300}})*@")
# A secret key of AWS can contain a slash, where the path of a URL would start. So a secret starts
# after a name and a colon, unless a port follows.
SLASHED = re.compile(rf"(?<=://)[^/?#@:{END}]{{1,300}}:(?!\d{{1,5}}[/?#])[^@{END}]{{1,300}}@")
QUERY = re.compile(rf"([?&;][\w.%-]{{0,60}}{NAME_PART}[\w.%-]{{0,60}}=)[^&;#{END}]+", re.IGNORECASE)
# A whole word of a name: TOKENIZERS_PARALLELISM is not a secret.
SECRET_WORD = re.compile(
    r"(?:^|[-_.])(?:tokens?|secrets?|password|passwd|passphrase|pwd|keys?|apikey|accesskey|sig|"
    r"signature|auth|credentials?|sas)(?:$|[-_.])",
    re.IGNORECASE,
)
# An argument such as `--token=VALUE` or `NAME=VALUE`.
ASSIGNED = re.compile(r"(-{0,2}[\w-]+)=(.+)", re.DOTALL)

# The characters of an unquoted path, and its start.
PART = r"[\w./+@%~=-]"
START = rf"(?<!{PART}/)"
PACKAGES = r"(?:site|dist)-packages/"


def mask_secrets(text: str) -> str:
    """Return ``text`` with the secrets in its URLs masked."""
    if "://" not in text:
        return text
    text = USER.sub(f"{MASK}@", text)
    text = SLASHED.sub(f"{MASK}@", text)
    return QUERY.sub(rf"\1{MASK}", text)


def mask_secrets_of(url: str, text: str) -> str:
    """Return ``text`` with its secrets masked, and with those of ``url`` wherever they occur.

    Libraries repeat parts of a URL in their errors.
    """
    users = [match[0][:-1] for pattern in (USER, SLASHED) for match in pattern.finditer(url)]
    secrets = {*users, *(user.partition(":")[2] for user in users)}
    secrets |= {match[0].partition("=")[2] for match in QUERY.finditer(url)}
    secrets |= {unquote(secret) for secret in secrets}
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return mask_secrets(text)


def is_secret_name(name: str) -> bool:
    """Return whether an option or a variable of this name has a secret value."""
    return SECRET_WORD.search(name) is not None


def command_line(arguments: Sequence[str]) -> str:
    """Return a command as it is typed, with its secrets masked.

    Secrets are in URLs, and in options and variables with such names: ``--token x``,
    ``--token=x``, ``API_KEY=x``.
    """
    words: list[str] = []
    before = ""
    for word in arguments:
        assigned = ASSIGNED.fullmatch(word)
        if before.startswith("-") and "=" not in before and is_secret_name(before):
            words.append(MASK)
        elif assigned and is_secret_name(assigned[1]):
            words.append(f"{assigned[1]}={MASK}")
        else:
            words.append(mask_secrets(word))
        before = word
    return shlex.join(words)


def machine_folders() -> tuple[Path, ...]:
    """Return the folders of kerasmatrix that do not depend on the project."""
    import platformdirs  # noqa: PLC0415 - not needed to mask secrets, see guard.py

    return (Path(__file__).parents[1], Path(platformdirs.user_cache_dir("kerasmatrix")))


def path_shortener(folders: Iterable[Path]) -> Callable[[str], str]:
    """Return a function that shortens the paths in a text.

    A path in one of ``folders`` starts with that folder's name. The home folder becomes ``~``.
    """
    known = {path for folder in folders for path in (folder.absolute(), folder.resolve())}
    # The longest first, since a store is in a project.
    deepest = sorted(known, key=lambda path: len(str(path.parent)), reverse=True)
    prefixes = [
        rf"(?<![\w.~-]/){_below_root(path.parent)}/(?={re.escape(path.name)}(?!\.?[\w-]))"
        for path in deepest
        if path.parent != path.parent.parent
    ]
    cut = [
        rf"(?<=File \"/)[^\"\n]{{0,4000}}/{PACKAGES}",
        rf"{START}(?:{PART}*/)?{PACKAGES}",
        rf"{START}{PART}*/lib/(?=python3\.\d+/)",
        *prefixes,
    ]
    # They all begin with a slash: where it stands first, `re` skips to the next one.
    pattern = re.compile(f"/(?:{'|'.join(cut)})")
    home = _home()
    at_home = home and re.compile(rf"/(?<![\w.~-]/){_below_root(home)}(?!\.?[\w-])")

    def shorten(text: str) -> str:
        if "/" not in text:
            return text
        text = pattern.sub(".../", text)
        return at_home.sub("~", text) if at_home else text

    return shorten


def _below_root(path: Path | str) -> str:
    """Return the pattern of an absolute path without its first slash."""
    return re.escape(str(path).removeprefix("/"))


def _home() -> str | None:
    """Return the home folder, unless there is none or it is the root folder."""
    try:
        home = str(Path.home())
    except RuntimeError:
        return None
    return home.rstrip("/") or None
