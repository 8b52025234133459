"""Causes and fixes with real TensorFlow, each in the smallest cell that shows it."""

import pytest

from kerasmatrix.results.cells import Status
from tests.real import OnePairAtATime

pytestmark = pytest.mark.tensorflow

# Scenario, format, saved with, loaded with: the cause, and the fix that works, or None.
SEEN = [
    ("import_path", "h5", "tf2.15", "tf2.2", "unknown-functional", "rewrite-config"),
    ("gru", "h5", "tf2.21", "tf2.2", "inputlayer-batch-shape", "rewrite-config"),
    ("missing_custom_layer", "h5", "tf2.15", "tf2.2", "unknown-functional",
     "custom-objects + rewrite-config"),
    ("trained_adam", "h5", "tf2.15", "tf2.2", "optimizer-config", "no-compile"),
    ("missing_custom_layer", "h5", "tf2.15", "tf2.15", "custom-class-missing", "custom-objects"),
    ("lambda_closure", "keras", "tf2.15", "tf2.15", "lambda-safe-mode", "trust-the-lambda"),
    ("weights_soft_link", "weights", "tf2.16", "tf2.21", "hdf5-refused", "plain-hdf5"),
    ("weights_external_data", "h5", "tf2.16", "tf2.21", "hdf5-refused", "plain-hdf5"),
    ("vocabulary_file", "keras", "tf2.16", "tf2.21", "path-refused", "trust-the-lambda"),
    ("function_of_keras", "keras", "tf2.16", "tf2.21", "refused-for-safety",
     "rebuild-and-load-weights"),
    ("custom_loss_metric_activation", "h5", "tf2.15", "tf2.15", "builtin-function-missing",
     "rewrite-config"),
    ("lambda_closure", "h5", "tf2.2", "tf2.15", "lambda-bytecode", "lambda-source"),
    ("gru", "h5", "tf2.15", "tf2.21", "config-key-removed", "rewrite-config"),
    ("lstm", "keras", "tf2.15", "tf2.21", "functional-module-path", "rewrite-config"),
    ("multi_head_attention", "keras", "tf2.21", "tf2.15", "functional-module-path",
     "rewrite-config + weights-apart"),
    ("mixed_precision", "h5", "tf2.15", "tf2.21", "dtype-policy", "rewrite-config"),
    ("nested_models", "h5", "tf2.2", "tf2.21", "nested-graph", "rewrite-config"),
    ("very_deep", "h5", "tf2.2", "tf2.21", "sequential-input-shape", "rewrite-config"),
    ("compiled_strings", "h5", "tf2.21", "tf2.21", "loss-metric-config", "no-compile"),
    ("raw_operations", "h5", "tf2.21", "tf2.21", "op-layer", "rewrite-config"),
    ("subclassed_with_config", "h5", "tf2.21", "tf2.21", "model-not-built",
     "custom-objects + weights-apart"),
    ("preprocessing_text", "h5", "tf2.21", "tf2.21", "lookup-state", "rebuild-and-load-weights"),
    ("lstm", "weights", "tf2.21", "tf2.2", "weights-layout-newer", "rebuild-and-load-weights"),
    ("lstm", "savedmodel", "tf2.15", "tf2.2", "graph-op-newer", "rebuild-and-load-weights"),
    ("import_path", "savedmodel", "tf2.21", "tf2.15", "savedmodel", "saved-model-load"),
    ("missing_custom_layer_defined", "savedmodel", "tf2.4", "tf2.2", "savedmodel-metadata-newer",
     "saved-model-load"),
    ("import_path_keras", "savedmodel", "tf2.2", "tf2.2", "container-mismatch", "saved-model-load"),
    # TFSMLayer casts its inputs, so that the signature itself must be called.
    ("mixed_precision", "savedmodel", "tf2.16", "tf2.16", "savedmodel", "saved-model-load"),
    ("import_path", "savedmodel", "tf2.21", "tf2.21", "savedmodel", "tfsm-layer"),
    ("import_path", "savedmodel", "tf2.15", "tf2.21", "savedmodel", "tfsm-layer"),
    # The ending means HDF5 in one release and an archive in the other.
    ("import_path", "keras", "tf2.4", "tf2.16", "container-mismatch", "true-name"),
    ("import_path", "keras", "tf2.15", "tf2.4", "container-mismatch", "weights-apart"),
    ("import_path", "keras-archive", "tf2.12", "tf2.15", "functional-module-path",
     "rewrite-config + weights-apart"),
    ("import_path", "h5", "tf2.21", "tf2.16", "config-key-too-new", "rewrite-config"),
    ("multi_head_attention", "h5", "tf2.4", "tf2.15", "config-key-absent",
     "rebuild-and-load-weights"),
    # It loads with other outputs: the name means another function.
    ("hard_sigmoid", "h5", "tf2.15", "tf2.21", "silent-drift", "same-function"),
    ("hard_sigmoid", "keras", "tf2.15", "tf2.21", "config-key-removed",
     "same-function + rewrite-config"),
    # The program uses a layer that this version lacks: there is no fix.
    ("multi_head_attention", "weights", "tf2.15", "tf2.2", "not-there-yet", None),
    # Not broken, but less than before.
    ("trained_adam", "h5", "tf2.15", "tf2.21", "learning-rate-reset", None),
    ("trained_adam", "h5", "tf2.21", "tf2.21", "optimizer-state-lost", None),
    ("compiled_objects", "h5", "tf2.21", "tf2.21", "cannot-be-trained", None),
    ("conv_lstm", "savedmodel", "tf2.4", "tf2.2", "cannot-be-saved-again", None),
    # Not saved at all.
    ("missing_custom_layer", "h5", "tf2.2", "tf2.2", "get-config-missing", None),
    ("long_and_unicode_names", "h5", "tf2.2", "tf2.2", "name-not-allowed", None),
    ("v1_vs_v2", "h5", "tf2.21", "tf2.21", "v1-mode-in-keras-3", None),
    ("import_path_python_keras", "h5", "tf2.15", "tf2.15", "keras-package-mix", None),
    ("conv_lstm", "savedmodel", "tf2.2", "tf2.2", "savedmodel-untracked", None),
    ("missing_custom_layer", "savedmodel", "tf2.4", "tf2.4", "weight-without-name", None),
    ("subclassed_with_config", "h5", "tf2.15", "tf2.15", "subclassed-in-h5", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def seen(engine, tmp_path_factory):
    """Measure one pair of versions in one format at a time, without other cells."""
    return OnePairAtATime(engine, tmp_path_factory.mktemp("store"), SEEN, lambda case: case[1:4])


@pytest.mark.parametrize(
    ("scenario", "form", "saved", "loaded", "cause", "remedy"),
    SEEN,
    ids=[f"{case[4]}-{case[3]}-{case[0]}" for case in SEEN],
)
def test_failing_cell_has_cause_and_fix(seen, scenario, form, saved, loaded, cause, remedy):
    found = seen(scenario, form, saved, loaded)
    assert found.status is not Status.PASS
    assert found.cause == cause, found.summary
    repaired = found.repaired_by
    assert (repaired and repaired.id) == remedy, found.remedies
    if repaired:
        assert repaired.did


def test_fix_with_other_outputs_does_not_count(seen):
    tried = seen("hard_sigmoid", "keras", "tf2.15", "tf2.21").remedies
    (plain,) = [each for each in tried if each.id == "rewrite-config"]
    assert plain.status == "rejected"
    assert "outputs differ" in plain.summary


def test_verified_fix_compiles_as_the_file_says(seen):
    repaired = seen("compiled_strings", "h5", "tf2.21", "tf2.21").repaired_by
    assert (repaired.id, repaired.lost) == ("no-compile", ())


def test_layer_check_reports_layers_and_arguments(seen):
    culprits = seen("gru", "h5", "tf2.15", "tf2.21").culprits
    assert [(part.class_name, part.keys) for part in culprits] == [
        ("GRU", ("time_major",))  # Keras 3 takes `implementation` out of **kwargs
    ]
    nested = seen("nested_models", "h5", "tf2.2", "tf2.21")
    assert nested.culprits == ()  # each layer can be created, but the wiring fails
