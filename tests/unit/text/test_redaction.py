from pathlib import Path

import pytest

from kerasmatrix.errors import InfrastructureError
from kerasmatrix.text.redaction import (
    command_line,
    is_secret_name,
    machine_folders,
    mask_secrets,
    mask_secrets_of,
    path_shortener,
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("s3://AKIA:abcdef@bucket/folder", "s3://***@bucket/folder"),
        ("s3://AKIA:ab/c+d/ef==@bucket/folder", "s3://***@bucket/folder"),
        ("tls://user:pw@host:8786", "tls://***@host:8786"),
        ("https://token@index.example/simple", "https://***@index.example/simple"),
        ("https://me@work.example:pw@index.example/", "https://***@index.example/"),
        ("simplecache::s3://AKIA:abc@bucket", "simplecache::s3://***@bucket"),
        ("at 'tcp://u:p@h:1': refused", "at 'tcp://***@h:1': refused"),
        ("a://u:p@h and b://v:q@i", "a://***@h and b://***@i"),
        ("https://h/f?a=1&sig=abc%2F&b=2", "https://h/f?a=1&sig=***&b=2"),
        ("https://h/f?X-Amz-Signature=abc&X-Amz-Credential=d", None),
        ("https://h/f?access_token=abc#part", "https://h/f?access_token=***#part"),
        ("see https://h/f?API_KEY=abc, or not", None),
    ],
)
def test_mask_secrets_of_a_url_leaves_none(text, masked):
    found = mask_secrets(text)
    assert "abc" not in found
    assert masked is None or found == masked
    assert mask_secrets(found) == found


@pytest.mark.parametrize(
    "text",
    [
        "tcp://host:8786",
        "s3://bucket/folder",
        "https://host:443/@scope/package",
        "https://github.example/issues?id=5&page=2",
        "python:3.8@sha256:0123",
        "user:pw@host without a scheme",
        "no URL at all",
    ],
)
def test_mask_secrets_without_any_changes_nothing(text):
    assert mask_secrets(text) == text


@pytest.mark.parametrize(
    ("url", "text", "masked"),
    [
        ("tcp://u:hush@h:1", "cannot parse 'u:hush@h:1'", "cannot parse '***@h:1'"),
        ("s3://KEY:hu%2Fsh@b", "signature of hu/sh differs", "signature of *** differs"),
        ("https://h?sig=hush&a=b", "sig hush, a b", "sig ***, a b"),
        ("tcp://h:1", "no answer at tcp://h:1", "no answer at tcp://h:1"),
    ],
)
def test_mask_secrets_of_a_url_finds_their_parts(url, text, masked):
    assert mask_secrets_of(url, text) == masked


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "--artifacts", "s3://K:S@b/f"], "run --artifacts 's3://***@b/f'"),
        (["run", "--artifacts=s3://K:S@b/f"], "run '--artifacts=s3://***@b/f'"),
        (["run", "--token", "abc", "x"], "run --token '***' x"),
        (["run", "--api-key=abc"], "run '--api-key=***'"),
        (["AWS_SECRET_ACCESS_KEY=abc", "run"], "'AWS_SECRET_ACCESS_KEY=***' run"),
        (["check", "/home/me/my model.h5"], "check '/home/me/my model.h5'"),
        (["run", "--accept-flaky", "--jobs", "2"], "run --accept-flaky --jobs 2"),
    ],
)
def test_command_line_masks_secrets_and_keeps_the_rest(arguments, line):
    assert command_line(arguments) == line


def test_is_secret_name_goes_by_words():
    assert all(map(is_secret_name, ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "--password", "sas"]))
    names = ["TOKENIZERS_PARALLELISM", "TF_USE_LEGACY_KERAS", "KERAS_BACKEND", "MONKEY"]
    assert not any(map(is_secret_name, names))


def test_errors_carry_no_secret_of_a_url():
    error = InfrastructureError("no answer at tls://u:pw@h", hint="try s3://k:secret@b")
    texts = f"{error} {error.message} {error.hint} {error!r}"
    assert "pw" not in texts
    assert "secret" not in texts


HOME = "/home/jo smith"


@pytest.fixture
def shorten(monkeypatch):
    monkeypatch.setenv("HOME", HOME)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    project = Path(HOME, "work", "upgrade")
    return path_shortener((*machine_folders(), project, project / ".kerasmatrix"))


PACKAGE = Path(__file__).resolve().parents[3] / "src" / "kerasmatrix"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (
            f'File "{HOME}/x/lib/python3.8/site-packages/keras/src/layers/layer.py", line 7, in f',
            'File ".../keras/src/layers/layer.py", line 7, in f',
        ),
        (
            'File "/usr/local/lib/python3.8/site-packages/tensorflow/a.py"',
            'File ".../tensorflow/a.py"',
        ),
        ("at /usr/lib/python3/dist-packages/h5py/b.py:3", "at .../h5py/b.py:3"),
        ("(/opt/v/lib/python3.11/json/decoder.py)", "(.../python3.11/json/decoder.py)"),
        (
            f"cannot open {HOME}/work/upgrade/.kerasmatrix/scratch/1/artifact",
            "cannot open .../.kerasmatrix/scratch/1/artifact",
        ),
        (f"'{HOME}/work/upgrade/scenarios/a/load.py'", "'.../upgrade/scenarios/a/load.py'"),
        (f'File "{PACKAGE}/harness/child.py"', 'File ".../kerasmatrix/harness/child.py"'),
        (
            f"{HOME}/.cache/kerasmatrix/environments/tf2.4-0123/bin/python",
            ".../kerasmatrix/environments/tf2.4-0123/bin/python",
        ),
        (f"{HOME}/models/a.h5 and file://{HOME}/b", "~/models/a.h5 and file://~/b"),
        (f"is in {HOME}.", "is in ~."),
        (f"{HOME}/work/other/a.h5", "~/work/other/a.h5"),
    ],
)
def test_shorten_cuts_paths_of_the_machine(shorten, text, short):
    assert shorten(text) == short
    assert shorten(short) == short


@pytest.mark.parametrize(
    "text",
    [
        "/kerasmatrix/scenarios/a/load.py",
        "layer/kernel:0 has shape (3, 4)",
        f"/mnt{HOME}er/a",
        f"{HOME}.old/a",
        "see https://keras.io/api/",
        "keras/src/layers/layer.py",
    ],
)
def test_shorten_leaves_other_texts_alone(shorten, text):
    assert shorten(text) == text


@pytest.mark.parametrize("home", ["/", ""])
def test_shorten_without_a_home_folder_leaves_slashes(monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    assert path_shortener(())("/a/b") == "/a/b"


@pytest.mark.parametrize(
    "part",
    ["a://b:c/", "/", "/:", "://", "a/", "s3://k:s", "?token", 'File "/', "/lib/", "@", "&key"],
)
def test_redaction_of_a_long_text_ends(shorten, part):
    """A pattern that takes quadratic time would take hours."""
    text = "a:// " + part * (200_000 // len(part))
    assert len(shorten(mask_secrets(text))) <= len(text)
