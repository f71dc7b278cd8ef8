// Keeps an open board current: the server says which rows changed, and draws them anew.
const table = document.querySelector("table.board");
const rows = document.querySelector("#rows");
const live = document.querySelector("#live");
const changed = document.querySelector("#changed");
const MINUTE = 60_000;
const AGAIN = 10_000; // after a stream that the server has ended
let asked = false;
let again = false;
let events;

async function refresh(fresh) {
  if (asked) {
    again = true;
    return;
  }
  asked = true;
  try {
    const reply = await fetch(table.dataset.rows, { headers: { Accept: "text/html" } });
    if (reply.redirected) say("out"); // to where one signs in: that page has no rows, and the ward is not empty
    else if (!reply.ok) throw new Error(String(reply.status));
    else draw(await reply.text(), fresh);
  } catch {
    say("off");
  }
  asked = false;
  if (again) {
    again = false;
    refresh([]);
  }
}

function draw(text, fresh) {
  const focus = document.activeElement?.closest("tr")?.dataset.patient;
  const inAct = document.activeElement?.classList.contains("act");
  const drawn = new DOMParser().parseFromString(`<table><tbody>${text}</tbody></table>`, "text/html");
  rows.replaceChildren(...drawn.querySelectorAll("tr"));
  for (const row of rows.rows) if (fresh.includes(row.dataset.patient)) row.classList.add("fresh");
  const count = rows.rows.length;
  document.querySelector("#count").textContent = `${count} patient${count === 1 ? "" : "s"}`;
  document.querySelector("#nobody").hidden = count > 0;
  if (focus !== undefined) {
    const row = [...rows.rows].find((one) => one.dataset.patient === focus);
    ((inAct && row?.querySelector(".act")) || row?.querySelector(".c-patient a"))?.focus();
  }
  setTimeout(() => rows.querySelectorAll(".fresh").forEach((row) => row.classList.remove("fresh")), 4000);
  say("on");
}

function say(state) {
  const before = live.dataset.live;
  live.dataset.live = state;
  if (state !== "on" && before === state) return; // since when it is so stays on the page
  const clock = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: live.dataset.zone, timeZoneName: "short" });
  if (state === "on") live.textContent = `live, last look ${clock}`;
  else if (state === "off") live.textContent = `not live: no answer since ${clock}; trying again`;
  else {
    const door = document.createElement("a");
    door.href = location.href;
    door.textContent = "sign in again";
    live.replaceChildren(`not live: signed out, nothing new since ${clock}; `, door);
  }
}

function listen() {
  events = new EventSource("/board/events");
  events.addEventListener("hello", () => refresh([]));
  events.addEventListener("changed", (event) => {
    const patients = JSON.parse(event.data);
    changed.textContent = patients.length === 1 ? `Changed: ${patients[0]}` : `${patients.length} patients changed`;
    refresh(patients);
  });
  events.addEventListener("error", () => {
    if (live.dataset.live === "on") say("off");
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN);
  });
}

listen();
setInterval(() => refresh([]), MINUTE); // hours pass without a record
addEventListener("pagehide", () => events.close());
