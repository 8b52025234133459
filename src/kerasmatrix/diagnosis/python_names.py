"""Reads Python's messages about a missing module, name or attribute: which releases have it.

``survey/names.py`` makes ``python_names.json`` of the sources of Keras and TensorFlow. The name in
a message has a state, which signatures of the catalogue ask for: ``gone`` (earlier releases have
it), ``newer`` (later releases have it), ``there`` (all have it), ``passing`` (only releases in
between have it), ``unknown`` (none has it). Names of other packages have the state of their kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from packaging.version import Version

from kerasmatrix.diagnosis.companions import fact_about
from kerasmatrix.diagnosis.keras_range import KerasRange
from kerasmatrix.diagnosis.name_lists import names_of
from kerasmatrix.results.bounds import MOST_LINKS
from kerasmatrix.text.patterns import Pattern
from kerasmatrix.versions import version_key

__all__ = ["JAVASCRIPT_RAISED", "STATES", "Named", "find_named"]

DOTTED = r"[A-Za-z_][\w.]*"
ATTRIBUTE_OF_MODULE = Pattern(
    rf"module ['\"](?P<module>{DOTTED})['\"] has no attribute ['\"](?P<name>\w+)"
)
IMPORTED = Pattern(
    r"cannot import name ['\"]?(?P<name>\w+)['\"]?"
    rf"(?: from (?:partially initialized module )?['\"]?(?P<module>{DOTTED}))?"
)
# Python before 3.7 does not name the module; the line above the message does.
IMPORT_LINE = Pattern(rf"from (?P<module>{DOTTED}) import (?P<names>[\w, ()]{{1,300}})")
MODULE = Pattern(
    rf"(?:[Nn]o module named|Module [Nn]ot [Ff]ound:) (?P<quote>['\"]?)(?P<module>{DOTTED}\w)"
)
ATTRIBUTE = Pattern(
    rf"(?:type object )?['\"](?P<class>{DOTTED})['\"] object has no attribute ['\"](?P<name>\w+)"
)
CONSTRUCTED = Pattern(
    r"\b(?P<class>[A-Z]\w+)\.(?:__init__|__new__)\(\) "
    r"got an unexpected keyword argument '(?P<name>\w+)'"
)
UNRECOGNIZED = Pattern(
    r"Unrecognized keyword arguments passed to (?P<class>[A-Z]\w+): \{'(?P<name>\w+)'"
)
# A file that names a class of its own says so with its package: `Addons>GroupNormalization`.
CLASS = Pattern(
    r"(?:Unknown layer: ?['\"]?|Could not locate class ')(?P<name>[A-Z]\w+)(?P<package>>?)"
)
# A line of a traceback that names a file: Python's own, IPython's, and its older form.
FRAME = Pattern(
    r"(?m)^[\s#>|]*(?:File \"?(?P<file>[^\"\n]+?)(?:\", line|:\d+)"
    r"|\[?(?P<cell>[^\s\"'()]+\.py)(?:\]\([^)\s]*\))? in )"
)
PACKAGE = Pattern(r"(?:site|dist)-packages[/\\](?P<package>\w+)(?:[/\\]|\.py)")
CODE_LINE = Pattern(r"^[^\n]*\n\s*(?:-+> ?)?(?:\d+ )?\s*(?:from|import|\w+ =|return|\w+[\w.]*\()")
# Files through which an import or an attribute passes on its way.
PASSED = Pattern(
    r"^<frozen|importlib[/\\]__init__\.py|(?:lazy_loader|module_wrapper|deprecation_wrapper"
    r"|traceback_utils|import_utils)\.py"
)
JAVASCRIPT = Pattern(
    r"\.(?:m?js|tsx?)\??[\w=]*:\d+|Uncaught (?:\(in promise\)|\w*Error)"
    r"|[Uu]nhandled ?(?:Promise ?)?Rejection"
)
JAVASCRIPT_RAISED = "javascript raised"
IMPORT_FAILED = "import failed"
# The first file of TensorFlow or Keras that an import runs.
IMPORTING = Pattern(r"[/\\](?:tensorflow(?:_core)?|keras|tf_keras)[/\\]__init__\.py$")
LONGEST = 50_000  # characters of a traceback, its end, that are searched for packages
# Names of one place: `tf.keras.utils` and `keras.api._v2.keras.utils` are `keras.utils`.
NAME = re.compile(r"\w+")
KERAS = re.compile(
    r"^(?:tensorflow\.(?:_api\.v\d\.)?(?:compat\.v\d\.)?keras|tf_keras|keras)(?:\.(?!src\b)|$)"
    r"(?:api\.(?!_v\d$)(?:_v\d\.)?(?:keras\.|keras$)?|_tf_keras\.(?:keras\.|keras$)?)?"
)
TENSORFLOW = re.compile(r"^tensorflow(?:_core)?(?:\._api\.v\d)?(?:\.compat\.v2)?\.?")
KINDS = ("companion", "numpy", "protobuf", "h5py", "other")
STATES = (
    *(f"{package} {state}" for package in ("keras", "tensorflow", "argument")
      for state in ("gone", "newer", "there", "passing", "unknown")),
    *("argument own", "model attribute own", "companion raised", "converter raised"),
    *("companion asks", "converter asks", "other asks", "protobuf asks", "protobuf raised"),
    *("keras asks", JAVASCRIPT_RAISED, IMPORT_FAILED),
    *KINDS,
    *(f"{kind} missing" for kind in KINDS),
)  # fmt: skip
# What is there from this release on counts as there in all: earlier ones are hardly in use.
OLDEST = {package: Version("2.3.2") for package in ("keras", "argument", "tensorflow")}
# States of a name of TensorFlow or Keras that a package asks for.
MISSING = {
    f"{package} {state}"
    for package in ("keras", "tensorflow")
    for state in ("gone", "newer", "there", "passing", "unknown")
}
OWN = {"tensorflow", "tensorflow_core", "h5py", "numpy"}
MODELS = {"Functional", "Sequential", "Network", "Container"}
# `keras.api._v2` is what `tf.keras` is from TensorFlow 2.6 to 2.15.
V2_API = KerasRange(Version("2.6"), Version("2.15.99"))


@dataclass(frozen=True)
class Named:
    """A name in a message, its state, and the releases that have it, as a sentence."""

    text: str
    state: str
    fact: str | None = None


def find_named(
    chain: Sequence[tuple[str, str]], text: str = "", reader: KerasRange | None = None
) -> list[Named]:
    """Return what the messages of ``chain`` name; the state is for ``reader`` if it is known.

    ``text`` is the whole traceback: the package that raises may be one that builds on Keras.
    """
    lines = list(IMPORT_LINE.found_in(text[-LONGEST:]))
    imports = {name: line["module"] for line in lines for name in NAME.findall(line["names"])}
    messages = [message for _, message in chain[:MOST_LINKS]]
    found = [named for message in messages for named in _named(message, reader, imports)]
    if JAVASCRIPT.is_in(text[-LONGEST:]):
        return [*found, Named("the message is of JavaScript", JAVASCRIPT_RAISED)]
    files = _files_in(chain, text)
    raising = _package_of(files[-1]) if files else None
    kind = _kind_of(raising) if raising else None
    if raising and kind not in {"other", "keras"}:
        found.append(Named(f"the last file is one of {raising}", f"{kind} raised"))
    missing = [one for one in found if raising and one.state in MISSING]
    missing = [one for one in missing if _is_asked(one, files, text)]
    if kind == "keras":  # names of its own, it also has to answer for programs
        missing = [one for one in missing if one.state.startswith("tensorflow")]
    if raising and missing:
        fact = fact_about(raising, text)
        found.append(Named(f"{raising} asks for it", f"{kind} asks", fact))
    if any(IMPORTING.is_in(file) for file in files[:-1]):
        found.append(Named("an import of TensorFlow or Keras fails", IMPORT_FAILED))
    return found


def _files_in(chain: Sequence[tuple[str, str]], text: str) -> list[str]:
    """Return the files of the traceback that was printed last, the one that raises last."""
    message = chain[0][1].split("\n", 1)[0] if chain else ""
    end = text.rfind(message)  # a message can name files, too
    frames = FRAME.found_in(text[: end if end > 0 else None][-LONGEST:])
    files = [frame["file"] or frame["cell"] for frame in frames]
    return [file for file in files if not PASSED.is_in(file)]


def _is_asked(named: Named, files: Sequence[str], text: str) -> bool:
    """Return whether the last file asks for a name: of a cut traceback, it is not the last one."""
    name = named.text.rsplit(".", 1)[-1]
    shown = CODE_LINE.is_in(code := text[text.rfind(files[-1]) + len(files[-1]) :])
    return not shown or code.count(name) > 1  # the message has it, too


def _package_of(file: str) -> str | None:
    """Return the package of a file; none if it is the program's or TensorFlow's."""
    package = next((one["package"] for one in PACKAGE.found_in(file)), None)
    return None if package in OWN else package


def _kind_of(package: str) -> str:
    if package in {"google", "keras", "tf_keras"}:
        return "protobuf" if package == "google" else "keras"
    kinds = ("converter", "companion")
    return next((kind for kind in kinds if package in names_of(f"{kind}s")), "other")


def _named(message: str, reader: KerasRange | None, imports: Mapping[str, str]) -> Iterator[Named]:
    for pattern in (ATTRIBUTE_OF_MODULE, IMPORTED):
        for found in pattern.found_in(message):
            module = found["module"] or imports.get(found["name"])
            if module:
                yield _in_module(module, found["name"], reader)
    for found in MODULE.found_in(message):
        # Python 2 names the whole path, whichever part of it is missing.
        module = found["module"] if found["quote"] else found["module"].split(".", maxsplit=1)[0]
        yield _in_module(module, None, reader)
    yield from _attributes(message, reader)
    yield from _newer_layers(message, reader)
    for pattern in (CONSTRUCTED, UNRECOGNIZED):
        for found in pattern.found_in(message):
            yield from _argument(found["class"], found["name"], reader, pattern)


def _attributes(message: str, reader: KerasRange | None) -> Iterator[Named]:
    """Yield the attributes that objects of Keras lack, as far as the releases tell why."""
    for found in ATTRIBUTE.found_in(message):
        kind = found["class"].rsplit(".", 1)[-1]
        table = _names()["keras"]["attributes"]
        bases = [kind, *(["Model"] if kind in MODELS else [])]
        if kind not in table and kind in names_of("names-of-keras"):
            bases = ["Layer"]
        spans = (_span(table.get(base, {}), found["name"]) for base in bases)
        span = ",".join(filter(None, spans))
        attribute = _of_span("keras", f"{kind}.{found['name']}", span, reader)
        # Classes also get attributes in ways that their sources do not show.
        attribute = replace(attribute, fact=None)
        if kind in MODELS and attribute.state == "keras unknown":
            yield Named(found["name"], "model attribute own")
        # Without the version, an old program may just as well run in a still older Keras.
        lasting = reader is not None or (span and span.startswith(("1.2.2", "2.1.6")))
        if attribute.state == "keras newer" or (lasting and attribute.state == "keras gone"):
            yield attribute


def _newer_layers(message: str, reader: KerasRange | None) -> Iterator[Named]:
    """Yield the layers of Keras that the loading program does not know yet."""
    for found in CLASS.found_in(message):
        held = _span(_names()["keras"]["names"]["layers"], found["name"])
        layer = _of_span("keras", f"keras.layers.{found['name']}", held, reader)
        if layer.state == "keras newer" and not found["package"]:
            yield layer


def _argument(kind: str, name: str, reader: KerasRange | None, pattern: Pattern) -> Iterator[Named]:
    arguments = _names()["argument"]["classes"]
    if kind in arguments:
        span = _span(arguments[kind], name)
        if span:
            yield _of_span("argument", f"{name} of {kind}", span, reader)
    elif kind in _classes():
        yield Named(f"{name} of {kind}", "argument unknown")
    elif pattern is CONSTRUCTED and _span(arguments["Layer"], name) is None:
        yield Named(name, "argument own")


def _in_module(module: str, name: str | None, reader: KerasRange | None) -> Named:
    root = module.split(".", maxsplit=1)[0]
    if name is None and module in {"keras", "tensorflow"}:
        return Named(module, "other missing")
    if KERAS.match(module):
        if reader is None and "._v2." in f"{module}.":
            reader = V2_API
        return _of_package("keras", KERAS.sub("", module), name, reader)
    if root in {"tensorflow", "tensorflow_core"}:
        named = _of_package("tensorflow", TENSORFLOW.sub("", module), name, None)
        if named.state == "tensorflow there" and module.startswith("tensorflow._api.v1"):
            # The package is called tensorflow_core in 1.15, the oldest release that is known.
            return replace(named, state="tensorflow newer")
        return named
    kind = next((kind for kind in KINDS[1:-1] if root == kind), "other")
    kind = "protobuf" if root == "google" else kind
    known = names_of("companions") | names_of("converters")
    kind = "companion" if root in known else kind
    fact = fact_about(root)
    if root.startswith("_") or ("." in module and name is None):
        return Named(name or module, kind, fact)
    return Named(name or module, kind if name else f"{kind} missing", fact)


def _of_package(package: str, module: str, name: str | None, reader: KerasRange | None) -> Named:
    table = _names()[package]
    place = f"{package}.{module}".rstrip(".")
    around = table["modules"].get(module)
    if name is None:
        named = _of_span(package, place, around, reader)
        return replace(named, state=named.state.replace("passing", "gone"))
    # A module is a name in the package around it, whether that imports it or not.
    inner = table["modules"].get(f"{module}.{name}".lstrip("."))
    spans = (_span(table["names"].get(module, {}), name), inner)
    named = _of_span(package, f"{place}.{name}", ",".join(filter(None, spans)), reader, around)
    if inner and named.state == f"{package} passing":  # inner modules move away, and stay away
        return replace(named, state=f"{package} gone")
    if named.state == f"{package} unknown" and module not in table["names"]:
        return replace(named, fact=None)  # of TensorFlow's inside only the modules are known
    newest = table["releases"][-1]
    if named.state == f"{package} unknown" and around and not around.endswith(newest):
        return replace(named, state=f"{package} gone")  # of a release between those that are known
    is_inside = module.startswith("src") or (around and not around.endswith(newest))
    if named.state == f"{package} newer" and is_inside:
        # Only another package of the same installation asks for names of Keras's inside.
        return replace(named, state=f"{package} there")
    return named


def _of_span(
    package: str, name: str, span: str | None, reader: KerasRange | None, around: str | None = None
) -> Named:
    """Return the state of what is in the releases of ``span``.

    ``around`` are the releases with the module that was found, of which the reader is one.
    """
    releases: list[str] = _names()[package]["releases"]
    title = "TensorFlow" if package == "tensorflow" else "Keras"
    if not span:
        fact = f"no {title} from {releases[0]} to {releases[-1]} has {name}"
        return Named(name, f"{package} unknown", fact)
    held = sorted(_places(span, releases))
    fact = f"{name} is in {title} {_readable(held, releases)}"
    possible = _places(around, releases) if around else set(range(len(releases)))
    return Named(name, f"{package} {_state(package, held, possible, reader)}", fact)


def _places(span: str, releases: Sequence[str]) -> set[int]:
    """Return the places of the releases in ``2.1.6-2.12.0,3.9.2``."""
    held: set[int] = set()
    for part in span.split(","):
        first, _, last = part.partition("-")
        held.update(range(releases.index(first), releases.index(last or first) + 1))
    return held


def _readable(held: Sequence[int], releases: Sequence[str]) -> str:
    runs: list[list[int]] = []
    for place in held:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    ends = [(releases[run[0]], releases[run[-1]]) for run in runs]
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in ends)


def _state(package: str, held: Sequence[int], possible: set[int], reader: KerasRange | None) -> str:
    releases = [version_key(release) for release in _names()[package]["releases"]]
    if reader is not None:
        before = [place for place, one in enumerate(releases) if one <= reader.first][-1:]
        possible = {
            place for place, one in enumerate(releases) if reader.first < one <= reader.last
        }
        possible |= set(before)
    missing = sorted(possible - set(held))
    late = _first_after(releases, OLDEST[package])
    if reader is None and held[0] < late:
        missing = [place for place in missing if place >= late or place > held[-1]]
    if not missing:
        return "there"
    if reader is not None:
        return "gone" if held[0] < missing[0] else "newer"
    if missing[0] > held[-1] or (held[0] < late and missing[-1] > held[-1]):
        return "gone"
    return "newer" if missing[-1] < held[0] else "passing"


def _first_after(releases: Sequence[Version], one: Version) -> int:
    return next(place for place, release in enumerate(releases) if release > one)


def _span(table: Mapping[str, str], name: str) -> str | None:
    return next((span for span, names in table.items() if name in names.split()), None)


@cache
def _classes() -> frozenset[str]:
    """Return the public names of Keras."""
    tables = _names()["keras"]["names"]
    modules = ("", "callbacks", "layers", "losses", "metrics", "models", "optimizers", "utils")
    return frozenset(
        name for one in modules for span in tables[one].values() for name in span.split()
    )


@cache
def _names() -> dict[str, Any]:
    text = resources.files("kerasmatrix.diagnosis").joinpath("python_names.json").read_text("utf-8")
    return dict(json.loads(text))
