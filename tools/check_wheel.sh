#!/bin/sh
# Build the wheel, install it into an empty environment outside the checkout, run the main job there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${BUILD:-python3}" -m build --wheel --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$work"/dist/accelsim-*.whl
cd "$work"
"$work/venv/bin/accelsim" run --output "$work/run" --json >"$work/run.json"
"$work/venv/bin/accelsim" rtl edge_4x4 --output "$work/rtl" >/dev/null
test -s "$work/rtl/sources/array_stationary.sv"
"$work/venv/bin/python" - "$work" <<'PY'
import json, pathlib, sys

work = pathlib.Path(sys.argv[1])
document = json.loads((work / "run.json").read_text())
points = document["points"]
assert document["schema"] == "accelsim.run/1", document["schema"]
assert [point["weight_bits"] for point in points] == [8, 6, 4, 3, 2], points
assert all(point["golden_mismatches"] == 0 for point in points), points
assert points[0]["accuracy_integer_pct"] > 97, points[0]
assert (work / "run" / "report.html").stat().st_size > 10_000
import accelsim

assert str(work) in accelsim.__file__, accelsim.__file__
print(f"wheel: {len(points)} points from {pathlib.Path(accelsim.__file__).parent.name}, 0 mismatches")
PY
