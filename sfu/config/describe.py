"""What a key wants, in words, from its type: ``an integer in 1..65535``."""

from __future__ import annotations

import types
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from sfu.config.schema import Config


def wanted(path: str) -> str | None:
    """Words for the key at a dotted path, None when there is no such key."""
    kind: Any = Config  # a type expression: nothing narrower describes all of them
    for step in path.replace("[", ".").replace("]", "").split("."):
        kind = _below(kind, step)
        if kind is None:
            return None
    return _words(kind)


def _below(kind: Any, step: str) -> Any:  # as above
    kind = _bare(kind)[0]
    if isinstance(kind, type) and issubclass(kind, Struct):
        return get_type_hints(kind, include_extras=True).get(step)
    if get_origin(kind) is tuple and (step.isdigit() or step == "..."):
        return get_args(kind)[0]
    return None


def _bare(kind: Any) -> tuple[Any, Meta | None]:  # as above
    if get_origin(kind) is Annotated:
        base, *extras = get_args(kind)
        return base, next((e for e in extras if isinstance(e, Meta)), None)
    return kind, None


def _words(kind: Any) -> str:  # as above
    kind, meta = _bare(kind)
    if get_origin(kind) in (Union, types.UnionType):
        parts = [_words(option) for option in get_args(kind) if option is not type(None)]
        return " or ".join([*parts, "nothing"])
    if get_origin(kind) is tuple:
        return f"a list of {_words(get_args(kind)[0])}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(str(value.value) for value in kind)
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        noun = "an integer" if kind is int else "a number"
        return noun if meta is None else f"{noun} in {meta.ge}..{meta.le}"
    return "text" if kind is str else "a section with keys"
