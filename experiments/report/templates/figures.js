// The figures of a page: what they show is read from it, and they are drawn anew when its width changes.

const view = JSON.parse(document.getElementById("data").textContent);

function room(figure) {
  const section = figure.parentElement, style = getComputedStyle(section);
  return Math.max(240, Math.floor(section.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
}
const caption = (words) => h("figcaption", {}, words);
function range(values) {
  const low = Math.min(...values), high = Math.max(...values), edge = (high - low) / 15 || Math.abs(high) / 10 || 1;
  return [low - edge, high + edge];
}
function draw(figures) {
  const all = () => {
    for (const [id, f] of figures) {
      const figure = document.querySelector(`#${id} figure`);
      figure.replaceChildren(...f(room(figure)).flat(Infinity));
    }
  };
  let drawnFor = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== drawnFor) { drawnFor = innerWidth; all(); } });
  all();
  root.classList.add("js");
}
