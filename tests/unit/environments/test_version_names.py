import pytest

from kerasmatrix.environments.version_names import NamedVersion, find_version, find_versions
from kerasmatrix.errors import UsageError

KNOWN = [
    NamedVersion("tf1.15", "1.15.0", "1.15"),
    NamedVersion("tf2.4", "2.4.4", "2.4"),
    NamedVersion("tf2.15", "2.15.1", "2.15"),
    NamedVersion("tf2.16-legacy", "2.16.2", "2.16", is_legacy=True),
    NamedVersion("tf2.16", "2.16.2", "3.4"),
    NamedVersion("tf2.17", "2.17.1", "3.6"),
    NamedVersion("tf2.19", "2.19.1", "3.11"),
    NamedVersion("tf2.19-keras3.6", "2.19.1", "3.6"),
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tf2.15", "tf2.15"),
        ("2.15", "tf2.15"),
        ("2.15.0", "tf2.15"),
        ("v2.4", "tf2.4"),
        ("TF 2.4", "tf2.4"),
        ("tensorflow==2.15.1", "tf2.15"),
        ("TensorFlow 1.15", "tf1.15"),
        ("2.16", "tf2.16"),
        ("tf2.16-legacy", "tf2.16-legacy"),
        ("keras3.4", "tf2.16"),
        ("Keras 3.6.0", "tf2.17"),
        ("3.11", "tf2.19"),
        ("keras 2.15", "tf2.15"),
        ("2.19", "tf2.19"),
    ],
)
def test_find_version_as_people_write_it_is_understood(text, name):
    assert find_version(text, KNOWN) == name


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2.22", "the nearest is tf2.19"),
        ("keras3.12", "the nearest is tf2.19"),
        ("tf2.5", "the nearest is tf2.4"),
        ("tf2.15x", "did you mean 'tf2.15'?"),
    ],
)
def test_find_version_unknown_one_names_the_nearest(text, hint):
    with pytest.raises(UsageError) as caught:
        find_version(text, KNOWN, "--to")
    assert caught.value.message.startswith(f"--to: unknown environment '{text}'")
    assert caught.value.hint == hint


def test_find_versions_two_spellings_are_one():
    assert find_versions(["2.15", "tf2.15", "keras3.4"], KNOWN) == ("tf2.15", "tf2.16")
