"""The workflows and the action: what they call is there, pinned, and given no text to run."""

import re
import shlex

import pytest
import yaml

from kerasmatrix.cli import commands
from tests.real import ROOT

FILES = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    ROOT / "src" / "kerasmatrix" / "cli" / "starter" / "workflow.yml",
    ROOT / "action.yml",
]
# A tag can be moved to another commit, a digest cannot; the comment is for people and for bots.
PINNED = re.compile(
    r"\s*(?:- )?uses: (?P<repository>[\w.-]+/[\w.-]+)(?:/[\w./-]+)?"
    r"@(?P<digest>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)"
)


def steps(path):
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = [told["runs"]] if "runs" in told else told["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def calls(path):
    """Return every call of kerasmatrix, as words."""
    scripts = (step.get("run", "").replace("\\\n", " ") for step in steps(path))
    lines = (line for script in scripts for line in script.splitlines())
    found = (re.search(r"(?:^|\s)kerasmatrix (.+)", line) for line in lines)
    return [shlex.split(match[1]) for match in found if match]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_uses_of_an_action_is_a_digest_with_its_version(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for step in steps(path))
    assert lines
    assert all(PINNED.fullmatch(line) for line in lines)


def test_uses_of_one_action_is_one_digest_everywhere():
    digests = {}
    for path in FILES:
        for match in map(PINNED.fullmatch, path.read_text(encoding="utf-8").splitlines()):
            if match:
                digests.setdefault(match["repository"], set()).add(
                    (match["digest"], match["version"])
                )
    assert {repository for repository, found in digests.items() if len(found) != 1} == set()
    # Two actions cannot share a digest: it would be a slip of the pen.
    assert len({next(iter(found))[0] for found in digests.values()}) == len(digests)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_text_from_outside_becomes_a_script(path):
    for step in steps(path):
        expressions = re.findall(r"\$\{\{(.*?)\}\}", step.get("run", ""))
        assert not [text for text in expressions if "inputs" in text or "github.event" in text]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_option_that_is_given_to_kerasmatrix_exists(path):
    for verb, *arguments in calls(path):
        command = commands.get_command(None, verb)
        assert command, verb
        known = {option for each in command.params for option in each.opts}
        given = {word for word in arguments if word.startswith("--")}
        assert given <= known, (verb, given - known)


def test_the_weekly_run_does_all_it_is_for():
    verbs = [words[0] for words in calls(ROOT / ".github" / "workflows" / "matrix.yml")]
    assert verbs == ["versions", "lock", "run", "merge", "report", "gate"]
    assert {"versions", "lock", "run", "report", "gate"} == {
        words[0] for words in calls(ROOT / "action.yml")
    }


def test_as_many_shards_are_run_as_are_spoken_of():
    path = ROOT / ".github" / "workflows" / "matrix.yml"
    shard = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["shard"]
    numbers = shard["strategy"]["matrix"]["number"]
    told = next(step["env"]["SHARD"] for step in shard["steps"] if "SHARD" in step.get("env", {}))
    assert told == f"${{{{ matrix.number }}}}/{len(numbers)}"
    assert numbers == list(range(1, len(numbers) + 1))
