"""The workflows and the action: what they call is there, pinned, and given no text to run."""

import re
import shlex

import pytest
import yaml

from kerasmatrix.cli import commands
from tests.real import ROOT

FILES = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    ROOT / "src" / "kerasmatrix" / "starter" / "workflow.yml",
    ROOT / "action.yml",
]


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
def test_actions_are_pinned_to_a_major_version(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+(/[a-z]+)?@v\d+", name) for name in used)


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
