"""Whatever the bytes, a file is a network or one clear error: no crash, no hang, no explosion."""

import contextlib
import resource
import time
import tracemalloc

import numpy as np
import pytest

from accelsim.errors import AccelsimError
from accelsim.frontend import IntegerModel
from accelsim.frontend.tflite import load_tflite, outcomes
from accelsim.frontend.tflite.read_graph import read_graph

MUTATIONS = 1200
TRACED_MUTATIONS = 100
LARGEST_ALLOCATION_BYTES = 2_000_000
LARGEST_GROWTH_KIB = 40_000
LONGEST_SECONDS = 2.0


def mutated(content, other, generator):
    """One of the ways in which a file goes wrong."""
    data = bytearray(content)
    way = generator.integers(8)
    if way == 0:  # a few bytes
        for _ in range(generator.integers(1, 6)):
            data[generator.integers(len(data))] = generator.integers(256)
    elif way == 1:  # one bit
        data[generator.integers(len(data))] ^= 1 << int(generator.integers(8))
    elif way == 2:  # cut off
        del data[generator.integers(len(data)) :]
    elif way == 3:  # a part missing
        start = generator.integers(len(data))
        del data[start : start + generator.integers(1, 64)]
    elif way == 4:  # a part of another file
        start, size = generator.integers(len(data)), generator.integers(1, 200)
        place = generator.integers(len(other))
        data[start : start + size] = other[place : place + size]
    elif way == 5:  # a length, an offset, a number: a whole word
        words = [0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, len(data), 1 << 24]
        place = generator.integers(len(data) // 4) * 4
        data[place : place + 4] = int(generator.choice(words)).to_bytes(4, "little")
    elif way == 6:  # a word that is another word of the file
        places = generator.integers(len(data) // 4, size=2) * 4
        data[places[0] : places[0] + 4] = data[places[1] : places[1] + 4]
    else:  # a small change of a word: offsets that meet, tables that are shifted
        place = generator.integers(len(data) // 4) * 4
        word = int.from_bytes(data[place : place + 4], "little")
        word = (word + int(generator.integers(-64, 64))) % 2**32
        data[place : place + 4] = word.to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("name", ["image_classifier", "signal_chain"])
def test_damaged_files_end_in_a_network_or_one_clear_error(name, request, tmp_path):
    contents = {
        each: request.getfixturevalue(each) for each in ("image_classifier", "signal_chain")
    }
    content = contents.pop(name)
    (other,) = contents.values()
    generator = np.random.default_rng(7)
    path = tmp_path / "damaged.tflite"
    loaded = refused = 0
    # Imports and caches that stay are not a file's doing.
    path.write_bytes(content)
    load_tflite(path)
    resident_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(content, other, generator))
        start = time.process_time()
        try:
            model = load_tflite(path)
        except AccelsimError as error:
            refused += 1
            lines = str(error).splitlines()
            assert lines
            assert all(line.startswith(f"{path}: ") and len(line) < 600 for line in lines)
        else:
            loaded += 1
            assert isinstance(model, IntegerModel)
            assert model.integer.layers
        assert time.process_time() - start < LONGEST_SECONDS
    growth_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident_kib
    assert growth_kib < LARGEST_GROWTH_KIB
    assert loaded > MUTATIONS / 10
    assert refused > MUTATIONS / 4


def test_damaged_files_do_not_make_much_of_little(image_classifier, signal_chain, tmp_path):
    generator = np.random.default_rng(9)
    path = tmp_path / "damaged.tflite"
    tracemalloc.start()
    for _ in range(TRACED_MUTATIONS):
        path.write_bytes(mutated(image_classifier, signal_chain, generator))
        tracemalloc.reset_peak()
        with contextlib.suppress(AccelsimError):
            load_tflite(path)
        assert tracemalloc.get_traced_memory()[1] < LARGEST_ALLOCATION_BYTES
    tracemalloc.stop()


def test_what_becomes_of_each_operator_is_known_of_damaged_files_too(signal_chain):
    generator = np.random.default_rng(8)
    for _ in range(200):
        try:
            graph = read_graph(mutated(signal_chain, signal_chain, generator), "damaged")
        except AccelsimError:
            continue
        assert [outcome.operator for outcome in outcomes(graph)] == list(graph.operators)


def test_every_prefix_is_refused(signal_chain, tmp_path):
    path = tmp_path / "cut.tflite"
    for size in range(0, len(signal_chain) - 64, 37):
        path.write_bytes(signal_chain[:size])
        with pytest.raises(AccelsimError):
            load_tflite(path)
