// What does not fit on the screen, or is cut off.
() => {
  const flaws = [], wide = innerWidth;
  if (document.documentElement.scrollWidth > wide) flaws.push("the page is wider than the screen");
  for (const one of document.querySelectorAll("body *")) {
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    if (!box.width || style.clipPath.includes("inset")) continue;
    const words = `${one.tagName} ${one.getAttribute("class")} ${one.textContent.slice(0, 40)}`;
    if (["hidden", "clip"].includes(style.overflowX) && one.scrollWidth > one.clientWidth) flaws.push(`clipped: ${words}`);
    if (style.textOverflow === "ellipsis" && one.scrollWidth > one.clientWidth) flaws.push(`shortened: ${words}`);
    const scrolls = one.closest(".scroll, .numbers > div");
    if (!scrolls && (box.right > wide + 1 || box.left < -1)) flaws.push(`outside: ${words}`);
    if (one.tagName === "text") {
      const frame = one.ownerSVGElement.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) flaws.push(`outside its picture: ${words}`);
    }
  }
  return flaws;
}
