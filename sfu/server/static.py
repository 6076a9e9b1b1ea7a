"""The web app's files, read once at start and served from memory. No path of a request is opened."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
}
FOREVER = "public, max-age=31536000, immutable"  # names under assets/ carry a hash of the content
FRESH = "no-cache"
NEVER = "no-store"
PAGE_PATH = re.compile(r"^/(?:r/[^/]*)?/?$")

NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sotto: the page is not built</title>
<h1>The web app is not built yet</h1>
<p>This server runs from a checkout. Build the page with <code>make run</code>, or with
<code>npm ci</code> and <code>npm run build</code> in the folder <code>client</code>, then start it again.</p>
</html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One answer."""

    status: int
    body: bytes
    content_type: str
    cache: str


class StaticFiles:
    """What there is to serve, by path."""

    def __init__(self, folder: Path, *, autojoin: bool, version: str) -> None:
        self._files = dict(_read(folder))
        self.built = "/index.html" in self._files
        page = self._files.get("/index.html")
        self._page = page or Found(status=503, body=NOT_BUILT, content_type=TYPES[".html"], cache=NEVER)
        facts = json.dumps({"autojoin": autojoin, "version": version}, separators=(",", ":"))
        self._files["/config.json"] = Found(
            status=200, body=facts.encode(), content_type=TYPES[".json"], cache=FRESH
        )

    def find(self, path: str) -> Found:
        """The answer for a path without query. Rooms are all the same page; it reads the address."""
        if PAGE_PATH.match(path):
            return self._page
        return self._files.get(path) or Found(
            status=404, body=b"Not found.\n", content_type=TYPES[".txt"], cache=NEVER
        )


def _read(folder: Path) -> Mapping[str, Found]:
    found: dict[str, Found] = {}
    if not folder.is_dir():
        return found
    for path in sorted(folder.rglob("*")):
        kind = TYPES.get(path.suffix)
        if kind is None or not path.is_file() or path.is_symlink():
            continue
        name = "/" + path.relative_to(folder).as_posix()
        cache = FOREVER if name.startswith("/assets/") else FRESH
        found[name] = Found(status=200, body=path.read_bytes(), content_type=kind, cache=cache)
    return found
