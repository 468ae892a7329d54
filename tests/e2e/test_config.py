"""`serve --config holdfast.yaml`."""

from pathlib import Path

import pytest
from demo_model import DEMO, MODEL


def write(folder: Path, text: str) -> str:
    file = folder / "holdfast.yaml"
    file.write_text(text)
    return str(file)


def test_a_file_says_what_the_command_line_would(start_server, tmp_path):
    file = write(
        tmp_path,
        f"""\
server:
  insecure_loopback: true
  max_body: 1kb
engine: {{context: 512, kv_memory: 64MB}}
audit: {{folder: {tmp_path}/log, keys: {tmp_path}/keys}}
""",
    )
    server = start_server("--config", file, home=tmp_path)
    assert server.url.startswith("http://")
    assert server.health()["context"] == 512
    # What stands on the command line goes first.
    assert start_server("--config", file, "--context", "256", home=tmp_path / "b").health()["context"] == 256


def test_models_and_names(tmp_path, start_server):
    file = write(tmp_path, f"models: [{{path: {DEMO}, alias: small}}]\nserver: {{insecure_loopback: true}}\n")
    assert start_server("--config", file, home=tmp_path).announced["models"] in (["small"], [MODEL])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server:\n  prot: 1\n", "line 2, column 3"),
        ("server:\n  io_threads: many\n", "line 2, column 15"),
        ("engine:\n  kv_type: f12\n", "line 2, column 12"),
        ("server: {host: [a, b]}\n", "line 1, column 16"),
        ("server: [\n", "line 2"),
    ],
)
def test_what_is_wrong_is_named(start_server, tmp_path, text, complaint):
    with pytest.raises(RuntimeError, match=complaint):
        start_server("--config", write(tmp_path, text))


def test_a_file_that_is_not_there(start_server):
    with pytest.raises(RuntimeError, match=r"nowhere\.yaml"):
        start_server("--config", "nowhere.yaml")
