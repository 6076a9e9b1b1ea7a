"""Messages <-> JSON text. Total towards strangers: only ``ProtocolError`` leaves ``decode_client``.

A refusal says where, what was found and what was wanted, and never repeats a value that could be a
secret: of strings only those short and outside ``SECRET_FIELDS`` are shown, of anything else the
type and the size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import get_args

import msgspec

from sfu.base.errors import ProtocolError
from sfu.protocol.errors import ErrorCode
from sfu.protocol.limits import MAX_LARGE_MESSAGE_BYTES, max_message_bytes
from sfu.protocol.messages import AnyClientMessage, AnyServerMessage

SECRET_FIELDS = frozenset(
    {"token", "invite", "secret", "offer", "profile", "body", "resume_secret", "answer"}
)
SHOWN_CHARS = 32  # of a value or a name that a stranger chose


class BadMessage(ProtocolError):
    """A client's text is not a message: which field, what was there, what should be."""

    def __init__(
        self,
        *,
        where: str,
        found: str,
        wanted: str,
        request_id: int | None = None,
        code: ErrorCode = ErrorCode.BAD_MESSAGE,
    ) -> None:
        super().__init__(code, f"{where}: found {found}, wanted {wanted}")
        self.where, self.found, self.wanted = where, found, wanted
        self.request_id = request_id
        """The ``id`` of the request, when it could be read: the reply carries it."""


def decode_client(text: str | bytes) -> AnyClientMessage:
    """Read one message of a client.

    Unknown fields are refused, the last of duplicate keys wins, nothing is converted.

    Raises:
        BadMessage: the only thing raised, whatever the input.
    """
    raw = _utf8(text)
    if len(raw) > MAX_LARGE_MESSAGE_BYTES:
        raise _too_large(len(raw), MAX_LARGE_MESSAGE_BYTES, None)
    try:
        message = _CLIENT.decode(raw)
    except msgspec.ValidationError as error:
        raise _explain(raw, str(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise BadMessage(where="message", found=_sentence(str(error)), wanted="one JSON object") from None
    _check_size(message, len(raw))
    _check_line_ends(message)
    return message


def encode_client(message: AnyClientMessage) -> str:
    """The text of a client's message. Fields at their default are left out."""
    return msgspec.json.encode(message).decode("utf-8")


def decode_server(text: str | bytes) -> AnyServerMessage:
    """Read one message of a server, as Python clients do. Unknown fields are ignored.

    Raises:
        BadMessage: not a message of this protocol version.
    """
    try:
        return _SERVER.decode(_utf8(text))
    except msgspec.ValidationError as error:
        where, wanted = _place(str(error))
        raise BadMessage(where=where, found="something else", wanted=wanted) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise BadMessage(where="message", found=_sentence(str(error)), wanted="one JSON object") from None


def encode_server(message: AnyServerMessage) -> str:
    """The text of a server's message. Every field is there, defaults included."""
    return msgspec.json.encode(message).decode("utf-8")


_TYPES = tuple(str(each.__struct_config__.tag) for each in get_args(AnyClientMessage))
_CLIENT: msgspec.json.Decoder[AnyClientMessage] = msgspec.json.Decoder(AnyClientMessage)
_SERVER: msgspec.json.Decoder[AnyServerMessage] = msgspec.json.Decoder(AnyServerMessage)


def _utf8(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadMessage(where="message", found="half of a surrogate pair", wanted="UTF-8 text") from None


def _check_size(message: AnyClientMessage, size: int) -> None:
    kind = message.__struct_config__.tag
    limit = max_message_bytes(str(kind))
    if size > limit:
        raise _too_large(size, limit, getattr(message, "id", None))


def _too_large(size: int, limit: int, request_id: int | None) -> BadMessage:
    return BadMessage(
        where="message",
        found=f"{size} bytes",
        wanted=f"at most {limit} bytes",
        request_id=request_id,
        code=ErrorCode.MESSAGE_TOO_LARGE,
    )


def _check_line_ends(message: AnyClientMessage) -> None:
    """Refuse a line feed at the end of a name.

    ``$`` in Python's regular expressions matches before a final line feed, in ECMAScript it does
    not: "room\\n" would be another room here than there. Only SDP may end in one.
    """
    for where, value in _strings(message, ""):
        if value.endswith("\n") and where != "offer":
            raise BadMessage(
                where=where,
                found="a line feed at the end",
                wanted="text without it",
                request_id=getattr(message, "id", None),
            )


def _strings(value: object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, f"{where}[{index}]")
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _strings(getattr(value, name), f"{where}.{name}" if where else name)


# ---- explaining a refusal -----------------------------------------------------------------------

_AT = re.compile(r" - at `\$\.?(?P<path>[\w.\[\]]{0,200})`$", re.ASCII)
_GOT = re.compile(r", got `(?P<got>\w+)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>\w+)`$")
_STEP = re.compile(r"(?P<name>\w+)|\[(?P<index>\d+)\]")


def _explain(raw: bytes, error: str) -> BadMessage:
    tree = _tree(raw)
    where, wanted = _place(error)
    request_id = _request_id(tree)
    unknown = _UNKNOWN.match(_AT.sub("", error))
    if unknown is not None:
        found = f"unknown field {_shown(unknown['name'])}"
        return BadMessage(where=where, found=found, wanted="only known fields", request_id=request_id)
    missing = _MISSING.match(_AT.sub("", error))
    if missing is not None:
        field = f"{where}.{missing['name']}" if where != "message" else missing["name"]
        return BadMessage(where=field, found="nothing", wanted="a value", request_id=request_id)
    found = _describe(tree, where)
    return BadMessage(where=where, found=found, wanted=wanted, request_id=request_id)


def _place(error: str) -> tuple[str, str]:
    """Where and what was wanted, out of msgspec's sentence ("Expected X, got `Y` - at `$.Z`")."""
    at = _AT.search(error)
    path = at["path"] if at is not None else ""
    sentence = _GOT.sub("", _AT.sub("", error))
    if sentence.startswith("Expected "):
        wanted = sentence.removeprefix("Expected ").replace("`", "").replace("str", "text")
    elif sentence.startswith("Invalid ") and path == "type":
        wanted = f"one of {', '.join(_TYPES)}"
    elif sentence.startswith("Invalid "):
        wanted = "one of the known values"
    elif "out of range" in sentence:
        wanted = "a number in range"
    else:
        wanted = "what docs/protocol.md says"
    return path or "message", wanted


def _tree(raw: bytes) -> object:
    """The message as plain values, to look up what stands at a path; UNSET when too deep or odd."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError):
        return msgspec.UNSET


def _request_id(tree: object) -> int | None:
    if not isinstance(tree, dict):
        return None
    found = tree.get("id")
    valid = isinstance(found, int) and not isinstance(found, bool) and 1 <= found < 2**31
    return found if valid else None


def _describe(tree: object, where: str) -> str:
    """Type and size of what stands at a path; the value itself when short and no secret."""
    value, name = tree, ""
    for step in _STEP.finditer("" if where == "message" else where):
        if step["index"] is not None and isinstance(value, list):
            index = int(step["index"])
            value = value[index] if index < len(value) else msgspec.UNSET
        elif step["name"] is not None and isinstance(value, dict):
            name = step["name"]
            value = value.get(name, msgspec.UNSET)
    match value:
        case msgspec.UNSET:
            return "something that cannot be read"
        case None:
            return "null"
        case bool() | int() | float():
            return _sentence(json.dumps(value)) if abs(value) < 2**64 else "a huge number"
        case str() if name in SECRET_FIELDS or len(value) > SHOWN_CHARS:
            return f"text of {len(value)} characters"
        case str():
            return _shown(value)
        case list():
            return f"an array of {len(value)}"
        case _:
            return "an object"


def _shown(name: str) -> str:
    """A stranger's text made harmless: quoted, ASCII, short."""
    cut = name[:SHOWN_CHARS]
    return json.dumps(cut) + ("..." if len(name) > SHOWN_CHARS else "")


def _sentence(text: str) -> str:
    return text[:120] if text else "nothing"
