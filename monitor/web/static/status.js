// Keeps a public status page current, and shows when it is out of date. A copy of a page is never fetched again; it is
// out of date after the end of its validity.
"use strict";

const REFRESH_INTERVAL = 60_000;
const CHECK_INTERVAL = 5_000;
const TIMEOUT = 10_000;

function isExpired() {
  return Date.now() > Number(document.getElementById("main").dataset.validUntil);
}

function showOutdated() {
  const main = document.getElementById("main");
  if (main.classList.contains("lost")) return;
  main.classList.add("lost");
  document.getElementById("outdated").setAttribute("role", "alert");
}

function replacePage(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const [main, old] = [fresh.getElementById("main"), document.getElementById("main")];
  if (!main) throw new Error("not a status page");
  const open = [...old.querySelectorAll("details[open][id]")].map((details) => details.id);
  const index = [...old.querySelectorAll("a, summary")].indexOf(document.activeElement);
  old.replaceWith(document.adoptNode(main));
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  if (index >= 0) main.querySelectorAll("a, summary")[index]?.focus({ preventScroll: true });
  document.title = fresh.title;
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

const kind = document.getElementById("main").dataset.kind;
if (kind === "live") {
  setInterval(() => document.hidden || refresh(), REFRESH_INTERVAL);
  document.addEventListener("visibilitychange", () => document.hidden || (isExpired() && refresh()));
} else if (kind === "copy") {
  const check = () => isExpired() && showOutdated();
  setInterval(check, CHECK_INTERVAL);
  check();
}
