// Living parts are sent as HTML by the server and take the place of the old ones. All pages work without this file.
"use strict";

const live = document.getElementById("live");
const pulse = document.getElementById("pulse");

function say(word) {
  if (pulse.dataset.state !== word) {
    pulse.dataset.state = word;
    pulse.textContent = word;
  }
}

function swap(html) {
  const focused = live.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href") && `a[href="${CSS.escape(focused.getAttribute("href"))}"]`);
  const opened = [...live.querySelectorAll("details[open][id]")].map((one) => one.id);
  live.innerHTML = html;
  opened.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  if (place) live.querySelector(place)?.focus({ preventScroll: true });
}

if (live && window.EventSource) {
  const source = new EventSource(live.dataset.live);
  source.onopen = () => say("live");
  source.onmessage = (event) => swap(event.data);
  source.onerror = () => say(source.readyState === EventSource.CLOSED ? "not live: load anew" : "connecting");
}

// "/" goes to the search, "j" and "k" down and up the rows, as mail programs do.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const rows = [...document.querySelectorAll("main a.what")];
  const next = rows.indexOf(document.activeElement) + (event.key === "j" ? 1 : -1);
  if (event.key === "/") document.getElementById("find")?.focus();
  else if ((event.key === "j" || event.key === "k") && rows.length) rows[Math.max(0, Math.min(next, rows.length - 1))].focus();
  else return;
  event.preventDefault();
});
