// The page of a study of a design: what was learned, from which settings, and how well the data fit.

const shape = (width, height = 304) => ({ left: 58, right: width - 12, top: 24, bottom: height - 36 });
const path = (x, y, values, name) => s("path", { class: name, d: values.map((one, i) => `${i ? "L" : "M"}${px(x(i))} ${px(y(one))}`).join("") });
const count = (box) => scale(0, Math.max(view.ids.length, 1), box.left + 8, box.right - 8);
const none = [caption("No data yet.")];

// The information in all data so far, and what the last experiment was expected to add.
function information(width) {
  if (!view.ids.length) return none;
  const box = shape(width), x = count(box), total = view.total;
  const hoped = view.expected.map((one, i) => one === null ? null : total[i] + one);
  const y = scale(0, Math.max(...total, ...hoped.filter((one) => one !== null), 0.1) * 1.08, box.bottom, box.top);
  const dots = hoped.map((one, i) => one === null ? null : s("circle", { class: "ring", cx: px(x(i + 1)), cy: px(y(one)), r: 5 }, title(`expected of ${view.ids[i]}: ${short(view.expected[i])} nats`)));
  const ends = total.slice(1).map((one, i) => s("circle", { class: "label", cx: px(x(i + 1)), cy: px(y(one)), r: 4 }, title(`${view.ids[i]}: ${short(one - total[i])} nats`)));
  return [caption("Nats that the experiments have told so far; rings are what was expected of them."),
    picture(width, 304, "information over the experiments", frame(x, y, box, { x: "experiments", y: "nats", whole: true }), path(x, y, total, "curve c0"), dots, ends)];
}

// Mean and standard deviation of each parameter after each experiment.
function parameters(width) {
  const high = view.parameters.length > 1 ? 200 : 304;
  return [caption("Mean and standard deviation after each experiment."), view.parameters.map((one) => {
    const box = shape(width, high), x = count(box);
    const y = scale(...range(one.mean.flatMap((mean, i) => [mean - one.sd[i], mean + one.sd[i]])), box.bottom, box.top);
    const drawn = one.mean.map((mean, i) => s("g", { class: "series c0" }, title(`${i}: ${short(mean)} ± ${short(one.sd[i])}`),
      line(x(i), y(mean - one.sd[i]), x(i), y(mean + one.sd[i]), "whisker"), s("circle", { class: "symbol", cx: px(x(i)), cy: px(y(mean)), r: 4 })));
    return picture(width, high, `what is believed of ${one.name}`, frame(x, y, box, { x: "experiments", y: one.name, whole: true }), drawn);
  })];
}

// The settings in their order.
function settings(width) {
  if (!view.ids.length) return none;
  const high = view.knobs.length > 1 ? 180 : 304;
  return [caption("The settings of the experiments that have data, in their order."), view.knobs.map((one) => {
    const box = shape(width, high), x = count(box), y = scale(...range(one.range), box.bottom, box.top);
    const dots = one.values.map((value, i) => s("circle", { class: "label", cx: px(x(i + 1)), cy: px(y(value)), r: 4 }, title(`${view.ids[i]}: ${one.name}=${short(value)}`)));
    return picture(width, high, `settings of ${one.name}`, frame(x, y, box, { x: "experiments", y: one.name, whole: true }), dots);
  })];
}

// Data with what the posterior expects of them: a picture for each histogram, or one of all numbers.
function fit(width) {
  if (!view.fits.length) return none;
  return [caption(view.fits[0].words), view.fits.map((one) => {
    const high = view.fits.length > 1 ? 180 : 304, box = shape(width, high), n = one.data.length;
    const x = scale(0.5, n + 0.5, box.left + 2, box.right - 2);
    const y = scale(...range([...one.data, ...one.mean.flatMap((mean, i) => [mean - one.sd[i], mean + one.sd[i]])]), box.bottom, box.top);
    const drawn = one.mean.map((mean, i) => s("g", { class: "series c0" }, title(`${one.names?.[i] ?? i + 1}: ${short(one.data[i])}, expected ${short(mean)} ± ${short(one.sd[i])}`),
      line(x(i + 1), y(mean - one.sd[i]), x(i + 1), y(mean + one.sd[i]), "whisker"), s("circle", { class: "ring", cx: px(x(i + 1)), cy: px(y(one.data[i])), r: n > 30 ? 2 : 4 })));
    return picture(width, high, one.title, frame(x, y, box, { x: one.x, y: one.title, whole: true }), drawn);
  })];
}

draw([["information", information], ["parameters", parameters], ["settings", settings], ["fit", fit]]);
