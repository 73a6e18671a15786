/* A signature drawn by finger, mouse or pen: [[[x, y], …], …], whole numbers from 0 to 1000.
   Only on pages with [data-signature]. The person may always write instead. */
(() => {
  "use strict";
  const start = (box) => {
    if ("ready" in box.dataset) return;
    box.dataset.ready = "";
    const part = (name) => box.querySelector(`[data-signature-${name}]`);
    const store = part("strokes"), draw = part("draw"), typed = part("typed"), back = part("back"), said = part("said");
    const canvas = draw.querySelector("canvas"), ink = canvas.getContext("2d");
    const name = typed.querySelector("input");
    let strokes = [], pen = null;
    try { strokes = JSON.parse(store.value || "[]"); } catch { strokes = []; }

    const size = () => {
      const scale = window.devicePixelRatio || 1;
      canvas.width = Math.round(canvas.clientWidth * scale);
      canvas.height = Math.round(canvas.clientHeight * scale);
      paint();
    };
    const paint = () => {
      const { width, height } = canvas;
      ink.clearRect(0, 0, width, height);
      ink.lineWidth = 2.6 * (window.devicePixelRatio || 1);
      ink.lineCap = ink.lineJoin = "round";
      ink.strokeStyle = "#1b2a2f";
      for (const stroke of strokes) {
        ink.beginPath();
        const at = ([x, y]) => [(x / 1000) * width, (y / 1000) * height];
        ink.moveTo(...at(stroke[0]));
        stroke.slice(1).forEach((point) => ink.lineTo(...at(point)));
        if (stroke.length === 1) ink.lineTo(at(stroke[0])[0] + 0.1, at(stroke[0])[1]);
        ink.stroke();
      }
    };
    const save = () => {
      store.value = strokes.length ? JSON.stringify(strokes) : "";
      said.textContent = strokes.length ? said.dataset.signed : said.dataset.blank;
      [part("undo"), part("erase")].forEach((button) => { button.disabled = !strokes.length; });
    };
    const point = (event) => {
      const frame = canvas.getBoundingClientRect();
      const part1000 = (value, whole) => Math.max(0, Math.min(1000, Math.round((value / whole) * 1000)));
      return [part1000(event.clientX - frame.x, frame.width), part1000(event.clientY - frame.y, frame.height)];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || pen !== null) return;
      event.preventDefault();
      pen = event.pointerId;
      canvas.setPointerCapture(pen);
      strokes.push([point(event)]);
      paint();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pen) return;
      const stroke = strokes[strokes.length - 1];
      for (const step of event.getCoalescedEvents?.() || [event]) {
        const next = point(step), last = stroke[stroke.length - 1];
        if (Math.abs(next[0] - last[0]) + Math.abs(next[1] - last[1]) >= 4) stroke.push(next);
      }
      paint();
    });
    const lift = (event) => {
      if (event.pointerId !== pen) return;
      pen = null;
      save();
    };
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    part("undo").onclick = () => { strokes.pop(); paint(); save(); };
    part("erase").onclick = () => { strokes = []; paint(); save(); };

    const show = (drawing, move) => {
      draw.hidden = !drawing;
      typed.hidden = drawing;
      if (drawing) { size(); if (move) part("type").focus(); } else if (move) name.focus();
    };
    part("type").onclick = () => { strokes = []; save(); show(false, true); };
    back.hidden = false;
    back.querySelector("button").onclick = () => { name.value = ""; show(true, true); };
    new ResizeObserver(() => { if (!draw.hidden) size(); }).observe(canvas);
    show(!name.value || strokes.length > 0, false);
    save();
    said.textContent = "";
  };
  const all = () => document.querySelectorAll("[data-signature]").forEach(start);
  all();
  document.addEventListener("htmx:after:swap", all);
  document.addEventListener("havre:replaced", all);
})();
