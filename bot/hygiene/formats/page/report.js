
"use strict";
// The page is whole without this; here it learns to sort, to search and to count.
(() => {
  const body = document.querySelector("tbody");
  if (!body) return;
  const rows = [...body.rows].map((row, place) => ({
    row, place, kind: row.className, text: row.textContent.toLowerCase(),
    gravity: -Number(row.dataset.gravity),
    rule: row.querySelector(".id").textContent,
    where: row.querySelector(".where").textContent.toLowerCase(),
    seen: row.querySelector("time")?.dateTime ?? "",
  }));
  const search = document.getElementById("search");
  const boxes = [...document.querySelectorAll(".kind input")];
  search.closest("label").hidden = false;

  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set(boxes.filter((box) => box.checked).map((box) => box.id.slice("show-".length)));
    let count = 0;
    for (const item of rows) {
      const found = kinds.has(item.kind) && words.every((word) => item.text.includes(word));
      item.row.hidden = !found;
      count += found;
    }
    const all = rows.length.toLocaleString("en");
    document.getElementById("shown").textContent = count === rows.length ? all : `${count.toLocaleString("en")} of ${all}`;
    document.getElementById("nothing").hidden = count > 0;
  };

  const sort = (heading) => {
    const key = heading.dataset.key;
    const down = heading.ariaSort === "ascending" || (key === "seen" && heading.ariaSort !== "descending");
    for (const other of document.querySelectorAll("th")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    rows.sort((a, b) => (a[key] < b[key] ? -sign : a[key] > b[key] ? sign : a.place - b.place));
    body.append(...rows.map((item) => item.row));
  };

  for (const heading of document.querySelectorAll("th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(heading));
    heading.replaceChildren(button);
  }
  for (const box of boxes) box.addEventListener("change", show);
  search.addEventListener("input", show);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== search) { event.preventDefault(); search.focus(); }
  });
  show();
})();
