// Adds a slider to the number inputs of a plan, and updates the figures while a value changes. Without this script, the
// form is sent with its button.
"use strict";

const DELAY = 150;
const form = document.getElementById("values");
let timer = 0;
let latest = 0;

async function update() {
  const address = `/plan?${new URLSearchParams(new FormData(form))}`;
  const number = ++latest;
  const response = await fetch(address);
  const text = await response.text();
  if (number !== latest) return;
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("result");
  if (!fresh) return;
  document.getElementById("result").replaceWith(document.adoptNode(fresh));
  history.replaceState(null, "", address);
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(() => update().catch(() => form.submit()), DELAY);
}

for (const input of form.querySelectorAll("input[type=number]")) {
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: input.min, max: input.dataset.most, step: input.dataset.step });
  slider.value = input.value;
  slider.setAttribute("aria-label", `${input.labels[0].firstChild.textContent.trim()}: slider`);
  slider.addEventListener("input", () => {
    input.value = slider.value;
    later();
  });
  input.addEventListener("input", () => {
    slider.value = input.value;
    if (input.checkValidity() && input.value) later();
  });
  input.closest("label").after(slider);
}
