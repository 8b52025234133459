"""The program: ``kerasmatrix``, also as ``python -m kerasmatrix``."""

from __future__ import annotations

import gc
import os

__all__ = ["main"]

COLLECT_AFTER = 200_000


def main() -> None:
    """Run the command line."""
    # A run keeps its objects until the end, so there is little to collect; with the default
    # threshold, collections take an eighth of the time of a fully cached run.
    gc.set_threshold(COLLECT_AFTER, 50, 50)
    # NumPy's BLAS would keep an unused thread per core; a process with a single thread can be
    # forked to read a file (`inspection.reader_process`).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Pydantic would search all installed packages for plugins: 5 % of the time of `inspect`.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from kerasmatrix.cli import main as commands  # noqa: PLC0415 - after the lines above
        from kerasmatrix.cli.streams import install_robust_streams  # noqa: PLC0415 - as above

        install_robust_streams()
    except KeyboardInterrupt:  # no handler is installed yet
        os.write(2, b"kerasmatrix: interrupted\n")
        os._exit(130)
    commands()


if __name__ == "__main__":
    main()
