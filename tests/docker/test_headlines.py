import pytest

from tests.real import check_headlines, measure

pytestmark = pytest.mark.docker


def test_run_in_containers_measures_known_facts(engine, tmp_path):
    results = measure(
        engine,
        tmp_path,
        scenarios=("import_path", "missing_custom_layer", "v1_vs_v2", "v1_vs_v2_compat_keras"),
        formats=("h5", "keras", "savedmodel", "weights"),
    )
    check_headlines(results)
