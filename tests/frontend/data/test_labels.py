import pytest

from accelsim.errors import DataError
from accelsim.frontend.data.labels import read_labels


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "labels.csv"

    def read(text, classes=None, listed=None):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if listed is not None:
            (tmp_path / "classes.txt").write_text(listed)
        return [(row.name, row.label, row.tests) for row in read_labels(path, classes)]

    return read


@pytest.fixture
def refused(table):
    def message(*words):
        with pytest.raises(DataError) as caught:
            table(*words)
        return str(caught.value)

    return message


@pytest.mark.parametrize(
    "text",
    [
        "a.png,3\nb.png,12\n",
        "file,label\na.png,3\nb.png,12",
        "\ufefffilename, class\r\na.png, 3\r\n\r\nb.png, 12\r\n",
        "label;id;path of\n3;a.png;x\n12;b.png;y\n",
        "image\ttarget\na.png\t3\nb.png\t12\n",
        '"file","label"\n"a.png","3"\n"b.png","12"\n',
    ],
)
def test_forms_of_a_table(table, text):
    assert table(text) == [("a.png", 3, True), ("b.png", 12, True)]


def test_names_in_alphabetical_order(table):
    assert table("a.png,dog\nb.png,cat\nc.png,dog", 2) == [
        ("a.png", 1, True),
        ("b.png", 0, True),
        ("c.png", 1, True),
    ]


def test_names_in_the_order_of_their_list(table):
    listed = "dog\n\ncat\nbird\n"
    assert table("a.png,dog\nb.png,cat", 3, listed) == [("a.png", 0, True), ("b.png", 1, True)]


def test_splits(table):
    text = "file,label,split\na,0,test\nb,1,VAL\nc,2,train\nd,3,calibration\ne,4,\nf,5"
    tests = [tests for _, _, tests in table(text)]
    assert tests == [True, True, False, False, True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels.csv: holds no rows (file, label)"),
        ("file,label\n", "labels.csv: holds no rows (file, label)"),
        ("a.png\n", "labels.csv:1: must have a file and a label, got 'a.png'"),
        ("file,label\na.png,\n", "labels.csv:2: must have a file and a label, got 'a.png,'"),
        ("a.png,-1\n", "labels.csv:1: label: must be at least 0, got -1"),
        (
            "a.png,1\nb.png,cat\n",
            "labels.csv:2: label: 'cat' is a name, where others are numbers; give all as one or "
            "the other (or all names in classes.txt)",
        ),
        (
            "file,label,split\na.png,1,dev\n",
            "labels.csv:2: split: must be one of test, val, calibration, train, got 'dev'",
        ),
        (b"a.png,\xff\xfe\n", "labels.csv: is not text (UTF-8)"),
    ],
)
def test_tables_that_cannot_be_used(refused, text, message):
    assert refused(text) == message


def test_fewer_names_than_classes(refused):
    assert refused("a.png,dog\nb.png,cat", 3) == (
        "labels.csv: label: 2 names for the network's 3 classes; list all in classes.txt, one a "
        "line in the order of the network's outputs"
    )


def test_lists_that_cannot_be_used(refused):
    assert refused("a.png,dog\nb.png,cat", 3, "cat\nbird\nfish\n") == (
        "labels.csv:1: label: 'dog' is not in classes.txt"
    )
    assert refused("a.png,dog", 3, "dog\ncat\ndog\n") == "classes.txt: 'dog' is listed twice"


def test_a_field_without_end(refused):
    message = refused("a.png," + "x" * 200_000)
    assert message.startswith("labels.csv: is not readable CSV: ")
