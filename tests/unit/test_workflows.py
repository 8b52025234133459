"""The workflows and the action: pinned actions, existing commands, no script injection."""

import re
import shlex

import pytest
import yaml

from kerasmatrix.cli import commands
from tests.real import ROOT

FILES = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    ROOT / "src" / "kerasmatrix" / "cli" / "starter" / "workflow.yml",
    ROOT / "src" / "kerasmatrix" / "cli" / "starter" / "files_workflow.yml",
    ROOT / "action.yml",
]
# A tag can be moved to another commit, a digest cannot; the comment is for people and for bots.
PINNED = re.compile(
    r"\s*(?:- )?uses: (?P<repository>[\w.-]+/[\w.-]+)(?:/[\w./-]+)?"
    r"@(?P<digest>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)"
)


def steps(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = [workflow["runs"]] if "runs" in workflow else workflow["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def calls(path):
    """Return every call of kerasmatrix, as words."""
    scripts = (step.get("run", "").replace("\\\n", " ") for step in steps(path))
    lines = (line for script in scripts for line in script.splitlines())
    matches = (re.search(r"(?:^|\s)kerasmatrix (.+)", line) for line in lines)
    return [shlex.split(match[1]) for match in matches if match]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_digest_and_version(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for step in steps(path))
    assert lines
    assert all(PINNED.fullmatch(line) for line in lines)


def test_actions_have_one_digest_everywhere():
    digests = {}
    for path in FILES:
        for match in map(PINNED.fullmatch, path.read_text(encoding="utf-8").splitlines()):
            if match:
                digests.setdefault(match["repository"], set()).add(
                    (match["digest"], match["version"])
                )
    assert {repository for repository, pins in digests.items() if len(pins) != 1} == set()
    # Two actions with the same digest would be a copying mistake.
    assert len({next(iter(pins))[0] for pins in digests.values()}) == len(digests)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_run_steps_contain_no_untrusted_expression(path):
    for step in steps(path):
        expressions = re.findall(r"\$\{\{(.*?)\}\}", step.get("run", ""))
        assert not [text for text in expressions if "inputs" in text or "github.event" in text]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_options_in_workflows_exist(path):
    for verb, *arguments in calls(path):
        command = commands.get_command(None, verb)
        assert command, verb
        known = {option for parameter in command.params for option in parameter.opts}
        given = {word for word in arguments if word.startswith("--")}
        assert given <= known, (verb, given - known)


def test_weekly_workflow_calls_all_commands():
    verbs = [words[0] for words in calls(ROOT / ".github" / "workflows" / "matrix.yml")]
    assert verbs == ["versions", "lock", "run", "merge", "report", "gate"]
    assert {"versions", "lock", "check", "run", "report", "gate"} == {
        words[0] for words in calls(ROOT / "action.yml")
    }


def test_weekly_site_holds_the_newest_report():
    path = ROOT / ".github" / "workflows" / "matrix.yml"
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    report = next(step["with"] for step in jobs["report"]["steps"]
                  if step.get("uses", "").startswith("actions/upload-artifact"))  # fmt: skip
    used = {step["uses"].partition("@")[0]: step.get("with")
            for step in jobs["site"]["steps"] if "uses" in step}  # fmt: skip
    assert used["actions/download-artifact"] == {"name": report["name"], "path": "dist/docs/report"}
    assert used["actions/upload-pages-artifact"] == {"path": "dist/docs"}
    assert jobs["pages"]["needs"] == "site"
    assert 'href="report/index.html"' in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def test_shards_of_the_workflow_match_their_count():
    path = ROOT / ".github" / "workflows" / "matrix.yml"
    shard = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["shard"]
    numbers = shard["strategy"]["matrix"]["number"]
    value = next(step["env"]["SHARD"] for step in shard["steps"] if "SHARD" in step.get("env", {}))
    assert value == f"${{{{ matrix.number }}}}/{len(numbers)}"
    assert numbers == list(range(1, len(numbers) + 1))


def test_pre_commit_hooks_call_existing_commands():
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")):
        program, verb, *arguments = shlex.split(hook["entry"])
        assert program == "kerasmatrix"
        known = {o for parameter in commands.get_command(None, verb).params for o in parameter.opts}
        assert set(arguments) <= known
        assert re.search(hook["files"], "models/churn.keras")
