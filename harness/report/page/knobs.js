// Knobs, choosers, the address, and the still plots.
function tellSettings() {
  const turned = turnedWeights().map(name => `${plain(name)} ${state.weights[name]}`);
  const prices = Object.entries(state.prices).filter(([, factor]) => factor !== 1).map(([name, factor]) => `${name} x ${factor}`);
  const cut = [...new Set(chosen().contents)].flatMap(content => {
    const less = names.filter(name => live.relevance[content][name] < 1);
    return less.length ? [`for ${content}, ${less.map(name => `${plain(name)} x ${live.relevance[content][name]}`).join(" and ")}`] : [];
  });
  document.getElementById("settings").textContent = [
    `Shown: ${plain(chosen().name)}`, `prices x ${state.price}${prices.length ? ` (${prices.join(", ")})` : ""}`,
    `utilisation ${Math.round(state.utilisation * 100)}%`, `hazard x ${state.hazard}`,
    turned.length ? `weights changed: ${turned.join(", ")}` : "weights as judged",
    ...(cut.length ? [`weights cut by what the workload is about: ${cut.join("; ")}`] : []),
    ...(state.filter ? [`cells with "${state.filter}"`] : []),
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
  chooser("buyer", live.buyers.map((each, i) => [i, plain(each.name)]), () => state.buyer, v => {
    // Weights that were turned were another buyer's.
    state.buyer = Number(v);
    state.weights = {};
    shows.forEach(show => show());
  });
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
    weights.append(slider(`w-${name}`, plain(name), 0, 1, 0.01, () => weightOf(name),
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
// One after the other with a pause between, so that the knobs answer meanwhile.
async function drawStills() {
  for (const [i, spec] of stills.entries()) {
    await window.vegaEmbed(frames[i], spec, {actions: false, renderer: "svg", config: narrow()});
    await new Promise(done => setTimeout(done));
  }
  document.body.dataset.drawn = String(stills.length);
}
drawStills();
