// What needs a script: live values, zooming in curves, the progress of a build. Every page stands without it.
const own = document.getElementById("vitrine-script").dataset;
const locale = `${own.language}-CA`;
const NBSP = "\u00a0";

const words = (key, values = {}) =>
  (own[`w${key[0].toUpperCase()}${key.slice(1)}`] ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

const number = (value, decimals) =>
  new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    .format(value)
    .replaceAll("\u202f", NBSP)
    .replace("-", "\u2212");

const clock = (date) =>
  new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: own.zone, hourCycle: "h23" }).format(date);

function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}${NBSP}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${NBSP}min`;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (!minutes) return `${hours}${NBSP}h`;
  return own.language === "fr"
    ? `${hours}${NBSP}h${NBSP}${String(minutes).padStart(2, "0")}`
    : `${hours}${NBSP}h${NBSP}${minutes}${NBSP}min`;
}

const DAY = 86400;
// How far this machine's clock is from the platform's: ages must not depend on the visitor's clock.
let drift = 0;
const now = () => Date.now() + drift;

// ---- Live values ------------------------------------------------------------

const table = document.querySelector("[data-live-source]");
const drawing = document.querySelectorAll("[data-drawn]");

function part(row, name) {
  return row.querySelector(`[data-live="${name}"]`);
}

function show(row, latest) {
  const time = new Date(latest.time);
  row.time = time;
  const value = part(row, "value");
  value.textContent =
    latest.value === null ? words("missing", { clock: clock(time).slice(0, 5) }) : number(latest.value, Number(row.dataset.decimals));
  const quality = part(row, "quality");
  if (row.quality !== latest.quality) {
    row.quality = latest.quality;
    quality.replaceChildren(document.getElementById(`flag-${latest.quality}`).content.cloneNode(true));
  }
  let stamp = part(row, "time");
  if (!stamp) {
    const cell = row.children[4];
    stamp = document.createElement("time");
    stamp.dataset.live = "time";
    const age = document.createElement("span");
    age.className = "small";
    age.dataset.live = "age";
    cell.replaceChildren(stamp, " ", age);
  }
  stamp.dateTime = latest.time;
  stamp.textContent = clock(time);
  for (const place of drawing) if (place.dataset.drawn === row.dataset.path) draw(place, latest, value.textContent);
}

// The process drawing says what the table says: value, pointer on its range, flag.
function draw(place, latest, text) {
  place.querySelector(".v").firstChild.textContent = text;
  const pointer = place.querySelector("[data-low]");
  if (pointer && latest.value !== null) {
    const { low, high, width } = Object.fromEntries(Object.entries(pointer.dataset).map(([key, of]) => [key, Number(of)]));
    const share = Math.min(1, Math.max(0, (latest.value - low) / (high - low)));
    pointer.setAttribute("transform", `translate(${(share * width).toFixed(1)})`);
  }
  const mark = place.querySelector(".mark");
  mark.toggleAttribute("hidden", latest.quality < 3);
  mark.setAttribute("class", `mark ${{ 3: "mw", 4: "mb" }[latest.quality] ?? ""}`);
  mark.querySelector("use").setAttribute("href", `#q${latest.quality}`);
  mark.querySelector("text").textContent = document.getElementById(`flag-${latest.quality}`).content.textContent.trim();
}

function age(row) {
  const label = part(row, "age");
  if (!label || !row.time) return;
  const seconds = (now() - row.time.getTime()) / 1000;
  if (seconds >= DAY) return;
  const stale = seconds > Number(row.dataset.stale);
  row.classList.toggle("stale", stale);
  for (const place of drawing) if (place.dataset.drawn === row.dataset.path) place.classList.toggle("stale", stale);
  label.textContent = words(stale ? "since" : "ago", { span: span(seconds) });
}

function listen() {
  const rows = new Map([...table.querySelectorAll("tr[data-path]")].map((row) => [row.dataset.path, row]));
  for (const row of rows.values()) {
    const stamp = part(row, "time");
    if (stamp) row.time = new Date(stamp.dateTime);
  }
  const pulse = document.getElementById("pulse");
  const source = new EventSource(table.dataset.liveSource);
  const unlinked = document.createElement("p");
  unlinked.className = "small";
  unlinked.setAttribute("role", "status");
  table.before(unlinked);
  source.addEventListener("latest", (event) => {
    const latest = JSON.parse(event.data);
    const row = rows.get(latest.path);
    if (!row) return;
    const received = new Date(latest.received_at ?? latest.time).getTime();
    if (received > now()) drift += received - now();
    show(row, latest);
    age(row);
    const stamp = pulse && part(pulse, "time");
    if (stamp && new Date(latest.time) > new Date(stamp.dateTime)) {
      stamp.dateTime = latest.time;
      stamp.textContent = clock(row.time);
      part(pulse, "age").textContent = words("ago", { span: span((now() - row.time) / 1000) });
    }
    unlinked.textContent = "";
  });
  source.addEventListener("error", () => {
    unlinked.textContent = words("lost");
  });
  setInterval(() => rows.forEach(age), 1000);
  addEventListener("pagehide", () => source.close());
}

if (table) listen();

// ---- Zoom: uPlot laid over the drawing; nothing in it that the table lacks ------

let library;

function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = own.zoom;
    script.addEventListener("load", () => resolve(globalThis.uPlot));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return library;
}

function columns(answer) {
  const series = answer.series[0];
  const at = Object.fromEntries(series.columns.map((name, place) => [name, place]));
  const raw = "value" in at;
  const data = raw ? [[], [], []] : [[], [], [], []];
  for (const row of series.rows) {
    data[0].push(new Date(row[at.time]).getTime() / 1000);
    if (raw) {
      data[1].push(row[at.quality] <= 2 ? row[at.value] : null);
      data[2].push(row[at.quality] === 3 || row[at.quality] === 4 ? row[at.value] : null);
    } else {
      data[1].push(row[at.mean]);
      data[2].push(row[at.min]);
      data[3].push(row[at.max]);
    }
  }
  return { raw, data: bridgeless(data) };
}

// A point without value between two that are farther apart than usual, so that no line crosses a gap.
function bridgeless(data) {
  const times = data[0];
  const steps = times.slice(1).map((time, place) => time - times[place]).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] ?? 1;
  const out = data.map(() => []);
  times.forEach((time, place) => {
    if (place && time - times[place - 1] > 2.5 * usual) {
      out[0].push((time + times[place - 1]) / 2);
      out.slice(1).forEach((column) => column.push(null));
    }
    data.forEach((column, which) => out[which].push(column[place]));
  });
  return out;
}

// Hours within a day, the day at midnight and over longer stretches; seconds only where ticks are that close.
function moment(at, splits) {
  const date = new Date(at * 1000);
  const time = clock(date);
  const step = splits.length > 1 ? splits[1] - splits[0] : DAY;
  if (step >= DAY || time === "00:00:00") {
    return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: own.zone }).format(date);
  }
  return step < 60 ? time : time.slice(0, 5);
}

function options(figure, raw, width, height) {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const probe = document.createElement("span");
  document.body.append(probe);
  const colour = (name) => {
    probe.setAttribute("class", "vh");
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [ink, line, blue, amber] = ["--ink3", "--line", "--d1", "--warn"].map(colour);
  probe.remove();
  const decimals = Number(figure.dataset.decimals);
  const text = (_, value) => (value === null || value === undefined ? "" : number(value, decimals));
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: `12px ${token("--sans")}` };
  const curve = { stroke: blue, width: 1.6, spanGaps: false, points: { show: false }, value: text };
  const series = raw
    ? [curve, { stroke: amber, width: 0, spanGaps: false, points: { show: true, size: 6, stroke: amber }, value: text }]
    : [curve, { ...curve, width: 0 }, { ...curve, width: 0 }];
  const bands = raw ? [] : [{ series: [3, 2], fill: blue.replace(/^rgb\((.*)\)$/, "rgba($1, 0.17)") }];
  return {
    width,
    height,
    bands,
    legend: { show: false },
    tzDate: (seconds) => globalThis.uPlot.tzDate(new Date(seconds * 1000), own.zone),
    scales: { x: { time: true, min: Number(figure.dataset.first), max: Number(figure.dataset.last) } },
    axes: [
      { ...axis, values: (_, splits) => splits.map((at) => moment(at, splits)) },
      { ...axis, size: 56, values: (_, splits) => splits.map((value) => number(value, Math.max(0, Math.min(decimals, 4)))) },
    ],
    series: [{}, ...series],
    cursor: { y: false },
  };
}

async function explore(figure, button, said) {
  const plot = figure.querySelector(".plot");
  if (figure.zoomed) {
    figure.zoomed.destroy();
    figure.layer.remove();
    figure.zoomed = null;
    plot.hidden = false;
    button.textContent = words("zoom");
    said.textContent = "";
    return;
  }
  said.textContent = words("loading");
  button.disabled = true;
  try {
    const [uPlot, answer] = await Promise.all([
      load(),
      fetch(figure.dataset.zoom, { headers: { Accept: "application/json" } }).then((response) => {
        if (!response.ok) throw new Error(response.statusText);
        return response.json();
      }),
    ]);
    const { raw, data } = columns(answer);
    const { width } = plot.getBoundingClientRect();
    const height = Math.max(220, plot.getBoundingClientRect().height);
    figure.layer = document.createElement("div");
    plot.after(figure.layer);
    plot.hidden = true;
    figure.zoomed = new uPlot(options(figure, raw, width, height), data, figure.layer);
    button.textContent = words("unzoom");
    said.textContent = words("hint");
  } catch {
    said.textContent = words("failed");
  } finally {
    button.disabled = false;
  }
}

for (const figure of own.zoom ? document.querySelectorAll("figure[data-zoom]") : []) {
  const bar = document.createElement("p");
  const button = document.createElement("button");
  const said = document.createElement("span");
  bar.className = "small acts zoom";
  button.className = "quiet";
  button.type = "button";
  button.textContent = words("zoom");
  said.setAttribute("role", "status");
  bar.append(button, said);
  figure.querySelector("figcaption").append(bar);
  button.addEventListener("click", () => explore(figure, button, said));
}
addEventListener("resize", () => {
  for (const figure of document.querySelectorAll("figure[data-zoom]")) {
    figure.zoomed?.setSize({ width: figure.getBoundingClientRect().width, height: figure.zoomed.height });
  }
});

// ---- Progress of a build ------------------------------------------------------

const build = document.querySelector("[data-progress-source]");

async function follow() {
  const response = await fetch(build.dataset.progressSource, { headers: { Accept: "application/json" } });
  if (!response.ok) return;
  const dataset = await response.json();
  if (dataset.build === "done" || dataset.build === "failed") {
    location.reload();
    return;
  }
  const bar = build.querySelector("progress");
  bar.value = dataset.progress;
  const percent = number(dataset.progress * 100, 0) + (own.language === "fr" ? `${NBSP}%` : "%");
  bar.textContent = percent;
  build.querySelector('[data-progress="share"]').textContent = percent;
  build.querySelector('[data-progress="stage"]').textContent = build.getAttribute(`data-stage-${dataset.stage}`) ?? "";
}

if (build) setInterval(() => follow().catch(() => {}), 1000);
