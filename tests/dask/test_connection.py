"""Addresses at which no client is made."""

import pytest

from kerasmatrix.engines.base import EngineDisconnected
from kerasmatrix.engines.dask.cluster import check_connection, has_docker
from kerasmatrix.engines.dask.engine import DaskEngine
from kerasmatrix.engines.dask.inner_engine import LocalConfig
from kerasmatrix.errors import UsageError

UNUSABLE = {
    "tls://127.0.0.1:1": "check your TLS configuration",
    "tls://": "missing port",
    "foo": "missing port",
    "": "missing port",
    "tcp://127.0.0.1:x": "invalid literal",
    "tcp://[::": "invalid address",
    "bogus://x:1": "unknown address scheme",
}
SILENT = ["tcp://127.0.0.1:1", "127.0.0.1:1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:99999"]


@pytest.mark.parametrize(("address", "reason"), UNUSABLE.items())
def test_check_connection_unusable_is_usage_error(address, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        check_connection(address)
    assert address[:9] in caught.value.message
    assert "tcp://HOST:8786" in caught.value.hint
    assert "distributed.comm.tls" in caught.value.hint


@pytest.mark.parametrize("address", SILENT)
def test_check_connection_silent_is_disconnected(monkeypatch, address):
    monkeypatch.setattr("kerasmatrix.engines.dask.cluster.CONNECT_SECONDS", 0.2)
    with pytest.raises(EngineDisconnected, match=f"no Dask scheduler answers at {address}"):
        check_connection(address)


def test_dask_tls_without_certificates_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="check your TLS configuration"):
        DaskEngine("tls://127.0.0.1:1", str(tmp_path), LocalConfig())
    with pytest.raises(UsageError, match="check your TLS configuration"):
        has_docker("tls://127.0.0.1:1")
