"""Finds phrases of `words.toml` in the prose of the project, and test names that are too long.

``python tests/words.py`` prints each with its place and a better word. The number of findings that
a file may have stands in `words_allowed.txt`: it can only go down. ``--update`` writes the current
numbers where they are lower, or all of them if there is no such file.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PHRASES = Path(__file__).with_name("words.toml")
ALLOWED = Path(__file__).with_name("words_allowed.txt")
LONGEST_NAME = 60
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# All prose of these; of tests only names and docstrings.
PYTHON = ("src/**/*.py", "bench/**/*.py", "survey/**/*.py", "noxfile.py")
TESTS = ("tests/**/*.py",)
TEXT = (
    "*.md", "docs/**/*.md", "scenarios/**/*.md", "src/**/*.md", "src/**/*.yaml", "src/**/*.yml",
    "src/**/*.j2", "src/**/*.js", "*.yaml", "*.yml", ".github/**/*.yml", ".github/**/*.md",
)  # fmt: skip
# Entries of the past are not rewritten.
LEFT_OUT = {"CHANGELOG.md"}


class Phrase(NamedTuple):
    """A phrase to avoid."""

    pattern: re.Pattern[str]
    better: str


class Finding(NamedTuple):
    """A phrase at a line of a file."""

    path: str
    line: int
    phrase: str
    better: str


class Prose(NamedTuple):
    """A piece of text and the line at which it begins."""

    line: int
    text: str


def read_phrases(path: Path = PHRASES) -> list[Phrase]:
    """Return the phrases of the data file."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["phrase"]
    return [
        Phrase(re.compile(entry["pattern"], re.IGNORECASE), entry["better"]) for entry in entries
    ]


def prose_of_python(source: str) -> Iterator[Prose]:
    """Yield comments, each run of lines as one, and string literals with docstrings."""
    comments: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(iter(source.splitlines(keepends=True)).__next__):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("#: ")
            follows = comments and comments[-1][0] == token.start[0] - 1
            if comments and not follows:
                yield _joined(comments)
                comments = []
            comments.append((token.start[0], text))
    if comments:
        yield _joined(comments)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Prose(node.lineno, node.value)


def prose_of_tests(source: str) -> Iterator[Prose]:
    """Yield docstrings, and names of tests as text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text:
                yield Prose(node.body[0].lineno, text)
        if is_test(node):
            yield Prose(node.lineno, node.name.replace("_", " "))


def prose_of_text(text: str) -> Iterator[Prose]:
    """Yield the paragraphs of a Markdown, YAML or template file without code and headings."""
    text = CODE_BLOCK.sub(lambda match: "\n" * match[0].count("\n"), text)
    text = re.sub(r"`[^`\n]*`", "`code`", text)
    line = 1
    for part in re.split(r"(\n\s*\n|\n(?=\s*(?:[-*#|]|\d+\.)\s))", text):
        start = line + len(part) - len(part.lstrip("\n"))
        body = re.sub(r"(?m)^\s*(?:# |[-*|>] )", "", part)
        if body.strip() and not part.lstrip().startswith(("## ", "### ")):
            yield Prose(start, body)
        line += part.count("\n")


def is_test(node: ast.AST) -> bool:
    """Whether a node is the definition of a test."""
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


def find_phrases(path: str, prose: Prose, phrases: Sequence[Phrase]) -> Iterator[Finding]:
    """Yield the phrases in a piece of prose."""
    text = re.sub(r"\s+", " ", prose.text).strip()
    for pattern, better in phrases:
        for match in pattern.finditer(text):
            before = len(text[: match.start()].split())
            lines = _line_of_word(prose.text, before)
            yield Finding(path, prose.line + lines, match[0].strip()[:50], better)


def check_source(path: str, source: str, phrases: Sequence[Phrase]) -> list[Finding]:
    """Return all findings in a file."""
    findings = []
    if path.startswith("tests/"):
        pieces = prose_of_tests(source)
        findings = [
            Finding(path, node.lineno, node.name, f"at most {LONGEST_NAME} characters")
            for node in ast.walk(ast.parse(source))
            if is_test(node) and len(node.name) > LONGEST_NAME
        ]
    else:
        pieces = prose_of_python(source) if path.endswith(".py") else prose_of_text(source)
    for piece in pieces:
        findings += find_phrases(path, piece, phrases)
    return sorted(findings, key=lambda finding: finding.line)


def check_project(root: Path, phrases: Sequence[Phrase]) -> dict[str, list[Finding]]:
    """Return the findings of every file that has some."""
    paths = {path for pattern in (*PYTHON, *TESTS, *TEXT) for path in root.glob(pattern)}
    names = {path.relative_to(root).as_posix(): path for path in paths if path.is_file()}
    findings = {
        name: check_source(name, path.read_text(encoding="utf-8"), phrases)
        for name, path in sorted(names.items())
        if name not in LEFT_OUT
    }
    return {name: those for name, those in findings.items() if those}


def read_allowed(path: Path) -> dict[str, int]:
    """Return how many findings each file may have."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = (line.split(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: int(count) for count, name in pairs}


def lowered(allowed: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    """Return the allowed numbers, reduced to the current ones where these are lower."""
    lower = {name: min(number, counts.get(name, 0)) for name, number in allowed.items()}
    return {name: number for name, number in lower.items() if number}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is not allowed; 1 if there is anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="lower the allowed numbers")
    parser.add_argument("--all", action="store_true", help="print allowed findings too")
    options = parser.parse_args(arguments)
    findings = check_project(ROOT, read_phrases())
    counts = {name: len(those) for name, those in findings.items()}
    allowed = read_allowed(ALLOWED)
    if options.update:
        allowed = lowered(allowed, counts) if ALLOWED.exists() else counts
        lines = [f"{number} {name}\n" for name, number in sorted(allowed.items())]
        ALLOWED.write_text("".join(lines), encoding="utf-8")
    too_many = [name for name, number in counts.items() if number > allowed.get(name, 0)]
    for name in counts if options.all else too_many:
        for path, line, phrase, better in findings[name]:
            print(f"{path}:{line}: {phrase!r}: better: {better}")
        if name in too_many:
            print(f"{name}: {counts[name]} findings, {allowed.get(name, 0)} allowed")
    fewer = [name for name, number in allowed.items() if counts.get(name, 0) < number]
    for name in fewer:
        print(f"{name}: {counts.get(name, 0)} findings, {allowed[name]} allowed: lower the number")
    if fewer:
        print("To lower the numbers: python tests/words.py --update")
    return 1 if too_many or fewer else 0


def _joined(comments: Sequence[tuple[int, str]]) -> Prose:
    return Prose(comments[0][0], "\n".join(text for _, text in comments))


def _line_of_word(text: str, number: int) -> int:
    """Return how many lines precede the word with that number."""
    words = list(re.finditer(r"\S+", text))
    start = words[number].start() if number < len(words) else len(text)
    return text.count("\n", 0, start)


if __name__ == "__main__":
    sys.exit(main())
