"""Collects the messages that Keras, TensorFlow's saving code, h5py and the hubs can raise.

    python survey/messages.py [--add] [FOLDER …]
    python survey/messages.py --coverage

Each FOLDER holds installed packages; without one, those of kerasmatrix's cache are read. Nothing is
imported or run: the sources are parsed, and each `raise` and `warnings.warn` gives the type of the
exception and the template of its message, in which `{}` stands for a value. The result,
``src/kerasmatrix/diagnosis/atlas.jsonl``, has a line for each template: places and releases.
`--add` keeps the releases that it has, and reads those that it lacks, such as ones for which there
is no environment: unpacked wheels and archives of Keras 0.3 to 2.2 and TensorFlow 1.4 to 2.1.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from kerasmatrix.config.places import default_cache
from kerasmatrix.diagnosis.atlas import note_on, the_atlas
from kerasmatrix.diagnosis.explain import explain_message
from kerasmatrix.text.patterns import Pattern
from kerasmatrix.versions import version_key

TARGET = Path(__file__).parent.parent / "src/kerasmatrix/diagnosis/atlas.jsonl"
GAP = "{}"
# The parts of each package that are read; the rest of TensorFlow is left out.
PARTS = {
    "keras": ("keras",),
    "tf_keras": ("tf_keras",),
    "h5py": ("h5py",),
    "tensorflow": tuple(
        f"{root}/python/{part}"
        for root in ("tensorflow", "tensorflow_core")
        for part in (
            *("checkpoint", "keras", "lib/io", "saved_model", "trackable"),
            *("training/checkpoint_utils.py", "training/saver.py", "training/saving"),
            "training/tracking",
        )
    ),
    **{
        hub: tuple(
            f"{hub}/{part}"
            for source in ("", "src/")
            for part in (
                *(f"{source}models/{module}.py" for module in ("backbone", "task", "preprocessor")),
                *(f"{source}{folder}" for folder in ("tokenizers", "utils")),
            )
        )
        for hub in ("keras_hub", "keras_nlp")
    },
    "tensorflow_hub": ("tensorflow_hub",),
}
LEFT_OUT = re.compile(r"(^|/)(tests?|testing|applications|datasets|tools)/|_test\.py$|/protobuf/")
SHORTEST = 12  # letters and digits that a template must have to recognize a message
# %-formats and str.format fields.
FIELD = re.compile(r"%(?:\(\w+\))?[-#0 +]*[\d*]*(?:\.\d+)?[a-zA-Z]|\{[^{}]*\}")
# The places that load and save: `--coverage` counts the causes and notes of their templates.
SAVING = Pattern(
    r"(^|\.)(saving|saved_model|hdf5_format|legacy_h5_format|checkpoint|checkpoint_utils|saver|tracking"
    r"|trackable|serialization|serialization_lib|export|saving_utils|model_config|file_editor"
    r"|tfsm_layer|lambda_layer)(\.|:)|load_model|load_weights|save_weights|from_config|deserialize"
    r"|set_weights|load_own"
)

Found = tuple[str, str, str]  # type, template, function


def main(folders: list[Path], *, add: bool = False) -> None:
    """Write the atlas of the packages in ``folders``; ``add`` them to those that it has."""
    releases: dict[str, set[str]] = defaultdict(set)
    places: dict[tuple[str, str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    if add:
        _read(releases, places)
    for site in folders:
        for package, parts in PARTS.items():
            version = _version(site, package)
            if version is None or version in releases[package]:
                continue
            releases[package].add(version)
            print(f"{package} {version}", file=sys.stderr)
            for place, (kind, template, function) in _messages(site, parts):
                places[package, kind, template][f"{place}:{function}"].add(version)
    order = {package: sorted(found, key=version_key) for package, found in releases.items()}
    lines = [json.dumps({"releases": order})]
    for (package, kind, template), found in sorted(places.items()):
        spots = {place: _ranges(versions, order[package]) for place, versions in found.items()}
        lines.append(json.dumps([package, kind, template, dict(sorted(spots.items()))]))
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read(
    releases: dict[str, set[str]], places: dict[tuple[str, str, str], dict[str, set[str]]]
) -> None:
    """Read the atlas as it is written into ``releases`` and ``places``."""
    first, *lines = TARGET.read_text(encoding="utf-8").splitlines()
    order: dict[str, list[str]] = json.loads(first)["releases"]
    for package, versions in order.items():
        releases[package].update(versions)
    for line in lines:
        package, kind, template, spots = json.loads(line)
        for place, ranges in spots.items():
            places[package, kind, template][place] |= _versions(ranges, order[package])


def _versions(ranges: str, order: list[str]) -> set[str]:
    """Return the releases of runs: ``3.3.3-3.9.2 3.12.4``."""
    found: set[str] = set()
    for run in ranges.split():
        first, _, last = run.partition("-")
        found.update(order[order.index(first) : order.index(last or first) + 1])
    return found


def coverage() -> None:
    """Print, for each package, how many templates of loading and saving have a cause or a note."""
    causes: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for template in the_atlas():
        if not any(SAVING.is_in(place) for place, _ in template.places):
            continue
        every[template.package] += 1
        named = explain_message(f"{template.error}: {template.text.replace(GAP, 'x')}").cause
        causes[template.package] += named is not None
        notes[template.package] += named is None and note_on(template) is not None
    for package, number in every.items():
        known = causes[package] + notes[package]
        print(
            f"{package}: {number} templates that load or save, {causes[package]} with a cause, "
            f"{notes[package]} with a note: {known / number:.1%} annotated"
        )


def _version(site: Path, package: str) -> str | None:
    pattern = rf"{package}(_cpu|_intel)?-(\d[\w.]*)\.dist-info"
    for entry in site.iterdir():
        if found := re.fullmatch(pattern, entry.name, re.IGNORECASE):
            return found[2]
    return None


def _ranges(versions: set[str], order: list[str]) -> str:
    """Return runs of neighbouring releases: ``3.3.3-3.9.2 3.12.4``."""
    runs: list[list[str]] = []
    for place, version in enumerate(order):
        if version not in versions:
            continue
        if runs and place and runs[-1][-1] == order[place - 1]:
            runs[-1].append(version)
        else:
            runs.append([version])
    return " ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _messages(site: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, Found]]:
    for part in parts:
        file = site / part
        for source in [file] if file.suffix else sorted(file.rglob("*.py")):
            name = str(source.relative_to(site))
            if not source.is_file() or LEFT_OUT.search(name):
                continue
            try:
                tree = ast.parse(source.read_text(encoding="utf-8", errors="replace"))
            except SyntaxError as error:  # Python 2 only
                print(f"{source}: left out: {error}", file=sys.stderr)
                continue
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            module = module.replace("tensorflow_core.", "tensorflow.")
            for found in _raised(tree):
                if len(re.sub(r"\{\}|\W", "", found[1])) >= SHORTEST:
                    yield module, found


def _raised(tree: ast.Module) -> Iterator[Found]:
    """Yield what each function of ``tree`` raises or warns of."""
    stack: list[tuple[ast.AST, str, dict[str, list[ast.expr]]]] = [(tree, "", {})]
    while stack:
        node, function, texts = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            function = f"{function}.{node.name}".lstrip(".")
            texts = {**texts, **_assigned(node)}
        yield from _of(node, function, texts)
        stack.extend((child, function, texts) for child in ast.iter_child_nodes(node))


def _assigned(node: ast.AST) -> dict[str, list[ast.expr]]:
    """Return the texts that a function assigns to names, or adds to them."""
    texts: dict[str, list[ast.expr]] = defaultdict(list)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Name):
            texts[inner.targets[0].id].append(inner.value)
        elif isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            texts[inner.target.id].append(inner.value)
    return texts


def _of(node: ast.AST, function: str, texts: dict[str, list[ast.expr]]) -> Iterator[Found]:
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        call, kind = node.exc, _name(node.exc.func)
    elif isinstance(node, ast.Call) and _name(node.func) in {"warn", "warning"}:
        call, kind = node, "Warning"
    else:
        return
    for argument in call.args[:1] if kind == "Warning" else call.args:
        if isinstance(argument, ast.Name):
            pieces = [_template(value) for value in texts.get(argument.id, [])]
        else:
            pieces = [_template(argument)]
        for piece in pieces:
            if piece:
                yield (
                    kind,
                    re.sub(r"(\{\}\s*)+", lambda m: GAP + m[0][-1:].strip("}"), piece),
                    function,
                )


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _template(node: ast.expr) -> str | None:  # noqa: PLR0911 - one for each kind of text
    """Return the text of an expression with gaps for values; None for another type."""
    match node:
        case ast.Constant(value=str(text)):
            return text.replace("{}", "{ }")
        case ast.JoinedStr(values=values):
            return "".join(_template(v) or GAP for v in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            ours, theirs = _template(left), _template(right)
            return None if ours is theirs is None else (ours or GAP) + (theirs or GAP)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return FIELD.sub(GAP, text.replace("%%", "%"))
        case ast.BinOp(left=left, op=ast.Mod()):
            return FIELD.sub(GAP, _template(left) or "") or None
        case ast.Call(func=ast.Attribute(value=value, attr="format")):
            return FIELD.sub(GAP, (_template(value) or "").replace("{ }", "{}")) or None
        case ast.IfExp(body=body):
            return _template(body)
        case _:
            return None


if __name__ == "__main__":
    if sys.argv[1:] == ["--coverage"]:
        coverage()
        sys.exit()
    named = [Path(argument) for argument in sys.argv[1:] if argument != "--add"]
    found = sorted((default_cache() / "environments").glob("*/lib/python*/site-packages"))
    main(named or found, add="--add" in sys.argv)
