// The browser's half of film.py: a slider, a picture, a sentence.
// Every frame came with the model, so moving the slider asks the kernel nothing.

const NEAR = 8; // pictures kept decoded on either side while the slider is in use
const THUMB = 16; // width of the slider's thumb in px: the thumb's middle marks the place
const ROW = 17; // height of a row of mark labels in px
const GAP = 10; // px between two labels of a row

const STYLE = `
  .course-film { color: var(--jp-ui-font-color1, CanvasText);
    font: 14px/1.4 var(--jp-ui-font-family, sans-serif); }
  .course-film-control { display: flex; gap: 12px; align-items: flex-start; }
  .course-film-track { flex: 1; min-width: 120px; position: relative; }
  .course-film-track input { display: block; width: 100%; height: 20px; margin: 0; }
  .course-film-control output { font-variant-numeric: tabular-nums; }
  .course-film-marks { position: relative; font-size: 12px; }
  .course-film-marks i { position: absolute; top: 0; width: 1px; background: currentColor; }
  .course-film-marks span { position: absolute; max-width: 100%; padding: 0 2px;
    white-space: nowrap; overflow: hidden; text-overflow: ellipsis; line-height: ${ROW}px;
    background: var(--jp-layout-color0, Canvas); }
  .course-film canvas { display: block; max-width: 100%; height: auto; margin-top: 4px; }
  .course-film p { margin: 6px 0 0; min-height: 2.8em; max-width: 90ch; }
  .course-film-fallback { display: none !important; }
`;

const CONTENT = ["frames", "values", "labels", "alts", "marks"];

/** A frame is a PNG; a page without kernel (web/player.js) gives functions that draw it. */
async function decode(frame) {
  return typeof frame === "function" ? frame() : createImageBitmap(new Blob([frame]));
}

/** The decoded pictures of one list of frames; whoever takes one out closes it. */
class Reel {
  constructor(frames) {
    this.frames = frames;
    this.pictures = new Map(); // frame number -> promise of an ImageBitmap
  }

  picture(i) {
    if (!this.pictures.has(i)) {
      this.pictures.set(i, decode(this.frames[i]));
    }
    return this.pictures.get(i);
  }

  /** Decode the pictures around frame `center`, nearest first. */
  prepare(center) {
    for (let far = 0; far <= NEAR; far += 1) {
      for (const i of [center + far, center - far]) {
        if (this.frames[i]) this.picture(i).catch(() => {}); // `show` reports failures
      }
    }
  }

  /** Close all pictures farther than `radius` from frame `center`. */
  trim(center, radius) {
    for (const [i, picture] of this.pictures) {
      if (Math.abs(i - center) <= radius) continue;
      this.pictures.delete(i);
      picture.then((bitmap) => bitmap.close(), () => {});
    }
  }

  close() {
    this.trim(0, -1);
  }
}

/** Where `value` lies on the slider, 0 to 1, between the frames around it. */
function placeOf(value, values) {
  const last = values.length - 1;
  if (value <= values[0]) return 0;
  if (value >= values[last]) return 1;
  const scale = values[0] > 0 ? Math.log : (v) => v;
  const i = values.findIndex((v) => v > value) - 1;
  const [low, high] = [scale(values[i]), scale(values[i + 1])];
  return (i + (scale(value) - low) / (high - low)) / last;
}

/** A line and a label under the slider for each mark; labels that would touch take two rows. */
function drawMarks(box, marks, values) {
  const width = box.clientWidth;
  const rows = []; // where the last label of each row ends
  box.replaceChildren();
  for (const { value, label } of [...marks].sort((a, b) => a.value - b.value)) {
    const line = document.createElement("i");
    const text = document.createElement("span");
    const [before, after] = [value < values[0], value > values[values.length - 1]];
    text.textContent = (before ? "← " : "") + label + (after ? " →" : "");
    text.title = `${label}: ${value}`;
    box.prepend(line); // lines first: a label hides the line that runs behind it
    box.append(text);
    const x = THUMB / 2 + placeOf(value, values) * (width - THUMB);
    const left = Math.max(0, Math.min(x - text.offsetWidth / 2, width - text.offsetWidth));
    let row = rows.findIndex((end) => end + GAP <= left);
    if (row < 0) row = rows.length;
    rows[row] = left + text.offsetWidth;
    line.style.cssText = `left: ${x}px; height: ${5 + row * ROW}px`;
    text.style.cssText = `left: ${left}px; top: ${5 + row * ROW}px`;
  }
  box.style.height = `${rows.length ? 5 + rows.length * ROW : 0}px`;
}

/** For a control beside a film: JupyterLab leaves it its keys, as it does the slider. */
function keepKeys({ target }) {
  target.setAttribute("data-lm-suppress-shortcuts", "true");
}

function build(el) {
  el.classList.add("course-film");
  el.innerHTML = `<style>${STYLE}</style>
    <div class="course-film-control">
      <span aria-hidden="true"></span>
      <div class="course-film-track">
        <input type="range" min="0" step="1" data-lm-suppress-shortcuts="true">
        <div class="course-film-marks"></div>
      </div>
      <output></output>
    </div>
    <canvas role="img"></canvas>
    <p></p>`;
  const part = (selector) => el.querySelector(selector);
  return {
    control: part(".course-film-control"), name: part("span"), input: part("input"),
    marks: part(".course-film-marks"), readout: part("output"),
    canvas: part("canvas"), report: part("p"),
  };
}

function render({ model, el }) {
  const { control, name, input, marks, readout, canvas, report } = build(el);
  const pen = canvas.getContext("2d");
  let content = null;
  let reel = new Reel([]);
  let inUse = false;

  async function show() {
    if (!content) return;
    const i = Number(input.value);
    const from = reel;
    input.setAttribute("aria-valuetext", content.labels[i]);
    const bitmap = await from.picture(i).catch(() => null);
    if (from !== reel || i !== Number(input.value)) return; // overtaken
    if (bitmap && (canvas.width !== bitmap.width || canvas.height !== bitmap.height)) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      control.style.maxWidth = `${bitmap.width}px`;
    }
    if (bitmap) pen.drawImage(bitmap, 0, 0);
    else pen.clearRect(0, 0, canvas.width, canvas.height);
    readout.value = content.labels[i];
    report.textContent = content.alts[i] + (bitmap ? "" : " (The picture cannot be decoded.)");
    canvas.setAttribute("aria-label", content.alts[i]);
    canvas.dataset.frame = i;
    if (inUse) reel.prepare(i);
    reel.trim(i, inUse ? NEAR : 0);
  }

  /** Take over what the model holds now: other frames, another index, or both. */
  function follow() {
    if (model.get("frames").length === 0) return; // still to come, or closed
    const isNew = CONTENT.some((trait) => model.get(trait) !== content?.[trait]);
    if (!isNew && Number(input.value) === model.get("index")) return;
    if (isNew) load();
    input.value = model.get("index");
    show();
  }

  function load() {
    content = Object.fromEntries(CONTENT.map((trait) => [trait, model.get(trait)]));
    if (content.frames !== reel.frames) {
      reel.close();
      reel = new Reel(content.frames);
      if (inUse) reel.prepare(model.get("index"));
    }
    input.max = content.frames.length - 1;
    readout.style.minWidth = `${Math.max(...content.labels.map((label) => label.length))}ch`;
    mark();
  }

  function mark() {
    if (content) drawMarks(marks, content.marks, content.values);
  }

  function rename() {
    name.textContent = model.get("name");
    input.setAttribute("aria-label", model.get("name"));
  }

  input.addEventListener("input", () => {
    show();
    model.set("index", Number(input.value));
    model.save_changes();
  });
  input.addEventListener("focus", () => {
    inUse = true;
    reel.prepare(Number(input.value));
  });
  input.addEventListener("blur", () => {
    inUse = false;
    reel.trim(Number(input.value), 0);
  });

  const handlers = { "change:name": rename };
  for (const trait of ["index", ...CONTENT]) handlers[`change:${trait}`] = follow;
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  const width = new ResizeObserver(() => {
    mark();
    el.parentElement?.addEventListener("focusin", keepKeys); // once, however often said
  });
  rename();
  if (model.get("frames").length === 0) model.send({ wanted: "frames" }); // the page was reloaded
  follow();
  width.observe(marks);

  return () => {
    width.disconnect();
    for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
    reel.close();
    reel = new Reel([]); // JupyterLab keeps closed views: leave it nothing heavy
    content = null;
    canvas.width = canvas.height = 0;
  };
}

export default { render };
