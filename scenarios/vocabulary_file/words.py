"""The vocabulary, as a file in the working directory."""

from pathlib import Path

WORDS = ["cat", "dog", "bird"]


def write_words():
    Path("words.txt").write_text("\n".join(WORDS) + "\n")
    return "words.txt"
