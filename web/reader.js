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

/** Projector: the arrow keys turn to the next heading, unless they move something. */
const MOVES = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
addEventListener("keydown", (event) => {
  const move = MOVES[event.key];
  if (!root.dataset.projector || !move || event.defaultPrevented) return;
  if (event.target.closest("input, select, canvas, pre, math")) return;
  const sections = [...document.querySelectorAll("main > section:not([hidden])")];
  const here = sections.findLastIndex((section) => section.getBoundingClientRect().top < 100);
  event.preventDefault();
  sections[Math.max(0, here + move)]?.scrollIntoView();
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
