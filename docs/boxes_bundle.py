"""Bundles what the pages with a box run: Python for browsers, modules and data, and HDF5.

The pages work from ``file://`` and without a network. Browsers fetch nothing there, so that all is
in scripts. A page adds the large ones with the first question.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

import yaml

from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.filesystem.yaml_source import LOADER
from kerasmatrix.prediction.select_targets import select_targets

BOXES = Path(__file__).parent / "boxes"
# The docs session installs package.json and requirements.txt of the boxes there.
INSTALLED = Path(__file__).parents[1] / "dist" / "boxes"
# All modules of three packages, since some are imported late, and all that they import.
MODULES = """
import importlib, json, pkgutil, sys
import kerasmatrix.files.discover
for package in sys.argv[1:]:
    found = importlib.import_module(f"kerasmatrix.{package}").__path__
    for module in pkgutil.iter_modules(found, f"kerasmatrix.{package}."):
        importlib.import_module(module.name)
modules = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "kerasmatrix"}
print(json.dumps({name: module.__file__ for name, module in modules.items()}))
"""
PACKAGES = ("diagnosis", "inspection", "prediction")
LEFT_OUT = {"__pycache__", "v1", "bin"}  # pydantic.v1 is another pydantic
# An archive has this date in place of that of the build, so that equal bundles are equal files.
EPOCH = (2020, 1, 1, 0, 0, 0)


def is_installed() -> bool:
    """Return whether the packages of the boxes are installed."""
    return (INSTALLED / "node_modules").is_dir() and (INSTALLED / "python").is_dir()


def write(folder: Path) -> None:
    """Write the scripts of the pages into ``folder``; none if the packages are missing."""
    shutil.rmtree(folder, ignore_errors=True)
    if is_installed():
        folder.mkdir(parents=True)
        for path in BOXES.iterdir():
            if path.suffix in {".js", ".css"}:
                shutil.copy(path, folder)
        (folder / "runtime.js").write_text("\n".join(_runtime()), encoding="utf-8")
        library = INSTALLED / "node_modules" / "h5wasm" / "dist" / "esm" / "hdf5_util.js"
        text = f"globalThis.libraryPart = {json.dumps(_packed(library.read_bytes()))};"
        (folder / "library.js").write_text(text, encoding="utf-8")


def _runtime() -> Iterator[str]:
    pyodide = INSTALLED / "node_modules" / "pyodide"
    for script in (
        INSTALLED / "node_modules" / "re2js" / "build" / "index.umd.js",
        pyodide / "pyodide.js",
    ):
        text = script.read_text(encoding="utf-8")
        yield "\n".join(line for line in text.splitlines() if "sourceMappingURL" not in line)
    parts = {
        "interpreter": (pyodide / "pyodide.asm.wasm").read_bytes(),
        "loader": (pyodide / "pyodide.asm.mjs").read_bytes(),
        "library": (pyodide / "python_stdlib.zip").read_bytes(),
        "packages": _archive(_packages()),
    }
    packed: dict[str, object] = {name: _packed(content) for name, content in parts.items()}
    lock = json.loads((pyodide / "pyodide-lock.json").read_bytes())
    packed["lock"] = {**lock, "packages": {}}  # none is loaded from elsewhere
    yield f"globalThis.runtimeParts = {json.dumps(packed)};"


def _packages() -> Mapping[str, bytes]:
    """Return the files of the packages that Python imports in the page, by their paths."""
    found = dict(_files(INSTALLED / "python"))
    command = [sys.executable, "-c", MODULES, *PACKAGES]
    modules: dict[str, str] = json.loads(subprocess.check_output(command))  # noqa: S603 - its own
    for name, file in modules.items():
        inner = "/__init__.py" if Path(file).name == "__init__.py" else ".py"
        found[name.replace(".", "/") + inner] = Path(file).read_bytes()
    found["answers.py"] = (BOXES / "answers.py").read_bytes()
    return {**found, **dict(_files(BOXES / "stand_ins")), **dict(_yaml()), **dict(_data())}


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        inner = path.relative_to(folder)
        is_needed = not (LEFT_OUT.intersection(inner.parts) or ".dist-info" in inner.parts[0])
        if path.is_file() and is_needed:
            yield inner.as_posix(), path.read_bytes()


def _yaml() -> Iterator[tuple[str, bytes]]:
    """Yield the modules of PyYAML, which are Python; it has a part in C for which they stand in."""
    for path in Path(yaml.__file__).parent.glob("*.py"):
        yield f"yaml/{path.name}", path.read_bytes()


def _data() -> Iterator[tuple[str, bytes]]:
    """Yield the data of the modules; that of YAML files is JSON, as the stand-ins expect."""
    for package in PACKAGES:
        folder = f"kerasmatrix/{package}"
        for file in resources.files(f"kerasmatrix.{package}").iterdir():
            if file.name.endswith((".json", ".jsonl", ".toml")):
                yield f"{folder}/{file.name}", file.read_bytes()
            elif file.name.endswith(".yaml"):
                data = yaml.load(file.read_bytes(), LOADER)  # noqa: S506 - a safe loader
                # Days become text, which the models take for days, too.
                yield f"{folder}/{file.name}", json.dumps(data, default=str).encode()
    yield "environments.json", _environments()


def _environments() -> bytes:
    """Return the environments for which `predict` predicts by default."""
    matrix = bundled_folder() / "matrix.yaml"
    targets = select_targets(load_matrix(matrix), Project(matrix), ())
    found = [dataclasses.asdict(target) for target in targets]
    return json.dumps(found, default=sorted).encode()


def _archive(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return packed.getvalue()


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
