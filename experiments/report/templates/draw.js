// Small pictures as SVG. Names become text nodes and attributes, never markup.
"use strict";

function element(space, tag, attributes, children) {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || (value === false && !name.startsWith("aria-"))) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) made.style.setProperty(key, one);
    else made.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}
const h = (tag, attributes, ...children) => element(null, tag, attributes, children);
const s = (tag, attributes, ...children) => element("http://www.w3.org/2000/svg", tag, attributes, children);
const picture = (width, height, label, ...inside) =>
  s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, inside);
const line = (x1, y1, x2, y2, name) => s("line", { class: name, x1: px(x1), y1: px(y1), x2: px(x2), y2: px(y2) });
const text = (x, y, words, anchor = "start", name = null) =>
  s("text", { x: px(x), y: px(y), "text-anchor": anchor, class: name }, words);
const title = (words) => s("title", {}, words);
const px = (x) => Math.round(10 * x) / 10;

// ---- scales

function scale(low, high, from, to, logarithmic = false) {
  const f = logarithmic ? Math.log : (x) => x;
  const [a, b] = [f(low), f(high)];
  const at = (x) => from + ((Math.min(Math.max(f(x), a), b) - a) / (b - a || 1)) * (to - from);
  return Object.assign(at, { low, high, ticks: (count) => logarithmic ? decades(low, high, count) : steps(low, high, count) });
}
function steps(low, high, count) {
  const rough = (high - low) / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 5, 10].map((k) => k * power).find((one) => one >= rough) || 1;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(+(k * step).toPrecision(12));
  return found;
}
function decades(low, high, count) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const k of [1, 2, 5]) found.push(+(k * 10 ** power).toPrecision(3));
  }
  const inside = found.filter((x) => x >= low * 0.999 && x <= high * 1.001);
  const tens = inside.filter((x) => String(x).replace(/[^1-9]/g, "").startsWith("1"));
  const some = inside.length <= count || tens.length < 2 ? inside : tens;
  return some.filter((_, i) => i % Math.ceil(some.length / count) === 0);
}
function short(x) {
  const size = Math.abs(x);
  const words = size && (size >= 1e6 || size < 1e-4) ? x.toExponential(0) : x.toLocaleString("en", { maximumSignificantDigits: 4 });
  return words.replace("-", "−");
}
function seconds(x) {
  const [size, unit] = x >= 1 ? [1, "s"] : x >= 1e-3 ? [1e-3, "ms"] : [1e-6, "µs"];
  return `${short(+(x / size).toPrecision(3))} ${unit}`;
}
// Places for labels near some wanted ones, at least a gap apart.
function spread(wanted, gap, low, high) {
  const order = wanted.map((_, i) => i).sort((i, j) => wanted[i] - wanted[j]);
  const places = [...wanted];
  let least = low;
  for (const i of order) { places[i] = Math.max(places[i], least); least = places[i] + gap; }
  let most = high;
  for (const i of order.reverse()) { places[i] = Math.min(places[i], most); most = places[i] - gap; }
  return places;
}
// A place for the label of each dot where it hides as little as possible: [x, y, anchor].
const AROUND = [[11, 4, "start"], [-11, 4, "end"], [0, -10, "middle"], [0, 19, "middle"], [10, -9, "start"], [10, 17, "start"], [-10, -9, "end"], [-10, 17, "end"],
  [20, -22, "start"], [20, 30, "start"], [-20, -22, "end"], [-20, 30, "end"], [0, -26, "middle"], [0, 36, "middle"]];
function labels(dots, box) {
  const taken = dots.map(({ x, y }) => [x - 7, y - 7, x + 7, y + 7]);
  return dots.map(({ x, y, words }) => {
    const long = wide(words);
    const tried = AROUND.map(([dx, dy, anchor], cost) => {
      const left = x + dx - { start: 0, middle: long / 2, end: long }[anchor], area = [left, y + dy - 10, left + long, y + dy + 3];
      const over = ([a, b, c, d]) => Math.max(0, Math.min(c, area[2]) - Math.max(a, area[0])) * Math.max(0, Math.min(d, area[3]) - Math.max(b, area[1]));
      const outside = Math.max(0, box.left - area[0]) + Math.max(0, area[2] - box.right) + Math.max(0, box.top - area[1]) + Math.max(0, area[3] - box.bottom);
      return { area, at: [x + dx, y + dy, anchor], cost: cost / 2 + 1e4 * outside + taken.reduce((sum, one) => sum + over(one), 0) };
    });
    const best = tried.reduce((one, other) => (other.cost < one.cost ? other : one));
    taken.push(best.area);
    return best.at;
  });
}
const ruler = document.createElement("canvas").getContext("2d");
function wide(words) {
  ruler.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(words).width;
}
// A number below a place of a scale, moved where the edge of the picture would cut it.
const under = (x, y, words, right) => text(Math.min(x, right - wide(words) / 2), y, words, "middle");
// As much of some words as there is room for.
function fitted(words, room) {
  if (wide(words) <= room) return words;
  const letters = [...words];
  while (letters.length > 1 && wide(`${letters.join("")}…`) > room) letters.pop();
  return `${letters.join("")}…`;
}

// ---- what agents look like

const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 3"];
function polygon(corners, radius, turn = 0) {
  const points = Array.from({ length: corners }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / corners - Math.PI / 2;
    return `${px(radius * Math.cos(angle))} ${px(radius * Math.sin(angle))}`;
  });
  return `M${points.join("L")}z`;
}
const cross = (r, t) => `M${-t} ${-r}H${t}V${-t}H${r}V${t}H${t}V${r}H${-t}V${t}H${-r}V${-t}H${-t}z`;
const SHAPES = [
  (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (r) => polygon(4, 1.25 * r, Math.PI / 4),
  (r) => polygon(3, 1.35 * r),
  (r) => polygon(4, 1.3 * r),
  (r) => polygon(3, 1.35 * r, Math.PI),
  (r) => cross(1.15 * r, px(0.42 * r)),
  (r) => polygon(5, 1.2 * r),
  (r) => cross(1.15 * r, px(0.42 * r)),
];
function symbol(agent, x, y, radius = 5) {
  const turn = agent.marker === 7 ? " rotate(45)" : "";
  return s("path", { class: `symbol c${agent.colour}`, d: SHAPES[agent.marker](radius), transform: `translate(${px(x)} ${px(y)})${turn}` });
}
function legend(agent) {
  const mark = symbol(agent, 7, 7, 4.6);
  return s("svg", { class: "mark", viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" }, mark);
}
function whisker(at, one, y, agent, name = "") {
  if (one.low === null) return null;
  return line(at(one.low), y, at(one.high), y, `whisker c${agent.colour} ${name}`);
}

// ---- pictures

// An estimate as a symbol on its interval, between the lines of random and optimal.
function bar(one, [low, high], agent, scored, width = 230) {
  const at = scale(low, high, 9, width - 9);
  const guides = scored ? [0, 1].map((x) => line(at(x), 2, at(x), 24, "ends-of-scale")) : [];
  const outside = one.value < low;
  return picture(width, 26, `${one.text} ${one.ends}`, guides, outside ? null : whisker(at, one, 13, agent),
    outside ? s("path", { class: `symbol c${agent.colour}`, d: `M${at(low) - 7} 13l10 -6v12z` }) : symbol(agent, at(one.value), 13));
}

function frame(x, y, box, names) {
  const parts = [];
  for (const tick of x.ticks(Math.max(2, Math.floor((box.right - box.left) / 80))).filter((one) => !names.whole || Number.isInteger(one))) {
    parts.push(line(x(tick), box.top, x(tick), box.bottom, "guide"), under(x(tick), box.bottom + 15, names.tick?.(tick) ?? short(tick), box.right + 11));
  }
  for (const tick of y.ticks(5)) parts.push(line(box.left, y(tick), box.right, y(tick), "guide"), text(box.left - 6, y(tick) + 4, short(tick), "end"));
  parts.push(text((box.left + box.right) / 2, box.bottom + 32, fitted(names.x, box.right - box.left), "middle"), text(box.left - 40, box.top - 8, fitted(names.y, box.right - box.left)));
  return parts;
}

// Lines with bands over decisions or money, names at their ends.
function curves(lines, names, width) {
  const room = Math.min(150, width * 0.3), box = { left: 52, right: width - room, top: 24, bottom: 268 };
  const all = lines.flatMap((one) => [...one.mean, ...one.low, ...one.high]).filter((x) => x !== null);
  const last = Math.max(...lines.map((one) => one.points.at(-1)));
  const x = names.whole ? scale(1, Math.max(last, 2), box.left, box.right, last > 60) : scale(0, last, box.left, box.right);
  const y = scale(Math.min(0, ...all), Math.max(...all), box.bottom, box.top);
  const places = spread(lines.map((one) => y(one.mean.at(-1))), 15, box.top, box.bottom);
  const drawn = lines.map((one, i) => {
    const at = (values) => values.map((value, k) => `${px(x(one.points[k]))} ${px(y(value))}`);
    const end = [x(one.points.at(-1)), y(one.mean.at(-1))];
    return s("g", { class: `series c${one.agent.colour}` }, title(one.agent.name),
      one.low[0] === null ? null : s("path", { class: "band", d: `M${at(one.high).join("L")}L${at(one.low).reverse().join("L")}z` }),
      s("path", { class: "curve", d: `M${at(one.mean).join("L")}`, "stroke-dasharray": DASHES[one.agent.dash] || null }),
      s("path", { class: "lead-line", d: `M${px(end[0] + 5)} ${px(end[1])}L${px(box.right + 14)} ${px(places[i])}` }),
      symbol(one.agent, end[0], end[1], 4.2), text(box.right + 17, places[i] + 4, fitted(one.agent.name, room - 22), "start", "name"));
  });
  return picture(width, 304, `${names.y} over ${names.x}`, frame(x, y, box, names), drawn);
}

// Quality against cost, with the line of those that nothing beats for less.
function tradeoff(dots, names, logarithmic, width, [low, high]) {
  const box = { left: 52, right: width - 16, top: 24, bottom: 268 };
  const prices = dots.map((dot) => dot.x), [least, most] = [Math.min(...prices), Math.max(...prices)];
  const x = logarithmic ? scale(least / 1.5, most * 1.5, box.left, box.right, true) : scale(least - (most - least) / 12, most + (most - least) / 12, box.left, box.right);
  const y = scale(low, high + (high - low) / 20, box.bottom, box.top);
  const front = dots.filter((dot) => dot.best).sort((a, b) => a.x - b.x || a.y - b.y);
  const steps = front.map((dot, i) => `${i ? `H${px(x(dot.x))}V` : `M${px(x(dot.x))} `}${px(y(dot.y))}`).join("");
  const at = labels(dots.map((dot) => ({ x: x(dot.x), y: y(dot.y), words: fitted(dot.agent.name, Math.min(150, width / 3)) })), { ...box, top: 10, right: width });
  const drawn = dots.map((dot, i) => {
    const [cx, cy] = [x(dot.x), y(dot.y)], [left, top, anchor] = at[i], away = Math.abs(left - cx) + Math.abs(top - cy) > 22;
    const lead = away && s("path", { class: "lead-line", d: `M${px(cx)} ${px(cy)}L${px(left)} ${px(top > cy ? top - 10 : top + 2)}` });
    return s("g", { class: `series c${dot.agent.colour}` }, title(`${dot.agent.name}: ${dot.words}`), lead, dot.y < low ? s("path", { class: `symbol c${dot.agent.colour}`, d: `M${px(cx)} ${px(cy)}l-5 -8h10z` }) : symbol(dot.agent, cx, cy, 5.5),
      text(left, top, fitted(dot.agent.name, Math.min(150, width / 3)), anchor, "name"));
  });
  return picture(width, 304, `${names.y} against ${names.x}`, frame(x, y, box, { ...names, tick: names.x.startsWith("time") ? seconds : null }),
    s("path", { class: "front", d: steps || "M0 0" }), drawn);
}

// How the episodes of each agent spread, with mean and interval.
function ridges(rows, { low, high }, scored, width, quantity) {
  const room = Math.min(170, width * 0.32), gap = 38, height = rows.length * gap + 40;
  const at = scale(low, high, room, width - 14);
  const most = Math.max(...rows.flatMap((row) => row.counts.map((count) => count / row.total)));
  const drawn = rows.map((row, i) => {
    const base = 12 + (i + 1) * gap, step = (high - low) / row.counts.length;
    const shape = row.counts.map((count, k) => `V${px(base - 28 * Math.sqrt(count / row.total / most))}H${px(at(low + (k + 1) * step))}`).join("");
    return s("g", { class: `series c${row.agent.colour}` }, title(`${row.agent.name}: ${row.score.text} ${row.score.ends}`),
      s("path", { class: "ridge", d: `M${px(at(low))} ${base}${shape}V${base}z` }), line(room, base, width - 14, base, "guide"),
      whisker(at, row.score, base - 6, row.agent, "thin"), row.score.value >= low && symbol(row.agent, at(row.score.value), base - 6, 4.5),
      text(room - 8, base - 3, fitted(row.agent.name, room - 12), "end", "name"));
  });
  const ticks = at.ticks(Math.max(2, Math.floor(width / 110))).map((tick) => under(at(tick), height - 10, short(tick), width - 1));
  const guides = scored ? [0, 1].map((x) => line(at(x), 8, at(x), height - 26, "ends-of-scale")) : [];
  return picture(width, height, `${quantity} of the episodes of each agent`, guides, drawn, ticks);
}

// All agents of a task on one line: small, for a card.
function dots(rows, [low, high], scored, width) {
  const gap = 15, at = scale(low, high, 8, width - 8), height = rows.length * gap + 18;
  const guides = scored ? [[0, "random"], [1, "optimum"]].map(([x, word]) => [line(at(x), 0, at(x), height - 14, "ends-of-scale"), text(at(x), height - 2, word, at(x) > width - 40 ? "end" : at(x) < 40 ? "start" : "middle")]) : [];
  const drawn = rows.map(({ score, agent }, i) => [
    score.value < low ? null : whisker(at, score, 8 + i * gap, agent),
    score.value < low ? s("path", { class: `symbol c${agent.colour}`, d: `M${at(low) - 7} ${8 + i * gap}l10 -5v10z` }) : symbol(agent, at(score.value), 8 + i * gap, 4.2)]);
  return picture(width, height, "scores of all agents, in the order of the table", guides, drawn);
}

// The same episodes of two agents; those that can be opened are drawn as dots.
function scatter(xs, ys, { low, high }, names, width, openable, chosen, open) {
  const size = Math.min(width, 430), box = { left: 52, right: size - 12, top: 24, bottom: size - 44 };
  const least = Math.min(...xs, ...ys), most = Math.max(...xs, ...ys, least + 1), edge = (most - least) / 30;
  const value = (k) => low + (k / 65535) * (high - low), range = [value(least - edge), value(most + edge)];
  const x = scale(...range, box.left, box.right), y = scale(...range, box.bottom, box.top);
  const place = (k) => [px(x(value(xs[k]))), px(y(value(ys[k])))];
  const rest = Array.from({ length: xs.length - openable }, (_, k) => `M${place(openable + k).join(" ")}h0`);
  const marks = Array.from({ length: openable }, (_, k) => {
    const [cx, cy] = place(k), name = k === chosen ? "episode chosen" : "episode";
    return s("circle", { class: name, cx, cy, r: k === chosen ? 6 : 4.5, "data-episode": k, click: () => open(k) }, title(`episode ${k}`));
  });
  if (chosen !== null) marks.push(...marks.splice(chosen, 1)); // above the others
  return picture(size, size, `${names.y} against ${names.x}, episode by episode`, frame(x, y, box, names),
    line(box.left, box.bottom, box.right, box.top, "front"), s("path", { class: "cloud", d: rest.join("") || "M0 0" }), marks);
}
