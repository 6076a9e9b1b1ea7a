"""The message schema as plain descriptions, for the generators: names, types, ranges, meanings.

Types and ranges come from msgspec, meanings from the docstrings in ``messages.py``.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import get_args

import msgspec
from msgspec import inspect as shapes

from sfu.protocol import messages


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShape:
    """One field of a message or value."""

    name: str
    type: shapes.Type
    required: bool
    default: str
    """As JSON; empty when the field is required."""
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One message (``tag`` is its ``type``) or one value inside messages (``tag`` is None)."""

    name: str
    tag: str | None
    meaning: str
    fields: tuple[FieldShape, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Everything the generators need, in the order of ``messages.py``."""

    client: tuple[Shape, ...]
    server: tuple[Shape, ...]
    client_values: tuple[Shape, ...]
    server_values: tuple[Shape, ...]
    enums: tuple[type[Enum], ...]


def read_schema() -> Schema:
    """Describe ``messages.py``."""
    meanings = _field_meanings()
    client = _shapes(get_args(messages.AnyClientMessage), meanings)
    server = _shapes(get_args(messages.AnyServerMessage), meanings)
    named = [cls for cls in vars(messages).values() if isinstance(cls, type)]
    items = [cls for cls in named if _is_value(cls, messages.Item)]
    values = [cls for cls in named if _is_value(cls, messages.Value)]
    client_values, server_values = _shapes(items, meanings), _shapes(values, meanings)
    every = (*client, *server, *client_values, *server_values)
    enums = {cls for shape in every for field in shape.fields for cls in _enums(field.type)}
    return Schema(
        client=client,
        server=server,
        client_values=client_values,
        server_values=server_values,
        enums=tuple(sorted(enums, key=lambda cls: cls.__name__)),
    )


def _is_value(cls: type, base: type) -> bool:
    return issubclass(cls, base) and cls is not base


def _shapes(
    classes: tuple[type, ...] | list[type], meanings: dict[tuple[str, str], str]
) -> tuple[Shape, ...]:
    return tuple(_shape(cls, meanings) for cls in classes)


def _shape(cls: type, meanings: dict[tuple[str, str], str]) -> Shape:
    described = shapes.type_info(cls)
    if not isinstance(described, shapes.StructType):
        raise TypeError(f"{cls.__name__} is not a Struct")
    fields = tuple(
        FieldShape(
            name=field.encode_name,
            type=field.type,
            required=field.required,
            default=_default(field),
            meaning=meanings.get((cls.__name__, field.name), ""),
        )
        for field in described.fields
    )
    tag = str(described.tag) if described.tag is not None else None
    return Shape(name=cls.__name__, tag=tag, meaning=_line(cls.__doc__ or ""), fields=fields)


def _default(field: shapes.Field) -> str:
    if field.required:
        return ""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value).decode("utf-8")


def _enums(kind: shapes.Type) -> Iterator[type[Enum]]:
    match kind:
        case shapes.EnumType():
            yield kind.cls
        case shapes.ListType():
            yield from _enums(kind.item_type)
        case shapes.UnionType():
            for each in kind.types:
                yield from _enums(each)
        case _:
            return


def _field_meanings() -> dict[tuple[str, str], str]:
    """(class, field) -> the string literal that stands right after the field."""
    found: dict[tuple[str, str], str] = {}
    for cls in ast.parse(inspect.getsource(messages)).body:
        if not isinstance(cls, ast.ClassDef):
            continue
        for field, text in zip(cls.body, cls.body[1:], strict=False):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(meaning))),
                ):
                    found[cls.name, name] = _line(meaning)
    return found


def _line(text: str) -> str:
    return " ".join(textwrap.dedent(text).split())
