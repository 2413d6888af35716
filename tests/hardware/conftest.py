import pytest

from accelsim.hardware import dump_hardware, load_hardware


class MachineFile(str):
    """The name of a file, and in which line it has what."""

    lines: list[str]

    def line(self, start, after=""):
        """Return ``edge.yaml:LINE`` of the first line that starts so, below one that starts so."""
        begin = self._index(after, 0) + 1 if after else 0
        return f"{self}:{self._index(start, begin) + 1}"

    def _index(self, start, begin):
        found = (
            i for i in range(begin, len(self.lines)) if self.lines[i].strip().startswith(start)
        )
        return next(found)


@pytest.fixture
def machine_file(tmp_path, monkeypatch):
    """Write edge_16x16 as edge.yaml with some of its text replaced; the name is relative."""
    monkeypatch.chdir(tmp_path)

    def write(*replacements: tuple[str, str]) -> MachineFile:
        text = dump_hardware(load_hardware("edge_16x16"))
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "edge.yaml").write_text(text)
        name = MachineFile("edge.yaml")
        name.lines = text.splitlines()
        return name

    return write
