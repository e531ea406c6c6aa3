// The reader's comforts: looks that are kept, halves on a phone, keys on the projector.

const root = document.documentElement;

/** What a button of the header turns to when it is pressed. */
const NEXT = {
  theme: () => (root.dataset.theme || systemTheme()) === "dark" ? "light" : "dark",
  code: () => (root.dataset.code ? "" : "hidden"),
  projector: () => (root.dataset.projector ? "" : "on"),
};
const systemTheme = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

function sayLooks() {
  for (const button of document.querySelectorAll("[data-look]")) {
    const value = root.dataset[button.dataset.look];
    const isOn = button.dataset.look === "theme" ? (value || systemTheme()) === "dark" : Boolean(value);
    button.setAttribute("aria-pressed", isOn);
  }
}
for (const button of document.querySelectorAll("[data-look]")) {
  const look = button.dataset.look;
  button.addEventListener("click", () => {
    root.dataset[look] = NEXT[look]();
    try { localStorage[look] = root.dataset[look]; } catch {}
    sayLooks();
  });
}
sayLooks();

/** Projector: arrow keys go on, a screen or to the next heading; Escape ends it. */
const MOVES = { ArrowRight: 1, ArrowLeft: -1 };
addEventListener("keydown", (event) => {
  if (!root.dataset.projector) return;
  if (event.key === "Escape") document.querySelector('[data-look="projector"]').click();
  const move = MOVES[event.key];
  if (!move || event.defaultPrevented) return;
  if (event.target.closest("input, select, canvas, pre, math, table")) return;
  event.preventDefault();
  const tops = [...document.querySelectorAll("main > section:not([hidden])")]
    .map((section) => section.getBoundingClientRect().top);
  const next = move > 0 ? tops.find((top) => top > 5) : tops.findLast((top) => top < -5);
  const screen = 0.85 * innerHeight;
  const far = next === undefined || Math.abs(next) > innerHeight;
  scrollBy(0, far ? move * screen : next);
});

/** A wide still in two halves, one below the other; the style sheet says when. */
for (const image of document.querySelectorAll("img[data-split]")) {
  const at = Number(image.dataset.split);
  const right = image.cloneNode();
  right.alt = "";
  right.classList.add("right");
  image.classList.add("left");
  const shape = image.width / image.height;
  image.style.setProperty("--shape", `${at * shape}`);
  right.style.setProperty("--shape", `${(1 - at) * shape}`);
  image.after(right);
}

/** What is wider than the screen takes the keyboard focus: the arrow keys scroll it. */
function letScroll() {
  for (const wide of document.querySelectorAll("pre, table, .formula math")) {
    if (wide.scrollWidth > wide.clientWidth + 1) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  }
}
letScroll();
addEventListener("resize", letScroll);

/** A link into something folded opens it; on paper all answers are open. */
function unfold() {
  let place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
}
unfold();
addEventListener("hashchange", unfold);
addEventListener("beforeprint", () => {
  for (const answer of document.querySelectorAll("details.answer")) answer.open = true;
});
