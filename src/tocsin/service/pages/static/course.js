// The course: evidence lights up, the readout follows the pointer, a stretch can be drawn out. Links do the same without this.
const section = document.querySelector("[data-course]");
const pictures = document.querySelector("#pictures");
const phone = matchMedia("(max-width: 40rem)"); // here the pictures are drawn narrow, with names above the lanes
const table = document.querySelector("#evidence .rows");
const NEAR = 5; // in the units of the picture
const SVG = "http://www.w3.org/2000/svg";

const svgs = () => [...pictures.querySelectorAll("svg.course")];
const marks = () => [...pictures.querySelectorAll("[data-from]")];

function light(step) {
  for (const one of document.querySelectorAll(".lit")) one.classList.remove("lit");
  if (!step) return;
  step.classList.add("lit");
  const ids = new Set((step.dataset.evidence ?? "").split(" ").filter(Boolean));
  for (const one of document.querySelectorAll("[data-event]")) if (ids.has(one.dataset.event) && meets(one, step)) one.classList.add("lit");
  const row = document.querySelector(step.getAttribute("href"));
  row?.classList.add("lit");
  if (row) table.scrollTop = row.offsetTop - table.clientHeight / 3; // the page itself stays where it is
}

// What runs is lit only where it runs during the step; a reading counts whenever it was.
function meets(one, step) {
  if (!one.dataset.to) return true;
  return Number(one.dataset.to) > Number(step.dataset.from) && Number(one.dataset.from) < Number(step.dataset.to);
}

function timeAt(svg, x) {
  const box = svg.getBoundingClientRect();
  const place = ((x - box.left) / box.width) * svg.viewBox.baseVal.width;
  const [start, end, left, right] = ["start", "end", "left", "right"].map((name) => Number(svg.dataset[name]));
  const share = Math.min(1, Math.max(0, (place - left) / (right - left)));
  return { time: start + share * (end - start), near: ((end - start) / (right - left)) * NEAR, place, inside: place >= left };
}

function drawCursor(place) {
  for (const svg of svgs()) {
    let line = svg.querySelector(".cursor");
    if (place === null) {
      line?.remove();
      continue;
    }
    if (!line) {
      line = document.createElementNS(SVG, "line");
      line.setAttribute("class", "cursor");
      line.setAttribute("y1", "0");
      line.setAttribute("y2", String(svg.viewBox.baseVal.height));
      svg.append(line);
    }
    line.setAttribute("x1", String(place));
    line.setAttribute("x2", String(place));
  }
}

function read(svg, x) {
  const { time, near, place, inside } = timeAt(svg, x);
  drawCursor(inside ? place : null);
  const said = [];
  for (const mark of marks()) {
    const from = Number(mark.dataset.from);
    const to = Number(mark.dataset.to ?? from);
    const holds = to > from ? from <= time && time < to : Math.abs(from - time) <= near;
    const text = holds ? mark.querySelector("title")?.textContent : null;
    if (text) said.push(mark.classList.contains("step") ? text.split(". ")[0] : text);
  }
  if (said.length) tell(said.join(" · "));
}

function tell(text) {
  const readout = pictures.querySelector("#readout");
  if (readout) readout.textContent = text;
}

async function zoom(address, push = true) {
  const asked = new URL(address, location.href).searchParams;
  if (phone.matches) asked.set("narrow", "1");
  const reply = await fetch(`${section.dataset.course}?${asked}`);
  if (!reply.ok || reply.redirected) {
    if (push) location.href = address; // where the reason is said
    return;
  }
  const drawn = new DOMParser().parseFromString(await reply.text(), "text/html");
  const open = new Map([...pictures.querySelectorAll("details")].map((one) => [one.textContent.slice(0, 8), one.open]));
  const focus = document.activeElement?.closest(".zoom a")?.textContent;
  pictures.replaceChildren(...drawn.body.childNodes);
  for (const one of pictures.querySelectorAll("details")) one.open = open.get(one.textContent.slice(0, 8)) ?? one.open;
  if (focus) [...pictures.querySelectorAll(".zoom a")].find((one) => one.textContent === focus)?.focus();
  if (push) history.pushState(null, "", address);
}

if (section && pictures) {
  let from = null;
  let brush = null;
  const end = () => {
    brush?.remove();
    brush = from = null;
  };
  pictures.addEventListener("click", (event) => {
    const link = event.target.closest(".zoom a");
    const step = event.target.closest("a.step");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      zoom(link.href);
    } else if (step) {
      event.preventDefault();
      light(step.classList.contains("lit") ? null : step);
    }
  });
  pictures.addEventListener("focusin", (event) => {
    const step = event.target.closest("a.step");
    if (step?.matches(":focus-visible")) tell(step.querySelector("title")?.textContent ?? "");
  });
  pictures.addEventListener("pointermove", (event) => {
    const svg = event.target.closest("svg.course");
    if (!svg) return;
    read(svg, event.clientX);
    if (!from || event.pointerType !== "mouse") return;
    const sheet = pictures.querySelector(".sheet");
    const box = sheet.getBoundingClientRect();
    if (!brush) {
      brush = document.createElement("div");
      brush.className = "brush";
      sheet.append(brush);
    }
    brush.style.left = `${Math.min(from.x, event.clientX) - box.left}px`;
    brush.style.width = `${Math.abs(event.clientX - from.x)}px`;
  });
  pictures.addEventListener("pointerleave", () => {
    drawCursor(null);
    end();
  });
  pictures.addEventListener("pointerdown", (event) => {
    const svg = event.target.closest("svg.course");
    if (svg) read(svg, event.clientX); // a finger does not hover
    if (svg && event.button === 0 && event.pointerType === "mouse" && !event.target.closest("a")) {
      from = { x: event.clientX, svg };
      event.preventDefault(); // no text is marked on the way
    }
  });
  pictures.addEventListener("pointerup", (event) => {
    if (from && Math.abs(event.clientX - from.x) > 12) {
      const times = [timeAt(from.svg, from.x).time, timeAt(from.svg, event.clientX).time].sort((a, b) => a - b);
      const address = new URL(location.href);
      const written = (time) => `${new Date(time * 1000).toISOString().slice(0, 16)}Z`;
      address.searchParams.set("from", written(times[0]));
      address.searchParams.set("to", written(times[1] < times[0] + 600 ? times[0] + 600 : times[1]));
      address.hash = "course";
      zoom(address.href);
    }
    end();
  });
  addEventListener("popstate", () => zoom(location.href, false));
  phone.addEventListener("change", () => zoom(location.href, false));
  if (phone.matches) zoom(location.href, false);
  if (table && !location.hash.startsWith("#row-")) table.scrollTop = table.scrollHeight; // the latest is what one came for
}

// A page that was left open says how old it is: the grade on it may not be the grade now.
const aged = document.querySelector("#aged");
const MINUTE = 60_000;
const OLD = 10; // minutes
if (aged) {
  const opened = Date.now();
  setInterval(() => {
    const minutes = Math.floor((Date.now() - opened) / MINUTE / OLD) * OLD; // said now and then, not every minute
    aged.hidden = minutes < OLD;
    aged.querySelector("span").textContent = minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
  }, MINUTE);
}
