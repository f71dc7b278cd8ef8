// The course: evidence lights up, the readout follows the pointer, a stretch can be drawn out. Links do the same without this.
const section = document.querySelector("[data-course]");
const pictures = document.querySelector("#pictures");
const LEFT = 132; // as the pictures have it
const RIGHT = 992;
const WIDTH = 1000;
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
}

// What runs is lit only where it runs during the step; a reading counts whenever it was.
function meets(one, step) {
  if (!one.dataset.to) return true;
  return Number(one.dataset.to) > Number(step.dataset.from) && Number(one.dataset.from) < Number(step.dataset.to);
}

function timeAt(svg, x) {
  const box = svg.getBoundingClientRect();
  const place = ((x - box.left) / box.width) * WIDTH;
  const start = Number(svg.dataset.start);
  const end = Number(svg.dataset.end);
  const share = Math.min(1, Math.max(0, (place - LEFT) / (RIGHT - LEFT)));
  return { time: start + share * (end - start), near: ((end - start) / (RIGHT - LEFT)) * NEAR, place };
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
  const { time, near, place } = timeAt(svg, x);
  const readout = pictures.querySelector("#readout");
  drawCursor(place < LEFT ? null : place);
  const said = [];
  for (const mark of marks()) {
    const from = Number(mark.dataset.from);
    const to = Number(mark.dataset.to ?? from);
    const holds = to > from ? from <= time && time < to : Math.abs(from - time) <= near;
    const text = holds ? mark.querySelector("title")?.textContent : null;
    if (text) said.push(mark.classList.contains("step") ? text.split(". ")[0] : text);
  }
  if (readout && said.length) readout.textContent = said.join(" · ");
}

async function zoom(address, push = true) {
  const query = new URL(address, location.href).search;
  const reply = await fetch(section.dataset.course + query);
  if (!reply.ok) {
    location.href = address;
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
  const scroller = pictures.querySelector(".scroller");
  if (scroller) scroller.scrollLeft = scroller.scrollWidth; // the latest is what one came for
}
