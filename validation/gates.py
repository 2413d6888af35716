"""A multiplier and an adder as gates, and what their wires do when data pass through them.

Yosys makes the gates. Every gate then takes its value for a whole sequence of inputs at once, in
an order in which its inputs come first: what changes from one step of the sequence to the next is
what a register-to-register path settles to, without the glitches on the way.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Netlist", "adder", "multiplier", "synthesize"]

Bits = NDArray[np.bool_]

_PIN_LOADS = {"$_NOT_": 1, "$_AND_": 1, "$_OR_": 1, "$_XOR_": 2}
"""Gates that a wire drives, in inputs of the smallest: an XOR's input is two of them."""


@dataclass(frozen=True)
class _Gate:
    kind: str
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, eq=False)
class Netlist:
    """Gates in an order in which every gate's inputs come before it; wires are numbers."""

    gates: tuple[_Gate, ...]
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    constants: Mapping[int, bool]

    def loads(self) -> dict[int, int]:
        """Return what each wire has to move when it changes: itself and the inputs behind it."""
        found = {gate.output: 1 for gate in self.gates}
        found |= {wire: 1 for wires in self.inputs.values() for wire in wires}
        for gate in self.gates:
            for wire in gate.inputs:
                if wire in found:
                    found[wire] += _PIN_LOADS[gate.kind]
        return found

    def run(
        self, **words: NDArray[np.integer]
    ) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
        """Return (outputs as signed words, load that changed at each step) of a sequence.

        words: [steps] signed integers for each input. The second is int64[steps - 1].
        """
        steps = len(next(iter(words.values())))
        wires: dict[int, Bits] = {
            wire: np.full(steps, value) for wire, value in self.constants.items()
        }
        for name, numbers in words.items():
            for bit, wire in enumerate(self.inputs[name]):
                wires[wire] = (numbers >> bit) & 1 == 1
        for gate in self.gates:
            wires[gate.output] = _evaluate(gate.kind, [wires[wire] for wire in gate.inputs])
        changed = np.zeros(steps - 1, np.int64)
        for wire, load in self.loads().items():
            changed += load * (wires[wire][1:] != wires[wire][:-1])
        outputs = {}
        for name, numbers_of in self.outputs.items():
            word = np.zeros(steps, np.int64)
            for bit, wire in enumerate(numbers_of):
                word += wires[wire].astype(np.int64) << bit
            sign = 1 << (len(numbers_of) - 1)
            outputs[name] = (word ^ sign) - sign
        return outputs, changed


def multiplier(bits: int) -> Netlist:
    """Return a signed multiplier: p = a * b."""
    return synthesize(
        "multiplier",
        f"module multiplier(input signed [{bits - 1}:0] a, input signed [{bits - 1}:0] b, "
        f"output signed [{2 * bits - 1}:0] p); assign p = a * b; endmodule",
    )


def adder(bits: int) -> Netlist:
    """Return an adder: s = a + b."""
    return synthesize(
        "adder",
        f"module adder(input signed [{bits - 1}:0] a, input signed [{bits - 1}:0] b, "
        f"output signed [{bits - 1}:0] s); assign s = a + b; endmodule",
    )


def synthesize(top: str, source: str) -> Netlist:
    """Return what Yosys makes of a combinational module.

    Raises
    ------
    FileNotFoundError
        If there is no Yosys.
    """
    if shutil.which("yosys") is None:
        raise FileNotFoundError("yosys")
    with tempfile.TemporaryDirectory() as folder:
        written, netlist = Path(folder, "source.sv"), Path(folder, "netlist.json")
        written.write_text(source)
        script = (
            f"read_verilog -sv {written}; synth -noabc -flatten -top {top}; opt -full; "
            f"write_json {netlist}"
        )
        subprocess.run(["yosys", "-q", "-p", script], check=True, capture_output=True)
        return _read(json.loads(netlist.read_text())["modules"][top])


def _read(module: Mapping[str, dict[str, dict[str, object]]]) -> Netlist:
    constants: dict[int, bool] = {}

    def wire(bit: object) -> int:
        if isinstance(bit, int):
            return bit
        number = -1 - int(bit == "1")
        constants[number] = bit == "1"
        return number

    gates = []
    for cell in module["cells"].values():
        pins = {name: wire(bits[0]) for name, bits in cell["connections"].items()}  # type: ignore[attr-defined]
        inputs = tuple(pins[name] for name in ("A", "B") if name in pins)
        gates.append(_Gate(str(cell["type"]), inputs, pins["Y"]))
    ports: dict[str, dict[str, tuple[int, ...]]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        ports[str(port["direction"])][name] = tuple(wire(bit) for bit in port["bits"])  # type: ignore[attr-defined]
    known = {number for wires in ports["input"].values() for number in wires} | set(constants)
    return Netlist(_ordered(gates, known), ports["input"], ports["output"], constants)


def _ordered(gates: list[_Gate], known: set[int]) -> tuple[_Gate, ...]:
    ordered: list[_Gate] = []
    waiting = gates
    while waiting:
        ready = [gate for gate in waiting if known.issuperset(gate.inputs)]
        if not ready:
            raise ValueError("the gates make a loop")
        ordered += ready
        known |= {gate.output for gate in ready}
        waiting = [gate for gate in waiting if gate.output not in known]
    return tuple(ordered)


def _evaluate(kind: str, inputs: list[Bits]) -> Bits:
    if kind == "$_NOT_":
        return ~inputs[0]
    if kind == "$_AND_":
        return inputs[0] & inputs[1]
    if kind == "$_OR_":
        return inputs[0] | inputs[1]
    if kind == "$_XOR_":
        return inputs[0] ^ inputs[1]
    raise ValueError(f"no such gate: {kind}")
