"""``python -m sfu.protocol.generate [--check]``: write what is generated from the schema.

Writes ``client/src/protocol/messages.gen.ts`` and the tables of ``docs/protocol.md`` between their
markers. With ``--check`` it writes nothing and ends with status 1 when a file is out of date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sfu.protocol.schema import read_schema
from sfu.protocol.tables import sections
from sfu.protocol.typescript import typescript

ROOT = Path(__file__).resolve().parents[2]
TYPESCRIPT = Path("client/src/protocol/messages.gen.ts")
DOCUMENT = Path("docs/protocol.md")

_MARKED = re.compile(
    r"(?P<start><!-- generated: (?P<name>[a-z]+) -->\n).*?(?P<end><!-- /generated -->)", re.DOTALL
)


def generated(root: Path) -> dict[Path, str]:
    """What each generated file should hold now.

    Raises:
        ValueError: ``docs/protocol.md`` lacks a marker or has one we do not know.
    """
    schema = read_schema()
    document = (root / DOCUMENT).read_text(encoding="utf-8")
    return {TYPESCRIPT: typescript(schema), DOCUMENT: _fill(document, sections(schema))}


def outdated(root: Path) -> list[Path]:
    """Generated files that differ from the schema."""
    wanted = generated(root)
    return [path for path, text in wanted.items() if _read(root / path) != text]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sfu.protocol.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    options = parser.parse_args(arguments)
    stale = outdated(ROOT)
    if options.check:
        for path in stale:
            print(f"{path} is out of date: run python -m sfu.protocol.generate", file=sys.stderr)
        return 1 if stale else 0
    for path, text in generated(ROOT).items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _fill(document: str, texts: Mapping[str, str]) -> str:
    names = [match["name"] for match in _MARKED.finditer(document)]
    if sorted(names) != sorted(texts):
        raise ValueError(f"{DOCUMENT}: markers {sorted(names)}, wanted {sorted(texts)}")
    return _MARKED.sub(
        lambda match: f"{match['start']}\n{texts[match['name']].strip()}\n\n{match['end']}",
        document,
    )


if __name__ == "__main__":
    sys.exit(main())
