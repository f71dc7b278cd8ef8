// Keeps an open board current: the server says which rows changed, and draws them anew.
const table = document.querySelector("table.board");
const rows = document.querySelector("#rows");
const live = document.querySelector("#live");
const changed = document.querySelector("#changed");
const MINUTE = 60_000;
let asked = false;
let again = false;

async function refresh(fresh) {
  if (asked) {
    again = true;
    return;
  }
  asked = true;
  try {
    const reply = await fetch(table.dataset.rows, { headers: { Accept: "text/html" } });
    if (!reply.ok) throw new Error(String(reply.status));
    const focus = document.activeElement?.closest("tr")?.dataset.patient;
    const inAct = document.activeElement?.classList.contains("act");
    const drawn = new DOMParser().parseFromString(`<table><tbody>${await reply.text()}</tbody></table>`, "text/html");
    rows.replaceChildren(...drawn.querySelectorAll("tr"));
    for (const row of rows.rows) if (fresh.includes(row.dataset.patient)) row.classList.add("fresh");
    document.querySelector("#count").textContent = String(rows.rows.length);
    if (focus !== undefined) {
      const row = [...rows.rows].find((one) => one.dataset.patient === focus);
      row?.querySelector(inAct ? ".act" : ".c-patient a")?.focus();
    }
    setTimeout(() => rows.querySelectorAll(".fresh").forEach((row) => row.classList.remove("fresh")), 4000);
    say("on");
  } catch {
    say("off");
  }
  asked = false;
  if (again) {
    again = false;
    refresh([]);
  }
}

function say(state) {
  live.dataset.live = state;
  const clock = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: live.dataset.zone, timeZoneName: "short" });
  live.textContent = state === "on" ? `live, last look ${clock}` : `not live: no answer since ${clock}; trying again`;
}

const events = new EventSource("/board/events");
events.addEventListener("hello", () => refresh([]));
events.addEventListener("changed", (event) => {
  const patients = JSON.parse(event.data);
  changed.textContent = patients.length === 1 ? `Changed: ${patients[0]}` : `${patients.length} patients changed`;
  refresh(patients);
});
events.addEventListener("error", () => say("off"));
setInterval(() => refresh([]), MINUTE); // hours pass without a record
addEventListener("pagehide", () => events.close());
