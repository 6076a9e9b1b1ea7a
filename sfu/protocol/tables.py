"""Write the tables of ``docs/protocol.md`` from the schema."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import inspect as shapes

from sfu.protocol import limits
from sfu.protocol.errors import CloseCode, ErrorCode
from sfu.protocol.messages import CAPABILITIES, PROTOCOL_VERSION
from sfu.protocol.schema import FieldShape, Schema, Shape
from sfu.protocol.typescript import bounds


def sections(schema: Schema) -> dict[str, str]:
    """Marker name -> the text that stands between its markers."""
    return {
        "version": "\n".join(_version()),
        "limits": "\n".join(_limits()),
        "errors": "\n".join(_errors()),
        "closes": "\n".join(_closes()),
        "client": "\n".join(_messages(schema.client, schema.client_values)),
        "server": "\n".join(_messages(schema.server, schema.server_values)),
    }


def _version() -> Iterator[str]:
    names = ", ".join(f"`{name}`" for name in CAPABILITIES)
    yield f"Version **{PROTOCOL_VERSION}**. Capabilities: {names}."


def _limits() -> Iterator[str]:
    large = ", ".join(f"`{name}`" for name in limits.LARGE_MESSAGE_TYPES)
    yield from _table(("limit", "value"))
    yield f"| first message after connecting | {limits.FIRST_MESSAGE_S:g} s |"
    yield f"| size of {large} | {limits.MAX_LARGE_MESSAGE_BYTES // 1024} KiB |"
    yield f"| size of any other message | {limits.MAX_MESSAGE_BYTES // 1024} KiB |"
    yield (
        f"| messages of one connection | {limits.MESSAGE_BURST} at once, "
        f"then {limits.MESSAGES_PER_S:g} a second |"
    )
    yield f"| `ping` from the server | every {limits.PING_INTERVAL_S:g} s |"
    yield f"| nothing heard from the client | closed after {limits.DEAD_AFTER_S:g} s |"


def _errors() -> Iterator[str]:
    yield from _table(("code", "action", "what happened"))
    yield from (f"| `{code.value}` | `{code.action}` | {code.text} |" for code in ErrorCode)


def _closes() -> Iterator[str]:
    yield from _table(("code", "action", "reason"))
    yield from (f"| {code.value} | `{code.action}` | {code.text} |" for code in CloseCode)


def _messages(messages: tuple[Shape, ...], values: tuple[Shape, ...]) -> Iterator[str]:
    for shape in messages:
        yield from _shape(shape, f"`{shape.tag}`")
    for shape in values:
        yield from _shape(shape, f"{shape.name} (a value)")


def _shape(shape: Shape, title: str) -> Iterator[str]:
    yield f"### {title}\n"
    yield f"{shape.meaning}\n"
    if not shape.fields:
        return
    yield from _table(("field", "type", "default", "meaning and range"))
    yield from (_row(field) for field in shape.fields)
    yield ""


def _row(field: FieldShape) -> str:
    meaning = " ".join(filter(None, (field.meaning, bounds(field.type)))).replace("|", "\\|")
    default = "required" if field.required else f"`{field.default}`"
    return f"| `{field.name}` | {_type(field.type)} | {default} | {meaning} |"


def _type(kind: shapes.Type) -> str:
    match kind:
        case shapes.StrType():
            return "text"
        case shapes.IntType():
            return "integer"
        case shapes.FloatType():
            return "number"
        case shapes.BoolType():
            return "boolean"
        case shapes.NoneType():
            return "null"
        case shapes.EnumType():
            return " or ".join(f"`{member.value}`" for member in kind.cls)
        case shapes.StructType():
            return kind.cls.__name__
        case shapes.ListType():
            return f"list of {_type(kind.item_type)}"
        case shapes.UnionType():
            return " or ".join(_type(each) for each in kind.types)
        case _:
            raise TypeError(f"no words for {kind!r}")


def _table(heads: tuple[str, ...]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
