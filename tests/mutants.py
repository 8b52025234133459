"""Prints for each module how many mutants mutmut made, and which of them no test noticed."""

import json
from pathlib import Path

SURVIVED = 0
# mutmut's codes of mutants that were not decided: not run yet, no test calls them, interrupted.
UNDECIDED = {None, 2}


def main() -> None:
    """Read the results that mutmut keeps in its folder."""
    for path in sorted(Path("mutants").rglob("*.py.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        decided = {name: code for name, code in codes.items() if code not in UNDECIDED}
        # Mutants that no test calls survive as well: pytest's code 5, and mutmut's 33.
        surviving = [name for name, code in decided.items() if code in {SURVIVED, 5, 33}]
        if not decided:
            continue
        killed = len(decided) - len(surviving)
        module = path.relative_to("mutants").with_suffix("")
        print(f"{killed / len(decided):6.1%}  {killed:4} of {len(decided):4}  {module}")
        for name in surviving:
            print(f"        survived: {name}")


if __name__ == "__main__":
    main()
