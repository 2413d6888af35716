"""PEs that are not fixed, stepped register by register in plain Python: a witness of its own.

It takes from the code under test the plan's tiles and nothing else. When passes start is the table
of docs/timing.md; what PEs then compute follows from their registers, so a start that were too
early would meet the wrong words. It says which integer comes out of the array in which cycle.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def bits_of(value: int, width: int) -> list[int]:
    """The bits of a word in two's complement, the lowest first."""
    return [value >> bit & 1 for bit in range(width)]


def brick(left: list[int], left_signed: bool, right: list[int], right_signed: bool) -> int:
    """A 2 x 2 multiplier: four ANDs; the upper bit of a signed operand counts negative."""
    total = 0
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            negative = (left_signed and i == 1) != (right_signed and j == 1)
            total += (-1 if negative else 1) * ((a & b) << (i + j))
    return total


def brick_product(left: list[int], left_signed: bool, right: list[int], right_signed: bool):
    """A product of words as bricks that are shifted and added; and how many bricks it took."""
    total = bricks = 0
    for i in range(0, len(left), 2):
        for j in range(0, len(right), 2):
            ends = left_signed and i + 2 == len(left), right_signed and j + 2 == len(right)
            total += brick(left[i : i + 2], ends[0], right[j : j + 2], ends[1]) << (i + j)
            bricks += 1
    return total, bricks


def lane(bits: int) -> int:
    """The lane of a composable PE that an operand takes."""
    return next(size for size in (2, 4, 8, 16) if size >= bits)


@dataclass(frozen=True)
class Composable:
    """(pe_bits / 2)^2 bricks; operands wider than the PE in parts of pe_bits."""

    pe_bits: int
    weight_bits: int
    activation_bits: int

    @property
    def depth(self) -> int:
        pairs = [max(1, self.pe_bits // lane(b)) for b in (self.weight_bits, self.activation_bits)]
        return pairs[0] * pairs[1]

    @property
    def cycles(self) -> int:
        return self._parts(self.weight_bits) * self._parts(self.activation_bits)

    def _parts(self, bits: int) -> int:
        return max(1, lane(bits) // self.pe_bits)

    def _places(self, step: int) -> tuple[int, int]:
        return divmod(step, self._parts(self.activation_bits))

    def step(self, activations, weights, step: int) -> int:
        """What the PE adds up in one cycle, before it is shifted to its place."""
        places = dict(zip(("w", "a"), self._places(step), strict=True))
        total = bricks = 0
        for activation, weight in zip(activations, weights, strict=True):
            a, a_signed = self._part(activation, self.activation_bits, places["a"])
            w, w_signed = self._part(weight, self.weight_bits, places["w"])
            product, used = brick_product(a, a_signed, w, w_signed)
            total, bricks = total + product, bricks + used
        assert bricks <= (self.pe_bits // 2) ** 2
        return total

    def _part(self, word: int, bits: int, place: int) -> tuple[list[int], bool]:
        word_bits, size = bits_of(word, lane(bits)), min(lane(bits), self.pe_bits)
        part = word_bits[place * size : (place + 1) * size]
        return part, (place + 1) * size == lane(bits)

    def scale(self, step: int) -> int:
        """What a cycle's sum counts."""
        return 1 << (self.pe_bits * sum(self._places(step)))


@dataclass(frozen=True)
class BitSerial:
    """A weight and one bit of the activation, the lowest first, the sign bit subtracting."""

    activation_bits: int
    depth: int = 1

    @property
    def cycles(self) -> int:
        return self.activation_bits

    def step(self, activations, weights, step: int) -> int:
        bit = bits_of(activations[0], self.activation_bits)[step]
        return weights[0] if bit else 0

    def scale(self, step: int) -> int:
        return (-1 if step + 1 == self.activation_bits else 1) << step


@dataclass(frozen=True)
class Ternary:
    """Lanes whose activations are added, left out or subtracted."""

    pe_bits: int
    activation_bits: int
    cycles: int = 1

    @property
    def depth(self) -> int:
        return max(1, self.pe_bits // lane(self.activation_bits))

    def step(self, activations, weights, step: int) -> int:
        total = 0
        for activation, weight in zip(activations, weights, strict=True):
            sign, is_there = bits_of(weight, 2)[1], bits_of(weight, 2)[0]
            total += (-activation if sign else activation) if is_there else 0
        return total

    def scale(self, step: int) -> int:
        return 1


@dataclass
class Output:
    """A sum as it leaves the array."""

    cycle: int
    value: int


@dataclass
class Witness:
    """Accumulators after the run, and every sum or result in the cycle in which it left."""

    sums: np.ndarray
    outputs: dict[tuple[int, int, int], Output] = field(default_factory=dict)
    streamed_cycles: int = 0
    cycles: int = 0


def wrapped(value: int, bits: int) -> int:
    """Two's complement."""
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half


def run(kind, array, plan, left, right, bias, accumulator_bits: int) -> Witness:
    """Step every PE through every cycle of a plan of one group."""
    machine = _Stationary if plan.dataflow.preloads else _Output
    return machine(kind, array, plan, left, right, bias, accumulator_bits).run()


class _Machine:
    def __init__(self, kind, array, plan, left, right, bias, accumulator_bits):
        self.kind, self.array, self.plan, self.bits = kind, array, plan, accumulator_bits
        self.left, self.right, self.bias = left, right, bias
        self.rows, self.columns = array.rows, array.columns
        self.found = Witness(np.zeros((left.shape[0], right.shape[1]), object))

    def words(self, matrix, line: int, start: int, stop: int, step: int) -> tuple[int, ...]:
        """``depth`` words of a line of the depth [start, stop); zeros behind its end."""
        depth = self.kind.depth
        places = range(start + step * depth, start + (step + 1) * depth)
        there = line < matrix.shape[0]
        return tuple(int(matrix[line, k]) if there and k < stop else 0 for k in places)

    def grid(self, value):
        return [[value] * self.columns for _ in range(self.rows)]


class _Stationary(_Machine):
    """ws and is: rows hold the depth; sums move down."""

    def run(self) -> Witness:
        by_columns = self.plan.dataflow.columns == "n"
        # The operand that streams, and the one that stays, both as lines along the depth.
        self.moving, self.staying = (
            (self.left, self.right.T) if by_columns else (self.right.T, self.left)
        )
        self.passes = [
            ((p.m_start, p.m_stop), (p.n_start, p.n_stop), (p.k_start, p.k_stop))
            for p in self.plan.passes()
        ]
        if not by_columns:
            self.passes = [(n, m, k) for m, n, k in self.passes]
        self.by_columns = by_columns
        self._schedule()
        shadow, stationary = self.grid((0,) * self.kind.depth), self.grid((0,) * self.kind.depth)
        moving, sums = self.grid((None, None)), self.grid(0)
        below = [0] * self.columns
        for cycle in range(self.found.cycles):
            old = [list(map(list, grid)) for grid in (shadow, stationary, moving, sums)]
            for r in range(self.rows):
                for c in range(self.columns):
                    self._preload(cycle, r, c, old, shadow, stationary)
                    source = self._edge(cycle, r) if c == 0 else old[2][r][c - 1]
                    moving[r][c] = source
                    token, words = source
                    if token is None:
                        continue
                    number, vector, step = token
                    if self.array.weight_double_buffering and (vector, step) == (0, 0):
                        stationary[r][c] = old[0][r][c]
                    above = self._entering(number, vector, step, c) if r == 0 else old[3][r - 1][c]
                    activations, weights = words, stationary[r][c]
                    if not by_columns:
                        activations, weights = weights, activations
                    sums[r][c] = above + self.kind.step(activations, weights, step)
                    if r == self.rows - 1:
                        self._leave(cycle, token, c, sums[r][c], below)
        return self.found

    def _schedule(self) -> None:
        rows, corner, array = self.rows, self.rows + self.columns - 2, self.array
        self.starts, self.preloads = [rows], [0]
        lengths = [self.kind.cycles * (stop - start) for (start, stop), _, _ in self.passes]
        for length in lengths[:-1]:
            start, double = self.starts[-1], array.weight_double_buffering
            if array.tile_overlap:
                after = max(start + length, start + rows) if double else start + length + rows
            else:
                after = start + length + corner + (0 if double else rows)
            self.preloads.append(start if double else after - rows)
            self.starts.append(after)
        self.lengths = lengths
        self.found.cycles = self.starts[-1] + lengths[-1] + corner
        self.found.streamed_cycles = sum(lengths)

    def _preload(self, cycle, r, c, old, shadow, stationary) -> None:
        register, target = (0, shadow) if self.array.weight_double_buffering else (1, stationary)
        for number, start in enumerate(self.preloads):
            if start + c + r <= cycle < start + c + self.rows:
                if r:
                    target[r][c] = old[register][r - 1][c]
                else:
                    _, (first, last), (k_start, k_stop) = self.passes[number]
                    row = self.rows - 1 - (cycle - start - c)
                    line = first + c if first + c < last else len(self.staying)
                    target[r][c] = self.words(self.staying, line, k_start, k_stop, row)

    def _edge(self, cycle, r):
        for number, (start, length) in enumerate(zip(self.starts, self.lengths, strict=True)):
            at = cycle - start - r
            if 0 <= at < length:
                vector, step = divmod(at, self.kind.cycles)
                (first, _), _, (k_start, k_stop) = self.passes[number]
                words = self.words(self.moving, first + vector, k_start, k_stop, r)
                return (number, vector, step), words
        return None, None

    def _place(self, number, vector, c) -> tuple[int, int] | None:
        (first, _), (start, stop), _ = self.passes[number]
        if start + c >= stop:
            return None
        return (first + vector, start + c) if self.by_columns else (start + c, first + vector)

    def _before(self, number, vector, c) -> int:
        """What the accumulator holds before this pass: the bias, if it is the first."""
        place = self._place(number, vector, c)
        if place is None:
            return 0
        first = self.passes[number][2][0] == 0
        return int(self.bias[place[1]] if first else self.found.sums[place])

    def _entering(self, number, vector, step, c) -> int:
        """One cycle a token: the accumulator passes through the array. More: parts start at 0."""
        return self._before(number, vector, c) if self.kind.cycles == 1 else 0

    def _leave(self, cycle, token, c, value, below) -> None:
        number, vector, step = token
        if self.kind.cycles == 1:
            below[c] = wrapped(value, self.bits)
        else:
            before = self._before(number, vector, c) if step == 0 else below[c]
            below[c] = wrapped(before + self.kind.scale(step) * value, self.bits)
        place = self._place(number, vector, c)
        if place is not None and step == self.kind.cycles - 1:
            self.found.sums[place] = below[c]
            self.found.outputs[number, vector, c] = Output(cycle, below[c])


class _Output(_Machine):
    """os: accumulators stay, weights move down; results leave down the column."""

    def run(self) -> Witness:
        passes = [p for p in self.plan.passes() if p.first_depth]
        self.tiles = [(p.m_start, p.m_stop, p.n_start, p.n_stop) for p in passes]
        depth = self.left.shape[1]
        self.length = -(-depth // self.kind.depth) * self.kind.cycles
        self._schedule()
        moving, down = self.grid((None, None)), self.grid(None)
        sums, results, biases = self.grid(0), self.grid(0), self.grid(0)
        for cycle in range(self.found.cycles):
            old = [list(map(list, grid)) for grid in (moving, down, sums, results, biases)]
            for r in range(self.rows):
                for c in range(self.columns):
                    self._drain(cycle, r, c, old, sums, results)
                    source = self._left_edge(cycle, r) if c == 0 else old[0][r][c - 1]
                    moving[r][c] = source
                    token, activations = source
                    if token is None:
                        continue
                    number, at, step = token
                    weights = self._top_edge(number, at, c) if r == 0 else old[1][r - 1][c]
                    bias = self._bias(number, c) if r == 0 else old[4][r - 1][c]
                    down[r][c], biases[r][c] = weights, bias
                    before = bias if (at, step) == (0, 0) else old[2][r][c]
                    added = self.kind.scale(step) * self.kind.step(activations, weights, step)
                    sums[r][c] = wrapped(before + added, self.bits)
                    if at * self.kind.cycles + step == self.length - 1:
                        self._done(cycle, number, r, c, sums, results)
        return self.found

    def _schedule(self) -> None:
        rows, corner, array = self.rows, self.rows + self.columns - 2, self.array
        hidden, free = array.drain == "hidden", array.drain == "free"
        self.starts = [0]
        for _ in self.tiles[1:]:
            if array.tile_overlap:
                gap = 0 if free else max(0, rows - self.length) if hidden else rows - 1
            else:
                gap = corner if free or hidden else corner + rows
            self.starts.append(self.starts[-1] + self.length + gap)
        drain = 0 if free else rows
        self.found.cycles = self.starts[-1] + self.length + corner + drain
        self.found.streamed_cycles = self.length * len(self.tiles)

    def _left_edge(self, cycle, r):
        for number, start in enumerate(self.starts):
            at = cycle - start - r
            if 0 <= at < self.length:
                element, step = divmod(at, self.kind.cycles)
                first, stop, _, _ = self.tiles[number]
                line = first + r if first + r < stop else len(self.left)
                words = self.words(self.left, line, 0, self.left.shape[1], element)
                return (number, element, step), words
        return None, None

    def _top_edge(self, number, element, c):
        _, _, first, stop = self.tiles[number]
        line = first + c if first + c < stop else self.right.shape[1]
        return self.words(self.right.T, line, 0, self.left.shape[1], element)

    def _bias(self, number, c) -> int:
        _, _, first, stop = self.tiles[number]
        return int(self.bias[first + c]) if first + c < stop else 0

    def _done(self, cycle, number, r, c, sums, results) -> None:
        if self.array.drain == "free":
            self._result(cycle, number, r, c, sums[r][c])
        elif self.array.drain == "hidden":
            results[r][c] = sums[r][c]

    def _drain(self, cycle, r, c, old, sums, results) -> None:
        """The column shifts down from the cycle after its last PE's last product."""
        if self.array.drain == "free":
            return
        hidden = self.array.drain == "hidden"
        path, before = (results, old[3]) if hidden else (sums, old[2])
        for number, start in enumerate(self.starts):
            step = cycle - (start + self.length + self.rows - 1 + c)
            if not 0 <= step < self.rows:
                continue
            if r == self.rows - 1:
                self._result(cycle, number, self.rows - 1 - step, c, before[r][c])
            if step < r:
                path[r][c] = before[r - 1][c]

    def _result(self, cycle, number, row, c, value) -> None:
        first, stop, n_first, n_stop = self.tiles[number]
        if first + row < stop and n_first + c < n_stop:
            self.found.sums[first + row, n_first + c] = value
            self.found.outputs[number, row, c] = Output(cycle, value)
