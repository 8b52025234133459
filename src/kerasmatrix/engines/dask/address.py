"""Checks the address of a scheduler before a client connects to it."""

from __future__ import annotations

from distributed import Security
from distributed.comm.addressing import parse_address, parse_host_port
from distributed.comm.registry import get_backend

from kerasmatrix.errors import UsageError
from kerasmatrix.text.escape import brief
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["check_address"]

ENCRYPTED = {"tls", "wss"}
LAST_PORT = 65535
HINT = (
    "name it like tcp://HOST:8786, as `dask scheduler` prints it; for tls://, set "
    "distributed.comm.tls (ca-file, client.cert, client.key) in Dask's configuration, or in "
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on"
)


def check_address(address: str) -> None:
    """Check that Dask can connect to an address of this form, with its configuration.

    A client for an unusable address would leave threads behind that delay the end of the program.

    Raises:
        UsageError: it cannot.
    """
    try:
        scheme, place = parse_address(address)
        # The scheme may be known, while a package for it is not installed.
        get_backend(scheme).get_connector()
        _, port = parse_host_port(place)
        has_tls = Security().get_connection_args("client")["ssl_context"] is not None
        problem = "" if 0 < port <= LAST_PORT else f"{port} is not a port"
        if scheme in ENCRYPTED and not has_tls:
            problem = "Dask's configuration names no certificates"
    except Exception as error:  # noqa: BLE001 - each kind of address has its own
        problem = str(error).strip() or type(error).__name__
    if problem:
        # Dask repeats parts of the address, without the scheme by which a secret is known.
        url = address if "://" in address else f"tcp://{address}"
        reason = mask_secrets_of(url, problem)
        raise UsageError(f"--scheduler {brief(address)}: {reason}", hint=HINT)
