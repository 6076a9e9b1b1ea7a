"""Configuration: refuses what is wrong in one line that names key, found and wanted."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml

from sfu.base.errors import ConfigError
from sfu.config import Config, load
from sfu.config.links import allowed_origins, open_creation, page_origin
from sfu.config.loader import keys

ROOT = Path(__file__).parents[3]


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_the_documented_file_says_the_defaults() -> None:
    documented = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert documented == msgspec.json.decode(msgspec.json.encode(Config()))
    assert load(ROOT / "config.yaml", {}) == Config()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("foo: 1", "config.yaml: foo: found 'foo', wanted a key that exists; see config.yaml"),
        ("media: {udp: 1}", "config.yaml: media.udp: found 'udp', wanted a key that exists; see config.yaml"),
        ("media: {plane: x}", "config.yaml: media.plane: found 'x', wanted one of auto, native, reference"),
        (
            "rooms: {max_participants: 1}",
            "config.yaml: rooms.max_participants: found 1, wanted an integer in 2..250",
        ),
        ("rooms: {codec: h264}", "config.yaml: rooms.codec: found 'h264', wanted vp8, vp9 or av1"),
        (
            "limits: {first_frame_s: abc}",
            "config.yaml: limits.first_frame_s: found 'abc', wanted a number in 0.1..60.0",
        ),
        ("server: 3", "config.yaml: server: found 3, wanted a section with keys"),
        (
            "server: {listen: '0.0.0.0:80'}",
            "config.yaml: server.listen: found '0.0.0.0:80', wanted server.tls.mode self_signed or files, "
            "or trusted_proxies, when off loopback",
        ),
        (
            "server: {origins: ['*']}",
            "config.yaml: server.origins: found '*', wanted https://HOST or https://HOST:PORT, no wildcard",
        ),
        (
            "media: {listen: ['0.0.0.0:7']}",
            "config.yaml: media.listen: found '0.0.0.0:7', wanted media.announced too, for a wildcard",
        ),
        (
            "media: {listen: ['localhost:7']}",
            "config.yaml: media.listen: found 'localhost:7', wanted literal ADDRESS:PORT",
        ),
        (
            "admin: {listen: '0.0.0.0:9'}",
            "config.yaml: admin.listen: found '0.0.0.0:9', wanted loopback, or admin.key_file too",
        ),
        (
            "ice: {servers: [{urls: ['turn:x']}]}",
            "config.yaml: ice.servers[0].secret_file: found None, wanted a file, for TURN",
        ),
        (
            "ice: {servers: [{urls: ['http://x']}]}",
            "config.yaml: ice.servers[0].urls: found 'http://x', wanted stun:, turn: or turns: URLs",
        ),
        (
            "server: {tls: {cert_file: x}}",
            "config.yaml: server.tls.cert_file: found 'x', wanted nothing, unless server.tls.mode is files",
        ),
        ("- a", "config.yaml: (file): found 'list', wanted sections with keys"),
        ("a: [", "config.yaml: line 1: found 'no YAML', wanted valid YAML"),
    ],
)
def test_refusals(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("content", "mode", "found"),
    [
        ("short", 0o600, "'a weak secret'"),
        ("a" * 40, 0o600, "'a weak secret'"),
        ("0123456789abcdefghij", 0o644, "'mode 0644'"),
    ],
)
def test_secret_files(tmp_path: Path, content: str, mode: int, found: str) -> None:
    secret = tmp_path / "turn"
    secret.write_text(content)
    secret.chmod(mode)
    text = f"ice: {{servers: [{{urls: ['turn:x'], secret_file: '{secret}'}}]}}"
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert found in str(caught.value)
    assert content not in str(caught.value)


def test_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    path = write(tmp_path, "rooms: {codec: vp9}\nserver: {listen: '127.0.0.1:1'}")
    environ = {
        "SOTTO_ROOMS_CODEC": "av1",
        "SOTTO_WEB_AUTOJOIN": "true",
        "SOTTO_LIMITS_CONNECTIONS": "7",
        "SOTTO_MEDIA_LISTEN": "127.0.0.1:1, [::1]:2",
        "OTHER": "x",
    }
    config = load(path, environ, {"server.listen": "127.0.0.1:3"})
    assert (config.rooms.codec, config.web.autojoin) == ("av1", True)
    assert config.limits.connections == 7
    assert config.media.listen == ("127.0.0.1:1", "[::1]:2")
    assert config.server.listen == "127.0.0.1:3"


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(ConfigError, match="environment: SOTTO_NONSENSE"):
        load(None, {"SOTTO_NONSENSE": "1"})


def test_a_bad_variable_names_itself() -> None:
    with pytest.raises(ConfigError, match=r"SOTTO_LIMITS_CONNECTIONS: limits.connections: found 0"):
        load(None, {"SOTTO_LIMITS_CONNECTIONS": "0"})


def test_every_key_can_be_set_by_environment() -> None:
    assert {"state_dir", "server.tls.mode", "limits.first_frame_s", "auth.key_file"} <= set(keys())


@pytest.mark.parametrize(
    ("text", "origin", "allowed", "is_open"),
    [
        (
            "",
            "http://127.0.0.1:8080",
            {"http://127.0.0.1:8080", "http://localhost:8080"},
            True,
        ),
        (
            "server: {listen: '192.0.2.1:443', tls: {mode: self_signed}}",
            "https://192.0.2.1:443",
            {"https://192.0.2.1:443"},
            False,
        ),
        (
            "server: {public_url: 'https://calls.example.org', trusted_proxies: ['127.0.0.1']}",
            "https://calls.example.org",
            None,
            False,
        ),
        ("rooms: {creation: closed}", "http://127.0.0.1:8080", None, False),
    ],
)
def test_links(tmp_path: Path, text: str, origin: str, allowed: set[str] | None, is_open: bool) -> None:
    config = load(write(tmp_path, text), {})
    assert page_origin(config) == origin
    assert allowed is None or allowed_origins(config) == allowed
    assert open_creation(config) is is_open
