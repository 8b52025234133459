"""Copies HDF5 with each array in the place of its link, in a weights file, a model or an archive.

Keras 3.12.2 and 3.14.1 began to refuse links, virtual datasets and arrays with their numbers in
other files (keras/src/saving/saving_lib.py, safe_get_h5_dataset). Of other files, only those in the
artifact's folder are read: a link could name any file of the machine.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from typing import Any

import h5py

from .case import Case, NotApplicable

__all__ = ["rewrite"]

DEEPEST = 200  # real models are never nested so deeply; a link may lead to a group around it
IN_ARCHIVE = "model.weights.h5"
SAME_FILE = "."


def rewrite(case: Case) -> int:
    """Copy the artifact's file into ``case.scratch``; return the count of links it replaced.

    Raises:
        NotApplicable: it has no links, or they lead out of its folder, or in a circle.
    """
    folder = os.path.join(case.scratch, "plain")
    os.makedirs(folder)
    target = os.path.join(folder, os.path.basename(case.path))
    # HDF5 looks for other files next to the real one, and for raw numbers in the working directory.
    source = os.path.realpath(case.path)
    before = os.getcwd()
    os.chdir(os.path.dirname(source))
    try:
        if zipfile.is_zipfile(source):
            count = _copy_archive(source, target, folder)
        elif h5py.is_hdf5(source):
            count = _copy_file(source, target)
        else:
            raise NotApplicable("it is not HDF5")
    finally:
        os.chdir(before)
    if not count:
        raise NotApplicable("it has no links")
    case.path = target
    return count


def _copy_archive(source: str, target: str, folder: str) -> int:
    with zipfile.ZipFile(source) as archive:
        if IN_ARCHIVE not in archive.namelist():
            raise NotApplicable("the archive has no HDF5")
        weights = archive.extract(IN_ARCHIVE, os.path.join(folder, "unpacked"))
        count = _copy_file(weights, os.path.join(folder, IN_ARCHIVE))
        with zipfile.ZipFile(target, "w") as plain:
            for name in archive.namelist():
                if name == IN_ARCHIVE:
                    plain.write(os.path.join(folder, IN_ARCHIVE), name)
                else:
                    plain.writestr(name, archive.read(name))
    shutil.rmtree(os.path.join(folder, "unpacked"))
    os.remove(os.path.join(folder, IN_ARCHIVE))
    return count


def _copy_file(source: str, target: str) -> int:
    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:
        return _copy_group(old, new, DEEPEST)


def _copy_group(old: Any, new: Any, depth: int) -> int:
    if not depth:
        raise NotApplicable("its links lead in a circle")
    _copy_attributes(old, new)
    count = 0
    for name in old:
        link = old.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            _check_in_folder(link.filename)
        is_linked = not isinstance(link, h5py.HardLink)
        item = old[name]
        if isinstance(item, h5py.Group):
            count += _copy_group(item, new.create_group(name), depth - 1) + is_linked
        elif isinstance(item, h5py.Dataset):
            others = _other_files(item)
            for other in others:
                _check_in_folder(other)
            _copy_attributes(item, new.create_dataset(name, data=item[()], dtype=item.dtype))
            count += is_linked or bool(others)
    return count


def _other_files(dataset: Any) -> list:
    """Return the names of the files that hold an array's numbers, if it has none of its own."""
    names = [name for name, _, _ in dataset.external or ()]
    if dataset.is_virtual:
        names += [source.file_name for source in dataset.virtual_sources()]
    return names


def _check_in_folder(name: str) -> None:
    """Raise `NotApplicable` if a file is not in the folder, or leads out of it in turn."""
    if name == SAME_FILE:  # all of it is copied, so all of it is checked
        return
    if os.path.basename(name) != name or os.path.islink(name) or not os.path.isfile(name):
        raise NotApplicable("it links to a file in another folder")
    if h5py.is_hdf5(name):
        with h5py.File(name, "r") as other:
            _check_plain(other, DEEPEST)


def _check_plain(group: Any, depth: int) -> None:
    for name in group:
        is_own = isinstance(group.get(name, getlink=True), h5py.HardLink)
        item = group[name] if is_own and depth else None
        if isinstance(item, h5py.Group):
            _check_plain(item, depth - 1)
        elif not isinstance(item, h5py.Dataset) or _other_files(item):
            raise NotApplicable("a file in its folder links to others")


def _copy_attributes(old: Any, new: Any) -> None:
    for name, value in old.attrs.items():
        new.attrs[name] = value
