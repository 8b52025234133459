"""Orders environments by how many releases of Keras lie between them and a file's writer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.keras_version import release_of
from kerasmatrix.environments.locks import Lock
from kerasmatrix.inspection.facts import Writer
from kerasmatrix.versions import KERAS_3, minor_of

__all__ = ["by_version_distance", "version_distances"]

FIRST_WITH_KERAS_3 = 16  # TensorFlow's minor
BEFORE_TENSORFLOW_2 = -1
# Keras 3 has minors of its own, which follow those of TensorFlow at this distance.
KERAS_3_OFFSET = 100
# Files are compared with what TensorFlow computes, unless no release loads them.
OTHER_BACKEND = 1000
# The last Keras 2, which reads most files whose writer is unknown.
LAST_KERAS_2 = 15


def by_version_distance(
    writer: Writer, environments: Sequence[Environment], locks: Mapping[str, Lock]
) -> list[str]:
    """Return the names of ``environments``, the nearest to the file's writer first.

    Of two at the same distance the newer is first: most files are read by later versions.
    """
    distances = version_distances(writer, environments, locks)
    age = {environment.name: -place for place, environment in enumerate(environments)}
    return sorted(distances, key=lambda name: (distances[name], age[name]))


def version_distances(
    writer: Writer, environments: Sequence[Environment], locks: Mapping[str, Lock]
) -> dict[str, float]:
    """Return how many minors of Keras lie between a file's writer and each environment."""
    first, last = _writer_range(writer)
    distances: dict[str, float] = {}
    # A SavedModel of such a TensorFlow does not name the Keras that wrote it.
    by_tensorflow = writer.keras_major is None and first >= FIRST_WITH_KERAS_3
    for environment in environments:
        own = (
            minor_of(environment.tensorflow)[1]
            if by_tensorflow and environment.tensorflow
            else _position(environment, locks[environment.name])
        )
        # Of a range such as "2.3 to 2.4" the first is the nearest, by less than any minor.
        within = min(max(own - first, 0), last - first) / 100
        far = 0 if environment.is_release else OTHER_BACKEND
        distances[environment.name] = max(first - own, own - last, 0) + within + far
    return distances


def _position(environment: Environment, lock: Lock) -> int:
    """Return the position of an environment's Keras in the order of all releases."""
    major, minor = minor_of(release_of(environment, lock))
    if major >= KERAS_3:
        return KERAS_3_OFFSET + minor
    return minor if major > 1 else BEFORE_TENSORFLOW_2


def _writer_range(writer: Writer) -> tuple[int, int]:
    """Return the first and last position in that order that the writer may have."""
    if writer.keras_major == KERAS_3:
        position = KERAS_3_OFFSET + (minor_of(writer.keras)[1] if writer.keras else 0)
        return position, position
    positions = []
    for version in (writer.tensorflow or "").split(" to "):
        if version:
            major, minor = minor_of(version)
            positions.append(minor if major > 1 else BEFORE_TENSORFLOW_2)
    if positions:
        return positions[0], positions[-1]
    # Keras 1 and 2 without TensorFlow's name are older than TensorFlow 2.
    position = BEFORE_TENSORFLOW_2 if writer.keras else LAST_KERAS_2
    return position, position
