// The plots that follow the knobs.
const MOST_DRAWN = 200;
const MOST_IN_LEGEND = 20;
const ACROSS = {type: "fit-x", contains: "padding"};
const SHAPES = {domain: ["measured", "imported", "estimated"], range: ["circle", "triangle-up", "cross"]};
const COST_TITLE = ["Risk-adjusted cost", "per million tokens (USD)"];
const SCORE_TITLE = "Share of the risk score";
const short = value => Number(value.toPrecision(3));
const scoreText = found => signed(`${found.value.toFixed(2)}${bracket(found, end => end.toFixed(2))}`, "estimated");

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

function colourOf(models) {
  const several = new Set(models).size;
  return {field: "model", type: "nominal", scale: {scheme: several > 10 ? "tableau20" : "tableau10"},
          legend: several > MOST_IN_LEGEND ? null : {title: "Model"}};
}

function best() {
  // One point a model: its cheapest cell of the workload.
  const found = new Map(), members = new Set(groups.get(state.workload)), given = chosen();
  for (const i of shown) {
    if (!members.has(i) || now.adjusted[i] === null || now.risk[i] === null || !live.done[i]) continue;
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
  const cells = best(), by = compared(cells), given = chosen();
  const values = cells.map(i => {
    const kind = given.which[i], risk = now.byKind[kind], ends = adjustedEnds(i);
    const accuracy = by === "none" ? null : COLUMNS.find(column => column.key === by);
    return {
      model: say(given.names[kind]), cost: now.adjusted[i], risk: risk.value,
      accuracy: accuracy && accuracy.number(now, i), gate: gateOf(i),
      hardware: say(live.texts.hardware[i]), from: say(live.texts.evidence[i]), evidence: evidenceOf(i),
      may: now.place[i] !== null, cost_low: ends?.low ?? now.adjusted[i], cost_high: ends?.high ?? now.adjusted[i],
      risk_low: risk.low, risk_high: risk.high,
      told_cost: signed(`${short(now.adjusted[i])}${bracket(ends, short)}`, "estimated"), told_risk: scoreText(risk),
      told_accuracy: accuracy ? shownOf(accuracy, now, i) : "not compared",
    };
  });
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
    x: {field: "cost", type: "quantitative", title: COST_TITLE, scale: {type: "log", nice: true}},
    y: {field: "risk", type: "quantitative", title: "Risk score at these weights", scale: {domain: [0, 1]}},
  };
  const color = colourOf(values.map(one => one.model)), crowded = color.legend === null;
  const tooltip = [["model", "model"], ["told_cost", "cost"], ["told_risk", "risk"], ["told_accuracy", "accuracy"], ["gate", "gate"],
                   ["hardware", "hardware"], ["from", "from"]].map(([field, title]) => ({field, title}));
  return draw("pareto", values.length && {
    height: crowded ? 480 : 340,
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
      // With too many models for a legend each is named where it stands; what leads, in any case.
      ...(crowded && front.length < values.length ? [{transform: [{filter: "!datum.front"}], mark: {type: "text", dy: -10, fontSize: 9, limit: 90, color: "#333"},
        encoding: {...axes, text: {field: "model"}}}] : []),
      ...(front.length ? [{transform: [{filter: "datum.front"}], mark: {type: "text", dy: -14, fontSize: 11, fontWeight: "bold", limit: 160},
        encoding: {...axes, text: {field: "model"}}}] : []),
    ],
  });
}

function partsOf(kind) {
  // What each factor adds to the score at the middle of its interval, one after the other.
  const given = chosen(), shares = sharesFor(given.contents[kind]);
  let begun = 0;
  return names.map(name => {
    const [low, high] = given.factors[kind][name], share = shares[name];
    const part = {factor: plain(name), from: begun, to: begun + share * (low + high) / 2, part: share * (low + high) / 2,
                  low: begun + share * low, high: begun + share * high, level: low === high ? `${low}` : `${low} to ${high}`, weight: share};
    begun = part.to;
    return part;
  });
}

function tellRisk(kind) {
  const found = now.byKind[kind], middle = partsOf(kind).at(-1).to;
  const how = turnedWeights().length ? "from all unknown facts at their best to all at their worst" : "5% to 95% of draws of weights and unknown facts";
  return `${scoreText(found)} at these weights, brackets ${how}, ${found.n} facts; the bars end at ${middle.toFixed(2)}, every factor at its middle, and a line at a factor is what unknown facts leave open`;
}

function drawWaterfall() {
  const kind = state.model, given = chosen(), found = now.byKind[kind];
  const text = document.getElementById("waterfall-text");
  if (!found) { text.textContent = "Not drawn: no model of this report is assessed."; return draw("waterfall"); }
  const values = partsOf(kind), order = [...values.map(one => one.factor), "score"];
  values.push({factor: "score", from: 0, to: found.value, low: found.low, high: found.high, level: scoreText(found), weight: 1});
  text.textContent = `${say(given.names[kind])}: ${tellRisk(kind)}.`;
  const facts = document.querySelector(`[data-kinds~="${kind}"] table`);
  document.getElementById("facts").replaceChildren(...(facts ? [facts.cloneNode(true)] : []));
  const first = plain(live.buyers[0].name);
  document.getElementById("facts-of").textContent =
    `Weights, levels and findings as judged for ${first}${state.buyer ? `; the plot is of ${plain(given.name)}, for whom they can differ` : ""}.`;
  const y = {field: "factor", type: "nominal", title: null, sort: order};
  return draw("waterfall", {
    height: {step: 22}, autosize: ACROSS, description: "How the factors add up to the risk score of one model", data: {values},
    layer: [
      {mark: {type: "bar", minBandSize: 4}, encoding: {y, x: {field: "from", type: "quantitative", title: SCORE_TITLE, scale: {domain: [0, 1]}}, x2: {field: "to"},
        color: {condition: {test: "datum.factor === 'score'", value: "#1a1a1a"}, value: "#4c78a8"},
        tooltip: ["factor", "level", "weight"].map(field => ({field}))}},
      {mark: {type: "rule", strokeWidth: 2, color: "#b45309"}, encoding: {y, x: {field: "low", type: "quantitative"}, x2: {field: "high"}}},
    ],
  });
}

function kindsShown() {
  const given = chosen(), seen = new Set();
  for (const i of shown) if (given.which[i] !== null && seen.size < 40) seen.add(given.which[i]);
  return [...seen];
}

function drawParts() {
  const given = chosen();
  const values = kindsShown().flatMap(kind => partsOf(kind).map((one, order) => ({model: say(given.names[kind]), factor: one.factor, order, part: one.part})));
  return draw("parts", values.length && {
    height: {step: 22}, autosize: ACROSS,
    description: "What each factor adds to the risk score, per model",
    data: {values}, mark: {type: "bar", stroke: "#fff"},
    encoding: {
      y: {field: "model", type: "nominal", title: null, sort: null},
      x: {field: "part", type: "quantitative", title: [SCORE_TITLE, "weight x middle of the interval"], scale: {domain: [0, 1]}},
      order: {field: "order", type: "quantitative"},
      color: {field: "factor", type: "nominal", title: "Factor", scale: {scheme: "tableau10"}, legend: {orient: "bottom", columns: innerWidth < 600 ? 2 : 5}},
      tooltip: [{field: "model"}, {field: "factor"}, {field: "part", format: ".3f"}],
    },
  });
}

// --- on paper: a small waterfall per model, at the weights set -----------------------------------
const drawnIn = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};

function smallWaterfall(kind) {
  const found = now.byKind[kind], label = `${say(chosen().names[kind])}: ${scoreText(found)}`;
  const lines = [...partsOf(kind), {factor: "score", from: 0, to: found.value, low: found.low, high: found.high}];
  const left = 78, wide = 160, at = share => left + share * wide;
  const svg = drawnIn("svg", {viewBox: `0 0 ${left + wide + 2} ${lines.length * 11 + 2}`, role: "img", "aria-label": label});
  lines.forEach((one, k) => {
    const y = 11 * k + 1, middle = y + 5;
    svg.append(
      drawnIn("text", {x: 0, y: y + 8, "font-size": 8}, one.factor),
      drawnIn("rect", {x: at(one.from), y, width: Math.max(0.5, at(one.to) - at(one.from)), height: 9, fill: one.factor === "score" ? "#1a1a1a" : "#4c78a8"}),
      drawnIn("line", {x1: at(one.low), x2: at(one.high), y1: middle, y2: middle, stroke: "#b45309", "stroke-width": 1.5}),
    );
  });
  svg.append(drawnIn("line", {x1: left, x2: left, y1: 0, y2: lines.length * 11, stroke: "#6b7280", "stroke-width": 0.5}));
  const box = element("figure");
  box.append(element("figcaption", label), svg);
  return box;
}

function drawPaper() {
  document.getElementById("paper").replaceChildren(
    element("h3", `The risk score of each model for ${plain(chosen().name)}, at the weights set`), ...kindsShown().map(smallWaterfall));
}
addEventListener("beforeprint", drawPaper);
matchMedia("print").addEventListener("change", asked => { if (asked.matches) drawPaper(); });
