"use strict";
// The same arithmetic as harness/rank.py; tests hold the two together.
const rank = {
  score(factors, weights) {
    let total = 0, sum = 0;
    for (const [name, [low, high]] of Object.entries(factors)) {
      total += weights[name];
      sum += weights[name] * (low + high) / 2;
    }
    return total > 0 ? sum / total : 0;
  },
  at(usd, scales, buyer, knobs) {
    return scales ? usd * knobs.price * buyer.utilisation / (knobs.utilisation ?? buyer.utilisation) : usd;
  },
  annuity(rate, years) {
    return rate === 0 ? years : -Math.expm1(-rate * years) / rate;
  },
  survival(h, years, rate, jumps) {
    let alive = 1, inUse = 0, exits = 0, begun = 0;
    const within = jumps.filter(([t]) => 0 < t && t < years).sort((a, b) => a[0] - b[0]);
    for (const [end, chance] of [...within, [years, 0]]) {
      const stretch = Math.exp(-rate * begun) * rank.annuity(h + rate, end - begun);
      inUse += alive * stretch;
      exits += alive * h * stretch;
      alive *= Math.exp(-h * (end - begun));
      exits += alive * chance * Math.exp(-rate * end);
      alive *= 1 - chance;
      begun = end;
    }
    return [inUse, exits];
  },
  adjusted(one, buyer, knobs) {
    if (one.usd === null) return null;
    const own = rank.at(one.usd, one.scales, buyer, knobs);
    const leave = one.leave;
    if (!leave) return own;
    const fallback = rank.at(leave.fallback_usd, leave.fallback_scales, buyer, knobs);
    const move = leave.unpriced_usd + rank.at(leave.measured_usd, true, buyer, knobs);
    const years = buyer.horizon_years, rate = buyer.discount_rate_per_year;
    const [inUse, exits] = rank.survival(leave.hazard_per_year * knobs.hazard, years, rate, leave.jumps);
    const whole = rank.annuity(rate, years);
    const after = fallback + leave.quality_usd_per_year / buyer.mtok_per_year;
    return (own * inUse + after * (whole - inUse) + move * exits / buyer.mtok_per_year) / whole;
  },
  order(values, cases) {
    const ranked = values.map((value, i) => value !== null && cases[i].done && cases[i].permitted ? value : null);
    const places = new Map();
    ranked.filter(v => v !== null).sort((a, b) => a - b)
      .forEach((value, i) => { if (!places.has(value)) places.set(value, i + 1); });
    return ranked.map(value => value === null ? null : places.get(value));
  },
};

const live = JSON.parse(document.getElementById("live").textContent);
const say = place => live.dictionary[place];
const PER_PAGE = 50;
const count = live.usd.length;
const names = Object.keys(live.weights);
const start = {buyer: 0, price: 1, utilisation: live.utilisation, hazard: 1, sort: "place", down: 0,
               filter: "", page: 0, weights: {...live.weights}};
let state = fromAddress();

function fromAddress() {
  const found = {...start, weights: {...start.weights}};
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (key.startsWith("w.") && key.slice(2) in found.weights) found.weights[key.slice(2)] = limited(value, 0, 1, live.weights[key.slice(2)]);
    else if (key === "filter") found.filter = value;
    else if (key === "sort") found.sort = value;
    else if (key in found) found[key] = Number.isFinite(Number(value)) ? Number(value) : found[key];
  }
  found.price = limited(found.price, 0.1, 5, 1);
  found.utilisation = limited(found.utilisation, 0.05, 1, live.utilisation);
  found.hazard = limited(found.hazard, 0, 10, 1);
  if (!live.buyers[found.buyer]) found.buyer = 0;
  return found;
}

function limited(value, low, high, otherwise) {
  const number = Number(value);
  return Number.isFinite(number) ? Math.min(high, Math.max(low, number)) : otherwise;
}

function toAddress() {
  const told = new URLSearchParams();
  for (const key of ["buyer", "price", "utilisation", "hazard", "sort", "down", "filter", "page"])
    if (state[key] !== start[key]) told.set(key, state[key]);
  for (const name of names) if (state.weights[name] !== start.weights[name]) told.set(`w.${name}`, state.weights[name]);
  history.replaceState(null, "", told.size ? `#${told}` : location.pathname + location.search);
}

function caseOf(i) {
  const given = live.buyers[state.buyer], leave = given.leave[i];
  return {
    usd: live.usd[i], scales: !!live.scales[i], done: !!live.done[i], permitted: !!given.permitted[i],
    factors: given.which[i] === null ? null : given.factors[given.which[i]],
    leave: leave && {
      fallback_usd: live.usd[leave[0]], fallback_scales: !!live.scales[leave[0]], unpriced_usd: leave[1],
      measured_usd: leave[2], quality_usd_per_year: leave[3], hazard_per_year: leave[4], jumps: leave[5] ?? [],
    },
  };
}

function reckon() {
  const given = live.buyers[state.buyer];
  const buyer = {mtok_per_year: given.mtok, horizon_years: given.horizon, discount_rate_per_year: given.rate,
                 utilisation: live.utilisation};
  const cases = Array.from({length: count}, (_, i) => caseOf(i));
  const byKind = given.factors.map(factors => rank.score(factors, state.weights));
  const costs = cases.map(one => one.usd === null ? null : rank.at(one.usd, one.scales, buyer, state));
  const adjusted = cases.map(one => rank.adjusted(one, buyer, state));
  // Only what answers the same question is ranked together: one workload, one way of counting.
  const place = new Array(count).fill(null);
  const groups = new Map();
  for (let i = 0; i < count; i++) {
    const key = `${live.texts.workload[i]} ${live.basis[i]}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(i);
  }
  for (const members of groups.values())
    rank.order(members.map(i => adjusted[i]), members.map(i => cases[i])).forEach((p, k) => { place[members[k]] = p; });
  return {
    cost: costs, adjusted, place,
    risk: given.which.map(kind => kind === null ? null : byKind[kind]),
  };
}

const COLUMNS = [
  {key: "place", title: "Rank", number: (now, i) => now.place[i], digits: 0,
   why: i => `not ranked: ${say(live.buyers[state.buyer].gate[i]).replaceAll("_", " ")}, ${say(live.texts.status[i])}`},
  {key: "model"}, {key: "headquarters"}, {key: "workload"}, {key: "hardware"}, {key: "level"},
  {key: "gate", title: "Gate", text: i => say(live.buyers[state.buyer].gate[i]).replaceAll("_", " ")},
  {key: "adjusted", title: "Risk-adjusted cost per million tokens (USD)", number: (now, i) => now.adjusted[i], digits: 3,
   why: i => say(live.usdReason[i])},
  {key: "cost", title: "Whole bill per million tokens (USD)", number: (now, i) => now.cost[i], digits: 3,
   why: i => say(live.usdReason[i])},
  {key: "basis", title: "Counted", text: i => say(live.basis[i]).endsWith("output") ? "output tokens" : "all tokens"},
  {key: "risk", title: "Risk score at these weights", number: (now, i) => now.risk[i], digits: 2, why: () => "not assessed"},
  ...Object.keys(live.figures).map(key => ({key, figure: true})),
  {key: "evidence"}, {key: "status"}, {key: "cell_id"},
];

function valueOf(column, now, i) {
  if (column.number) return column.number(now, i);
  if (column.figure) return live.figures[column.key].value[i];
  return column.text ? column.text(i) : say(live.texts[column.key][i]);
}

function shownOf(column, now, i) {
  const value = valueOf(column, now, i);
  if (value !== null) {
    if (typeof value === "string") return value;
    if (!column.figure) return value.toFixed(column.digits);
    const {low, high} = live.figures[column.key];
    const ends = low && low[i] !== null && high[i] !== null ? ` [${low[i]}, ${high[i]}]` : "";
    return `${value}${ends}`;
  }
  if (column.figure) return say(live.figures[column.key].reason[i]);
  return column.why(i);
}

const titleOf = column => column.title ?? live.titles[column.key];
let now = reckon(), shown = [];

function select() {
  const wanted = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const column = COLUMNS.find(each => each.key === state.sort) ?? COLUMNS[0];
  shown = [];
  for (let i = 0; i < count; i++) {
    const text = [...Object.values(live.texts).map(list => say(list[i])), say(live.buyers[state.buyer].gate[i])].join(" ").toLowerCase();
    if (wanted.every(word => text.includes(word))) shown.push(i);
  }
  const keys = new Map(shown.map(i => [i, valueOf(column, now, i)]));
  shown.sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    if (x === null || y === null) return x === y ? a - b : x === null ? 1 : -1;  // what is missing comes last
    const sign = typeof x === "string" ? x.localeCompare(y) : x - y;
    return (state.down ? -sign : sign) || a - b;
  });
}

const element = (name, text, attributes = {}) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

function drawTable() {
  const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
  state.page = Math.min(Math.max(0, Math.floor(state.page)), pages - 1);
  const head = document.querySelector("#explore thead"), body = document.querySelector("#explore tbody");
  const row = element("tr");
  for (const column of COLUMNS) {
    const sorted = state.sort === column.key;
    const cell = element("th", undefined, {scope: "col", "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none"});
    const button = element("button", titleOf(column) + (sorted ? (state.down ? " ▼" : " ▲") : ""), {type: "button", "data-sort": column.key});
    button.addEventListener("click", () => {
      state.down = sorted ? 1 - state.down : 0;
      state.sort = column.key;
      refresh();
      document.querySelector(`[data-sort="${column.key}"]`).focus();
    });
    cell.append(button);
    row.append(cell);
  }
  head.replaceChildren(row);
  body.replaceChildren(...shown.slice(state.page * PER_PAGE, (state.page + 1) * PER_PAGE).map(i => {
    const line = element("tr", undefined, {"data-cell": say(live.texts.cell_id[i])});
    for (const column of COLUMNS) {
      const text = shownOf(column, now, i), missing = valueOf(column, now, i) === null;
      const cell = element(column.key === "model" ? "th" : "td", text, column.key === "model" ? {scope: "row"} : {});
      if (missing) { cell.className = "missing"; cell.title = text; }
      if (column.key === "evidence") cell.className = `evidence ${text.split(" ")[0]}`;
      line.append(cell);
    }
    return line;
  }));
  document.getElementById("page-of").textContent =
    `${shown.length} of ${count} cells, page ${state.page + 1} of ${pages}`;
  document.getElementById("before").disabled = state.page === 0;
  document.getElementById("after").disabled = state.page >= pages - 1;
}

function best() {
  // One point a model and workload: its cheapest cell.
  const found = new Map();
  for (const i of shown) {
    if (now.adjusted[i] === null || now.risk[i] === null || !live.done[i]) continue;
    const key = `${live.texts.model[i]} ${live.texts.workload[i]} ${live.basis[i]}`;
    const held = found.get(key);
    if (held === undefined || now.adjusted[i] < now.adjusted[held]) found.set(key, i);
  }
  return [...found.values()].slice(0, 200);
}

function accuracyOf(i) {
  for (const key of ["accuracy_en", "accuracy_maths", "accuracy_zh"]) {
    const value = live.figures[key]?.value[i];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function points() {
  const chosen = best().map(i => ({
    model: say(live.texts.model[i]), workload: say(live.texts.workload[i]), cost: now.adjusted[i], risk: now.risk[i],
    accuracy: accuracyOf(i), gate: say(live.buyers[state.buyer].gate[i]), evidence: say(live.texts.evidence[i]).split(" ")[0],
  }));
  for (const one of chosen)
    one.front = !chosen.some(other => other !== one && other.cost <= one.cost && other.risk <= one.risk
      && (other.accuracy ?? 0) >= (one.accuracy ?? 0)
      && (other.cost < one.cost || other.risk < one.risk || (other.accuracy ?? 0) > (one.accuracy ?? 0)));
  return chosen;
}

function drawPareto() {
  const values = points();
  const place = document.getElementById("pareto");
  document.getElementById("pareto-text").textContent = values.length
    ? `Not beaten on all three: ${[...new Set(values.filter(v => v.front).map(v => v.model))].join(", ")}.`
    : "Not drawn: no cell has both a cost and a risk score.";
  if (!values.length || !window.vegaEmbed) { place.replaceChildren(); return; }
  const shared = {
    x: {field: "cost", type: "quantitative", title: "Risk-adjusted cost per million tokens (USD)", scale: {type: "log"}},
    y: {field: "risk", type: "quantitative", title: "Risk score at these weights", scale: {domain: [0, 1]}},
  };
  const tooltip = ["model", "workload", "cost", "risk", "accuracy", "gate", "evidence"].map(field => ({field}));
  window.vegaEmbed(place, {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", height: 340,
    description: "Cost against risk; size is accuracy, shape is how it was measured; the line is the Pareto front",
    data: {values},
    layer: [
      {transform: [{filter: "datum.front"}], mark: {type: "line", interpolate: "step-after", strokeDash: [4, 3], color: "#555"},
       encoding: {...shared, order: {field: "cost"}}},
      {mark: {type: "point", filled: true},
       encoding: {...shared, tooltip,
         color: {field: "model", type: "nominal", legend: values.length > 25 ? null : {title: "Model"}},
         shape: {field: "evidence", type: "nominal", title: "Evidence", scale: {domain: ["measured", "imported", "estimated"], range: ["circle", "triangle-up", "cross"]}},
         opacity: {field: "front", type: "nominal", legend: null, scale: {domain: [true, false], range: [1, 0.55]}},
         size: {field: "accuracy", type: "quantitative", title: "Accuracy", scale: {domain: [0, 1], range: [60, 420]}}}},
    ],
  }, {actions: false, renderer: "svg"});
}

function drawWaterfall() {
  const given = live.buyers[state.buyer], seen = new Map();
  for (const i of shown) {
    const kind = given.which[i];
    if (kind !== null && !seen.has(kind)) seen.set(kind, say(live.texts.model[i]));
    if (seen.size >= 24) break;
  }
  const total = names.reduce((sum, name) => sum + state.weights[name], 0) || 1;
  const values = [];
  for (const [kind, model] of seen)
    for (const name of names) {
      const [low, high] = given.factors[kind][name];
      values.push({model, factor: name.replaceAll("_", " "), part: state.weights[name] * (low + high) / 2 / total});
    }
  const place = document.getElementById("waterfall");
  if (!values.length || !window.vegaEmbed) { place.replaceChildren(); return; }
  window.vegaEmbed(place, {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", height: {step: 22},
    description: "What each factor adds to the risk score, per model",
    data: {values}, mark: {type: "bar", stroke: "#fff"},
    encoding: {
      y: {field: "model", type: "nominal", title: null, sort: null},
      x: {field: "part", type: "quantitative", title: "Share of the risk score, weight x middle of the interval", scale: {domain: [0, 1]}},
      color: {field: "factor", type: "nominal", title: "Factor", scale: {scheme: "tableau10"}, legend: {orient: "bottom", columns: 3}},
      tooltip: [{field: "model"}, {field: "factor"}, {field: "part", format: ".3f"}],
    },
  }, {actions: false, renderer: "svg"});
}

let waiting = 0;
function refresh() {
  now = reckon();
  select();
  drawTable();
  toAddress();
  clearTimeout(waiting);
  waiting = setTimeout(() => { drawPareto(); drawWaterfall(); document.body.dataset.live = "ready"; }, 60);
}

function csv() {
  const safe = text => /^[=+\-@\t\r]/.test(text) && !/^-?[\d.]+(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text;
  const quoted = text => `"${safe(String(text)).replaceAll('"', '""')}"`;
  const lines = [COLUMNS.map(column => quoted(titleOf(column))).join(",")];
  for (const i of shown) lines.push(COLUMNS.map(column => {
    const value = valueOf(column, now, i);
    return quoted(value === null ? shownOf(column, now, i) : value);
  }).join(","));
  return lines.join("\r\n") + "\r\n";
}

function slider(id, label, low, high, step, get, set, tell) {
  const box = element("div", undefined, {class: "knob"});
  const input = element("input", undefined, {type: "range", id, min: low, max: high, step});
  const output = element("output", undefined, {for: id});
  const show = () => { input.value = get(); output.textContent = tell(get()); };
  input.addEventListener("input", () => { set(Number(input.value)); state.page = 0; show(); refresh(); });
  box.append(element("label", label, {for: id}), input, output);
  show();
  shows.push(show);
  return box;
}
const shows = [];

function build() {
  const knobs = document.getElementById("knobs"), weights = document.getElementById("weights");
  const choose = document.getElementById("buyer");
  live.buyers.forEach((each, i) => choose.append(element("option", each.name.replaceAll("_", " "), {value: i})));
  choose.value = state.buyer;
  choose.addEventListener("change", () => { state.buyer = Number(choose.value); refresh(); });
  shows.push(() => { choose.value = state.buyer; });
  knobs.append(
    slider("price", "Price of the machines", 0.1, 5, 0.05, () => state.price, v => { state.price = v; }, v => `x ${v.toFixed(2)}`),
    slider("utilisation", "Utilisation", 0.05, 1, 0.01, () => state.utilisation, v => { state.utilisation = v; }, v => `${Math.round(v * 100)}%`),
    slider("hazard", "Hazard of withdrawal", 0, 10, 0.1, () => state.hazard, v => { state.hazard = v; }, v => `x ${v.toFixed(1)}`),
  );
  for (const name of names)
    weights.append(slider(`w-${name}`, name.replaceAll("_", " "), 0, 1, 0.01, () => state.weights[name],
      v => { state.weights[name] = v; }, v => v.toFixed(2)));
  const filter = document.getElementById("filter");
  filter.value = state.filter;
  filter.addEventListener("input", () => { state.filter = filter.value; state.page = 0; refresh(); });
  shows.push(() => { filter.value = state.filter; });
  document.getElementById("before").addEventListener("click", () => { state.page -= 1; refresh(); });
  document.getElementById("after").addEventListener("click", () => { state.page += 1; refresh(); });
  document.getElementById("reset").addEventListener("click", () => {
    state = {...start, weights: {...start.weights}};
    shows.forEach(show => show());
    refresh();
  });
  document.getElementById("export").addEventListener("click", () => {
    const link = element("a", undefined, {download: "selection.csv",
      href: URL.createObjectURL(new Blob([csv()], {type: "text/csv"}))});
    link.click();
    URL.revokeObjectURL(link.href);
  });
  addEventListener("hashchange", () => { state = fromAddress(); shows.forEach(show => show()); refresh(); });
  refresh();
}
build();
