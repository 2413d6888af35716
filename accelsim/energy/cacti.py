"""Ask a CACTI program that the user names about one SRAM: its version, its inputs, its answer.

CACTI (HP Labs; 7.0.3DD Prerelease is the one that was tried) is given a configuration file and
prints what it found. The program is run without a shell, in its own folder (it reads its technology
files from there), with a time limit and a limit on what it may print.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import ConfigError
from accelsim.hardware.schema import SramCells
from accelsim.output_folder import reason
from accelsim.units import format_bytes, shortened

__all__ = ["Cacti", "CactiAnswer", "CactiQuery"]

TIMEOUT_SECONDS = 120.0
LARGEST_OUTPUT_BYTES = 1 << 20
_NUMBER = r"(\S{1,40})"
_PATTERNS = {
    "size": rf"Total cache size \(bytes\):\s*{_NUMBER}",
    "block": rf"Block size \(bytes\):\s*{_NUMBER}",
    "node": rf"Technology size \(nm\):\s*{_NUMBER}",
    "read energy": rf"Total dynamic read energy per access \(nJ\):\s*{_NUMBER}",
    "write energy": rf"Total dynamic write energy per access \(nJ\):\s*{_NUMBER}",
    "leakage": rf"Total leakage power of a bank[^(\n]*\(mW\):\s*{_NUMBER}",
    "height": rf"Cache height x width \(mm\):\s*{_NUMBER} x ",
    "width": rf"Cache height x width \(mm\):\s*\S{{1,40}} x {_NUMBER}",
}
_GATE_LEAKAGE = rf"Total gate leakage power of a bank \(mW\):\s*{_NUMBER}"
_VERSION = r"CACTI \(version ([ -')-~]{1,80})\)"


@dataclass(frozen=True)
class CactiQuery:
    """One SRAM with a port that reads or writes a word of ``width_bits`` bits.

    ``size_bytes``: of one bank; ``node_nm``; ``cells``: also those of its periphery; ``kelvin``.
    """

    size_bytes: int
    width_bits: int
    node_nm: int
    cells: SramCells
    kelvin: int

    def configuration(self) -> str:
        """Return CACTI's inputs: a scratch RAM, organized for the least energy x delay^2.

        The prefetch and all from ``mem_density`` on are of DRAM; without them CACTI 7 fails.
        """
        cells = f'"itrs-{self.cells}"'
        return _CONFIGURATION.format(
            size=self.size_bytes,
            block=self.width_bits // 8,
            width=self.width_bits,
            micrometres=f"{self.node_nm / 1000:.3f}",
            kelvin=self.kelvin,
            cells=cells,
        )


@dataclass(frozen=True)
class CactiAnswer:
    """What CACTI said: pJ of an access, leakage (gates included) in uW, area in um2."""

    query: CactiQuery
    version: str
    read_pj: float
    write_pj: float
    leakage_uw: float
    area_um2: float


class Cacti:
    """A CACTI program; ``sha256`` is of its file."""

    def __init__(self, program: Path, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Raise ConfigError if it is no file that can be run."""
        self.program = program
        self._timeout_seconds = timeout_seconds
        try:
            self._path = program.resolve(strict=True)
            if not self._path.is_file():
                raise ConfigError(f"{program}: must be CACTI's program, is not a file")
            if not os.access(self._path, os.X_OK):
                raise ConfigError(f"{program}: must be CACTI's program, may not be run")
            with self._path.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ConfigError(f"{program}: cannot be run: {reason(error)}") from None

    def ask(self, query: CactiQuery) -> CactiAnswer:
        """Run the program on one query.

        Raises
        ------
        ConfigError
            It cannot be run, takes too long, prints too much, fails, or does not answer what was
            asked; one line that names the program and the query.
        """
        with tempfile.TemporaryDirectory(prefix="accelsim-cacti-") as folder:
            inputs = Path(folder, "cacti.cfg")
            inputs.write_text(query.configuration(), "ascii")
            text, code = self._run(inputs, query)
        if code:
            ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise self._refusal(query, f"{ended}; {_said(text)}")
        return self._answer(query, text)

    def _run(self, inputs: Path, query: CactiQuery) -> tuple[str, int]:
        """Return what the program printed, and its exit code; nothing of it goes on running."""
        try:
            process = subprocess.Popen(
                [str(self._path), "-infile", str(inputs)],
                cwd=self._path.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigError(f"{self.program}: cannot be run: {reason(error)}") from None
        try:
            return self._listen(process, query).decode("ascii", "replace"), process.wait(
                self._timeout_seconds
            )
        except subprocess.TimeoutExpired:
            raise self._refusal(query, self._no_end()) from None
        finally:
            # Whatever it has started belongs to its session.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if process.stdout is not None:
                process.stdout.close()
            process.wait()

    def _listen(self, process: subprocess.Popen[bytes], query: CactiQuery) -> bytes:
        """Return all that the program prints, within the limits."""
        deadline = time.monotonic() + self._timeout_seconds
        printed = bytearray()
        with selectors.DefaultSelector() as selector:
            assert process.stdout is not None
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._refusal(query, self._no_end())
                part = os.read(process.stdout.fileno(), 1 << 16)
                if not part:
                    return bytes(printed)
                printed += part
                if len(printed) > LARGEST_OUTPUT_BYTES:
                    most = format_bytes(LARGEST_OUTPUT_BYTES)
                    raise self._refusal(query, f"prints more than {most}")

    def _answer(self, query: CactiQuery, text: str) -> CactiAnswer:
        version = re.search(_VERSION, text)
        if version is None:
            raise self._refusal(query, f"does not say that it is CACTI; {_said(text)}")
        found = {what: self._number(query, text, what, rule) for what, rule in _PATTERNS.items()}
        asked = {
            "size": float(query.size_bytes),
            "block": query.width_bits / 8,
            "node": float(query.node_nm),
        }
        for what, value in asked.items():
            if found[what] != value:
                raise self._refusal(query, f"answered for a {what} of {found[what]:g}")
        gate_mw = 0.0
        if re.search(_GATE_LEAKAGE, text):
            gate_mw = self._number(query, text, "gate leakage", _GATE_LEAKAGE)
        return CactiAnswer(
            query=query,
            version=version[1],
            read_pj=1e3 * found["read energy"],
            write_pj=1e3 * found["write energy"],
            leakage_uw=1e3 * (found["leakage"] + gate_mw),
            area_um2=1e6 * found["height"] * found["width"],
        )

    def _number(self, query: CactiQuery, text: str, what: str, rule: str) -> float:
        match = re.search(rule, text)
        if match is None:
            raise self._refusal(query, f"does not say the {what}; {_said(text)}")
        try:
            value = float(match[1])
        except ValueError:
            value = math.nan
        may_be_nothing = "leakage" in what
        if not (0 < value < math.inf or (may_be_nothing and value == 0)):
            least = "at least 0" if may_be_nothing else "above 0"
            raise self._refusal(query, f"{what}: must be {least}, got {shortened(match[1])}")
        return value

    def _refusal(self, query: CactiQuery, problem: str) -> ConfigError:
        what = f"{format_bytes(query.size_bytes)} at {query.node_nm}nm, {query.cells} cells"
        return ConfigError(f"{self.program}: asked for {what}: {problem}")

    def _no_end(self) -> str:
        return f"no answer within {self._timeout_seconds:g} s"


def _said(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"its last line: {shortened(lines[-1]) if lines else 'nothing'}"


_CONFIGURATION = """\
-size (bytes) {size}
-block size (bytes) {block}
-associativity 1
-read-write port 1
-exclusive read port 0
-exclusive write port 0
-UCA bank count 1
-technology (u) {micrometres}
-internal prefetch width 8
-Data array cell type - {cells}
-Data array peripheral type - {cells}
-output/input bus width {width}
-operating temperature (K) {kelvin}
-cache type "ram"
-access mode (normal, sequential, fast) - "normal"
-Optimize ED or ED^2 (ED, ED^2, NONE): "ED^2"
-Wire signaling (fullswing, lowswing, default) - "default"
-Wire inside mat - "semi-global"
-Wire outside mat - "semi-global"
-Interconnect projection - "conservative"
-Add ECC - "false"
-Print level (DETAILED, CONCISE) - "DETAILED"
-mem_density 4 Gb
-num_clk 2
-mem_data_width 8
-num_bobs 1
-capacity 80
-num_channels_per_bob 1
-first metric "Cost"
-second metric "Bandwidth"
-third metric "Energy"
-DIMM model "ALL"
-mirror_in_bob "F"
"""
