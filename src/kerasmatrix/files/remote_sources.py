"""Where models can be downloaded from: Hugging Face, a registry of MLflow, S3.

Each source lists its files with their sizes before it downloads any. The libraries are extras of
the package, imported when an address needs them. Secrets come from their own configuration, never
from the address.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from kerasmatrix.errors import UsageError

__all__ = ["S3", "HuggingFace", "Mlflow", "RemoteFile", "Source"]

HF = re.compile(
    r"hf://(?P<repo>[^/@]+/[^/@]+)(?:@(?P<first>[^/]+))?(?:/(?P<file>[^@]*))?(?:@(?P<last>.+))?$"
)
MODELS = re.compile(r"models:/(?P<name>[^/@]+)(?:/|@)(?P<version>[^/@]+)$|models:/(?P<id>m-[^/]+)$")
BUCKET = re.compile(r"s3://(?P<bucket>[^/@:?]+)/(?P<key>[^?]+)$")
MOST_FILES = 10_000
FOLDERS = 200


class RemoteFile(NamedTuple):
    """A file of a source: its path below the address, and its bytes, if they are known."""

    name: str
    size: int | None


class Source(Protocol):
    """An address of one kind.

    Attributes:
        title: the name of the model in paths on this machine.
        wanted: the file or folder that the address names; empty for all.
    """

    title: str
    wanted: str

    def files(self) -> Iterator[RemoteFile]:
        """Yield the files."""

    def download(self, names: list[str], folder: Path) -> None:
        """Download files into ``folder``, under their names."""


class HuggingFace:
    """``hf://org/repo[/file][@revision]``: a repository of the hub that HF_ENDPOINT names."""

    form = "hf://ORG/REPO[/FILE][@REVISION]"

    def __init__(self, address: str) -> None:
        found = _parsed(HF, address, self.form)
        self._repo = found["repo"]
        self._revision = found["last"] or found["first"]
        self.title = self._repo.rpartition("/")[2]
        self.wanted = (found["file"] or "").strip("/")
        self._hub = _library("huggingface_hub", "hub", address)

    def files(self) -> Iterator[RemoteFile]:
        """Yield the files of the repository; they are downloaded from the same commit."""
        info = self._hub.HfApi().model_info(
            self._repo, revision=self._revision, files_metadata=True
        )
        self._revision = info.sha or self._revision
        for each in info.siblings or ():
            yield RemoteFile(each.rfilename, each.size)

    def download(self, names: list[str], folder: Path) -> None:
        """Download files; the library's notes about them are removed."""
        for name in names:
            self._hub.hf_hub_download(self._repo, name, revision=self._revision, local_dir=folder)
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        shutil.rmtree(folder / ".huggingface", ignore_errors=True)


class Mlflow:
    """``models:/name/version``: a model of the registry that MLFLOW_TRACKING_URI names."""

    form = "models:/NAME/VERSION or models:/NAME@ALIAS"

    def __init__(self, address: str) -> None:
        found = _parsed(MODELS, address, self.form)
        self._address = address
        self.title = "-".join(filter(None, (found["name"], found["version"], found["id"])))
        self.wanted = ""
        _library("mlflow", "mlflow", address)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        self._artifacts = importlib.import_module("mlflow.artifacts")

    def files(self) -> Iterator[RemoteFile]:
        """Yield the artifacts of the version."""
        waiting = [""]
        for _ in range(FOLDERS):
            if not waiting:
                return
            folder = waiting.pop()
            place = f"{self._address}/{folder}" if folder else self._address
            for info in self._artifacts.list_artifacts(artifact_uri=place):
                if info.is_dir:
                    waiting.append(info.path)
                else:
                    yield RemoteFile(info.path, info.file_size)

    def download(self, names: list[str], folder: Path) -> None:
        """Download all artifacts at once: the library has no other way to keep their names."""
        del names
        self._artifacts.download_artifacts(artifact_uri=self._address, dst_path=str(folder))


class S3:
    """``s3://bucket/key``: an object, or all below a prefix."""

    form = "s3://BUCKET/KEY"

    def __init__(self, address: str) -> None:
        found = _parsed(BUCKET, address, self.form)
        self._root = f"{found['bucket']}/{found['key'].rstrip('/')}"
        self.title = self._root.rpartition("/")[2]
        self.wanted = ""
        library = _library("s3fs", "s3", address)
        # A cached instance would keep an earlier configuration.
        self._files = library.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)

    def files(self) -> Iterator[RemoteFile]:
        """Yield the object, or those below the prefix."""
        for path, info in self._files.find(self._root, detail=True).items():
            below = path.removeprefix(self._root).strip("/")
            yield RemoteFile(below or self.title, info.get("size"))

    def download(self, names: list[str], folder: Path) -> None:
        """Download objects."""
        for name in names:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            exact = names == [self.title] and self._files.isfile(self._root)
            self._files.get_file(self._root if exact else f"{self._root}/{name}", str(target))


def _parsed(pattern: re.Pattern[str], address: str, form: str) -> dict[str, Any]:
    found = pattern.fullmatch(address)
    if found is None:
        raise UsageError(f"{address}: is not an address of the form {form}")
    return found.groupdict()


def _library(name: str, extra: str, address: str) -> Any:  # noqa: ANN401 - an optional library
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(
            f"{address}: needs the library {name}, which cannot be imported: {error}",
            hint=f'install it with: pip install "kerasmatrix[{extra}]"',
        ) from None
