// The page of a study of a pool: three pictures of what its data say.

const STATES = ["not asked", "in flight", "here", "failed", "withdrawn"];

function shade(value, [low, high]) {
  const at = (Math.min(Math.max((value - low) / (high - low || 1), 0), 1)) * (view.scale.length - 1), k = Math.min(Math.floor(at), view.scale.length - 2);
  return `color-mix(in srgb, ${view.scale[k + 1]} ${Math.round(100 * (at - k))}%, ${view.scale[k]})`;
}

// Labels in the order in which they came, and the best of them so far.
function course(width) {
  if (!view.course.length) return [caption("No label yet.")];
  const box = { left: 52, right: width - 12, top: 24, bottom: 268 };
  const x = scale(1, Math.max(view.course.length, 2), box.left + 6, box.right - 6), y = scale(...range(view.course.map((one) => one.value)), box.bottom, box.top);
  const steps = view.course.map((one, i) => (i ? `H${px(x(i + 1))}V` : `M${px(x(1))} `) + px(y(one.best))).join("");
  const dots = view.course.map((one, i) => s("circle", { class: "label", cx: px(x(i + 1)), cy: px(y(one.value)), r: 4 }, title(`${one.id}: ${one.text}`)));
  return [caption(`Each dot is a label, in the order in which they came; the line is the best so far${view.minimise ? ", the lowest" : ""}.`),
    picture(width, 304, "labels and the best so far", frame(x, y, box, { x: "label", y: view.target, whole: true }), s("path", { class: "curve c0", d: steps }), dots)];
}

// Mean and standard deviation of the items that are believed to be best.
function best(width) {
  const rows = view.best, gap = 26, left = Math.min(120, width * 0.3), height = rows.length * gap + 40;
  if (!rows.length) return [caption("Nothing is left to choose.")];
  const at = scale(...range(rows.flatMap((one) => [one.mean - one.sd, one.mean + one.sd, ...one.labels])), left, width - 14);
  const drawn = rows.map((one, i) => {
    const y = 16 + i * gap;
    return s("g", { class: "series c0" }, title(`${one.id}: ${one.text}`), line(at(one.mean - one.sd), y, at(one.mean + one.sd), y, "whisker"),
      s("circle", { class: "symbol", cx: px(at(one.mean)), cy: y, r: 5 }), one.labels.map((value) => s("circle", { class: "ring", cx: px(at(value)), cy: y, r: 7 })),
      text(left - 10, y + 4, fitted(one.id, left - 12), "end", "name"));
  });
  const ticks = at.ticks(Math.max(2, Math.floor(width / 110))).map((tick) => [line(at(tick), 4, at(tick), height - 26, "guide"), under(at(tick), height - 10, short(tick), width - 1)]);
  return [caption("Ids with mean and standard deviation of what is believed; rings are labels."), picture(width, height, "what is believed of the best items", ticks, drawn)];
}

// Items at the same place are laid around it.
function aside(points, x, y) {
  const here = new Map();
  return points.map(([u, v]) => {
    const place = `${px(x(u))} ${px(y(v))}`, k = here.get(place) ?? 0, [radius, angle] = [12 * Math.sqrt(k), 2.4 * k];
    here.set(place, k + 1);
    return [x(u) + radius * Math.cos(angle), y(v) + radius * Math.sin(angle)];
  });
}

// All items in the plane of the first two principal components of their features.
function map(width) {
  const wide = Math.min(width, 760), high = Math.min(wide * 0.66, 420), edge = 24, points = view.map.points;
  const x = scale(...range(points.map((one) => one[0])), edge, wide - edge), y = scale(...range(points.map((one) => one[1])), high - edge, edge);
  const ends = view.map.ends, last = [...points].sort((a, b) => (a[3] > 0) - (b[3] > 0));
  const at = aside(last, x, y);
  const drawn = last.map(([, , mean, state, id, words], i) => s("circle", {
    class: `item state${state}`, cx: px(at[i][0]), cy: px(at[i][1]), r: state === 2 ? 6.5 : state ? 5.5 : 4, style: { fill: state === 3 ? "none" : shade(mean, ends) } }, title(`${id} (${STATES[state]}): ${words}`)));
  const bar = view.scale.map((colour, i) => h("i", { style: { background: colour } }));
  return [caption(view.map.words), h("p", { class: "scale note" }, short(ends[0]), h("span", { "aria-hidden": "true" }, bar), short(ends[1])),
    h("p", { class: "note keys" }, [["item state0", "not asked"], ["item state1", "in flight"], ["item state2", "label here"], ["item state3", "failed"]].map(([name, words]) =>
      h("span", {}, s("svg", { class: "mark", viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" }, s("circle", { class: name, cx: 7, cy: 7, r: 5, style: { fill: "none" } })), words))),
    picture(wide, high, "map of the pool", drawn)];
}

draw([["course", course], ["top", best], ["map", map]]);
