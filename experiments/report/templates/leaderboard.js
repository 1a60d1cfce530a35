// The page: what the address says is shown. All numbers and comparisons come from the files of the suites.

const suites = {}, main = document.getElementById("main");
const chips = [...document.querySelectorAll("nav .chip")];
const control = (id) => document.getElementById(id);
const sorted = new Map(); // how the reader has sorted a table
let shown = {};

// ---- the address

const stated = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
function address(changes) {
  const next = { ...shown, ...changes };
  const words = Object.entries(next).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return `#${new URLSearchParams(words)}`;
}
function go(changes, step = true) {
  if (step) location.hash = address(changes);
  else { history.replaceState(null, "", address(changes)); follow(); }
}
function follow() {
  if (location.hash && !location.hash.includes("=")) return; // a place on this page
  const next = stated(), before = shown;
  shown = { ...next, suite: next.suite ?? chips[0]?.dataset.key };
  const chip = chips.find((one) => one.dataset.key === shown.suite);
  for (const one of chips) one === chip ? one.setAttribute("aria-current", "page") : one.removeAttribute("aria-current");
  if (chip && !suites[shown.suite]) return load(chip);
  draw();
  if (before.suite && (before.suite !== shown.suite || before.task !== shown.task)) {
    scrollTo(0, Math.max(0, main.offsetTop - 8));
    main.focus({ preventScroll: true });
  }
}
function load(chip) {
  main.replaceChildren(h("section", {}, h("p", {}, "Loading …")));
  const script = h("script", { src: chip.dataset.file });
  script.addEventListener("error", () => main.replaceChildren(h("section", { class: "warning" }, h("p", {}, `${chip.dataset.file} is not here: keep the folder of data beside this page.`))));
  document.head.append(script);
}
window.board = (key, view) => {
  suites[key] = view;
  for (const task of view.tasks) for (const row of task.rows) row.who = view.agents[row.agent];
  for (const wing of view.wings) for (const row of wing.rows) row.who = view.agents[row.agent];
  if (key === shown.suite) draw();
};

// ---- filters

const has = (words, query) => words.toLowerCase().includes(query.toLowerCase());
function agentShown(agent) {
  const { q = "", kind = "", verified = "" } = shown;
  if (kind && !agent.kinds.includes(kind)) return false;
  if (verified && !["verified", "confirmed"].includes(agent.badge)) return false;
  return !q || has([agent.name, ...agent.texts.map((one) => one.text)].join("\n"), q) || !suites[shown.suite].agents.some((one) => has([one.name, ...one.texts.map((two) => two.text)].join("\n"), q));
}
function taskShown(task) {
  const { q = "", wing = "" } = shown, tasks = suites[shown.suite].tasks;
  if (wing && task.wing !== wing) return false;
  return !q || has(`${task.name}\n${task.about}\n${task.env.id}`, q) || !tasks.some((one) => has(`${one.name}\n${one.about}\n${one.env.id}`, q));
}

// ---- pieces

const link = (words, href) => href ? h("a", { href, rel: "noopener noreferrer" }, words) : words;
const https = (words, href) => href && href.startsWith("https://") ? link(words, href) : words;
const facts = (list) => h("dl", {}, list.map(([name, ...value]) => [h("dt", {}, name), h("dd", {}, ...value)]));
const span = (one) => one ? [one.text, one.ends && h("span", { class: "ends" }, one.ends)] : "–";
const places = (rank) => !rank ? "–" : rank[0] === rank[1] ? `${rank[0]}` : `${rank[0]}–${rank[1]}`;
const why = (row) => suites[shown.suite].unranked[row.unranked] ?? "";
function command(words) {
  const button = h("button", { type: "button", class: "copy", click: async () => {
    await navigator.clipboard.writeText(words);
    button.textContent = "copied";
  } }, "copy");
  return h("p", { class: "command" }, h("code", {}, words), button);
}
function badge(agent) {
  return agent.badge === "own" ? null : mark(agent.badge);
}
const mark = (badge) => h("span", { class: `badge ${badge}`, title: suites[shown.suite].badges[badge] ?? "" }, badge);
const claimed = (row) => row.who.entry !== null; // an entry says itself how long it thinks
function width(share = 1) {
  const style = getComputedStyle(main), inside = main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const small = innerWidth <= 640;
  const whole = inside - (small ? 30 : 50);
  return Math.max(240, Math.floor(share < 1 && inside > 1000 ? (inside - 18) * share - 50 : whole));
}
// A picture with its words, and the table behind it.
function figure(words, drawing, heads, rows) {
  const body = () => h("div", { tabindex: 0, role: "region", "aria-label": "Numbers of the picture" }, h("table", { class: "plain" }, h("thead", {}, h("tr", {}, heads.map((head, i) => h("th", { scope: "col", class: i ? null : "left" }, head)))),
    h("tbody", {}, rows().map((row) => h("tr", {}, row.map((one, i) => h(i ? "td" : "th", i ? {} : { scope: "row", class: "left" }, one)))))));
  const details = h("details", { class: "numbers" }, h("summary", {}, "The numbers"));
  details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(body()); });
  return h("figure", {}, words && h("figcaption", {}, words), drawing, details);
}

// A table that a column's head sorts; cells without a number stay last. A row may open to more.
function table(id, columns, rows, more = null) {
  const made = h("table", { class: "sortable", id });
  const bodies = rows.map((row) => {
    const cells = columns.map((column, i) => {
      const attributes = { class: column.class, "data-label": i ? column.label ?? column.head : null };
      return i ? h("td", attributes, column.cell(row)) : h("th", { scope: "row", class: "left" }, column.cell(row));
    });
    const short = row.failed ? [cells[0], h("td", { class: "failed", colspan: columns.length - 1 }, h("b", {}, "failed "), row.failed)] : cells;
    const body = h("tbody", {}, h("tr", { class: more ? "row opens" : "row" }, short));
    body.row = row;
    if (more) opening(body, row, columns.length, more);
    return body;
  });
  const heads = columns.map((column, i) => {
    const head = h("th", { scope: "col", class: i ? column.class : "left", title: column.title });
    if (column.sort) head.append(h("button", { type: "button", click: () => sort(made, columns, i, true) }, column.head));
    else head.append(column.head ?? "");
    return head;
  });
  made.append(h("thead", {}, h("tr", {}, heads)), ...bodies);
  if (sorted.has(id)) sort(made, columns, sorted.get(id).column, false);
  return made;
}
function sort(made, columns, column, turn) {
  const heads = made.tHead.rows[0].cells, by = columns[column];
  const first = by.up ? "ascending" : "descending", other = by.up ? "descending" : "ascending";
  const order = !turn ? sorted.get(made.id).order : heads[column].getAttribute("aria-sort") === first ? other : first;
  sorted.set(made.id, { column, order });
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const compare = (a, b) => {
    const [x, y] = [by.sort(a.row), by.sort(b.row)];
    if (typeof x === "string") return sign * x.localeCompare(y);
    const [i, j] = [x ?? null, y ?? null];
    return i === null || j === null ? (i === null) - (j === null) : sign * (i - j);
  };
  made.append(...[...made.tBodies].sort(compare));
}
function opening(body, row, columns, more) {
  const name = row.who.name, button = body.querySelector("button.name"), first = body.rows[0];
  const toggle = (open, tell) => {
    body.classList.toggle("open", open);
    button.setAttribute("aria-expanded", open);
    if (open && body.rows.length === 1) body.append(h("tr", { class: "more" }, h("td", { colspan: columns }, more(row))));
    if (body.rows.length > 1) body.rows[1].hidden = !open;
    if (tell) { shown.open = open ? name : ""; history.replaceState(null, "", address({})); }
  };
  first.addEventListener("click", (event) => { if (!event.target.closest("a")) toggle(!body.classList.contains("open"), true); });
  toggle(shown.open === name, false);
}
const column = {
  agent: { head: "agent", up: true, sort: (row) => row.who.name, cell: ({ who }) => [legend(who), h("button", { type: "button", class: "name", "aria-expanded": false }, who.name), badge(who)] },
  rank: { head: "rank", up: true, title: "places that the agent may have, all of them right at once in 95 % of cases", sort: (row) => row.rank && row.rank[0] + row.rank[1] / 1000, cell: (row) => row.rank ? places(row.rank) : h("span", { class: "unranked", title: why(row) }, "–") },
  time: { head: "a decision", label: "a decision", up: true, title: "mean time of one decision", sort: (row) => row.time?.[0], cell: (row) => row.time ? [row.time[1], claimed(row) && mark("claimed")] : "–" },
  date: { head: "date", up: true, sort: (row) => row.date[0], cell: (row) => row.date[1] },
};
const number = (name, head, up, title) => ({ head, up, title, class: "wide", sort: (row) => row[name]?.[0], cell: (row) => row[name]?.[1] ?? "–" });
const scored = (scale, quantity, zero) => [
  { head: quantity, class: "wide", sort: (row) => row.score?.value, cell: (row) => span(row.score) },
  { head: "", class: "picture", cell: (row) => row.score && bar(row.score, scale, row.who, zero) },
];

// ---- cards

function agentCard(agent, suite) {
  const parts = agent.texts.map(({ text, parts }) => h("div", {}, h("code", {}, text), parts.map((part) => h("div", { class: "note" }, link(part.name, part.page), part.source && [" in ", link(part.source, part.code)]))));
  const tasks = suite.tasks.flatMap((task) => task.rows.filter((row) => row.who === agent).map((row) => ({ task, row })));
  const played = h("table", { class: "plain details-table" }, h("thead", {}, h("tr", {}, ["task", "rank", "score or return"].map((head, i) => h("th", { scope: "col", class: i ? null : "left" }, head)))),
    h("tbody", {}, tasks.map(({ task, row }) => h("tr", {}, h("th", { scope: "row", class: "left" }, h("a", { href: address({ task: task.key, open: agent.name }) }, task.name)), h("td", {}, places(row.rank)), h("td", { class: row.failed ? "failed" : null }, row.failed ? "failed" : span(row.score))))));
  const standing = suite.wings.flatMap((wing) => wing.rows.filter((row) => row.who === agent && !row.rank).map((row) => `${wing.title}: ${why(row)}`));
  return [entryCard(agent), facts([...[...new Set(standing)].map((words) => ["no rank", words]), ["kind", agent.kinds.join(", ")], ["badge", `${agent.badge}: ${suite.badges[agent.badge] ?? ""}`], [agent.texts.length > 1 ? "agents" : "agent", ...parts]]), played];
}
function entryCard(agent) {
  if (!agent.entry) return null;
  const { digest, status, flags, sections } = agent.entry;
  return [flags.map((flag) => h("p", { class: "warning" }, flag)),
    facts([["status", status], ["digest", h("code", {}, digest)]]),
    sections.map((section) => h("div", {}, h("h3", {}, section.name === "claimed" ? mark("claimed") : section.name), facts(section.facts.map(([name, words, href]) => [name, https(words, href)]))))];
}
function runCard(row) {
  const about = row.rank || row.failed ? row.facts : [["no rank", why(row)], ...row.facts];
  if (row.failed) return [h("pre", {}, row.error.join("\n")), facts(row.facts), command(row.command)];
  const parts = row.who.texts.flatMap((one) => one.parts).filter((part, i, all) => all.findIndex((other) => other.name === part.name) === i);
  const docs = parts.map((part, i) => [i ? ", " : "", link(part.name, part.page), part.source && [" (", link(part.source, part.code), ")"]]);
  return [entryCard(row.who), facts([...about, ...(docs.length ? [["names", docs]] : [])]), command(row.command)];
}

// ---- a suite

function suitePage(suite) {
  const tasks = suite.tasks.filter(taskShown);
  return [h("div", { class: "suite" }, h("h2", {}, suite.name, h("small", {}, `version ${suite.version}, ${suite.tasks.length} tasks`)), suite.about && h("p", { class: "soft" }, suite.about)),
    suite.wings.filter((wing) => !shown.wing || wing.name === shown.wing).map((wing) => wingPart(suite, wing, tasks)),
    comparison(suite, tasks)];
}
function wingPart(suite, wing, tasks) {
  const rows = wing.rows.filter((row) => agentShown(row.who)), some = tasks.filter((task) => task.wing === wing.name), all = wing.tasks.length;
  const entered = { head: "tasks", label: "tasks", sort: (row) => row.entered, cell: (row) => `${row.entered} of ${all}` };
  const columns = [column.agent, column.rank, ...(wing.scored ? scored(wing.scale, "mean score", true) : []), entered, column.time, column.date];
  const reasons = [...new Set(rows.filter((row) => !row.rank).map(why))].filter(Boolean);
  const notes = `${wing.scored ? "Ranked by the mean score" : "Not all tasks have scores; ranked by what agents gain, each task in units of what its best is ahead of random play"}, among all agents; filters change no rank.${reasons.length ? ` Without a rank (–): ${reasons.join("; ")}.` : ""}`;
  const many = all > 7; // they fill a line
  const won = all > 1 && h("section", { class: many ? "line" : "" }, h("h3", {}, "Who wins where"), h("p", { class: "note" }, wing.scored ? "Mean scores: green is better than random, red worse; empty: not entered." : "Mean scores, or mean returns where a task has no scores; empty: not entered."), rows.length ? matrix(suite, wing, rows) : nobody());
  const paid = wing.costs.length > 0 && h("section", {}, h("h3", {}, "Quality against cost"), costs(wing.costs, wing.rows, wing.scale, "mean score", won && !many ? 0.5 : 1));
  return [h("h2", { class: "wing" }, wing.title, h("small", {}, all === 1 ? "1 task" : `${all} tasks`)),
    h("section", {}, h("h3", {}, "Ranking"), h("p", { class: "note" }, notes), rows.length ? table(`ranking-${wing.name}`, columns, rows, (row) => agentCard(row.who, suite)) : nobody()),
    h("div", { class: "pair" }, won, paid),
    h("div", { class: "grid" }, some.map((task) => taskCard(task)))];
}
const nobody = () => h("p", { class: "soft" }, "No agent passes the filters.");
function matrix(suite, wing, rows) {
  const tasks = wing.tasks.map((k) => suite.tasks[k]);
  const cell = (value, task) => {
    if (!value) return h("td", { class: "empty" });
    const heat = task.scored ? { class: "heat", style: { "--heat": value[0] < 0 ? "var(--loss)" : "var(--gain)", "--share": `${Math.round(42 * Math.min(Math.abs(value[0]), 1))}%` } } : {};
    return h("td", { ...heat, "data-label": task.name }, h("a", { href: address({ task: task.key }) }, value[1]));
  };
  return h("div", { class: "scroll" }, h("table", { class: "matrix" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "left" }, "agent"), tasks.map((task) => h("th", { scope: "col" }, h("a", { href: address({ task: task.key }) }, task.name))))),
    rows.map((row) => h("tbody", {}, h("tr", { class: "row" }, h("th", { scope: "row", class: "left" }, legend(row.who), h("span", { class: "name" }, row.who.name)), row.cells.map((value, k) => cell(value, tasks[k])))))));
}
function costs(list, rows, scale, quantity, share) {
  const place = h("div", {});
  const show = (cost) => {
    const said = (words, row) => cost.name === "time" && claimed(row) ? `${words} (claimed)` : words;
    const dots = cost.dots.map(([k, x, y, words, best]) => ({ agent: rows[k].who, x, y, words: `${said(words, rows[k])}, ${rows[k].score.text}`, best, row: rows[k] })).filter((dot) => agentShown(dot.agent));
    const range = [scale[0], Math.max(scale[1], ...dots.map((dot) => dot.y))];
    const switches = list.length > 1 && h("div", { class: "switch", role: "group", "aria-label": "Cost" }, list.map((one) => h("button", { type: "button", "aria-pressed": one === cost, click: () => show(one) }, one.label)));
    place.replaceChildren(...[switches, dots.length ? figure("The dashed line joins the agents that no other beats for less, the optimum aside; an arrow: the score lies below.", tradeoff(dots, { x: cost.label, y: quantity }, cost.log, width(share), range),
      ["agent", cost.label, quantity, "unbeaten"], () => dots.map((dot) => [dot.agent.name, dot.words.split(", ")[0], dot.row.score.text, dot.best ? "yes" : ""])) : nobody()].filter(Boolean));
  };
  show(list[0]);
  return place;
}
function taskCard(task) {
  const rows = task.rows.filter((row) => row.score && agentShown(row.who));
  return h("a", { class: "card", href: address({ task: task.key }) }, h("h3", {}, task.name), h("p", {}, task.about),
    rows.length ? dots(rows.map((row) => ({ score: row.score, agent: row.who })), task.scale, task.scored, Math.min(300, width())) : null,
    h("span", { class: "note" }, rows[0] ? `${rows.length === 1 ? "1 agent" : `${rows.length} agents`}; best: ${rows[0].who.name} ${rows[0].score.text}` : "no finished run"));
}

// ---- a task

function taskPage(suite, task) {
  const rows = task.rows.filter((row) => agentShown(row.who)), played = rows.filter((row) => row.score), both = task.curves.length > 0 && task.costs.length > 0;
  const columns = [column.agent, column.rank, ...scored(task.scale, task.quantity, task.scored), task.scored && number("return", "return"), task.regret && number("regret", "regret", true), number("behind", "against the best", false, "mean paired difference to the best agent that has a rank"), column.time, column.date].filter(Boolean);
  return [h("p", { class: "crumbs" }, h("a", { href: address({ task: "", a: "", b: "", episode: "", open: "" }) }, `← all tasks of ${suite.name}`)),
    h("section", {}, h("h2", {}, task.name, h("small", {}, suite.wings.find((wing) => wing.name === task.wing).title)), h("p", {}, task.about),
      task.mixed && h("p", { class: "warning" }, "These records come from different versions of the code; run the suite again to renew them."),
      h("ul", { class: "facts" }, task.facts.map(([name, value]) => h("li", {}, h("span", {}, `${name} `), value)), h("li", {}, h("span", {}, "environment "), link(task.env.id, task.env.page))),
      rows.length ? table(`task-${task.key}`, columns, rows, runCard) : nobody(),
      h("p", { class: "note" }, h("code", {}, task.parameters))),
    task.metrics && h("section", { class: "metrics" }, h("h3", {}, "Metrics"), metricsOf(task)),
    h("div", { class: "pair" }, task.curves.length > 0 && played.length > 0 && h("section", {}, h("h3", {}, "Over the decisions"), curvesOf(task, both ? 0.5 : 1)),
      task.costs.length > 0 && h("section", {}, h("h3", {}, "Quality against cost"), costs(task.costs, task.rows, task.scale, task.quantity, both ? 0.5 : 1))),
    played.length > 0 && h("section", {}, h("h3", {}, "How the episodes spread"), spreads(task, played)),
    comparison(suite, [task])];
}
function metricsOf(task) {
  const { heads, rows, chance } = task.metrics;
  const some = rows.map(({ row, cells }) => ({ who: task.rows[row].who, cells })).filter((row) => agentShown(row.who));
  const agent = { ...column.agent, cell: ({ who }) => [legend(who), h("span", { class: "name" }, who.name)] };
  const columns = heads.map((head, k) => ({ head: head.name, title: head.about, up: head.up, class: "wide", sort: (row) => row.cells[k]?.value, cell: (row) => span(row.cells[k]) }));
  return [chance && h("p", { class: "note" }, `Random play, exactly: ${chance}.`), some.length ? h("div", { class: "scroll" }, table(`metrics-${task.key}`, [agent, ...columns], some)) : nobody(),
    h("details", {}, h("summary", {}, "What they mean"), facts(heads.map((head) => [head.name, head.about])))];
}
function curvesOf(task, share) {
  const place = h("div", {});
  const show = (curve) => {
    const lines = curve.lines.map((one) => ({ ...one, agent: task.rows[one.row].who })).filter((one) => agentShown(one.agent));
    const switches = task.curves.length > 1 && h("div", { class: "switch", role: "group", "aria-label": "Quantity" }, task.curves.map((one) => h("button", { type: "button", "aria-pressed": one === curve, click: () => show(one) }, one.label)));
    const words = "Mean over the episodes and its pointwise 95 % interval; an episode that has ended keeps its last value.";
    const rows = () => lines.flatMap((one) => one.points.map((point, k) => [one.agent.name, point, short(one.mean[k]), one.low[k] === null ? "–" : `[${short(one.low[k])}, ${short(one.high[k])}]`]));
    place.replaceChildren(...[switches, lines.length ? figure(words, curves(lines, { x: curve.x ?? "decisions", y: curve.label, whole: !curve.x }, width(share)), ["agent", curve.x ?? "decisions", curve.label, "95 %"], rows) : nobody()].filter(Boolean));
  };
  show(task.curves[0]);
  return place;
}
function spreads(task, rows) {
  const { low, high, counts } = task.histogram;
  const drawn = rows.map((row) => ({ agent: row.who, score: row.score, counts: counts[task.rows.indexOf(row)] })).map((row) => ({ ...row, total: row.counts.reduce((a, b) => a + b, 0) }));
  const words = `Each shape shows how many episodes had which ${task.quantity} (areas by square root; what lies outside is drawn at the edge), the symbol their mean with its interval.`;
  const step = (high - low) / counts.find(Boolean).length;
  return figure(words, ridges(drawn, task.histogram, task.scored, width(), task.quantity), [`${task.quantity} from`, ...drawn.map((row) => row.agent.name)],
    () => drawn[0].counts.map((_, k) => [short(+(low + k * step).toPrecision(4)), ...drawn.map((row) => row.counts[k])]));
}

// ---- two agents

function comparison(suite, tasks) {
  const present = suite.agents.filter((agent) => tasks.some((task) => task.rows.some((row) => row.who === agent && row.score)));
  if (present.length < 2) return null;
  const best = tasks.length === 1 ? tasks[0].rows.filter((row) => row.score).map((row) => row.who) : suite.wings.filter((wing) => !shown.wing || wing.name === shown.wing)[0].rows.map((row) => row.who).filter((who) => present.includes(who));
  const pick = (name, other) => present.find((agent) => agent.name === name) ?? best.find((agent) => agent !== other) ?? present.find((agent) => agent !== other);
  const a = pick(shown.a, present.find((agent) => agent.name === shown.b)), b = pick(shown.b, a);
  const chooser = (id, chosen, words) => h("label", {}, words, h("select", { id, change: (event) => go({ [id]: event.target.value, a: id === "a" ? event.target.value : a.name, b: id === "b" ? event.target.value : b.name }) },
    present.map((agent) => h("option", { value: agent.name, selected: agent === chosen }, agent.name))));
  const met = tasks.map((task) => ({ task, ...pairOf(task, a, b) })).filter((one) => one.pair);
  return h("section", { id: "compare" }, h("h3", {}, "Compare two"), h("div", { class: "choose" }, chooser("a", a, "A"), chooser("b", b, "B")),
    a === b ? h("p", { class: "soft" }, "Choose two different agents.") : !met.length ? h("p", { class: "soft" }, "They have played no task in common.") : tasks.length === 1 ? duel(met[0], a, b) : duels(met, a, b));
}
function pairOf(task, a, b) {
  const rows = [a, b].map((who) => task.rows.findIndex((row) => row.who === who && row.score));
  const pair = task.pairs.find((one) => (one.a === rows[0] && one.b === rows[1]) || (one.a === rows[1] && one.b === rows[0]));
  return { rows, pair, turned: pair && pair.a !== rows[0] };
}
const minus = (words) => (words.startsWith("−") ? words.slice(1) : /[1-9]/.test(words) ? `−${words}` : words);
// The comparison as A minus B; it is kept once for every two agents.
function told({ pair, turned }) {
  if (!turned) return pair;
  const ends = pair.ends.startsWith("[") ? `[${pair.ends.slice(1, -1).split(", ").reverse().map(minus).join(", ")}]` : pair.ends;
  const back = (x) => (x === null ? null : -x);
  return { ...pair, value: -pair.value, low: back(pair.high), high: back(pair.low), text: minus(pair.text), ends, above: pair.below, below: pair.above };
}
function verdict({ pair }, one, a, b) {
  const [first, second] = one.value > 0 ? [a, b] : [b, a];
  if (pair.p === null) return one.value ? `${first.name} ahead, without variation` : "equal in every episode";
  const p = pair.p < 0.001 ? "p < 0.001" : `p = ${pair.p}`;
  return pair.sure ? h("span", { class: "sure" }, `✓ ${first.name} ahead (${p})`) : `not told apart (${p})`;
}
function duels(met, a, b) {
  const ends = met.map((one) => ({ ...one, one: told(one), name: one.task.name }));
  const columns = [
    { head: "task", up: true, sort: (row) => row.name, cell: (row) => h("a", { href: address({ task: row.task.key, a: a.name, b: b.name }) }, row.name) },
    { head: `${a.name} minus ${b.name}`, label: "A − B", class: "wide", sort: (row) => row.one.value, cell: (row) => span(row.one) },
    { head: "", class: "picture", cell: (row) => forest(row.one, row.task) },
    { head: "after Holm's correction", label: "", class: "wide", sort: (row) => row.pair.p, up: true, cell: (row) => verdict(row, row.one, a, b) },
  ];
  return [h("p", { class: "note" }, "Mean paired difference, in scores (or returns where a task has none), 95 % intervals. The line in the middle is no difference."), table("duels", columns, ends)];
}
function forest(one, task, width = 190) {
  const most = Math.max(task.scored ? 0.2 : 0, Math.abs(one.value), Math.abs(one.low ?? 0), Math.abs(one.high ?? 0)) || 1, at = scale(-most, most, 9, width - 9), who = { colour: 0, marker: 0 };
  return picture(width, 26, `${one.text} ${one.ends}`, line(width / 2, 2, width / 2, 24, "ends-of-scale"), whisker(at, one, 13, who), symbol(who, at(one.value), 13, 4.5));
}
const unpacked = (code) => new Uint16Array(Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0)).buffer);
function duel(met, a, b) {
  const { task, rows } = met, one = told(met), [first, second] = rows.map((k) => task.rows[k]);
  const [xs, ys] = rows.map((k) => unpacked(task.dots[k])), openable = first.episodes.return.length;
  const chosen = shown.episode !== undefined && shown.episode !== "" && +shown.episode < openable ? +shown.episode : null;
  const open = (k) => go({ a: a.name, b: b.name, episode: k });
  const drawing = scatter(xs, ys, task.histogram, { x: a.name, y: b.name }, width(), openable, chosen, open);
  const chooser = h("label", {}, "Episode", h("select", { id: "episode", change: (event) => open(event.target.value) }, h("option", { value: "" }, "choose"), first.episodes.return.map((_, k) => h("option", { value: k, selected: k === chosen }, `${k}`))));
  return [h("p", { class: "verdict" }, `${a.name} minus ${b.name}: `, h("b", {}, one.text), " ", one.ends, " ", verdict(met, one, a, b), "."),
    h("p", { class: "note" }, `On the same seeds ${a.name} is above in ${one.above.toLocaleString("en")} episodes and below in ${one.below.toLocaleString("en")}. Intervals are Student's t of the paired differences; the p-value is adjusted by Holm for all pairs and tasks of the suite.`),
    h("div", { class: "pair duel" }, figure(`Each dot is the ${task.quantity} of an episode that both played; the first ${openable} open by a click.`, drawing, ["episode", a.name, b.name], () => first.episodes.return.map((_, k) => [`${k}`, first.episodes.return[k], second.episodes.return[k]])),
      h("div", {}, h("div", { class: "choose" }, chooser), chosen === null ? h("p", { class: "note" }, "Other episodes: ", h("code", {}, `discovery-gym show records/${first.run}.parquet --episode N`)) : h("div", { class: "episodes" }, [first, second].map((row) => episode(row, chosen)))))];
}
function episode(row, k) {
  const played = row.episodes, seed = (played.seed + k).toLocaleString("en");
  return h("div", { class: "episode-card" }, h("h3", {}, legend(row.who), ` ${row.who.name}`), facts([["seed", seed], ["return", played.return[k]], ...(played.regret ? [["regret", played.regret[k]]] : []), ["decisions", played.length[k].toLocaleString("en")],
    ["first actions", played.actions ? h("code", {}, played.actions[k]) : "not recorded in this format"]]), command(`discovery-gym show records/${row.run}.parquet --episode ${k}`));
}

// ---- the whole

function draw() {
  const suite = suites[shown.suite], focused = document.activeElement?.id;
  if (!suite) return main.replaceChildren(h("section", {}, h("p", {}, "There is no such suite here.")));
  const task = suite.tasks.find((one) => one.key === shown.task);
  control("wing").replaceChildren(h("option", { value: "" }, "all"), ...suite.wings.map((wing) => h("option", { value: wing.name }, wing.title)));
  for (const id of ["q", "wing", "kind"]) if (control(id) !== document.activeElement || id !== "q") control(id).value = shown[id] ?? "";
  control("verified").checked = Boolean(shown.verified);
  document.title = `${task ? `${task.name} · ` : ""}${suite.name} · discovery_gym leaderboard`;
  const parts = task ? taskPage(suite, task) : suitePage(suite);
  main.replaceChildren(...parts.flat(Infinity).filter(Boolean));
  if (focused) control(focused)?.focus({ preventScroll: true });
}
if (chips.length) {
  control("tools").addEventListener("submit", (event) => event.preventDefault());
  control("q").addEventListener("input", (event) => go({ q: event.target.value }, false));
  for (const id of ["wing", "kind"]) control(id).addEventListener("change", (event) => go({ [id]: event.target.value, task: id === "wing" ? "" : shown.task }));
  control("verified").addEventListener("change", (event) => go({ verified: event.target.checked ? 1 : "" }));
  addEventListener("hashchange", follow);
  let drawnFor = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== drawnFor && suites[shown.suite]) { drawnFor = innerWidth; draw(); } });
  follow();
}
root.classList.add("js");
