// Refreshes the page in place and shows when the monitor does not respond. Without this script, the page reloads
// itself, and the style sheet turns it grey if that fails.
"use strict";

const REFRESH_INTERVAL = 15_000;
const TIMEOUT = 10_000;
const FOCUSABLE = "a, summary, input, select, button, [tabindex]";

function idsOfOpenDetails() {
  return new Set([...document.querySelectorAll("details[open][id]")].map((details) => details.id));
}

function replacePage(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const main = fresh.getElementById("main");
  const old = document.getElementById("main");
  if (!main || !old) throw new Error("not a page of ninewatch");
  const open = idsOfOpenDetails();
  // Keep what was entered into the form, and the keyboard focus on the same element, counted from the top.
  const index = [...old.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  const form = old.querySelector("form.filter");
  if (form) main.querySelector("form.filter")?.replaceWith(document.adoptNode(form));
  old.replaceWith(document.adoptNode(main));
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  if (index >= 0) main.querySelectorAll(FOCUSABLE)[index]?.focus({ preventScroll: true });
  document.title = fresh.title;
}

function showOutdated() {
  document.getElementById("main")?.classList.add("lost");
  document.getElementById("outdated")?.setAttribute("role", "alert");
}

async function refresh() {
  try {
    const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) throw new Error(String(response.status));
    replacePage(await response.text());
  } catch {
    showOutdated();
  }
}

async function refreshForever() {
  for (;;) {
    await new Promise((done) => setTimeout(done, REFRESH_INTERVAL));
    if (!document.hidden) await refresh();
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
refreshForever();
