"use strict";
const KEEP = 150, EVERY = 2000, WIDTH = 300, HEIGHT = 110;
const past = new Map();
const $ = (id) => document.getElementById(id);
let token = "";

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function drawn(name, about) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(about)) made.setAttribute(key, value);
  return made;
}

const number = (n) => n === null || !isFinite(n) ? "–" : n >= 1e6 ? (n / 1e6).toFixed(1) + " M"
  : n >= 1e4 ? (n / 1e3).toFixed(1) + " k" : n >= 100 || Number.isInteger(n) ? n.toFixed(0) : n.toFixed(1);
const millis = (s) => s === null ? "–" : s === Infinity ? "long" : s >= 1 ? s.toFixed(1) + " s"
  : (s * 1000).toFixed(s < 0.01 ? 2 : 0) + " ms";

// Of a histogram's new counts, where the part lies, drawn straight within a bucket.
function quantile(bounds, counts, part) {
  const all = counts.reduce((a, b) => a + b, 0);
  if (!all) return null;
  let left = part * all;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] && left <= counts[i]) {
      if (i >= bounds.length) return bounds.length ? bounds[bounds.length - 1] : null;
      const low = i ? bounds[i - 1] : 0;
      return low + (bounds[i] - low) * left / counts[i];
    }
    left -= counts[i];
  }
  return null;
}

function point(now, one, before, seconds) {
  const rate = (name) => Math.max(0, one[name] - before[name]) / seconds;
  const same = before.latency.counts.length === one.latency.counts.length;
  const counts = one.latency.counts.map((n, i) => same ? Math.max(0, n - before.latency.counts[i]) : n);
  const at = (part) => quantile(one.latency.bounds, counts, part);
  const batches = one.batches - before.batches;
  return {
    time: now, good: rate("succeeded"), bad: rate("failed") + rate("expired"), refused: rate("refused"),
    p50: at(0.5), p90: at(0.9), p99: at(0.99), queued: one.queued, flight: one.in_flight,
    batch: batches > 0 ? (one.rows - before.rows) / batches : null,
  };
}

function chart(title, names, points, keys, shown) {
  const figure = element("figure"), caption = element("figcaption"), legend = element("span");
  const most = Math.max(1e-9, ...points.flatMap((p) => keys.map((k) => p[k] ?? 0)));
  caption.append(element("span", title));
  names.forEach((name, i) => legend.append(element("span", name, `k k${i}`)));
  caption.append(legend);
  const svg = drawn("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title});
  for (const y of [0.5, 0.25, 0.75, 1]) svg.append(drawn("line", {x1: 0, x2: WIDTH, y1: HEIGHT * y - 0.5, y2: HEIGHT * y - 0.5}));
  keys.forEach((key, i) => {
    let d = "", pen = false;
    points.forEach((p, n) => {
      if (p[key] === null) { pen = false; return; }
      const x = WIDTH * (KEEP - points.length + n) / (KEEP - 1), y = (HEIGHT - 4) * (1 - p[key] / most) + 2;
      d += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = true;
    });
    svg.append(drawn("path", {d: points.length > 1 ? d : "", class: `s${i}`}));
  });
  const scale = element("p", shown(most < 1e-8 ? 0 : most), "scale");
  figure.append(caption, scale, svg);
  return figure;
}

function bars(one) {
  const figure = element("figure"), found = Object.entries(one.batch_sizes).map(([s, n]) => [Number(s), n]);
  const why = Object.entries(one.released).map(([k, n]) => `${k} ${number(n)}`).join(", ");
  const caption = element("figcaption"), scale = element("p", why, "scale");
  caption.append(element("span", "Batches by their rows"));
  const svg = drawn("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "batches by size"});
  const most = Math.max(1, ...found.map(([, n]) => n)), wide = WIDTH / Math.max(8, found.length);
  svg.append(drawn("line", {x1: 0, x2: WIDTH, y1: HEIGHT - 14, y2: HEIGHT - 14}));
  found.sort((a, b) => a[0] - b[0]).forEach(([size, n], i) => {
    const high = (HEIGHT - 18) * n / most;
    svg.append(drawn("rect", {x: i * wide + 1, y: HEIGHT - 14 - high, width: Math.max(1, wide - 3), height: high, rx: 1.5}));
    const text = drawn("text", {x: i * wide + wide / 2 - 1, y: HEIGHT - 3, "text-anchor": "middle"});
    text.textContent = size;
    if (found.length < 24 || i % 4 === 0) svg.append(text);
  });
  figure.append(caption, scale, svg);
  return figure;
}

function workers(one, before, seconds) {
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const name of ["worker", "pid", "state", "device", "batches", "rows", "restarts", "busy"]) head.append(element("th", name));
  const old = new Map(before.workers.map((w) => [w.name, w]));
  for (const w of one.workers) {
    const row = body.insertRow(), was = old.get(w.name);
    const busy = was ? Math.min(100, 100 * Math.max(0, w.busy_seconds - was.busy_seconds) / seconds) : 0;
    const cells = [w.name, w.pid, w.state, w.device < 0 ? "CPU" : `GPU ${w.device}`, number(w.batches), number(w.items), w.restarts, busy.toFixed(0) + " %"];
    for (const text of cells) row.insertCell().textContent = text;
  }
  return table;
}

function tiles(p, one) {
  const list = element("dl");
  const shown = [["requests/s", number(p.good + p.bad + p.refused)], ["p50", millis(p.p50)], ["p99", millis(p.p99)],
    ["rows a batch", p.batch === null ? "–" : number(p.batch)], ["in the queue", number(one.queued)],
    ["in workers", number(one.in_flight)], ["answered", number(one.succeeded)], ["failed", number(one.failed + one.expired)],
    ["refused", number(one.refused)], ["client left", number(one.cancelled)]];
  for (const [name, value] of shown) {
    const pair = element("div");
    pair.append(element("dt", name), element("dd", value));
    list.append(pair);
  }
  return list;
}

function about(view) {
  const workers = view.workers ? [`${view.ready_workers} of ${view.workers} workers`] : [];
  return [`version ${view.version}`, view.platform, ...workers].join(", ");
}

function card(view, memory) {
  const section = element("section");
  section.append(element("h2", view.name), element("span", about(view), "about"));
  section.append(element("span", view.state, `mark ${view.state}`));
  if (view.reason) section.append(element("p", view.reason, "reason"));
  if (!memory || !memory.points.length || view.state === "unloaded") return section;
  const {points, one, before, seconds} = memory, charts = element("div", undefined, "charts");
  charts.append(
    chart("Requests/s", ["answered", "failed", "refused"], points, ["good", "bad", "refused"], number),
    chart("Latency", ["p50", "p90", "p99"], points, ["p50", "p90", "p99"], millis),
    chart("Waiting", ["queue", "in workers"], points, ["queued", "flight"], number), bars(one));
  section.append(tiles(points[points.length - 1], one), charts, workers(one, before, seconds));
  return section;
}

function show(data) {
  const statistics = new Map(data.statistics.map((one) => [`${one.name} ${one.version}`, one]));
  for (const [key, one] of statistics) {
    const memory = past.get(key), seconds = memory ? data.time - memory.time : 0;
    if (!memory || one.requests < memory.one.requests) {
      past.set(key, {time: data.time, one, before: one, seconds: 1, points: [point(data.time, one, one, 1)]});
    } else if (seconds > 0.2) {
      const points = [...memory.points, point(data.time, one, memory.one, seconds)].slice(-KEEP);
      past.set(key, {time: data.time, one, before: memory.one, seconds, points});
    }
  }
  const order = data.models.filter((one) => one.state !== "unloaded");
  order.push(...data.models.filter((one) => one.state === "unloaded"));
  const cards = order.map((view) => card(view, past.get(`${view.name} ${view.version}`)));
  $("models").replaceChildren(...(cards.length ? cards : [element("p", "No model is loaded.", "none")]));
}

function say(text, bad) {
  $("state").textContent = text;
  $("state").className = bad ? "bad" : "";
}

async function look() {
  try {
    const answer = await fetch("/serving/data", {headers: token ? {Authorization: `Bearer ${token}`} : {}, cache: "no-store"});
    $("door").hidden = answer.status !== 401;
    if (answer.ok) {
      const data = await answer.json();
      show(data);
      say(`${data.connections === null ? "" : data.connections + " clients connected · "}${new Date().toLocaleTimeString()}`, false);
    } else if (answer.status === 401) say("this needs a token", true);
    else say(`labd answers ${answer.status}`, true);
  } catch (error) {
    say("labd does not answer", true);
  }
}

$("door").addEventListener("submit", (event) => { event.preventDefault(); token = $("token").value; look(); });
look();
setInterval(look, EVERY);
