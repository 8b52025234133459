"""Whether the address of a scheduler can be used at all, before anything waits for an answer."""

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


def check_address(address: str) -> None:
    """Find out whether Dask can connect to an address of this form, with its configuration.

    A client that is made for one that it cannot use leaves threads behind, which hold up the end
    of the program.

    Raises:
        UsageError: it cannot.
    """
    hint = "name it like tcp://HOST:8786; `dask scheduler` prints its own"
    try:
        scheme, place = parse_address(address)
        # The kind of an address may be known, and what it takes not be installed.
        get_backend(scheme).get_connector()
        _, port = parse_host_port(place)
        secure = Security().get_connection_args("client")["ssl_context"] is not None
    except Exception as error:
        # Dask repeats parts of the address, without the scheme by which a secret is known.
        url = address if "://" in address else f"tcp://{address}"
        reason = mask_secrets_of(url, str(error).strip() or type(error).__name__)
        raise UsageError(f"--scheduler {brief(address)}: {reason}", hint=hint) from error
    if not 0 < port <= LAST_PORT:
        raise UsageError(f"--scheduler {brief(address)}: {port} is not a port", hint=hint)
    if scheme in ENCRYPTED and not secure:
        raise UsageError(
            f"--scheduler {brief(address)}: Dask's configuration names no certificates",
            hint="set distributed.comm.tls (ca-file, client.cert, client.key) in Dask's "
            "configuration, or in DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on",
        )
