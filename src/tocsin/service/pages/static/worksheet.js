// The ICE point by point: all ten points make the score; a score that is written by hand takes their place.
for (const sheet of document.querySelectorAll(".worksheet")) {
  const target = document.getElementById(sheet.dataset.target);
  const sum = sheet.querySelector(".sum span");
  const nothing = sum.dataset.nothing;
  const all = sheet.querySelectorAll('[role="radiogroup"]').length;
  const answered = (word) => sheet.querySelectorAll(`input[value="${word}"]:checked`).length;

  sheet.addEventListener("input", () => {
    const right = answered("yes");
    const left = all - right - answered("no");
    target.value = left ? "" : String(right);
    if (left === all) sum.textContent = nothing;
    else sum.textContent = left ? `${left} not asked: no score yet, ${right} to ${right + left}` : `${right} of ${all}`;
  });
  target.addEventListener("input", () => {
    for (const one of sheet.querySelectorAll('input[value=""]')) one.checked = true;
    sum.textContent = nothing;
  });
}
