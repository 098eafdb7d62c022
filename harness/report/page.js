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
  at(usd, scales, buyer, knobs, machine = "") {
    if (!scales) return usd;
    const price = knobs.price * (knobs.prices[machine] ?? 1);
    return usd * price * buyer.utilisation / (knobs.utilisation ?? buyer.utilisation);
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
    const own = rank.at(one.usd, one.scales, buyer, knobs, one.machine);
    const leave = one.leave;
    if (!leave) return own;
    const fallback = rank.at(leave.fallback_usd, leave.fallback_scales, buyer, knobs, one.machine);
    const move = leave.unpriced_usd + rank.at(leave.measured_usd, true, buyer, knobs, one.machine);
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
  front(points) {
    const beats = (other, one) => other.every((v, k) => v <= one[k]) && other.some((v, k) => v < one[k]);
    return points.map(one => !points.some(other => beats(other, one)));
  },
};

const live = JSON.parse(document.getElementById("live").textContent);
const say = place => live.dictionary[place];
const PER_PAGE = 50;
const count = live.usd.length;
const names = Object.keys(live.weights);
const machines = [...new Set(live.machine.filter((_, i) => live.scales[i]))].map(say);
const ACCURACIES = ["accuracy_en", "accuracy_maths", "accuracy_zh"].filter(key => live.figures[key]);
// What is ranked together: one workload, one way of counting.
const groups = new Map();
for (let i = 0; i < count; i++) {
  const key = `${say(live.texts.workload[i])}, by ${say(live.basis[i]).endsWith("output") ? "output" : "all"} tokens`;
  if (!groups.has(key)) groups.set(key, []);
  groups.get(key).push(i);
}
const groupOf = new Array(count);
[...groups.values()].forEach((members, order) => members.forEach(i => { groupOf[i] = order; }));
const start = {buyer: 0, price: 1, utilisation: live.utilisation, hazard: 1, sort: "place", down: 0, filter: "", page: 0,
               workload: [...groups.keys()][0], accuracy: "auto", model: 0, weights: {...live.weights}, prices: {}};
let state = fromAddress();

function fromAddress() {
  const found = asJudged();
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (key.startsWith("w.") && key.slice(2) in found.weights) found.weights[key.slice(2)] = limited(value, 0, 1, live.weights[key.slice(2)]);
    else if (key.startsWith("p.") && machines.includes(key.slice(2))) found.prices[key.slice(2)] = limited(value, 0.1, 5, 1);
    else if (key === "filter" || key === "sort") found[key] = value;
    else if (key === "workload" && groups.has(value)) found.workload = value;
    else if (key === "accuracy" && ["none", ...ACCURACIES].includes(value)) found.accuracy = value;
    else if (typeof found[key] === "number") found[key] = Number.isFinite(Number(value)) ? Number(value) : found[key];
  }
  found.price = limited(found.price, 0.1, 5, 1);
  found.utilisation = limited(found.utilisation, 0.05, 1, live.utilisation);
  found.hazard = limited(found.hazard, 0, 10, 1);
  if (!live.buyers[found.buyer]) found.buyer = 0;
  if (live.buyers[0].names[found.model] === undefined) found.model = 0;
  return found;
}

function asJudged() {
  return {...start, weights: {...start.weights}, prices: {}};
}

function limited(value, low, high, otherwise) {
  const number = Number(value);
  return Number.isFinite(number) ? Math.min(high, Math.max(low, number)) : otherwise;
}

function toAddress() {
  const told = new URLSearchParams();
  for (const key of ["buyer", "price", "utilisation", "hazard", "sort", "down", "filter", "page", "workload", "accuracy", "model"])
    if (state[key] !== start[key]) told.set(key, state[key]);
  for (const name of names) if (state.weights[name] !== start.weights[name]) told.set(`w.${name}`, state.weights[name]);
  for (const [name, factor] of Object.entries(state.prices)) if (factor !== 1) told.set(`p.${name}`, factor);
  history.replaceState(null, "", told.size ? `#${told}` : location.pathname + location.search);
}

function caseOf(i) {
  const given = live.buyers[state.buyer], leave = given.leave[i];
  return {
    usd: live.usd[i], scales: !!live.scales[i], machine: say(live.machine[i]), done: !!live.done[i], permitted: !!given.permitted[i],
    factors: given.which[i] === null ? null : given.factors[given.which[i]],
    leave: leave && {
      fallback_usd: live.usd[leave[0]], fallback_scales: !!live.scales[leave[0]], unpriced_usd: leave[1],
      measured_usd: leave[2], quality_usd_per_year: leave[3], hazard_per_year: leave[4], jumps: leave[5] ?? [],
    },
  };
}

function buyerOf() {
  const given = live.buyers[state.buyer];
  return {mtok_per_year: given.mtok, horizon_years: given.horizon, discount_rate_per_year: given.rate, utilisation: live.utilisation};
}

function reckon() {
  const given = live.buyers[state.buyer], buyer = buyerOf();
  const cases = Array.from({length: count}, (_, i) => caseOf(i));
  const byKind = given.factors.map(factors => rank.score(factors, state.weights));
  const costs = cases.map(one => one.usd === null ? null : rank.at(one.usd, one.scales, buyer, state, one.machine));
  const adjusted = cases.map(one => rank.adjusted(one, buyer, state));
  const place = new Array(count).fill(null);
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
  ...Object.keys(live.figures).map(key => ({key, figure: true, wide: true})),
  {key: "evidence"}, {key: "status"}, {key: "cell_id", wide: true},
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
    // Ranks are of a workload each, so workloads stand together.
    if (column.key === "place" && groupOf[a] !== groupOf[b]) return groupOf[a] - groupOf[b];
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
    const cell = element("th", undefined, {scope: "col", ...(column.wide && {class: "wide"}), "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none"});
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
      if (missing) { cell.classList.add("missing"); cell.title = text; }
      if (column.key === "evidence") cell.classList.add("evidence", text.split(" ")[0]);
      if (column.wide) cell.classList.add("wide");
      line.append(cell);
    }
    return line;
  }));
  document.getElementById("page-of").textContent =
    `${shown.length} of ${count} cells, page ${state.page + 1} of ${pages}`;
  document.getElementById("before").disabled = state.page === 0;
  document.getElementById("after").disabled = state.page >= pages - 1;
}

const MOST_DRAWN = 200;
const ACROSS = {type: "fit-x", contains: "padding"};
const SHAPES = {domain: ["measured", "imported", "estimated"], range: ["circle", "triangle-up", "cross"]};

// On a phone a legend beside the plot leaves no room for it.
function narrow() {
  return innerWidth < 600 ? {legend: {orient: "bottom", columns: 1, symbolLimit: 12, labelLimit: 240}, axis: {labelLimit: 110}} : {};
}

function draw(id, spec) {
  const place = document.getElementById(id);
  if (!spec || !window.vegaEmbed) { place.replaceChildren(); return undefined; }
  return window.vegaEmbed(place, {$schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", ...spec},
    {actions: false, renderer: "svg", config: narrow()});
}

function best() {
  // One point a model: its cheapest cell of the workload.
  const found = new Map(), chosen = new Set(groups.get(state.workload)), given = live.buyers[state.buyer];
  for (const i of shown) {
    if (!chosen.has(i) || now.adjusted[i] === null || now.risk[i] === null || !live.done[i]) continue;
    const held = found.get(given.which[i]);
    if (held === undefined || now.adjusted[i] < now.adjusted[held]) found.set(given.which[i], i);
  }
  return [...found.values()].slice(0, MOST_DRAWN);
}

function compared(cells) {
  // Accuracy of one benchmark; left out of itself unless every model that may be ranked has it.
  if (state.accuracy !== "auto") return state.accuracy;
  const ranked = cells.filter(i => now.place[i] !== null);
  return ACCURACIES.find(key => ranked.length && ranked.every(i => live.figures[key].value[i] !== null)) ?? "none";
}

function points() {
  const cells = best(), by = compared(cells), given = live.buyers[state.buyer], buyer = buyerOf();
  const end = (i, ends) => ends && ends[i] !== null ? rank.adjusted({...caseOf(i), usd: ends[i]}, buyer, state) : now.adjusted[i];
  const bound = (i, side) => rank.score(Object.fromEntries(
    Object.entries(given.factors[given.which[i]]).map(([name, ends]) => [name, [ends[side], ends[side]]])), state.weights);
  const values = cells.map(i => ({
    model: say(given.names[given.which[i]]), cost: now.adjusted[i], risk: now.risk[i],
    accuracy: by === "none" ? null : live.figures[by].value[i], gate: say(given.gate[i]).replaceAll("_", " "),
    hardware: say(live.texts.hardware[i]), from: say(live.texts.evidence[i]), evidence: say(live.texts.evidence[i]).split(" ")[0],
    may: now.place[i] !== null, cost_low: end(i, live.usdLow), cost_high: end(i, live.usdHigh), risk_low: bound(i, 0), risk_high: bound(i, 1),
  }));
  const able = values.filter(one => one.may && (by === "none" || one.accuracy !== null));
  rank.front(able.map(one => [one.cost, one.risk, ...(by === "none" ? [] : [-one.accuracy])]))
    .forEach((on, k) => { able[k].front = on; });
  return {values, by};
}

function drawPareto() {
  const {values, by} = points();
  const front = values.filter(one => one.front), rest = values.filter(one => one.may && by !== "none" && one.accuracy === null);
  const told = by === "none" ? "cost and risk (accuracy is not compared: choose a benchmark that the models have)" : `cost, risk and ${live.titles[by]}`;
  document.getElementById("pareto-text").textContent = !values.length
    ? "Not drawn: no cell has both a cost and a risk score."
    : front.length
      ? `Not beaten in ${told}: ${front.map(one => one.model).join(", ")}.${rest.length ? ` Not compared, without that figure: ${rest.map(one => one.model).join(", ")}.` : ""} Hollow marks may not be used by this buyer.`
      : "No model may be ranked here. Hollow marks may not be used by this buyer.";
  const axes = {
    x: {field: "cost", type: "quantitative", title: "Risk-adjusted cost per million tokens (USD)", scale: {type: "log", nice: true}},
    y: {field: "risk", type: "quantitative", title: "Risk score at these weights", scale: {domain: [0, 1]}},
  };
  const color = {field: "model", type: "nominal", legend: values.length > 20 ? null : {title: "Model"}};
  const tooltip = ["model", "cost", "risk", "accuracy", "gate", "hardware", "from"].map(field => ({field}));
  return draw("pareto", values.length && {
    height: 340,
    description: "Cost against risk; size is accuracy, shape is how it was measured; the line is the Pareto front",
    data: {values},
    layer: [
      ...(front.length > 1 && by === "none" ? [{transform: [{filter: "datum.front"}],
        mark: {type: "line", interpolate: "step-after", strokeDash: [4, 3], color: "#555"},
        encoding: {...axes, order: {field: "cost", type: "quantitative"}}}] : []),
      {mark: {type: "rule", opacity: 0.5}, encoding: {x: {...axes.x, field: "cost_low"}, x2: {field: "cost_high"}, y: axes.y, color}},
      {mark: {type: "rule", opacity: 0.5}, encoding: {x: axes.x, y: {...axes.y, field: "risk_low"}, y2: {field: "risk_high"}, color}},
      {mark: {type: "point", strokeWidth: 2},
       encoding: {...axes, tooltip, color,
         shape: {field: "evidence", type: "nominal", title: "Evidence", scale: SHAPES},
         fill: {condition: {test: "datum.may", field: "model", type: "nominal", legend: null}, value: "transparent"},
         size: by === "none" ? {value: 110}
           : {field: "accuracy", type: "quantitative", title: "Accuracy", scale: {domain: [0, 1], range: [40, 420]}}}},
      ...(front.length ? [{transform: [{filter: "datum.front"}], mark: {type: "text", dy: -14, fontSize: 11, limit: 160},
        encoding: {...axes, text: {field: "model"}}}] : []),
    ],
  });
}

function drawWaterfall() {
  const given = live.buyers[state.buyer], factors = given.factors[state.model];
  const text = document.getElementById("waterfall-text");
  if (!factors) { text.textContent = "Not drawn: no model of this report is assessed."; return draw("waterfall"); }
  const total = names.reduce((sum, name) => sum + state.weights[name], 0) || 1;
  let begun = 0;
  const values = names.map(name => {
    const [low, high] = factors[name], share = state.weights[name] / total;
    const part = {factor: name.replaceAll("_", " "), from: begun, to: begun + share * (low + high) / 2,
                  low: begun + share * low, high: begun + share * high, level: low === high ? `${low}` : `${low} to ${high}`, weight: share};
    begun = part.to;
    return part;
  });
  const order = [...values.map(one => one.factor), "score"];
  values.push({factor: "score", from: 0, to: begun, low: begun, high: begun, level: "", weight: 1});
  text.textContent = `${say(given.names[state.model])}: ${begun.toFixed(2)} at these weights; a line is what unknown facts leave open.`;
  const facts = document.querySelector(`[data-kind="${state.model}"] table`);
  document.getElementById("facts").replaceChildren(...(facts ? [facts.cloneNode(true)] : []));
  const y = {field: "factor", type: "nominal", title: null, sort: order};
  const title = "Share of the risk score";
  return draw("waterfall", {
    height: {step: 22}, autosize: ACROSS, description: "How the factors add up to the risk score of one model", data: {values},
    layer: [
      {mark: {type: "bar", minBandSize: 4}, encoding: {y, x: {field: "from", type: "quantitative", title, scale: {domain: [0, 1]}}, x2: {field: "to"},
        color: {condition: {test: "datum.factor === 'score'", value: "#1a1a1a"}, value: "#4c78a8"},
        tooltip: ["factor", "level", "weight"].map(field => ({field}))}},
      {mark: {type: "rule", strokeWidth: 2, color: "#b45309"}, encoding: {y, x: {field: "low", type: "quantitative"}, x2: {field: "high"}}},
    ],
  });
}

function drawParts() {
  const given = live.buyers[state.buyer], seen = new Set();
  for (const i of shown) if (given.which[i] !== null && seen.size < 40) seen.add(given.which[i]);
  const total = names.reduce((sum, name) => sum + state.weights[name], 0) || 1;
  const values = [...seen].flatMap(kind => names.map((name, order) => {
    const [low, high] = given.factors[kind][name];
    return {model: say(given.names[kind]), factor: name.replaceAll("_", " "), order, part: state.weights[name] * (low + high) / 2 / total};
  }));
  return draw("parts", values.length && {
    height: {step: 22}, autosize: ACROSS,
    description: "What each factor adds to the risk score, per model",
    data: {values}, mark: {type: "bar", stroke: "#fff"},
    encoding: {
      y: {field: "model", type: "nominal", title: null, sort: null},
      x: {field: "part", type: "quantitative", title: "Share of the risk score, weight x middle of the interval", scale: {domain: [0, 1]}},
      order: {field: "order", type: "quantitative"},
      color: {field: "factor", type: "nominal", title: "Factor", scale: {scheme: "tableau10"}, legend: {orient: "bottom", columns: innerWidth < 600 ? 2 : 5}},
      tooltip: [{field: "model"}, {field: "factor"}, {field: "part", format: ".3f"}],
    },
  });
}

function tellSettings() {
  const turned = names.filter(name => state.weights[name] !== start.weights[name]).map(name => `${name.replaceAll("_", " ")} ${state.weights[name]}`);
  const prices = Object.entries(state.prices).filter(([, factor]) => factor !== 1).map(([name, factor]) => `${name} x ${factor}`);
  document.getElementById("settings").textContent = [
    `Shown: ${live.buyers[state.buyer].name.replaceAll("_", " ")}`, `prices x ${state.price}${prices.length ? ` (${prices.join(", ")})` : ""}`,
    `utilisation ${Math.round(state.utilisation * 100)}%`, `hazard x ${state.hazard}`,
    turned.length ? `weights changed: ${turned.join(", ")}` : "weights as judged", ...(state.filter ? [`cells with "${state.filter}"`] : []),
  ].join("; ") + ".";
}

let waiting = 0;
function refresh() {
  now = reckon();
  select();
  drawTable();
  tellSettings();
  toAddress();
  clearTimeout(waiting);
  waiting = setTimeout(() => { drawPareto(); drawWaterfall(); drawParts(); document.body.dataset.live = "ready"; }, 60);
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

function chooser(id, options, get, set) {
  const select = document.getElementById(id);
  for (const [value, text] of options) select.append(element("option", text, {value}));
  const show = () => { select.value = get(); };
  select.addEventListener("change", () => { set(select.value); refresh(); });
  show();
  shows.push(show);
}

function build() {
  const knobs = document.getElementById("knobs"), weights = document.getElementById("weights");
  chooser("buyer", live.buyers.map((each, i) => [i, each.name.replaceAll("_", " ")]), () => state.buyer, v => { state.buyer = Number(v); });
  chooser("workload", [...groups.keys()].map(key => [key, key]), () => state.workload, v => { state.workload = v; });
  chooser("accuracy", [["auto", "if all have it"], ["none", "not compared"], ...ACCURACIES.map(key => [key, live.titles[key]])],
    () => state.accuracy, v => { state.accuracy = v; });
  chooser("model", live.buyers[0].names.map((name, kind) => [kind, say(name)]), () => state.model, v => { state.model = Number(v); });
  knobs.append(
    slider("price", "Price of the machines", 0.1, 5, 0.05, () => state.price, v => { state.price = v; }, v => `x ${v.toFixed(2)}`),
    slider("utilisation", "Utilisation", 0.05, 1, 0.01, () => state.utilisation, v => { state.utilisation = v; }, v => `${Math.round(v * 100)}%`),
    slider("hazard", "Hazard of withdrawal", 0, 10, 0.1, () => state.hazard, v => { state.hazard = v; }, v => `x ${v.toFixed(1)}`),
  );
  for (const name of machines)
    document.getElementById("machines").append(slider(`p-${name}`, name, 0.1, 5, 0.05, () => state.prices[name] ?? 1,
      v => { state.prices[name] = v; }, v => `x ${v.toFixed(2)}`));
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
    state = asJudged();
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

const stills = JSON.parse(document.getElementById("specs").textContent);
const frames = [...document.querySelectorAll(".chart.still")];
Promise.all(stills.map((spec, i) => window.vegaEmbed(frames[i], spec, {actions: false, renderer: "svg", config: narrow()})))
  .then(() => { document.body.dataset.drawn = String(stills.length); });
