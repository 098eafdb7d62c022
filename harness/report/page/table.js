// The table of all cells, and its export.
const PER_PAGE = 50;
const gateOf = i => plain(say(chosen().gate[i]));
const barredOf = i => say(chosen().barred[i]);
const drawn = i => chosen().leave[i] !== null && !turnedCosts();
const COLUMNS = [
  {key: "place", title: "Rank", number: (now, i) => now.place[i], digits: 0, judged: true,
   why: i => `not ranked: ${barredOf(i)}`},
  {key: "model"}, {key: "headquarters"}, {key: "workload"}, {key: "hardware"}, {key: "level"},
  {key: "gate", title: "Gate", text: gateOf},
  {key: "adjusted", title: "Risk-adjusted cost per million tokens (USD)", number: (now, i) => now.adjusted[i], digits: 3, judged: true,
   ends: adjustedEnds, counts: i => drawn(i) ? "draws" : "n", why: i => say(live.bill.reason[i])},
  {key: "cost", title: "Whole bill per million tokens (USD)", number: (now, i) => now.cost[i], digits: 3,
   ends: costEnds, why: i => say(live.bill.reason[i])},
  {key: "basis", title: "Counted", text: i => say(live.basis[i]).endsWith("output") ? "output tokens" : "all tokens"},
  {key: "risk", title: "Risk score at these weights", number: (now, i) => now.risk[i], digits: 2, judged: true,
   ends: i => chosen().which[i] === null ? null : now.byKind[chosen().which[i]], counts: () => "facts", why: () => "not assessed"},
  ...Object.entries(live.figures).map(([key, figure]) => ({key, number: (_, i) => figure.value[i], wide: true,
   ends: i => figureEnds(figure, i), why: i => say(figure.reason[i])})),
  {key: "evidence"}, {key: "status"}, {key: "cell_id", wide: true},
];
const titleOf = column => column.title ?? live.titles[column.key];
const kindOf = (column, i) => column.judged ? "estimated" : evidenceOf(i);

function valueOf(column, now, i) {
  if (column.number) return column.number(now, i);
  return column.text ? column.text(i) : say(live.texts[column.key][i]);
}

const told = (column, value) => column.digits === undefined ? `${value}` : value.toFixed(column.digits);

function bracket(ends, tell) {
  if (!ends || (ends.low === null && ends.high === null)) return "";
  return ` [${[ends.low, ends.high].map(end => end === null ? "unbounded" : tell(end)).join(", ")}]`;
}

function counted(ends, counts = "n") {
  if (!ends || ends.n === null) return "";
  return counts === "n" ? ` n=${ends.n}` : ` ${ends.n.toLocaleString("en")} ${counts}`;
}

function shownOf(column, now, i) {
  const value = valueOf(column, now, i);
  if (value === null) return column.why(i);
  if (!column.number) return value;
  const ends = column.ends?.(i);
  return signed(`${told(column, value)}${bracket(ends, end => told(column, end))}${counted(ends, column.counts?.(i))}`, kindOf(column, i));
}

function tellBrackets() {
  const risk = turnedWeights().length
    ? "from all unknown facts at their best to all at their worst, at the weights set"
    : "5% to 95% of draws of weights and unknown facts";
  const cost = turnedCosts()
    ? "the bill's 95% interval carried through, all else at its middle"
    : "5% to 95% of draws, or the bill's 95% interval where no safer fallback stands by";
  document.getElementById("brackets").textContent =
    `Brackets: of a risk score, ${risk}; ${live.intervals ? `of a risk-adjusted cost, ${cost}; of all else, 95% intervals, n the sample size. An end that the sample is too small to give reads unbounded.` : `the other intervals and sample sizes stand in summary.parquet, as there are more cells than fit here.`}`;
}

function select() {
  const wanted = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const column = COLUMNS.find(each => each.key === state.sort) ?? COLUMNS[0];
  shown = [];
  for (let i = 0; i < count; i++) {
    const text = [...Object.values(live.texts).map(list => say(list[i])), gateOf(i)].join(" ").toLowerCase();
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

function heading(column) {
  const sorted = state.sort === column.key;
  const cell = element("th", undefined, {scope: "col", ...(column.wide && {class: "wide"}), "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none"});
  const button = element("button", titleOf(column) + (sorted ? (state.down ? " ▼" : " ▲") : ""), {type: "button", "data-sort": column.key});
  button.addEventListener("click", () => {
    state.down = sorted ? 1 - state.down : 0;
    state.sort = column.key;
    refresh();
    document.querySelector(`[data-sort="${column.key}"]`).focus();
  });
  // A browser repeats headings on every sheet of paper only where they hold no button.
  cell.append(button, element("span", titleOf(column), {class: "on-paper"}));
  return cell;
}

function cellOf(column, i) {
  const text = shownOf(column, now, i), missing = valueOf(column, now, i) === null;
  const cell = element(column.key === "model" ? "th" : "td", text, column.key === "model" ? {scope: "row"} : {});
  if (missing) { cell.classList.add("missing"); cell.title = text; }
  else if (column.number) cell.classList.add("figure", kindOf(column, i));
  if (column.key === "evidence") cell.classList.add("evidence", evidenceOf(i));
  if (column.wide) cell.classList.add("wide");
  return cell;
}

function drawTable() {
  const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
  state.page = Math.min(Math.max(0, Math.floor(state.page)), pages - 1);
  const head = document.querySelector("#explore thead"), body = document.querySelector("#explore tbody");
  const row = element("tr");
  row.append(...COLUMNS.map(heading));
  head.replaceChildren(row);
  body.replaceChildren(...shown.slice(state.page * PER_PAGE, (state.page + 1) * PER_PAGE).map(i => {
    const line = element("tr", undefined, {"data-cell": say(live.texts.cell_id[i])});
    line.append(...COLUMNS.map(column => cellOf(column, i)));
    return line;
  }));
  document.getElementById("page-of").textContent =
    `${shown.length} of ${count} cells, page ${state.page + 1} of ${pages}`;
  document.getElementById("before").disabled = state.page === 0;
  document.getElementById("after").disabled = state.page >= pages - 1;
  tellBrackets();
}

// A figure takes four columns: its value, both ends and what n counts, each a plain number.
function csvHeads(column) {
  const title = column.judged ? `${titleOf(column)}, estimated` : titleOf(column);
  if (!column.ends) return [title];
  const risk = column.key === "risk", draws = column.judged && !(risk ? turnedWeights().length : turnedCosts());
  const [low, high] = draws ? ["5% of draws", "95% of draws"]
    : risk ? ["facts at their best", "facts at their worst"] : ["low end of 95%", "high end of 95%"];
  return [title, `${title}, ${low}`, `${title}, ${high}`, `${title}, ${risk ? "facts" : "n"}`];
}

function csvCells(column, i) {
  const value = valueOf(column, now, i), first = value === null ? shownOf(column, now, i) : value;
  if (!column.ends) return [first];
  const ends = value === null ? null : column.ends(i);
  if (!ends) return [first, "", "", ""];
  const none = ends.low === null && ends.high === null;
  return [first, ...[ends.low, ends.high].map(end => end ?? (none ? "" : "unbounded")), ends.n ?? ""];
}

function csv() {
  const safe = text => /^[=+\-@\t\r]/.test(text) && !/^-?[\d.]+(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text;
  const quoted = text => `"${safe(String(text)).replaceAll('"', '""')}"`;
  const lines = [COLUMNS.flatMap(csvHeads), ...shown.map(i => COLUMNS.flatMap(column => csvCells(column, i)))];
  return lines.map(line => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}
