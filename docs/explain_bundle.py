"""Bundles what the explain page runs: Python for browsers, and the modules and data of `explain`.

The page works from ``file://`` and without a network. Browsers fetch nothing there, so that all is
in two scripts. The page adds the second, which is large, with the first question.
"""

from __future__ import annotations

import base64
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

BOX = Path(__file__).parent / "explain_box"
# The docs session installs package.json and requirements.txt of the box there.
INSTALLED = Path(__file__).parents[1] / "dist" / "explain_box"
MODULES = """
import json, sys
import kerasmatrix.diagnosis.explain
modules = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "kerasmatrix"}
print(json.dumps({name: module.__file__ for name, module in modules.items()}))
"""
LEFT_OUT = {"__pycache__", "v1", "bin"}  # pydantic.v1 is another pydantic
# An archive has this date in place of that of the build, so that equal bundles are equal files.
EPOCH = (2020, 1, 1, 0, 0, 0)


def is_installed() -> bool:
    """Return whether the packages of the box are installed."""
    return (INSTALLED / "node_modules").is_dir() and (INSTALLED / "python").is_dir()


def write(folder: Path) -> None:
    """Write the scripts of the explain page into ``folder``; none if the packages are missing."""
    shutil.rmtree(folder, ignore_errors=True)
    if is_installed():
        folder.mkdir(parents=True)
        for name in ("box.js", "box.css"):
            shutil.copy(BOX / name, folder)
        (folder / "runtime.js").write_text("\n".join(_runtime()), encoding="utf-8")


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
        "answer": (BOX / "answer.py").read_bytes(),
    }
    packed: dict[str, object] = {name: _packed(content) for name, content in parts.items()}
    lock = json.loads((pyodide / "pyodide-lock.json").read_bytes())
    packed["lock"] = {**lock, "packages": {}}  # none is loaded from elsewhere
    yield f"globalThis.explainParts = {json.dumps(packed)};"


def _packages() -> Mapping[str, bytes]:
    """Return the files of the packages that Python imports in the page, by their paths."""
    found = dict(_files(INSTALLED / "python"))
    command = [sys.executable, "-c", MODULES]
    modules: dict[str, str] = json.loads(subprocess.check_output(command))  # noqa: S603 - its own
    for name, file in modules.items():
        inner = "/__init__.py" if Path(file).name == "__init__.py" else ".py"
        found[name.replace(".", "/") + inner] = Path(file).read_bytes()
    return {**found, **dict(_files(BOX / "stand_ins")), **dict(_data())}


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        inner = path.relative_to(folder)
        is_needed = not (LEFT_OUT.intersection(inner.parts) or ".dist-info" in inner.parts[0])
        if path.is_file() and is_needed:
            yield inner.as_posix(), path.read_bytes()


def _data() -> Iterator[tuple[str, bytes]]:
    """Yield the data of `explain`; that of YAML files is JSON, as the stand-ins expect."""
    for file in resources.files("kerasmatrix.diagnosis").iterdir():
        if file.name.endswith((".json", ".jsonl")):
            yield f"kerasmatrix/diagnosis/{file.name}", file.read_bytes()
        elif file.name.endswith(".yaml"):
            data = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
            yield f"kerasmatrix/diagnosis/{file.name}", json.dumps(data).encode()


def _archive(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return packed.getvalue()


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
