import pytest

from tests.real import check_headlines, measure

pytestmark = pytest.mark.docker


def test_what_is_known_to_be_so_is_measured_so_in_containers(engine, tmp_path):
    results = measure(
        engine,
        tmp_path,
        scenarios=("import_path", "missing_custom_layer", "v1_vs_v2", "v1_vs_v2_compat_keras"),
        formats=("h5", "keras", "savedmodel", "weights"),
    )
    check_headlines(results)
