document.documentElement.classList.add("js");

// A row opens the run behind its numbers, by mouse, by keyboard, or by a link to it.
function toggle(body, open) {
  const details = body.querySelector("details");
  details.open = open ?? !details.open;
  body.classList.toggle("open", details.open);
  body.querySelector(".row").setAttribute("aria-expanded", details.open);
}
for (const row of document.querySelectorAll(".board .row")) {
  row.tabIndex = 0;
  row.setAttribute("aria-expanded", "false");
  row.addEventListener("click", () => toggle(row.parentElement));
  row.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle(row.parentElement);
  });
}
function follow() {
  const body = document.getElementById(location.hash.slice(1));
  if (body?.matches(".board > tbody")) toggle(body, true);
}
addEventListener("hashchange", follow);
follow();

// A column's head sorts; cells without a number stay last.
for (const head of document.querySelectorAll(".sortable thead th:not(.picture)")) {
  const sort = () => {
    const table = head.closest("table"), column = head.cellIndex;
    const first = head.dataset.order === "up" || column === 0 ? "ascending" : "descending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const value = (body) => {
      const cell = body.rows[0].cells[column];
      return column === 0 ? cell.textContent.trim() : parseFloat(cell?.dataset.value);
    };
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (column === 0) return sign * x.localeCompare(y);
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return sign * (x - y);
    };
    table.append(...[...table.tBodies].sort(compare));
  };
  head.tabIndex = 0;
  head.addEventListener("click", (event) => { if (!event.target.closest("a")) sort(); });
  head.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === head) sort(); });
}

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "copied";
  });
}

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
