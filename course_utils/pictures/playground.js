// The browser's half of playground.py: a surface, a start to drag, dials to turn.
// Every step is computed here, so nothing waits for the kernel. The formulas are those
// of surfaces.py and rules.py once more; tests/browser/test_playground.py compares them.

const square = (x) => x * x;

/** What a formula needs: loss, gradient and Hessian at a point, all as flat lists. */
export const SURFACES = {
  dial: ([curvature, minimum]) => ({
    loss: ([x]) => (curvature * square(x - minimum)) / 2,
    gradient: ([x]) => [curvature * (x - minimum)],
    hessian: () => [curvature],
  }),
  wells: ([tilt]) => ({
    loss: ([x]) => square(square(x) - 1) + tilt * x,
    gradient: ([x]) => [4 * x * (square(x) - 1) + tilt],
    hessian: ([x]) => [12 * square(x) - 4],
  }),
  quadratic: ([a, b, c]) => ({
    loss: ([x, y]) => (a * square(x) + 2 * b * x * y + c * square(y)) / 2,
    gradient: ([x, y]) => [a * x + b * y, b * x + c * y],
    hessian: () => [a, b, c],
  }),
  rosenbrock: () => ({
    loss: ([x, y]) => square(1 - x) + 100 * square(y - square(x)),
    gradient: ([x, y]) => [2 * (x - 1) - 400 * x * (y - square(x)), 200 * (y - square(x))],
    hessian: ([x, y]) => [2 + 1200 * square(x) - 400 * y, -400 * x, 200],
  }),
  himmelblau: () => ({
    loss: ([x, y]) => square(square(x) + y - 11) + square(x + square(y) - 7),
    gradient: ([x, y]) => [
      4 * x * (square(x) + y - 11) + 2 * (x + square(y) - 7),
      2 * (square(x) + y - 11) + 4 * y * (x + square(y) - 7),
    ],
    hessian: ([x, y]) => [12 * square(x) + 4 * y - 42, 4 * (x + y), 12 * square(y) + 4 * x - 26],
  }),
};

/** Each rule makes a function from (x, g, lr) of one parameter to its new value. */
const RULES = {
  "gradient descent": () => () => (x, g, lr) => x - lr * g,
  momentum: (beta) => () => {
    let v = 0;
    return (x, g, lr) => x - lr * (v = beta * v + g);
  },
  "momentum, lr inside": (beta) => () => {
    let v = 0;
    return (x, g, lr) => x - (v = beta * v + lr * g);
  },
  Nesterov: (beta) => () => {
    let v = 0;
    return (x, g, lr) => x - lr * (g + beta * (v = beta * v + g));
  },
  Adam: () => () => {
    let [mean, meanSquare, t] = [0, 0, 0];
    return (x, g, lr) => {
      mean = 0.9 * mean + (1 - 0.9) * g;
      meanSquare = 0.999 * meanSquare + (1 - 0.999) * square(g);
      t += 1;
      const unbiased = meanSquare / (1 - Math.pow(0.999, t));
      return x - (lr * (mean / (1 - Math.pow(0.9, t)))) / (Math.sqrt(unbiased) + 1e-8);
    };
  },
};

export const hasMomentum = (rule) => rule !== "gradient descent" && rule !== "Adam";

/** The start and the point after each step, and the losses, while they are finite. */
export function run({ family, constants, start, lr, momentum, rule, falling, num_steps }) {
  const { loss, gradient } = SURFACES[family](constants);
  const moves = start.map(RULES[rule](momentum));
  const [points, losses] = [[start], [loss(start)]];
  for (let step = 1; step <= num_steps; step += 1) {
    const g = gradient(points[step - 1]);
    const stepLr = falling ? lr / step : lr;
    const point = points[step - 1].map((x, i) => moves[i](x, g[i], stepLr));
    if (![...point, loss(point)].every(Number.isFinite)) break;
    points.push(point);
    losses.push(loss(point));
  }
  return { points, losses };
}

/** Smallest and largest eigenvalue of a Hessian given as [xx] or [xx, xy, yy]. */
function eigenvalues([xx, xy, yy]) {
  if (xy === undefined) return [xx, xx];
  const [middle, half] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
  return [middle - half, middle + half];
}

/** By which factor a long run shrinks a distance at each step; null for Adam. */
export function spectralRadius({ rule, lr, momentum }, hessian) {
  if (rule === "Adam") return null;
  const beta = hasMomentum(rule) ? momentum : 0;
  const factors = eigenvalues(hessian).map((curvature) => {
    const shrink = 1 - lr * curvature;
    // the two eigenvalues z of one step on (velocity, parameter): z² - trace z + det = 0
    const trace = rule === "Nesterov" ? (1 + beta) * shrink : beta + shrink;
    const det = rule === "Nesterov" ? beta * shrink : beta;
    const root = square(trace) / 4 - det;
    return root < 0 ? Math.sqrt(det) : Math.abs(trace) / 2 + Math.sqrt(root);
  });
  return Math.max(...factors);
}

/** A number in three digits, as Python's format ".3g" writes it. */
export function brief(number) {
  if (number === 0) return "0";
  const [digits, exponent] = number.toExponential(2).split("e");
  const power = Number(exponent);
  const strip = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (power >= -4 && power < 3) return strip(number.toPrecision(3));
  return `${strip(digits)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** What the picture shows, in words; playground.py says the same. */
export function say(settings, { points, losses }, radius) {
  const { rule, lr, momentum, falling, start, num_steps, shows_radius } = settings;
  const beta = `momentum ${brief(momentum)}`;
  const told = rule.replace("momentum", beta) + (rule === "Nesterov" ? ` with ${beta}` : "");
  const name = told[0].toUpperCase() + told.slice(1);
  const rate = `learning rate ${brief(lr)}${falling ? " / step" : ""}`;
  const place = start.length > 1 ? `(${start.map(brief).join(", ")})` : brief(start[0]);
  const taken = points.length - 1;
  const steps = `${taken} ${taken === 1 ? "step" : "steps"}`;
  const end =
    taken < num_steps
      ? `after ${steps} no number is left: the run diverged.`
      : `the loss goes from ${brief(losses[0])} to ${brief(losses[taken])} in ${steps}.`;
  const far = radius === null || falling || !shows_radius ? "" : ` Spectral radius ${brief(radius)}.`;
  return `${name}, ${rate}, from ${place}: ${end}${far}`;
}

// Below: what is on the page.

const FINGER = 40; // px around the dot in which a finger takes it
const [WIDTH, HEIGHT, MARGIN] = [460, 380, 52]; // px of a picture, and of its left edge
const [BLUE, ORANGE, INK, PAPER] = ["#0072b2", "#e69f00", "#222", "#fff"];
const TRAITS = ["start", "lr", "momentum", "rule", "falling", "num_steps", "shows_radius"];
const LAST = 1000; // positions of the sliders

const STYLE = `
  .course-playground { color: var(--jp-ui-font-color1, CanvasText);
    font: 14px/1.4 var(--jp-ui-font-family, sans-serif); }
  .course-playground-pictures { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 6px; }
  .course-playground canvas { width: ${WIDTH}px; max-width: 100%; background: ${PAPER}; }
  .course-playground canvas.course-playground-map { cursor: grab; }
  .course-playground canvas:focus-visible { outline: 3px solid ${ORANGE}; }
  .course-playground label { display: flex; gap: 8px; align-items: center; max-width: ${WIDTH}px; }
  .course-playground label span { min-width: 9em; }
  .course-playground label input[type="range"] { flex: 1; min-width: 100px; }
  .course-playground label output { min-width: 5em; font-variant-numeric: tabular-nums; }
  .course-playground p { margin: 6px 0 0; min-height: 2.8em; max-width: 90ch; }
  .course-film-fallback { display: none !important; }
`;

const PARTS = `
  <label data-part="rule"><span>rule</span><select></select></label>
  <label data-part="lr"><span>learning rate</span><input type="range"><output></output></label>
  <label data-part="momentum"><span>momentum</span><input type="range"><output></output></label>
  <label data-part="num_steps"><span>steps</span><input type="range"><output></output></label>
  <label data-part="falling"><span>lr / step number</span><input type="checkbox"></label>
  <div class="course-playground-pictures">
    <canvas class="course-playground-map" tabindex="0" role="application"
      aria-roledescription="start of the run, moved by the arrow keys"></canvas>
    <canvas role="img"></canvas>
  </div>
  <p aria-live="polite"></p>`;

/** From data to px and back, for one picture. */
class Frame {
  constructor([x0, x1], [y0, y1]) {
    Object.assign(this, { x0, x1, y0, y1 });
  }
  x = (value) => MARGIN + ((value - this.x0) / (this.x1 - this.x0)) * (WIDTH - MARGIN - 8);
  y = (value) => HEIGHT - 34 - ((value - this.y0) / (this.y1 - this.y0)) * (HEIGHT - 44);
  dataX = (px) => this.x0 + ((px - MARGIN) / (WIDTH - MARGIN - 8)) * (this.x1 - this.x0);
  dataY = (px) => this.y0 + ((HEIGHT - 34 - px) / (HEIGHT - 44)) * (this.y1 - this.y0);
  get box() {
    return [MARGIN, 10, WIDTH - MARGIN - 8, HEIGHT - 44];
  }
}

function prepare(canvas) {
  const ratio = Math.max(2, window.devicePixelRatio || 1); // sharp when it is enlarged, too
  canvas.width = WIDTH * ratio;
  canvas.height = HEIGHT * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return pen;
}

function clear(pen) {
  pen.fillStyle = PAPER;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  Object.assign(pen, { strokeStyle: INK, fillStyle: INK, lineWidth: 1, font: "13px sans-serif" });
}

/** The axes of a picture: a box, a few numbers, a name below and one at the left. */
function axes(pen, frame, [xName, yName], xTicks, yTicks, format = brief) {
  const [left, top, width, height] = frame.box;
  Object.assign(pen, { strokeStyle: INK, fillStyle: INK, lineWidth: 1 });
  pen.strokeRect(left, top, width, height);
  pen.textAlign = "center";
  for (const tick of xTicks) pen.fillText(brief(tick), frame.x(tick), HEIGHT - 18);
  pen.fillText(xName, left + width / 2, HEIGHT - 3);
  pen.save();
  pen.translate(12, top + height / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText(yName, 0, 0);
  pen.restore();
  pen.textAlign = "right";
  for (const tick of yTicks) pen.fillText(format(tick), left - 4, frame.y(tick) + 4);
}

function line(pen, frame, xs, ys, color, width = 2.5) {
  Object.assign(pen, { strokeStyle: color, lineWidth: width, lineJoin: "round" });
  pen.beginPath();
  xs.forEach((x, i) => pen.lineTo(far(frame.x(x)), far(frame.y(ys[i]))));
  pen.stroke();
}

function dot(pen, frame, x, y, radius, color, edge = false) {
  pen.beginPath();
  pen.arc(far(frame.x(x)), far(frame.y(y)), radius, 0, 2 * Math.PI);
  pen.fillStyle = color;
  pen.fill();
  Object.assign(pen, { strokeStyle: INK, lineWidth: 1.5 });
  if (edge) pen.stroke();
}

/** Canvas cannot draw at 1e300. */
const far = (px) => Math.max(-1e4, Math.min(1e4, px));

/** Within the box of the axes only. */
function inside(pen, frame, draw) {
  pen.save();
  pen.beginPath();
  pen.rect(...frame.box);
  pen.clip();
  draw();
  pen.restore();
}

/** Four to eight round numbers between low and high. */
function ticks(low, high) {
  const power = Math.pow(10, Math.floor(Math.log10((high - low) / 4)));
  const step = power * [5, 2, 1].find((digit) => digit * power <= (high - low) / 4);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** Level lines: the pixels where the loss passes one of the levels, drawn once. */
function levelLines(frame, loss) {
  const made = document.createElement("canvas");
  [made.width, made.height] = [WIDTH, HEIGHT];
  const pen = made.getContext("2d");
  const image = pen.createImageData(WIDTH, HEIGHT);
  const values = new Float64Array(WIDTH * HEIGHT);
  for (let i = 0; i < values.length; i += 1) {
    values[i] = loss([frame.dataX(i % WIDTH), frame.dataY(Math.floor(i / WIDTH))]);
  }
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  // levels close together near the bottom, as the square root puts them
  const level = (value) => Math.floor(14 * Math.pow((value - low) / (high - low), 0.4));
  for (let i = 0; i + WIDTH < values.length; i += 1) {
    const band = level(values[i]);
    const isLine = band !== level(values[i + 1]) || band !== level(values[i + WIDTH]);
    const shade = isLine ? [120, 120, 120] : [225 + 2 * band, 236 + band, 248];
    image.data.set([...shade, 255], 4 * i);
  }
  pen.putImageData(image, 0, 0);
  return made;
}

function star(pen, frame, x, y) {
  Object.assign(pen, { font: "20px sans-serif", fillStyle: INK, textAlign: "center" });
  pen.fillText("★", frame.x(x), frame.y(y) + 7);
  pen.font = "13px sans-serif";
}

/** The left picture: the surface, the path, the start. With one parameter, a curve. */
function mapOf(surface, bounds, minima) {
  if (bounds.length === 2) {
    const frame = new Frame(...bounds);
    const ground = levelLines(frame, surface.loss);
    return (pen, { points }) => {
      clear(pen);
      inside(pen, frame, () => {
        pen.drawImage(ground, 0, 0);
        for (const minimum of minima) star(pen, frame, ...minimum);
        const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
        line(pen, frame, xs, ys, BLUE);
        points.slice(1).forEach((p) => dot(pen, frame, ...p, 3.5, BLUE));
        dot(pen, frame, ...points[0], 10, ORANGE, true);
      });
      axes(pen, frame, ["θ₁ (drag the orange dot)", "θ₂"], ticks(...bounds[0]), ticks(...bounds[1]));
    };
  }
  const [low, high] = bounds[0];
  const xs = Array.from({ length: 201 }, (_, i) => low + (i / 200) * (high - low));
  const heights = xs.map((x) => surface.loss([x]));
  const [least, most] = [Math.min(...heights), Math.max(...heights)];
  const room = 0.06 * (most - least);
  const frame = new Frame(bounds[0], [least - room, most + room]);
  return (pen, { points, losses }) => {
    clear(pen);
    inside(pen, frame, () => {
      line(pen, frame, xs, heights, INK, 2);
      for (const [x] of minima) star(pen, frame, x, surface.loss([x]));
      line(pen, frame, points.map((p) => p[0]), losses, BLUE);
      points.slice(1).forEach((p, i) => dot(pen, frame, p[0], losses[i + 1], 4.5, BLUE));
      dot(pen, frame, points[0][0], losses[0], 10, ORANGE, true);
    });
    axes(pen, frame, ["x (drag the orange dot)", "loss"], ticks(low, high), ticks(least, most));
  };
}

/** The right picture: the height above the lowest minimum after each step, in powers of 10. */
function drawLosses(pen, losses, lowest, numSteps) {
  const [bottom, top] = [-8, 4];
  const frame = new Frame([0, numSteps], [bottom, top]);
  const heights = losses.map((loss) => Math.log10(Math.max(loss - lowest, 1e-8)));
  clear(pen);
  inside(pen, frame, () => {
    line(pen, frame, [...heights.keys()], heights, BLUE);
    heights.forEach((height, i) => dot(pen, frame, i, height, 3, BLUE));
  });
  const powers = [-8, -6, -4, -2, 0, 2, 4];
  const whole = ticks(0, numSteps).filter(Number.isInteger);
  axes(pen, frame, ["step", "height above the lowest point"], whole, powers, (power) => `1e${power}`);
}

function render({ model, el }) {
  el.classList.add("course-playground");
  el.innerHTML = `<style>${STYLE}</style>${PARTS}`;
  const parts = [...el.querySelectorAll("[data-part]")]; // in their order
  const part = (name) => parts.find((each) => each.dataset.part === name);
  const input = (name) => part(name).querySelector("input, select");
  const [map, chart] = el.querySelectorAll("canvas");
  const [report, pictures] = [el.querySelector("p"), el.querySelector("div")];
  const [family, constants, bounds, minima, limits, rules] = [
    "family", "constants", "bounds", "minima", "limits", "rules"].map((name) => model.get(name));
  const surface = SURFACES[family](constants);
  const frame = bounds.length === 2 ? new Frame(...bounds) : new Frame(bounds[0], [0, 1]);
  const drawMap = mapOf(surface, bounds, minima);
  const lowest = minima.length ? Math.min(...minima.map(surface.loss)) : 0;
  const [mapPen, chartPen] = [prepare(map), prepare(chart)];
  let settings = {};
  let isAsked = false; // for the next frame of the screen

  for (const rule of rules) input("rule").add(new Option(rule, rule));
  const unused = new Set(); // parts that are not on the page now
  if (rules.length === 1) unused.add("rule");
  if (!rules.includes("momentum, lr inside")) unused.add("falling");
  const ranges = { lr: [0, LAST, "any"], momentum: [0, 0.99, "any"], num_steps: [1, 200, 1] };
  for (const [name, [min, max, step]] of Object.entries(ranges)) {
    Object.assign(input(name), { min, max, step });
  }
  for (const each of el.querySelectorAll("input, select, canvas")) {
    each.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab leaves it its keys
  }

  const toPlace = (lr) => (LAST * Math.log(lr / limits[0])) / Math.log(limits[1] / limits[0]);
  const toLr = (place) => limits[0] * Math.pow(limits[1] / limits[0], place / LAST);

  function draw() {
    isAsked = false;
    const found = run({ family, constants, ...settings });
    const end = found.points[found.points.length - 1];
    const bottom = minima.length === 1 ? minima[0] : end;
    const radius = spectralRadius(settings, surface.hessian(bottom));
    drawMap(mapPen, found);
    drawLosses(chartPen, found.losses, lowest, settings.num_steps);
    const sentence = say(settings, found, radius);
    report.textContent = sentence;
    for (const canvas of [map, chart]) canvas.setAttribute("aria-label", sentence);
    el.dataset.drawn = Number(el.dataset.drawn ?? 0) + 1; // pictures so far, for the tests
  }

  /** Other settings: show them in the controls, and in the pictures with the next frame. */
  function use(changes) {
    settings = { ...settings, ...changes };
    const { lr, momentum, num_steps, rule, falling } = settings;
    if (document.activeElement !== input("lr")) input("lr").value = toPlace(lr);
    input("momentum").value = momentum;
    input("num_steps").value = num_steps;
    input("rule").value = rule;
    input("falling").checked = falling;
    unused[hasMomentum(rule) ? "delete" : "add"]("momentum");
    for (const each of parts) {
      if (unused.has(each.dataset.part)) each.remove();
      else if (!each.isConnected) pictures.before(each);
    }
    const texts = { lr: brief(lr), momentum: brief(momentum), num_steps };
    for (const [name, text] of Object.entries(texts)) {
      part(name).querySelector("output").value = text;
      input(name).setAttribute("aria-valuetext", text);
    }
    if (!isAsked) requestAnimationFrame(draw);
    isAsked = true;
  }

  /** Tell the kernel, once a move is over. */
  function tell() {
    for (const trait of TRAITS) model.set(trait, settings[trait]);
    model.save_changes();
  }

  function moveStart(x, y) {
    const keep = (value, [low, high]) => Math.max(low, Math.min(high, value));
    use({ start: [x, y].slice(0, bounds.length).map((value, i) => keep(value, bounds[i])) });
  }

  function drag(event) {
    const scale = WIDTH / map.clientWidth; // a narrow page shrinks the picture
    moveStart(frame.dataX(event.offsetX * scale), frame.dataY(event.offsetY * scale));
  }

  /** Is this place of the screen at the dot? A finger elsewhere scrolls the page. */
  function isAtDot({ clientX, clientY }) {
    const { left, top, width } = map.getBoundingClientRect();
    const [x, y] = [settings.start[0], bounds.length === 2 ? settings.start[1] : null];
    const away = [clientX - left - (frame.x(x) * width) / WIDTH,
      y === null ? 0 : clientY - top - (frame.y(y) * width) / WIDTH];
    return Math.hypot(...away) < FINGER;
  }

  map.addEventListener("touchstart", (event) => {
    if (isAtDot(event.touches[0])) event.preventDefault();
  }, { passive: false });
  map.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" && !isAtDot(event)) return;
    map.setPointerCapture(event.pointerId);
    drag(event);
  });
  map.addEventListener("pointermove", (event) =>
    map.hasPointerCapture(event.pointerId) && event.buttons && drag(event));
  map.addEventListener("pointerup", tell);
  map.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const part = event.shiftKey ? 0.1 : 0.02; // of the picture
    const [x, y] = settings.start.map((value, i) => value + part * way[i] * (bounds[i][1] - bounds[i][0]));
    moveStart(x, y ?? 0);
    tell();
  });

  input("lr").addEventListener("input", () => use({ lr: toLr(Number(input("lr").value)) }));
  for (const name of ["momentum", "num_steps"]) {
    input(name).addEventListener("input", () => use({ [name]: Number(input(name).value) }));
  }
  input("rule").addEventListener("input", () => use({ rule: input("rule").value }));
  input("falling").addEventListener("input", () => use({ falling: input("falling").checked }));
  el.addEventListener("change", tell);

  const follow = () => use(Object.fromEntries(TRAITS.map((trait) => [trait, model.get(trait)])));
  for (const trait of TRAITS) model.on(`change:${trait}`, follow);
  follow();

  return () => {
    for (const trait of TRAITS) model.off(`change:${trait}`, follow);
    for (const canvas of [map, chart]) canvas.width = canvas.height = 0;
  };
}

export default { render };
