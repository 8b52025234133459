import pytest

from kerasmatrix.engines.dask.address import check_address
from kerasmatrix.engines.dask.engine import DaskEngine
from kerasmatrix.engines.dask.inner_engine import LocalRecipe, has_docker
from kerasmatrix.errors import UsageError

UNUSABLE = {
    "tls://127.0.0.1:1": "names no certificates",
    "wss://127.0.0.1:1": "names no certificates",
    "tls://": "missing port",
    "foo": "missing port",
    "": "missing port",
    "tcp://127.0.0.1:99999": "99999 is not a port",
    "tcp://127.0.0.1:0": "0 is not a port",
    "tcp://127.0.0.1:x": "invalid literal",
    "tcp://[::": "invalid address",
    "bogus://x:1": "unknown address scheme",
}


@pytest.mark.parametrize(("address", "reason"), UNUSABLE.items())
def test_check_address_unusable_is_usage_error(address, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        check_address(address)
    assert "tcp://HOST:8786" in caught.value.hint or "distributed.comm.tls" in caught.value.hint


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "host:8786", "tcp://[::1]:8786"])
def test_check_address_usable_passes(address):
    check_address(address)


def test_dask_without_certificates_connects_to_nothing(tmp_path):
    with pytest.raises(UsageError, match="names no certificates"):
        DaskEngine("tls://127.0.0.1:1", str(tmp_path), LocalRecipe())
    with pytest.raises(UsageError, match="names no certificates"):
        has_docker("tls://127.0.0.1:1", 1.0)
