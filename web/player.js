// A page without a kernel: what the `render` of film.js and playground.js need is in it.

/** What anywidget gives to `render`: a model that nobody else looks at. */
class StaticModel {
  constructor(state) {
    this.state = state;
    this.handlers = new Map(); // event -> handler
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    this.state[name] = value;
  }

  /** All at once, as `Film.replace` does. */
  replace(state) {
    Object.assign(this.state, state);
    for (const name of Object.keys(state)) this.handlers.get(`change:${name}`)?.();
  }

  on(event, handler) {
    this.handlers.set(event, handler);
  }

  off(event) {
    this.handlers.delete(event);
  }

  save_changes() {}
  send() {}
}

function decoded(png) {
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: "image/png" }));
}

/** The frames that `pack` of films.py packed, as functions that draw one upon the other. */
function content({ under, over, ...lists }) {
  let base = null; // the bitmap that all frames share, once one of them is wanted
  const draw = (png) => async () => {
    await new Promise((done) => setTimeout(done)); // what is on the screen goes first
    base ??= decoded(under);
    const [below, above] = await Promise.all([base, decoded(png)]);
    const sheet = new OffscreenCanvas(below.width, below.height);
    const pen = sheet.getContext("2d");
    pen.drawImage(below, 0, 0);
    pen.drawImage(above, 0, 0);
    above.close();
    return sheet.transferToImageBitmap();
  };
  return { ...lists, frames: over.map(draw) };
}

const isNarrow = matchMedia("(max-width: 40rem)"); // as in site.css

/** A second canvas with what is right of the split; the style sheet says when to use it. */
function halveFilm(canvas, model) {
  const right = document.createElement("canvas");
  right.className = "right";
  right.ariaHidden = "true";
  const copy = () => {
    const split = isNarrow.matches && model.get("split");
    right.hidden = !split;
    canvas.classList.toggle("left", Boolean(split));
    if (!split) return;
    canvas.style.setProperty("--shape", `${split} / ${canvas.height}`);
    right.width = canvas.width - split;
    right.height = canvas.height;
    right.getContext("2d").drawImage(canvas, -split, 0);
  };
  isNarrow.addEventListener("change", copy);
  new MutationObserver(copy).observe(canvas, { attributeFilter: ["data-frame"] });
  canvas.after(right);
}

/** Controls above a film or playground; `changed` hears of each new setting's number. */
function controlBar(controls, changed) {
  const bar = document.createElement("div");
  bar.className = "controls";
  const selects = controls.map(({ name, options, index }) => {
    const select = document.createElement("select");
    for (const option of options) select.add(new Option(option));
    select.selectedIndex = index;
    const label = document.createElement("label");
    label.append(`${name} `, select);
    bar.append(label);
    return select;
  });
  const setting = () => selects.reduce((at, s) => at * s.length + s.selectedIndex, 0);
  bar.addEventListener("change", () => changed(setting()));
  return [controls.length ? [bar] : [], setting];
}

/** A film in place of the still picture. */
async function playFilm(figure, { name, index, controls, films }) {
  const [bar, setting] = controlBar(controls, (at) => model.replace(content(films[at])));
  const model = new StaticModel({ name, index, ...content(films[setting()]) });
  const view = document.createElement("div");
  film.render({ model, el: view });
  const canvas = view.querySelector("canvas");
  halveFilm(canvas, model);
  while (!canvas.dataset.frame) await new Promise((done) => setTimeout(done, 10));
  figure.replaceChildren(...bar, view);
}

function playPlayground(figure, { controls = [], playgrounds }) {
  const view = document.createElement("div");
  let [cleanUp, model] = [() => {}, null];
  const show = (at) => {
    cleanUp();
    view.replaceChildren();
    const { rule, momentum, num_steps } = model?.state ?? playgrounds[at]; // these stay
    model = new StaticModel({ ...playgrounds[at], rule, momentum, num_steps });
    cleanUp = playground.render({ model, el: view });
  };
  const [bar, setting] = controlBar(controls, show);
  show(setting());
  figure.replaceChildren(...bar, view);
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      const data = document.querySelector(`script[data-live="${target.id}"]`);
      const live = JSON.parse(data.textContent);
      target.classList.add(live.films ? "is-film" : "is-playground");
      if (live.films) playFilm(target, live);
      else playPlayground(target, live.playgrounds ? live : { playgrounds: [live.playground] });
    }
  },
  { rootMargin: "1500px" },
);
for (const figure of document.querySelectorAll("figure.live")) near.observe(figure);
