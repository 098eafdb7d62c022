// What came with the page, what its reader has set, and what follows from both.
const live = JSON.parse(document.getElementById("live").textContent);
const say = place => live.dictionary[place];
const count = live.cells;
// A column in which all is alike came as that one value.
const whole = (column, length = count) => Array.isArray(column) ? column : new Array(length).fill(column);
const wholeFigure = (figure, length = count) => figure && Object.fromEntries(Object.entries(figure).map(([key, column]) => [key, whole(column, length)]));
for (const key of ["kind", "basis", "machine", "scales", "done"]) live[key] = whole(live[key]);
for (const key of Object.keys(live.texts)) live.texts[key] = whole(live.texts[key]);
for (const key of Object.keys(live.figures)) live.figures[key] = wholeFigure(live.figures[key]);
live.bill = wholeFigure(live.bill);
for (const given of live.buyers) {
  for (const key of ["gate", "permitted", "barred", "which"]) given[key] = whole(given[key]);
  given.cost = wholeFigure(given.cost);
  given.score = wholeFigure(given.score, given.factors.length);
}
const names = Object.keys(live.buyers[0].weights);
const plain = text => text.replaceAll("_", " ");
const machines = [...new Set(live.machine.filter((_, i) => live.scales[i]))].map(say);
const ACCURACIES = ["accuracy_en", "accuracy_maths", "accuracy_zh"];
// What is ranked together: one workload, one way of counting.
const groups = new Map();
for (let i = 0; i < count; i++) {
  const key = `${say(live.texts.workload[i])}, by ${say(live.basis[i]).endsWith("output") ? "output" : "all"} tokens`;
  if (!groups.has(key)) groups.set(key, []);
  groups.get(key).push(i);
}
const groupOf = new Array(count);
[...groups.values()].forEach((members, order) => members.forEach(i => { groupOf[i] = order; }));
// Weights hold only what was turned: the others are the buyer's own.
const start = {buyer: 0, price: 1, utilisation: live.utilisation, hazard: 1, sort: "place", down: 0, filter: "", page: 0,
               workload: [...groups.keys()][0], accuracy: "auto", model: 0};
let state = fromAddress();

function fromAddress() {
  const found = asJudged();
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (key.startsWith("w.") && names.includes(key.slice(2))) {
      const weight = limited(value, 0, 1, null);
      if (weight !== null) found.weights[key.slice(2)] = weight;
    }
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
  return {...start, weights: {}, prices: {}};
}

function limited(value, low, high, otherwise) {
  const number = Number(value);
  return Number.isFinite(number) ? Math.min(high, Math.max(low, number)) : otherwise;
}

function toAddress() {
  const told = new URLSearchParams();
  for (const key of ["buyer", "price", "utilisation", "hazard", "sort", "down", "filter", "page", "workload", "accuracy", "model"])
    if (state[key] !== start[key]) told.set(key, state[key]);
  for (const name of turnedWeights()) told.set(`w.${name}`, state.weights[name]);
  for (const [name, factor] of Object.entries(state.prices)) if (factor !== 1) told.set(`p.${name}`, factor);
  history.replaceState(null, "", told.size ? `#${told}` : location.pathname + location.search);
}

// --- weights: the buyer's own until turned, then cut to what the workload is about --------------
const chosen = () => live.buyers[state.buyer];
const weightOf = name => state.weights[name] ?? chosen().weights[name];
const turnedWeights = () => names.filter(name => weightOf(name) !== chosen().weights[name]);

function weightsFor(content) {
  return Object.fromEntries(names.map(name => [name, weightOf(name) * live.relevance[content][name]]));
}

function sharesFor(content) {
  const weights = weightsFor(content), total = names.reduce((sum, name) => sum + weights[name], 0) || 1;
  return Object.fromEntries(names.map(name => [name, weights[name] / total]));
}

function riskOf(kind) {
  // As judged it is the table's: median, 5% and 95% of the draws. At other weights the middle of
  // every interval, between all unknown facts at their best and all at their worst.
  const given = chosen(), n = given.score.n[kind];
  if (!turnedWeights().length) return {value: given.score.value[kind], low: given.score.low[kind], high: given.score.high[kind], n};
  const weights = weightsFor(given.contents[kind]), factors = Object.entries(given.factors[kind]);
  const end = side => rank.score(Object.fromEntries(factors.map(([name, ends]) => [name, [ends[side], ends[side]]])), weights);
  return {value: rank.score(given.factors[kind], weights), low: end(0), high: end(1), n};
}

// --- costs --------------------------------------------------------------------------------------
function turnedCosts() {
  return state.price !== 1 || state.hazard !== 1 || state.utilisation !== live.utilisation
    || Object.values(state.prices).some(factor => factor !== 1);
}

function caseOf(i, usd = live.bill.value[i]) {
  const given = chosen(), leave = given.leave[i];
  return {
    usd, scales: !!live.scales[i], machine: say(live.machine[i]), done: !!live.done[i], permitted: !!given.permitted[i],
    leave: leave && {
      fallback_usd: live.bill.value[leave[0]], fallback_scales: !!live.scales[leave[0]], unpriced_usd: leave[1],
      measured_usd: leave[2], quality_usd_per_year: leave[3], hazard_per_year: leave[4], jumps: leave[5] ?? [],
    },
  };
}

function buyerOf() {
  const given = chosen();
  return {mtok_per_year: given.mtok, horizon_years: given.horizon, discount_rate_per_year: given.rate, utilisation: live.utilisation};
}

function reckon() {
  const given = chosen(), buyer = buyerOf();
  const cases = Array.from({length: count}, (_, i) => caseOf(i));
  const costs = cases.map(one => one.usd === null ? null : rank.at(one.usd, one.scales, buyer, state, one.machine));
  const adjusted = cases.map(one => rank.adjusted(one, buyer, state));
  const place = new Array(count).fill(null);
  for (const members of groups.values())
    rank.order(members.map(i => adjusted[i]), members.map(i => cases[i])).forEach((p, k) => { place[members[k]] = p; });
  const byKind = given.factors.map((_, kind) => riskOf(kind));
  return {cost: costs, adjusted, place, byKind, risk: given.which.map(kind => kind === null ? null : byKind[kind].value)};
}

// Ends of a cell's figures; null: there are none, or they did not travel to the page.
function costEnds(i) {
  if (!live.intervals || live.bill.value[i] === null) return null;
  const at = usd => usd === null ? null : rank.at(usd, !!live.scales[i], buyerOf(), state, say(live.machine[i]));
  return {low: at(live.bill.low[i]), high: at(live.bill.high[i]), n: live.bill.n[i]};
}

function adjustedEnds(i) {
  if (!live.intervals || live.bill.value[i] === null) return null;
  const {cost} = chosen();
  if (!turnedCosts()) return {low: cost.low[i], high: cost.high[i], n: cost.n[i]};
  const at = usd => usd === null ? null : rank.adjusted(caseOf(i, usd), buyerOf(), state);
  return {low: at(live.bill.low[i]), high: at(live.bill.high[i]), n: live.bill.n[i]};
}

const figureEnds = (figure, i) => live.intervals && figure.value[i] !== null ? {low: figure.low[i], high: figure.high[i], n: figure.n[i]} : null;
const evidenceOf = i => say(live.kind[i]);
const signed = (text, kind) => kind === "measured" ? text : `${live.marks[kind]} ${text}`;
let now = reckon(), shown = [];
