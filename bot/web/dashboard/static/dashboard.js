// Living parts are sent as HTML by the server and take the place of the old ones. All pages work without this file.
"use strict";

const AGAIN = 15000; // milliseconds until a page that was refused asks once more
const live = document.getElementById("live");
const pulse = document.getElementById("pulse");
const acts = actsOf();
let source = null;
let later = 0;
let late = null; // what came while somebody selects text

function say(word) {
  if (pulse.dataset.state !== word) {
    pulse.dataset.state = word;
    pulse.textContent = word;
  }
}

function actsOf() {
  return live?.querySelector("[data-acts]")?.dataset.acts;
}

function selects() {
  const chosen = getSelection();
  return !chosen.isCollapsed && live.contains(chosen.anchorNode);
}

function take(html) {
  late = selects() ? html : null;
  if (late !== null) return say("held while text is selected");
  swap(html);
  say("live");
}

function swap(html) {
  const focused = live.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href") && `a[href="${CSS.escape(focused.getAttribute("href"))}"]`);
  const parts = [...live.querySelectorAll("[data-part]")];
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  // What stands between parts, as forms do, is left alone.
  for (const part of parts) part.replaceWith(fresh.content.querySelector(`[data-part=${part.dataset.part}]`));
  if (!parts.length) live.replaceChildren(fresh.content);
  if (place) live.querySelector(place)?.focus({ preventScroll: true });
  // Other buttons belong to it now; whoever fills in a form is not disturbed.
  const fields = [...document.querySelectorAll(".acts input:not([type=hidden])")];
  const busy = fields.some((one) => one.value) || document.activeElement.closest(".acts");
  if (actsOf() !== acts && !busy) location.reload();
}

function listen() {
  clearTimeout(later);
  source?.close();
  source = new EventSource(live.dataset.live);
  source.onopen = () => say("live");
  source.onmessage = (event) => take(event.data);
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return say("connecting");
    say("not live: load anew"); // signed out, or a proxy that says no while the bot starts
    later = setTimeout(listen, AGAIN);
  };
}

function pause() {
  clearTimeout(later);
  source?.close();
}

// Browsers keep six connections to a host, for all their tabs: those that nobody sees leave theirs to others.
if (live && window.EventSource) {
  const look = () => (document.visibilityState === "visible" ? listen() : pause());
  document.addEventListener("visibilitychange", look);
  document.addEventListener("selectionchange", () => late !== null && !selects() && take(late));
  look();
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
