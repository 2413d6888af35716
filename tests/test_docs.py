"""What README and docs point to is there: pages, headings, pictures, commands and their options."""

import re
import shlex
from pathlib import Path

import click
import pytest

from accelsim.arithmetic import RescaleMode
from accelsim.cli import main
from accelsim.cli.sweep import sweep
from accelsim.frontend.topology import load_topology_file
from accelsim.frontend.topology.schema import LAYER_KINDS
from accelsim.hardware import load_hardware
from accelsim.hardware.fields import hardware_fields
from accelsim.hardware.pe_kinds import PeKind
from accelsim.hardware.schema import Cells, ClockGating, Drain, RowPolicy, SramCells
from accelsim.hardware.yaml_files import parse_document
from accelsim.sweeps.axes import flat_names

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(path):
    """The anchors of a page's headings, as a forge makes them."""
    headings = re.findall(r"^#+ +(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    broken = []
    for target in targets:
        if re.match(r"[a-z]+://", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name) if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for name in re.findall(r"\]\(([^)\s#]+\.md)", page.read_text(encoding="utf-8")):
            waiting.append((page.parent / name).resolve())
    assert set(PAGES) <= reached


def commands(page):
    """The command lines of a page: in code, and in a sentence."""
    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"^    (accelsim .*)$", text, flags=re.MULTILINE)
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines += [line for block in blocks for line in re.findall(r"^accelsim .*$", block, re.M)]
    lines += [" ".join(one.split()) for one in re.findall(r"`(accelsim [^`]*)`", text)]
    for line in lines:
        for one in re.split(r"\s&&\s|\s{2,}(?=accelsim )", line.partition(" #")[0]):
            if one.startswith("accelsim "):
                yield shlex.split(one)


def unknown_words(words):
    """Verbs that no command has, and options that it does not take."""
    command, rest = main, words[1:]
    while rest and isinstance(command, click.Group):
        if rest[0].startswith("-"):
            break
        if rest[0] not in command.commands:
            if command is sweep:
                command = sweep.commands["run"]
                break
            return [rest[0]]
        command, rest = command.commands[rest[0]], rest[1:]
    known = {name for option in command.params for name in option.opts + option.secondary_opts}
    known |= {"-h", "--help", "--version"}
    names = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    return [name for name in names if name not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_and_options_are_there(page):
    found = list(commands(page))
    wrong = [(" ".join(words), unknown_words(words)) for words in found if unknown_words(words)]
    assert wrong == []
    assert page.name != "README.md" or len(found) > 20


def test_the_network_of_shapes_of_the_docs_is_one(tmp_path):
    text = (ROOT / "docs" / "shapes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "mine.yaml"
    path.write_text(block, encoding="utf-8")
    topology = load_topology_file(path)
    names = [layer.name for layer in topology.layers]
    assert names[:3] == ["stem", "block0_conv1", "block0_conv2"]
    rows = re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE)
    assert {op for row in rows for op in re.findall(r"`(\w+)`", row)} - {"op"} == set(LAYER_KINDS)


def test_the_fields_of_a_machine_are_those_of_the_docs(tmp_path):
    text = (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "mine.yaml"
    path.write_text(block, encoding="utf-8")
    machine = flat_names(load_hardware(path).model_dump(mode="json", by_alias=True))
    written = flat_names(parse_document(block, "mine.yaml").values)
    parts = ("activations", "weights", "accumulators")
    defaults, ranges = {}, {}
    for row in re.findall(r"^\| (`.*) \|$", text, flags=re.MULTILINE):
        cells = re.split(r"\s*\|\s*", row)
        for name in re.findall(r"`([^`]*)`", cells[0]):
            for part in parts if "*" in name else ("",):
                defaults[name.replace("*", part)] = cells[1].strip("`")
                ranges[name.replace("*", part)] = cells[2]
    assert set(defaults) == set(hardware_fields())
    for name, default in defaults.items():
        value = machine.get(name)
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        if name in written and not default:
            continue
        assert default == ("none" if value is None else shown), name
    for name, choice in (
        ("array.drain", Drain),
        ("array.pe_kind", PeKind),
        ("rescale.mode", RescaleMode),
        ("technology.sram_cells", SramCells),
        ("scratchpads.weights.cells", Cells),
        ("dram.row_policy", RowPolicy),
        ("array.clock_gating", ClockGating),
    ):
        assert re.findall(r"`(\w+)`", ranges[name]) == [str(one) for one in choice], name


def test_what_is_not_there_is_found():
    assert unknown_words(["accelsim", "rnu"]) == ["rnu"]
    assert unknown_words(["accelsim", "run", "--bit=8", "--json"]) == ["--bit"]
    assert unknown_words(["accelsim", "sweep", "space.yaml", "--worker", "2"]) == ["--worker"]
    assert unknown_words(["accelsim", "energy", "explain", "runs/x", "conv1"]) == []
