"use strict";
// The page of a sweep: filters, scatter, parallel coordinates, table, and one design in full.
// Text from files only ever becomes text nodes.

const data = JSON.parse(document.getElementById("data").textContent);
const axes = data.axes, columns = data.columns, count = data.front.length;
const INK = "#1f2933", MUTED = "#6b7785", LINE = "#dfe4ea", ACCENT = "#0072b2", CHOSEN = "#d55e00", BEATEN = "#7b8794", OVER = "#e69f00";
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#5b6875"];
const ROWS_AT_ONCE = 25;

const byId = (id) => document.getElementById(id);
const chosenValues = axes.map(() => new Set());
let limits = {}, frontOnly = false, shown = [], chosen = -1, rowsShown = ROWS_AT_ONCE;
let order = { column: data.objectives[0], down: columns[data.objectives[0]].maximize };

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function number(value) {
  if (value === null || value === undefined) return "-";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(3);
  return value.toLocaleString("en", { maximumSignificantDigits: 5 });
}

const title = (name) => columns[name].unit ? `${name} (${columns[name].unit})` : name;
const setting = (axis, point) => String(axes[axis].values[axes[axis].index[point]]);
const onFront = (point) => data.front[point] > 0;
const has = (name, point) => columns[name].values[point] !== null;

// Filters

function filter() {
  shown = [];
  for (let point = 0; point < count; point++) {
    if (frontOnly && !onFront(point)) continue;
    if (!axes.every((axis, i) => !chosenValues[i].size || chosenValues[i].has(axis.index[point]))) continue;
    const inside = Object.entries(limits).every(([name, [low, high]]) => {
      const value = columns[name].values[point];
      return value !== null && value >= low && value <= high;
    });
    if (inside) shown.push(point);
  }
  rowsShown = ROWS_AT_ONCE;
  sortPoints();
  draw();
}

function sortPoints() {
  const values = order.column in columns ? columns[order.column].values
    : axes.find((axis) => axis.name === order.column).index;
  const sign = order.down ? -1 : 1;
  shown.sort((a, b) => {
    if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null);
    return sign * (values[a] - values[b]) || a - b;
  });
}

function buildFilters() {
  const place = byId("filters");
  axes.forEach((axis, i) => {
    if (axis.values.length < 2 || axis.values.length > 40) return;
    const chips = axis.values.map((value, index) => make("button", {
      type: "button", class: "chip", "aria-pressed": "false",
      on: { click(event) {
        const set = chosenValues[i];
        if (!set.delete(index)) set.add(index);
        event.currentTarget.setAttribute("aria-pressed", String(set.has(index)));
        filter();
      } },
    }, String(value)));
    place.append(make("fieldset", {}, make("legend", {}, axis.name), ...chips));
  });
  for (const name of data.objectives) {
    const ends = ["at least", "at most"].map((what, side) => make("input", {
      type: "number", step: "any", placeholder: what, "aria-label": `${name} ${what}`,
      on: { input(event) {
        const pair = limits[name] || [-Infinity, Infinity];
        const value = event.currentTarget.value;
        pair[side] = value === "" ? (side ? Infinity : -Infinity) : Number(value);
        if (pair[0] === -Infinity && pair[1] === Infinity) delete limits[name]; else limits[name] = pair;
        filter();
      } },
    }));
    place.append(make("fieldset", {}, make("legend", {}, title(name)), ...ends));
  }
  byId("front-only").addEventListener("change", (event) => { frontOnly = event.currentTarget.checked; filter(); });
  byId("clear").addEventListener("click", () => {
    chosenValues.forEach((set) => set.clear());
    limits = {}; frontOnly = false; byId("front-only").checked = false;
    place.querySelectorAll("input").forEach((input) => { input.value = ""; });
    place.querySelectorAll(".chip").forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    filter();
  });
}

function buildSelects() {
  const names = Object.keys(columns);
  const add = (id, options, start) => {
    const select = byId(id);
    options.forEach((name) => select.append(make("option", { value: name }, name in columns ? title(name) : name)));
    select.value = start;
    select.addEventListener("change", draw);
  };
  add("x", names, data.objectives[0]);
  add("y", names, data.objectives[1] || names.find((name) => name !== data.objectives[0]));
  add("color", ["front", ...axes.filter((axis) => axis.values.length > 1).map((axis) => axis.name)], "front");
}

// Drawing

function surface(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.parentElement.clientWidth;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return [context, width, height];
}

function extent(name) {
  let low = Infinity, high = -Infinity;
  for (const value of columns[name].values) if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
  return low > high ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high];
}

// A logarithmic scale where values span more than a factor of ten.
function scale(name, from, to) {
  const [low, high] = extent(name), log = low > 0 && high / low > 10;
  const f = log ? Math.log : (value) => value, room = 0.03 * (f(high) - f(low));
  const a = f(low) - room, b = f(high) + room;
  const place = (value) => from + ((f(value) - a) / (b - a)) * (to - from);
  place.ticks = log ? logTicks(low, high) : evenTicks(low, high);
  return place;
}

function evenTicks(low, high) {
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough), ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step);
  return ticks;
}

function logTicks(low, high) {
  const ticks = [], factors = high / low > 1e4 ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of factors) { const tick = factor * 10 ** power; if (tick >= low && tick <= high) ticks.push(tick); }
  }
  return ticks;
}

let places = [];

function drawScatter() {
  const narrow = byId("scatter").parentElement.clientWidth < 500;
  const [context, width, height] = surface(byId("scatter"), narrow ? 320 : 440);
  const xName = byId("x").value, yName = byId("y").value, colorName = byId("color").value;
  const right = width - 12, top = 12, bottom = height - 42, y = scale(yName, bottom, top);
  // The axis' name stands left of the longest of its numbers.
  const left = 32 + Math.max(0, ...y.ticks.map((tick) => context.measureText(number(tick)).width));
  const x = scale(xName, left, right);
  context.strokeStyle = LINE; context.fillStyle = INK; context.lineWidth = 1;
  context.textAlign = "center";
  let last = -Infinity;
  for (const tick of x.ticks) {
    line(context, x(tick), top, x(tick), bottom);
    if (x(tick) - last > 48) { context.fillText(number(tick), x(tick), bottom + 16); last = x(tick); }
  }
  context.textAlign = "right";
  for (const tick of y.ticks) { line(context, left, y(tick), right, y(tick)); context.fillText(number(tick), left - 6, y(tick) + 4); }
  context.textAlign = "center"; context.fillStyle = MUTED;
  context.fillText(title(xName), (left + right) / 2, height - 8);
  context.save(); context.translate(12, (top + bottom) / 2); context.rotate(-Math.PI / 2);
  context.fillText(title(yName), 0, 0); context.restore();
  const axis = axes.findIndex((one) => one.name === colorName);
  places = [];
  const draws = shown.filter((point) => has(xName, point) && has(yName, point));
  for (const best of [false, true]) {
    for (const point of draws) {
      if (onFront(point) !== best) continue;
      const px = x(columns[xName].values[point]), py = y(columns[yName].values[point]);
      places.push([px, py, point]);
      const out = data.front[point] < 0;
      context.globalAlpha = best ? 1 : out ? 0.3 : 0.5;
      context.fillStyle = axis < 0 ? (best ? ACCENT : out ? OVER : BEATEN) : COLORS[axes[axis].index[point] % COLORS.length];
      dot(context, px, py, best ? 4.5 : 2.5);
      if (best && axis >= 0) { context.strokeStyle = INK; context.lineWidth = 1; context.stroke(); }
    }
  }
  context.globalAlpha = 1;
  const mark = places.find((place) => place[2] === chosen);
  if (mark) { context.strokeStyle = CHOSEN; context.lineWidth = 2.5; dot(context, mark[0], mark[1], 8, true); }
  drawLegend(axis);
}

function line(context, x1, y1, x2, y2) { context.beginPath(); context.moveTo(x1, y1); context.lineTo(x2, y2); context.stroke(); }

function dot(context, x, y, radius, hollow) {
  context.beginPath(); context.arc(x, y, radius, 0, 7);
  if (hollow) context.stroke(); else context.fill();
}

function drawLegend(axis) {
  const kinds = [["on the front", ACCENT], ["beaten", BEATEN], ...(data.front.some((kind) => kind < 0) ? [["over budget", OVER]] : [])];
  const items = axis < 0 ? kinds
    : axes[axis].values.map((value, i) => [String(value), COLORS[i % COLORS.length]]).slice(0, 40);
  byId("legend").replaceChildren(...items.map(([text, color]) => make("span", {},
    make("span", { style: `color:${color}`, "aria-hidden": "true" }, "● "), text)));
}

function drawParallel() {
  const canvas = byId("parallel"), names = data.objectives;
  const lanes = [...axes.map((axis, i) => [axis.name, i]).filter(([, i]) => axes[i].values.length > 1), ...names.map((name) => [name, -1])];
  const [context, width, height] = surface(canvas, 300);
  const left = 46, step = (width - 2 * left) / Math.max(1, lanes.length - 1), top = 40, bottom = height - 24;
  const at = lanes.map(([name, i]) => i >= 0
    ? (point) => bottom - (axes[i].index[point] / (axes[i].values.length - 1)) * (bottom - top)
    : ((y) => (point) => y(columns[name].values[point]))(scale(name, bottom, top)));
  const draws = shown.filter((point) => names.every((name) => has(name, point)));
  const trace = (point) => {
    context.beginPath();
    lanes.forEach((_, i) => context[i ? "lineTo" : "moveTo"](left + i * step, at[i](point)));
    context.stroke();
  };
  const behind = draws.filter((point) => !onFront(point)), thin = Math.max(1, Math.ceil(behind.length / 2000));
  context.lineWidth = 1; context.strokeStyle = BEATEN; context.globalAlpha = 0.25;
  behind.forEach((point, i) => { if (i % thin === 0) trace(point); });
  context.globalAlpha = 0.85; context.strokeStyle = ACCENT;
  draws.filter(onFront).forEach(trace);
  context.globalAlpha = 1;
  if (shown.includes(chosen)) { context.strokeStyle = CHOSEN; context.lineWidth = 2.5; trace(chosen); }
  context.strokeStyle = INK; context.fillStyle = INK; context.lineWidth = 1;
  lanes.forEach(([name, i], lane) => {
    const x = left + lane * step, parts = name.split(".");
    line(context, x, top, x, bottom);
    context.textAlign = "center"; context.fillStyle = INK;
    const room = lanes.length * 58 < width ? 16 : 7;
    context.fillText(cut(parts[parts.length - 1], room), x, 26 - (room === 7 && lane % 2) * 14);
    context.fillStyle = MUTED;
    const [low, high] = i >= 0 ? [axes[i].values[0], axes[i].values[axes[i].values.length - 1]] : extent(name).map(number);
    if (room === 7) return;
    // Beside its line where it would leave the page.
    for (const [end, y] of [[low, height - 8], [high, top - 1]]) {
      const text = cut(String(end), room + 2), half = context.measureText(text).width / 2;
      context.fillText(text, Math.min(Math.max(x, half), width - half), y);
    }
  });
  byId("thinned").textContent = thin > 1 ? `One in ${thin} of the beaten points is drawn; all of the front is.` : "";
}

const cut = (text, room) => text.length > room ? text.slice(0, room - 1) + "…" : text;

// Table

function drawTable() {
  const head = [...axes.map((axis) => axis.name), ...Object.keys(columns), "front"];
  const cells = head.map((name) => make("th", name in columns || name === "front" ? {} : { class: "text" }, name === "front" ? "front" : make("button", {
    type: "button", ...(order.column === name ? { "aria-sort": order.down ? "descending" : "ascending" } : {}),
    on: { click() {
      order = { column: name, down: order.column === name && !order.down };
      sortPoints(); drawTable();
    } },
  }, name), make("span", { class: "unit" }, name in columns ? columns[name].unit : "")));
  byId("head").replaceChildren(...cells);
  byId("rows").replaceChildren(...shown.slice(0, rowsShown).map((point) => make("tr", {
    tabindex: "0", ...(point === chosen ? { class: "chosen" } : {}),
    on: { click() { choose(point, true); }, keydown(event) { if (event.key === "Enter") choose(point, true); } },
  },
    ...axes.map((_, i) => make("td", { class: "text" }, setting(i, point))),
    ...Object.keys(columns).map((name) => make("td", {}, number(columns[name].values[point]))),
    make("td", { class: "front" }, ["over budget", "", "yes", "knee"][data.front[point] + 1]))));
  byId("more").hidden = rowsShown >= shown.length;
  byId("count").textContent = `${shown.length.toLocaleString("en")} of ${count.toLocaleString("en")} points`;
}

// One design

function yaml(group, indent = "") {
  return Object.entries(group).map(([key, value]) => {
    if (value !== null && typeof value === "object") return `${indent}${key}:\n${yaml(value, indent + "  ")}`;
    const text = String(value), plain = /^[A-Za-z0-9][A-Za-z0-9_.\/-]*$/.test(text);
    return `${indent}${key}: ${typeof value !== "string" || plain ? text : JSON.stringify(text)}\n`;
  }).join("");
}

function network(point) {
  const axis = axes.find((one) => one.name === "network");
  return axis ? axis.values[axis.index[point]] : data.network;
}

// Fields of the machine that an axis changes beside its own.
const brought = (axis, point) => axis.brings[axis.index[point]] ?? {};

function resolved(point) {
  const machine = structuredClone(data.base), words = {};
  const put = (name, value) => {
    const path = name.split("."), last = path.pop();
    path.reduce((group, key) => (group[key] ??= {}), machine)[last] = value;
  };
  Object.entries(data.files[network(point)] ?? {}).forEach(([name, value]) => put(name, value));
  let [weights, activations] = [machine.array.weight_bits, machine.array.activation_bits];
  axes.forEach((axis, i) => {
    const value = axis.values[axis.index[point]];
    Object.entries(brought(axis, point)).forEach(([name, other]) => put(name, other));
    if (axis.name === "bits") [weights, activations] = value.slice(1).split("a").map(Number);
    else if (axis.name === "batch") words.batch = value;
    else if (axis.name === "network") return;
    else if (!axis.name.startsWith("quantization.")) {
      put(axis.name, value);
      if (axis.name === "array.weight_bits") weights = value;
      else if (axis.name === "array.activation_bits") activations = value;
    }
  });
  [machine.array.weight_bits, machine.array.activation_bits] = [weights, activations];
  if (data.options[data.option[point]].includes("--asymmetric-weights")) machine.array.row_sums = true;
  return [machine, words];
}

const quote = (text) => /^[A-Za-z0-9_.,:=\/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`;

function command(point) {
  const [machine, words] = resolved(point), { weight_bits: w, activation_bits: a } = machine.array;
  const parts = ["accelsim", "run", network(point), "--hardware", data.hardware];
  axes.forEach((axis, i) => {
    if (["bits", "network", "batch", "array.weight_bits", "array.activation_bits"].includes(axis.name) || axis.name.startsWith("quantization.")) return;
    parts.push("--set", `${axis.name}=${setting(i, point)}`);
    Object.entries(brought(axis, point)).forEach(([name, value]) => parts.push("--set", `${name}=${value}`));
  });
  if (!(network(point) in data.files)) parts.push("--bits", w === a ? String(w) : `w${w}a${a}`);
  parts.push("--batch", String(words.batch ?? data.batch), ...data.options[data.option[point]]);
  return parts.map(quote).join(" ");
}

function choose(point, scroll) {
  chosen = point;
  const [machine] = resolved(point), built = data.operand_bits[data.option[point]];
  if (built) [machine.array.weight_bits, machine.array.activation_bits] = built;
  byId("facts").replaceChildren(...[
    ...axes.map((axis, i) => [axis.name, setting(i, point)]),
    ...Object.keys(columns).map((name) => [name, `${number(columns[name].values[point])} ${columns[name].unit}`]),
    ["point", data.keys[point]],
  ].flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  byId("command").textContent = command(point);
  byId("yaml").textContent = yaml(machine);
  byId("design").hidden = false;
  draw();
  if (scroll) byId("design").scrollIntoView({ block: "nearest" });
}

// Pointer

function nearest(event) {
  const box = byId("scatter").getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  let best = -1, distance = 15 ** 2;
  for (const [px, py, point] of places) {
    const d = (px - x) ** 2 + (py - y) ** 2 - (onFront(point) ? 9 : 0);
    if (d < distance) [best, distance] = [point, d];
  }
  return best;
}

function hover(event) {
  const tip = byId("tip"), point = nearest(event);
  tip.hidden = point < 0;
  byId("scatter").style.cursor = point < 0 ? "" : "pointer";
  if (point < 0) return;
  const lines = [
    ...axes.filter((axis) => axis.values.length > 1).map((axis) => [axis.name, String(axis.values[axis.index[point]])]),
    ...data.objectives.map((name) => [name, `${number(columns[name].values[point])} ${columns[name].unit}`]),
  ];
  tip.replaceChildren(...lines.map(([name, value]) => make("div", {}, `${name} `, make("b", {}, value))));
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, window.innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, window.innerHeight - box.height - 8))}px`;
}

function draw() { drawScatter(); drawParallel(); drawTable(); }

buildFilters();
buildSelects();
byId("scatter").addEventListener("pointermove", hover);
byId("scatter").addEventListener("pointerleave", () => { byId("tip").hidden = true; });
byId("scatter").addEventListener("click", (event) => { const point = nearest(event); if (point >= 0) choose(point, false); });
byId("more").addEventListener("click", () => { rowsShown += ROWS_AT_ONCE; drawTable(); });
window.addEventListener("resize", draw);
filter();
