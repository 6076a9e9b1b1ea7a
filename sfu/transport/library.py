"""Start-up check of the parts of aiortc that it does not promise to keep.

We build on names with an underscore (DESIGN section 4). If an update moved one, the server must
say so before it opens a port, not when the first participant's handshake runs into it.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version

from aiortc import rtcdtlstransport, rtcsctptransport

from sfu.base.errors import PlaneError

_DTLS_METHODS = {
    "start": ("self", "remoteParameters"),
    "stop": ("self",),
    "_do_handshake": ("self",),
    "_validate_peer_identity": ("self", "remoteParameters"),
    "_setup_srtp": ("self",),
    "_recv_next": ("self",),
    "_write_ssl": ("self",),
    "_send_data": ("self", "data"),
    "_set_role": ("self", "role"),
    "_set_state": ("self", "state"),
    "_register_data_receiver": ("self", "receiver"),
    "_unregister_data_receiver": ("self", "receiver"),
}
_DTLS_ATTRIBUTES = ("_srtp_profiles", "_ssl", "_state", "_role", "_data_receiver", "encrypted")
_SCTP_METHODS = {
    "start": ("self", "remoteCaps", "remotePort"),
    "stop": ("self",),
    "_handle_data": ("self", "data"),
    "_receive_chunk": ("self", "chunk"),
    "_receive_data_chunk": ("self", "chunk"),
    "_receive_forward_tsn_chunk": ("self", "chunk"),
    "_receive_sack_chunk": ("self", "chunk"),
    "_data_channel_receive": ("self", "stream_id", "pp_id", "data"),
    "_set_state": ("self", "state"),
}
_SCTP_ATTRIBUTES = (
    "_advertised_rwnd",
    "_association_state",
    "_data_channels",
    "_inbound_streams",
    "_inbound_streams_max",
    "_last_received_tsn",
    "_outbound_streams_count",
    "_sack_misordered",
    "_sent_queue",
)
_PROFILES = ("SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_SHA1_80")


def check_aiortc() -> None:
    """See that aiortc still has what ``sfu.transport`` replaces and reads.

    Raises:
        PlaneError: something is missing or has other parameters; the message names it.
    """
    certificate = rtcdtlstransport.RTCCertificate
    missing = [f"rtcdtlstransport.{n}" for n in _PROFILES if not hasattr(rtcdtlstransport, n)]
    missing += _methods_missing(certificate, {"_create_ssl_context": ("self", "srtp_profiles")})
    missing += _methods_missing(rtcdtlstransport.RTCDtlsTransport, _DTLS_METHODS)
    missing += _methods_missing(rtcsctptransport.RTCSctpTransport, _SCTP_METHODS)
    missing += _attributes_missing(rtcdtlstransport.RTCDtlsTransport, _DTLS_ATTRIBUTES)
    missing += _attributes_missing(rtcsctptransport.RTCSctpTransport, _SCTP_ATTRIBUTES)
    if missing:
        raise PlaneError(
            f"aiortc {version('aiortc')} lacks {', '.join(missing)}; install the version in the lock file"
        )


def _methods_missing(owner: type, wanted: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        f"{owner.__name__}.{name}({', '.join(parameters[1:])})"
        for name, parameters in wanted.items()
        if _parameters(owner, name) != parameters
    ]


def _parameters(owner: type, name: str) -> tuple[str, ...] | None:
    method = getattr(owner, name, None)
    return tuple(inspect.signature(method).parameters) if callable(method) else None


def _attributes_missing(owner: type, wanted: tuple[str, ...]) -> list[str]:
    """Attributes are made in ``__init__``; its byte code names those it stores."""
    stored = owner.__init__.__code__.co_names  # type: ignore[misc]  # a plain function here
    return [f"{owner.__name__}.{name}" for name in wanted if name not in stored]
