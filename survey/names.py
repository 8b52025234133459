"""Collects the names that programs import from Keras and TensorFlow, with their releases.

    python survey/names.py [FOLDER …]

Each FOLDER holds installed packages, or an unpacked wheel of Keras and has its release as a name;
without one, those of kerasmatrix's cache are read. Nothing is imported or run. The result,
``src/kerasmatrix/diagnosis/python_names.json``, says of each module, of the names in it and of the
attributes of Keras's classes in which releases it is. Releases that it has are read again only if
their FOLDER is named.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from kerasmatrix.config.places import default_cache
from kerasmatrix.prediction.release_spans import places_of, span_of
from kerasmatrix.versions import version_key

API = Path(__file__).parent.parent / "src/kerasmatrix/prediction/keras_api.json"
TARGET = Path(__file__).parent.parent / "src/kerasmatrix/diagnosis/python_names.json"
LEFT_OUT = re.compile(
    r"(^|/)(\w+_)?tests?(_\w+)?/|_test\.py$|/testing|/protobuf/|integration_test|raw_ops"
    r"|compat/v\d/compat"
    r"|^_tf_keras/|_api/v2/compat/v2/|_api/v\d/v\d\.py|(^|/)include/|[^/]+(/[^/]+){6}"
)
DEEPEST = 4  # star imports of star imports
# The Keras in TensorFlow up to 2.5, and the release of Keras that it is.
INSIDE = {"1.15": "2.2.4", "2.0": "2.2.4", "2.1": "2.3.1", "2.2": "2.3.1", "2.3": "2.4.3"}
INSIDE |= {"2.4": "2.4.3", "2.5": "2.4.3"}
# Classes whose attributes programs use; those of the others are in their bases.
CLASSES = (
    *("Model", "Sequential", "Functional", "Layer", "Dense", "LSTM", "Adam", "SGD", "KerasTensor"),
    *("Optimizer", "Metric", "Loss", "Callback", "ModelCheckpoint", "History", "Tokenizer"),
)

EMPTY = ast.Module(body=[], type_ignores=[])
# The files in Keras's inside that have these classes and their bases.
WITH_CLASSES = {
    *("functional.py", "model.py", "sequential.py", "layer.py", "base_layer.py", "training.py"),
    *("trainer.py", "base_optimizer.py", "optimizer.py", "optimizer_v2.py", "operation.py"),
    *("callbacks.py", "callback.py", "history.py", "model_checkpoint.py", "keras_tensor.py"),
    *("base_metric.py", "metric.py", "loss.py", "losses.py", "keras_saveable.py", "adam.py"),
}

Names = dict[str, dict[str, set[str]]]  # module or class, name, releases


class Package:
    """The names of a package, collected over releases."""

    def __init__(self, before: Mapping[str, Any]) -> None:
        order = tuple(before["releases"])
        self.releases: set[str] = set(order)
        self.modules: dict[str, set[str]] = defaultdict(set)
        for module, span in before["modules"].items():
            self.modules[module] = {order[place] for place in places_of(span, order)}
        self.names = _read_tables(before["names"], order)
        self.attributes = _read_tables(before["attributes"], order)

    def read(self, root: Path, release: str, *, deep: bool) -> None:
        """Add the modules of ``root``, and their names; of its classes, if ``deep``."""
        self.releases.add(release)
        found = dict(_modules(root))
        for module in found:
            for known in {module, _public(module)}:
                self.modules[known].add(release)
            public = _public(module)
            if not re.search(r"(^|\.)(src|python|core)(\.|$)", public):
                for name in _names(module, found):
                    self.names[public][name].add(release)
        if deep:
            classes = {
                node.name: node
                for tree in found.values()
                for node in ast.walk(tree)
                if isinstance(node, ast.ClassDef)
            }
            for kind in CLASSES:
                for name in _attributes(kind, classes, set()):
                    self.attributes[kind][name].add(release)

    def written(self) -> dict[str, object]:
        """Return it as data: spans by module and name."""
        order = sorted(self.releases, key=version_key)
        return {
            "releases": order,
            "modules": _spans(self.modules, order),
            "names": _tables(self.names, order),
            "attributes": _tables(self.attributes, order),
        }


def main(folders: list[Path], *, again: bool) -> None:
    """Write the names of the packages in ``folders``; those of known releases if ``again``."""
    before = json.loads(TARGET.read_text(encoding="utf-8"))
    keras, tensorflow = Package(before["keras"]), Package(before["tensorflow"])
    for site in folders:
        release = _version(site, "keras") or (
            site.name if (site / "keras").is_dir() and site.name[0].isdigit() else None
        )
        is_new = again or release not in keras.releases
        if release and is_new and (site / "keras").is_dir():
            print(f"keras {release}", file=sys.stderr)
            keras.read(site / "keras", release, deep=True)
        release = _version(site, "tensorflow")
        if release and (again or release not in tensorflow.releases):
            print(f"tensorflow {release}", file=sys.stderr)
            root = site / ("tensorflow_core" if release.startswith("1.") else "tensorflow")
            if not root.is_dir():
                root = site / "tensorflow_core"
            minor = ".".join(release.split(".")[:2])
            if minor in INSIDE:
                inside = next(root.glob("**/_api/v*/keras"), root / "keras")
                keras.read(inside, INSIDE[minor], deep=False)
            tensorflow.read(root, release, deep=False)
    tables = {
        "keras": keras.written(),
        "tensorflow": tensorflow.written(),
        "argument": _arguments(),
    }
    TARGET.write_text(_as_text(tables), encoding="utf-8")


def _arguments() -> dict[str, object]:
    """Return the arguments of Keras's classes, as the survey measured them, by Keras release."""
    api = json.loads(API.read_text(encoding="utf-8"))
    names = {minor: release.removesuffix("-tf") for minor, release in api["releases"].items()}
    order = list(dict.fromkeys(names.values()))
    classes: Names = defaultdict(lambda: defaultdict(set))
    for kinds in api["classes"].values():
        for kind, entry in kinds.items():
            for span, found in entry.get("takes", {}).items():
                held = places_of(span, tuple(api["releases"]))
                releases = {list(names.values())[place] for place in held}
                for name in found:
                    classes[kind][name] |= releases
            classes.setdefault(kind, defaultdict(set))  # also one without arguments
    return {"releases": order, "classes": _tables(classes, order)}


def _read_tables(tables: Mapping[str, Mapping[str, str]], order: tuple[str, ...]) -> Names:
    names: Names = defaultdict(lambda: defaultdict(set))
    for module, table in tables.items():
        for span, found in table.items():
            releases = {order[place] for place in places_of(span, order)}
            for name in found.split():
                names[module][name] |= releases
    return names


def _as_text(tables: Mapping[str, Mapping[str, object]]) -> str:
    """Return JSON with a line for each module, so that a new release is a readable difference."""
    lines = ["{"]
    for package, parts in tables.items():
        lines.append(f"{json.dumps(package)}: {{")
        for part, entries in parts.items():
            if isinstance(entries, dict):
                rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items())
                lines.append(f"{json.dumps(part)}: {{\n{rows}\n}},")
            else:
                lines.append(f"{json.dumps(part)}: {json.dumps(entries)},")
        lines[-1] = lines[-1].removesuffix(",")
        lines.append("},")
    lines[-1] = "}"
    return "\n".join([*lines, "}"]) + "\n"


def _version(site: Path, package: str) -> str | None:
    pattern = rf"{package}(_cpu|_intel)?-(\d[\w.]*)\.dist-info"
    for entry in site.iterdir():
        if (found := re.fullmatch(pattern, entry.name, re.IGNORECASE)) and site.name[0] == "s":
            return found[2]
    return None


def _modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules; those of TensorFlow's inside count as modules, without their names."""
    for source in sorted(root.rglob("*.py")):
        name = str(source.relative_to(root))
        if LEFT_OUT.search(name):
            continue
        tree = EMPTY
        inside = root.name != "keras" and "_api/" not in name and name != "__init__.py"
        if not inside and (not name.startswith("src/") or source.name in WITH_CLASSES):
            try:
                tree = ast.parse(source.read_text(encoding="utf-8", errors="replace"))
            except SyntaxError:
                continue
        module = name.removesuffix(".py").removesuffix("__init__").removesuffix("/")
        yield module.replace("/", "."), tree


def _public(module: str) -> str:
    """Return the name under which people know a module: without ``_api.v2`` and the like."""
    return re.sub(r"^(_api\.v\d|api\._v\d|api)\.?(keras\.?)?", "", module)


def _names(module: str, found: Mapping[str, ast.Module], depth: int = 0) -> Iterator[str]:
    """Yield what a module defines or imports, also from its neighbours with a star."""
    for node in ast.walk(found[module]) if depth < DEEPEST else ():
        match node:
            case ast.ImportFrom(module=source, names=names, level=level):
                if names[0].name == "*" and level:
                    base = module.split(".")[: 1 - level or None]
                    for parent in (base, base[:-1]):
                        target = ".".join([*parent, *([source] if source else [])])
                        if target in found and target != module:
                            yield from _names(target, found, depth + 1)
                            break
                else:
                    yield from (alias.asname or alias.name for alias in names)
            case ast.Import(names=names):
                yield from (alias.asname or alias.name.split(".")[0] for alias in names)
            case ast.Call(func=ast.Name("setattr"), args=[_, ast.Constant(str(name)), _]):
                yield name  # as TensorFlow adds its Keras
    yield from _defined(found[module])


def _defined(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _attributes(kind: str, classes: Mapping[str, ast.ClassDef], seen: set[str]) -> Iterator[str]:
    """Yield the attributes of a class and of its bases."""
    node = classes.get(kind)
    if node is None or kind in seen:
        return
    seen.add(kind)
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef):
            yield inner.name
        elif _is_set_on_self(inner):
            yield inner.attr
    for inner in node.body:
        if isinstance(inner, ast.Assign):
            yield from (target.id for target in inner.targets if isinstance(target, ast.Name))
    for base in node.bases:
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        yield from _attributes(name, classes, seen)


def _is_set_on_self(node: ast.AST) -> TypeGuard[ast.Attribute]:
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
        return False
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _spans(releases: Mapping[str, set[str]], order: list[str]) -> dict[str, str]:
    return {name: span_of(known, order) for name, known in sorted(releases.items())}


def _tables(names: Names, order: list[str]) -> dict[str, dict[str, str]]:
    """Return the names by span, since most of a module have the same."""
    tables = {}
    for module, table in sorted(names.items()):
        by_span: dict[str, list[str]] = defaultdict(list)
        for name, span in _spans(table, order).items():
            by_span[span].append(name)
        tables[module] = {span: " ".join(found) for span, found in sorted(by_span.items())}
    return tables


if __name__ == "__main__":
    named = [Path(argument) for argument in sys.argv[1:]]
    cached = (default_cache() / "environments").glob("*/lib/python*/site-packages")
    main(named or sorted(cached), again=bool(named))
