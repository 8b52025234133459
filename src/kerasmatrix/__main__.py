"""The program: ``kerasmatrix``, also as ``python -m kerasmatrix``."""

from __future__ import annotations

import gc
import os

__all__ = ["main"]

COLLECT_AFTER = 200_000


def main() -> None:
    """Run the command line."""
    # A run holds what it knows of thousands of cells until its end: there is little to collect,
    # and looking for it again and again, from the first import on, costs an eighth of a run with
    # nothing to do.
    gc.set_threshold(COLLECT_AFTER, 50, 50)
    # NumPy's BLAS would keep a thread for each core that nothing here uses, and a process with
    # one thread can be forked to read a file (`inspection.reader_process`).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Pydantic would look through all that is installed for plugins: a twentieth of `inspect`.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from kerasmatrix.cli import main as commands  # noqa: PLC0415 - after the lines above
        from kerasmatrix.cli.streams import outlive_readers  # noqa: PLC0415 - as above

        outlive_readers()
    except KeyboardInterrupt:  # nothing has begun yet, and nothing hears interrupts so far
        os.write(2, b"kerasmatrix: interrupted\n")
        os._exit(130)
    commands()


if __name__ == "__main__":
    main()
