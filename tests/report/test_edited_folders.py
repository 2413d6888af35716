"""Run folders edited by hand, again and again: refused in one line, or reported like any other."""

import copy
import json
import random
from dataclasses import replace

import pytest

from accelsim.errors import DataError
from accelsim.report.document import (
    provenance_document,
    read_documents,
    summary_document,
    to_json,
)
from accelsim.report.html import report_html
from accelsim.report.json_files import read_json
from accelsim.report.layer_table import render_layers
from accelsim.report.plots import figures
from accelsim.report.table import render_table

VALUES = (
    *(0, 1, -1, 1e300, 1e29, 1e-300, 10**29, None, True, "x", "", [], {}, "<b>", [1], {"a": 1}),
    *(float("nan"), float("inf")),
)


def places(document, path=()):
    """The path of every value of a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in items:
        yield (*path, name)
        if isinstance(value, dict | list):
            yield from places(value, (*path, name))


def edit(document, path, generator):
    """Remove or replace a value; values that an earlier edit took with it are left alone."""
    for step in path[:-1]:
        if not isinstance(document, dict | list) or not holds(document, step):
            return
        document = document[step]
    if isinstance(document, dict | list) and holds(document, path[-1]):
        if generator.random() < 0.15:
            del document[path[-1]]
        else:
            document[path[-1]] = generator.choice(VALUES)


def holds(document, step):
    return step in (document if isinstance(document, dict) else range(len(document)))


def test_hundreds_of_edits(result):
    points = tuple(replace(point, layers=point.layers[:2]) for point in result.points[:2])
    small = replace(result, points=points)
    documents = [json.loads(to_json(d(small))) for d in (summary_document, provenance_document)]
    known = [(which, path) for which in (0, 1) for path in places(documents[which])]
    generator = random.Random(4)
    counts = {"reported": 0, "refused": 0}
    for _ in range(400):
        edited = copy.deepcopy(documents)
        for _edit in range(generator.choice((1, 1, 2, 4))):
            which, path = generator.choice(known)
            edit(edited[which], path, generator)
        try:
            again = read_documents(*edited)
        except DataError as error:
            message = str(error)
            counts["refused"] += 1
        else:
            message = ""
            counts["reported"] += 1
            assert render_table(again, 80)
            assert render_layers(again, 200)
            assert report_html(again, {})
            if counts["reported"] % 20 == 0:
                figures(again)
        assert "\n" not in message
    assert min(counts.values()) > 20


def test_documents_nested_without_end(tmp_path):
    path = tmp_path / "summary.json"
    path.write_text("[" * 200_000)
    with pytest.raises(DataError) as caught:
        read_json(path)
    assert str(caught.value) == f"{path}: not JSON of a run: nested too deeply"
