import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments import platforms
from kerasmatrix.environments.platforms import PLATFORMS, can_install, missing_wheels

MEASURED = {
    "2.4.4": {"python": "3.8", "platforms": ["linux-x86_64", "macos-x86_64"]},
    "2.10.1": {"python": "3.10", "platforms": ["linux-x86_64", "linux-arm64", "macos-x86_64"]},
    "2.13.1": {"python": "3.11", "platforms": ["linux-x86_64", "macos-x86_64", "macos-arm64"]},
    "2.16.2": {"python": "3.12", "platforms": ["linux-x86_64", "macos-x86_64", "macos-arm64"]},
    "2.17.1": {"python": "3.12", "platforms": ["linux-x86_64", "linux-arm64", "macos-arm64"]},
    "2.21.0": {"python": "3.13", "platforms": ["linux-x86_64", "macos-arm64"]},
}


@pytest.fixture
def _measured(monkeypatch):
    monkeypatch.setattr(platforms, "_measured", lambda: MEASURED)


@pytest.mark.usefixtures("_measured")
@pytest.mark.parametrize(
    ("release", "platform", "answer"),
    [
        ("2.4.4", "macos-arm64", False),
        ("2.4.1", "macos-arm64", False),  # as 2.4.4
        ("2.13.1", "macos-arm64", True),
        ("2.22.0", "macos-arm64", None),
    ],
)
def test_can_install_goes_by_the_minor_version(release, platform, answer):
    assert can_install(release, platform) is answer


@pytest.mark.usefixtures("_measured")
@pytest.mark.parametrize(
    ("platform", "sentence"),
    [
        ("linux-x86_64", None),
        ("macos-arm64", "no wheels of TensorFlow below 2.13 for Apple silicon"),
        ("macos-x86_64", "no wheels of TensorFlow above 2.16 for Intel Macs"),
        (
            "linux-arm64",
            "no wheels of TensorFlow below 2.10, 2.13, 2.16, above 2.17 for ARM Linux",
        ),
        ("windows-x86_64", "no wheels of TensorFlow for x86-64 Windows"),
    ],
)
def test_missing_wheels_names_the_first_and_last(platform, sentence):
    assert missing_wheels(MEASURED, platform) == sentence


@pytest.mark.usefixtures("_measured")
def test_missing_wheels_of_other_releases_is_none():
    assert missing_wheels(["2.13.1", "2.22.0"], "macos-x86_64") is None


def test_platforms_are_measured_for_the_whole_matrix(pytestconfig):
    matrix = load_matrix(pytestconfig.rootpath / "matrix.yaml")
    for environment in matrix.releases:
        assert can_install(environment.tensorflow, "linux-x86_64") is True, "nox -s platforms"
        assert all(
            can_install(environment.tensorflow, platform) is not None for platform in PLATFORMS
        )
