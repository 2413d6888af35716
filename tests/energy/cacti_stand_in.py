"""What CACTI 7 prints for a scratch RAM, as a program: the same words, energies of a plain law.

Started as CACTI is: ``-infile FILE``. What it does wrong, if anything, stands in the file ``mood``
beside it: ``silent``, ``hangs``, ``floods``, ``crashes``, ``other size``, ``no energy``,
``negative``, ``not a number``.
"""

import re
import sys
import time
from pathlib import Path

# Energy and mW of leakage for 64 KiB, as multiples of those of low operating power.
CELLS = {"itrs-hp": (2.0, 30.0), "itrs-lop": (1.0, 1.0), "itrs-lstp": (2.1, 0.001)}


def main() -> int:
    inputs = Path(sys.argv[sys.argv.index("-infile") + 1]).read_text()

    def asked(key: str) -> str:
        return re.search(rf"^-{re.escape(key)}\s*-?\s*\"?([^\"\n]+)\"?$", inputs, re.M)[1]

    mood_file = Path("mood")
    mood = mood_file.read_text() if mood_file.is_file() else ""
    size, block = int(asked("size (bytes)")), int(asked("block size (bytes)"))
    nanometres = round(1000 * float(asked("technology (u)")))
    energy, leakage_mw = CELLS[asked("Data array cell type")]
    read_nj = 1e-3 * energy * 5 * (size / 32768) ** 0.5 * block / 8
    if mood == "silent":
        return 0
    if mood == "hangs":
        print("Cache size                    :", size, flush=True)
        time.sleep(600)
    while mood == "floods":
        print("Wire width - 0.045 microns " * 1000)
    print("IO Area (sq.mm) = inf")
    if size < 1024 or mood == "crashes":
        print("ERROR: no valid data array organizations found")
        return 1
    print(
        "\n---------- CACTI (version 7.0.3DD Prerelease of Aug, 2012), Uniform Cache Access ",
        end="",
    )
    print("SRAM Model ----------\n\nCache Parameters:")
    print(f"    Total cache size (bytes): {size // 2 if mood == 'other size' else size}")
    print(
        f"    Number of banks: 1\n    Associativity: direct mapped\n    Block size (bytes): {block}"
    )
    print(f"    Technology size (nm): {nanometres}\n\n    Access time (ns): 1.12521")
    if mood != "no energy":
        shown = {"negative": "-0.1", "not a number": "-nan"}.get(mood, f"{read_nj:g}")
        print(f"    Total dynamic read energy per access (nJ): {shown}")
    print(f"    Total dynamic write energy per access (nJ): {0.75 * read_nj:g}")
    shown = "-1" if mood == "negative leakage" else f"{leakage_mw * size / 65536:g}"
    print(f"    Total leakage power of a bank (mW): {shown}")
    print(f"    Total gate leakage power of a bank (mW): {leakage_mw * size / 131072:g}")
    print(f"    Cache height x width (mm): {size / 131072:g} x 0.5\n\n    Best Ndwl : 2")
    print("Power Components:\n\n  Data array: Total dynamic read energy/access  (nJ): 1")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
