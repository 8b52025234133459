"""The exit codes of all commands. Errors bring their own (`kerasmatrix.errors`)."""

from __future__ import annotations

__all__ = ["EXIT_CODES", "INCONCLUSIVE", "INTERNAL_ERROR", "INTERRUPTED", "NO", "USAGE"]

NO = 1
USAGE = 2
INCONCLUSIVE = 3
INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

# The epilog of `kerasmatrix --help`.
EXIT_CODES = """\b
Exit codes:
  0    success
  1    the gate failed, or the answer is no
  2    error in the command line, matrix.yaml, a scenario or an input file
  3    inconclusive: no engine, environment or disk space
  70   a bug in kerasmatrix; the message names a file with the details
  130  interrupted
"""
