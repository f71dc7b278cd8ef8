// The calculator answers as one types; the page itself stays what the server drew, and works without this.
const form = document.querySelector("#findings");
const link = document.querySelector("#link");
const wrong = document.querySelector("#wrong");
const nothing = document.querySelector("#nothing");
const names = new Map([...document.querySelectorAll("#names dt")].map((one) => [one.textContent, one.nextElementSibling.textContent]));
const points = document.querySelector(".worksheet").dataset.prefix; // of the ICE: in the address, and no finding of their own
const beside = form.dataset.beside.split(" "); // what bears on a grade but is no finding
const UNSEEN = "not assessed: "; // so a neurological scale begins what nobody looked at
let turn = 0;
let waiting;

const said = () => new Map([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));

function showAnswer(card, answer) {
  card.hidden = !answer;
  const strip = document.querySelector(`[data-strip="${card.dataset.scale}"]`);
  if (strip) {
    strip.hidden = !answer;
    strip.querySelector("b").textContent = answer ? answer.set.join("-") : "";
  }
  if (!answer) return;
  const grade = card.querySelector(".grade");
  grade.className = `grade ${answer.grade === null ? "open" : `g${answer.grade}`}`;
  grade.querySelector(".value").textContent = answer.set.join("-");
  card.querySelector(".why").textContent = answer.why;
  const settles = card.querySelector(".settles");
  const open = answer.settled_by.filter((one) => !one.startsWith(UNSEEN));
  const unseen = answer.settled_by.filter((one) => one.startsWith(UNSEEN)).flatMap((one) => one.slice(UNSEEN.length).split(", "));
  settles.hidden = !answer.settled_by.length;
  settles.replaceChildren(...asks("To settle it", open), ...asks("Not assessed", unseen));
}

function asks(head, fields) {
  if (!fields.length) return [];
  const line = document.createElement("p");
  const strong = document.createElement("strong");
  strong.textContent = `${head}:`;
  line.append(strong, " ");
  fields.forEach((field, place) => {
    if (place) line.append(", ");
    line.append(names.has(field) ? goTo(field) : field.replaceAll("_", " "));
  });
  return [line];
}

function goTo(field) {
  const found = document.createElement("a");
  found.href = `#${field}`;
  found.dataset.goes = field;
  found.textContent = names.get(field);
  return found;
}

function showWrong(message) {
  wrong.hidden = !message;
  wrong.textContent = message;
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  const at = message.split(" = ")[0];
  const field = document.getElementById(at);
  if (field && form.contains(field)) field.setAttribute("aria-invalid", "true");
}

async function update() {
  const mine = ++turn;
  const all = [...said()];
  const findings = Object.fromEntries(all.filter(([name]) => !name.startsWith(points)));
  const query = new URLSearchParams(all).toString();
  const address = `/calculator${query ? `?${query}` : ""}`;
  history.replaceState(null, "", address);
  link.href = address;
  const asks = Object.keys(findings).some((name) => !beside.includes(name));
  nothing.hidden = asks;
  let answers = {};
  let message = "";
  if (asks) {
    try {
      const reply = await fetch("/api/calc", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(findings),
      });
      const body = await reply.json();
      if (reply.ok) answers = body;
      else message = body.error.message;
    } catch {
      message = "the service does not answer; the grades below are gone until it does";
    }
  }
  if (mine !== turn) return; // a later answer is on its way
  showWrong(message);
  for (const card of document.querySelectorAll("[data-scale]")) showAnswer(card, answers[card.dataset.scale]);
  const more = document.querySelector(".more");
  const shown = [...document.querySelectorAll("[data-scale]:not([hidden])")];
  if (shown.length && shown.every((card) => more.contains(card))) more.open = true; // else the only answer lies in a fold
}

form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(update, 120);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  update();
});
document.querySelector("#answers").addEventListener("click", (event) => {
  const goes = event.target.dataset?.goes;
  if (!goes) return;
  const field = document.getElementById(goes) ?? form.querySelector(`[name="${goes}"]`);
  event.preventDefault();
  field?.focus();
});
document.querySelector("#findings button").hidden = true;
