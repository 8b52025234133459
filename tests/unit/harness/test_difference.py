"""How far outputs are from reference outputs."""

import numpy as np
import pytest

from kerasmatrix.harness.difference import deviation, of_output, storable


def worst(found, absolute, relative):
    return max(
        (diff - absolute - relative * size for diff, size, _ in found["corners"]), default=-absolute
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("relative", [0.0, 1e-6, 1e-4, 1e-2, 0.5])
def test_corners_hold_the_worst_element(seed, relative):
    random = np.random.RandomState(seed)
    reference = random.normal(size=(40, 50)) * 10 ** random.uniform(-6, 6, (40, 50))
    measured = reference + random.normal(size=(40, 50)) * 10 ** random.uniform(-9, 0, (40, 50))
    found = of_output(measured, reference)
    excess = np.abs(measured - reference) - 1e-5 - relative * np.abs(reference)
    assert worst(found, 1e-5, relative) == pytest.approx(excess.max(), rel=1e-9)
    assert len(found["corners"]) < 64


def test_corners_name_the_element():
    found = of_output(np.array([[1.0, np.nan], [2.0, 3.5]]), np.array([[1.0, np.nan], [2.0, 3.0]]))
    assert found["corners"] == [[0.5, 3.0, 3]]
    assert found["finite"]


def test_corners_of_many_proportional_errors_are_few():
    reference = np.linspace(0, 1, 20_000)
    found = of_output(reference + reference**2 * 1e-3, reference)
    assert len(found["corners"]) <= 64
    assert worst(found, 0.0, 0.0) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("ours", "theirs", "finite"),
    [
        ([np.nan, 1.0], [np.nan, 1.0], True),
        ([np.inf, 1.0], [np.inf, 1.0], True),
        ([np.nan, 1.0], [1.0, np.nan], False),
        ([np.inf, 1.0], [-np.inf, 1.0], False),
        ([np.inf, 1.0], [np.nan, 1.0], False),
    ],
)
def test_finite_compares_the_places_and_kinds(ours, theirs, finite):
    assert of_output(np.array(ours), np.array(theirs))["finite"] is finite


@pytest.mark.parametrize(
    ("ours", "theirs", "exact"),
    [
        (np.array([1, 2]), np.array([1, 2]), True),
        (np.array([1, 3]), np.array([1, 2]), False),
        (np.array([True]), np.array([False]), False),
        (np.array([b"a", b"bc"], object), np.array([b"a", b"bc"], object), True),
        (np.array([b"a", b"bd"], object), np.array([b"a", b"bc"], object), False),
    ],
)
def test_indices_flags_and_texts_are_compared_exactly(ours, theirs, exact):
    found = of_output(ours, theirs)
    assert (found["exact"], found["epsilon"], found["corners"]) == (exact, 0.0, [])


def test_storable_texts_survive_a_file_without_pickle(tmp_path):
    texts = storable(np.array([["a", "b\0"], ["ü", ""]], object))
    np.savez(tmp_path / "x.npz", texts=texts)
    with np.load(tmp_path / "x.npz") as stored:
        assert of_output(stored["texts"], texts)["exact"]


def test_deviation_of_other_shapes_has_no_numbers():
    found = deviation([np.zeros((2, 3))], [np.zeros((3, 2))])
    assert (found["shapes_equal"], found["max_abs_diff"]) == (False, None)
    assert deviation([np.zeros(2)], [])["shapes_equal"] is False


def test_difference_of_the_largest_numbers_is_finite():
    found = of_output(np.array([1.7e308]), np.array([-1.7e308]))
    assert np.isfinite(found["max_abs_diff"])
    assert np.isfinite(found["corners"]).all()
