"""What the modules that make pages from data share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

FOLDER = "catalogue"
# The beginning of a page that only an index links to: hundreds of entries in the side bar of each
# page would take minutes to render.
ORPHAN = ("---", "orphan: true", "---", "")


def replace_pages(folder: Path, pages: Mapping[str, Iterable[str]]) -> None:
    """Make ``folder`` hold exactly these pages; the lines of each by its name.

    Sphinx reads a page again if the file is newer, so that equal files stay as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{name}.md": "\n".join(lines).rstrip() + "\n" for name, lines in pages.items()}
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    """Yield the lines of a table, with an empty line after it."""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)
    yield ""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: ``1 layer``, ``2 layers``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
