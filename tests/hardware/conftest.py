import pytest

from accelsim.hardware import dump_hardware, load_hardware


@pytest.fixture
def machine_file(tmp_path, monkeypatch):
    """Write edge_16x16 as edge.yaml with some of its text replaced; the name is relative."""
    monkeypatch.chdir(tmp_path)

    def write(*replacements: tuple[str, str]) -> str:
        text = dump_hardware(load_hardware("edge_16x16"))
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "edge.yaml").write_text(text)
        return "edge.yaml"

    return write
