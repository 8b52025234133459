"""Takes out of a text what does not belong in a report: secrets, and where things lie on a machine.

Reports are handed on, and so is what the terminal shows. Both functions return what they are given
if there is nothing to take out, may be called twice, and take linear time: texts may come from a
model file.

Secrets are taken out of URLs: ``s3://KEY:SECRET@bucket`` becomes ``s3://***@bucket``, and a query's
``token=…`` becomes ``token=***``. Paths are cut to the part that says what they are: what is below
``site-packages`` (``.../keras/src/layers/layer.py``), below Python's own library, below the folders
that kerasmatrix works in, and ``~`` for the home folder.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

import platformdirs

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
TELLING = r"(?:token|secret|passw|passphrase|pwd|key|sig|auth|cred|sas)"
# Ends a URL in a text.
END = r"\s'\"<>"
USER = re.compile(rf"(?<=://)[^/?#@{END}]{{1,300}}(?:@[^/?#@{END}]{{1,300}})*@")
# A secret key of AWS can have a slash in it, where a URL's path would begin. So a name and a colon
# that no port follows are taken for the beginning of a secret.
SLASHED = re.compile(rf"(?<=://)[^/?#@:{END}]{{1,300}}:(?!\d{{1,5}}[/?#])[^@{END}]{{1,300}}@")
QUERY = re.compile(rf"([?&;][\w.%-]{{0,60}}{TELLING}[\w.%-]{{0,60}}=)[^&;#{END}]+", re.IGNORECASE)
# As a word of a name: TOKENIZERS_PARALLELISM is no secret.
SECRET_WORD = re.compile(
    r"(?:^|[-_.])(?:tokens?|secrets?|password|passwd|passphrase|pwd|keys?|apikey|accesskey|sig|"
    r"signature|auth|credentials?|sas)(?:$|[-_.])",
    re.IGNORECASE,
)
ASSIGNED = re.compile(r"(-{0,2}[\w-]+)=(.+)", re.DOTALL)

# What a path is made of where nothing quotes it, and the start of one.
PART = r"[\w./+@%~=-]"
START = rf"(?<!{PART})"
PACKAGES = r"(?:site|dist)-packages/"


def mask_secrets(text: str) -> str:
    """Return ``text`` with the secrets in its URLs masked."""
    if "://" not in text:
        return text
    text = USER.sub(f"{MASK}@", text)
    text = SLASHED.sub(f"{MASK}@", text)
    return QUERY.sub(rf"\1{MASK}", text)


def mask_secrets_of(url: str, text: str) -> str:
    """Return ``text`` with its secrets masked, and those of ``url`` wherever they stand in it.

    Libraries repeat parts of a URL that they were given in their errors.
    """
    users = [match[0][:-1] for pattern in (USER, SLASHED) for match in pattern.finditer(url)]
    secrets = {*users, *(user.partition(":")[2] for user in users)}
    secrets |= {match[0].partition("=")[2] for match in QUERY.finditer(url)}
    secrets |= {unquote(secret) for secret in secrets}
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return mask_secrets(text)


def is_secret_name(name: str) -> bool:
    """Whether the name of an option or a variable says that its value is secret."""
    return SECRET_WORD.search(name) is not None


def command_line(arguments: Sequence[str]) -> str:
    """Return a command as one would type it, with its secrets masked.

    Masked are those in URLs, and values of options and variables whose name says that they are
    secret: ``--token x``, ``--token=x``, ``API_KEY=x``.
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
    """Return the folders that kerasmatrix works in whatever the project is."""
    return (Path(__file__).parents[1], Path(platformdirs.user_cache_dir("kerasmatrix")))


def path_shortener(folders: Iterable[Path]) -> Callable[[str], str]:
    """Return a function that cuts the paths in a text.

    Of a path in one of ``folders`` what comes before that folder's own name is left out; then the
    home folder is called ``~``.
    """
    known = {path for folder in folders for path in (folder.absolute(), folder.resolve())}
    # The longest first: a store lies in a project.
    deepest = sorted(known, key=lambda path: len(str(path.parent)), reverse=True)
    prefixes = [
        rf"(?<![\w.~-]){re.escape(str(path.parent))}/(?={re.escape(path.name)}(?!\.?[\w-]))"
        for path in deepest
        if path.parent != path.parent.parent
    ]
    cut = [
        rf"(?<=File \")/[^\"\n]{{0,4000}}/{PACKAGES}",
        rf"{START}/(?:{PART}*/)?{PACKAGES}",
        rf"{START}/{PART}*/lib/(?=python3\.\d+/)",
        *prefixes,
    ]
    pattern = re.compile("|".join(cut))
    home = _home()
    at_home = re.compile(rf"(?<![\w.~-]){re.escape(home)}(?!\.?[\w-])") if home else None

    def shorten(text: str) -> str:
        if "/" not in text:
            return text
        text = pattern.sub(".../", text)
        return at_home.sub("~", text) if at_home else text

    return shorten


def _home() -> str | None:
    """Return the home folder, if there is one that is not everything."""
    try:
        home = str(Path.home())
    except RuntimeError:
        return None
    return home.rstrip("/") or None
