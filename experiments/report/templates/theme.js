// Light, dark, or what the system says; the reader's choice is kept.
"use strict";

const root = document.documentElement;
const kept = (f) => { try { return f(localStorage); } catch { return null; } };
function theme(name) {
  if (name === "system") delete root.dataset.theme;
  else root.dataset.theme = name;
  for (const button of document.querySelectorAll("#theme button")) button.setAttribute("aria-pressed", button.dataset.theme === name);
}
for (const button of document.querySelectorAll("#theme button")) {
  button.addEventListener("click", () => { theme(button.dataset.theme); kept((store) => store.setItem("theme", button.dataset.theme)); });
}
theme(kept((store) => store.getItem("theme")) ?? "system");
