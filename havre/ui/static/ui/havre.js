/* Havre: what every page gains when scripts run. Every journey works without this file. */
(() => {
  "use strict";
  const page = document.body;
  const signedIn = "signedIn" in page.dataset;
  const live = document.getElementById("live");
  const on = (name, act, target = document) => target.addEventListener(name, act);
  const say = (text) => { if (live && text) live.textContent = text.trim(); };

  /* Quitter vite: nothing of this page stays on the screen or behind "back". */
  on("click", (event) => {
    const link = event.target.closest("a[data-leave]");
    if (!link) return;
    event.preventDefault();
    page.hidden = true;
    document.title = "…";
    location.replace(link.href);
  });

  /* A form leaves once. It opens again if the page comes back or the network failed. */
  const again = (form) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
    form.querySelectorAll("[aria-disabled=true]").forEach((button) => button.removeAttribute("aria-disabled"));
  };
  on("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if ("sent" in form.dataset) { event.preventDefault(); return; }
    form.dataset.sent = "";
    form.setAttribute("aria-busy", "true");
    event.submitter?.setAttribute("aria-disabled", "true");
    setTimeout(() => again(form), 15000);
  });
  on("htmx:finally:request", (event) => {
    const form = event.target.closest?.("form");
    if (form) again(form);
    if (!event.target.closest?.("[hx-headers*=Poll]")) contact(); /* a page that looks again by itself is nobody's visit */
  });

  /* The focus goes to what asks for it, or follows what it was in; a page that polls never takes it. */
  const focus = (part, lost) => {
    const target = part.querySelector("[data-focus], [autofocus]") || (lost && part.querySelector("h1, h2, h3"));
    if (target) {
      if (!target.matches("a, button, input, select, textarea")) target.tabIndex = -1;
      target.focus();
    }
    say(part.querySelector("[data-announce]")?.textContent || (lost && target?.textContent));
  };
  on("htmx:after:swap", (event) => {
    const target = event.detail?.ctx?.target;
    const part = target?.isConnected ? target : document.getElementById(target?.id) || document.querySelector("main");
    focus(part, document.activeElement === page);
    dress(part);
  });
  on("havre:replaced", (event) => { focus(event.target, true); dress(event.target); });
  document.querySelector("main [data-focus]:not([data-quiet] *)")?.focus();

  /* Dialogs: `<a href="#id" data-dialog>` opens, `<a href="#" data-close>` closes; `:target` without this file. */
  on("click", (event) => {
    const opener = event.target.closest("a[data-dialog]");
    const closer = event.target.closest("[data-close]");
    const dialog = opener && document.getElementById(opener.hash.slice(1));
    if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); }
    if (closer?.closest("dialog")?.open) { event.preventDefault(); closer.closest("dialog").close(); }
  });

  /* Buttons that need a script are shown only now. */
  function dress(part) {
    part.querySelectorAll("[data-print]").forEach((button) => {
      button.hidden = false;
      button.onclick = () => print();
    });
    part.querySelectorAll("[data-read-aloud]").forEach(aloud);
  }

  /* Read aloud, only with a voice that lives on this machine: the text goes nowhere. */
  function aloud(button) {
    const speech = window.speechSynthesis, tongue = document.documentElement.lang;
    const voice = () => speech.getVoices().find((one) => one.localService && one.lang.toLowerCase().startsWith(tongue));
    if (!speech) return;
    const show = () => { button.hidden = !voice(); };
    show();
    speech.addEventListener?.("voiceschanged", show);
    button.onclick = () => {
      if (speech.speaking) { speech.cancel(); return; }
      document.querySelectorAll("main :is(h1, h2, p, li), main .choice > *").forEach((piece) => {
        if ((piece.closest("form") && !piece.closest(".choice")) || piece.closest("[hidden]") || piece.querySelector("p, li") || !piece.textContent.trim()) return;
        const words = new SpeechSynthesisUtterance(piece.textContent.trim());
        words.lang = tongue;
        words.voice = voice();
        speech.speak(words);
      });
    };
    on("pagehide", () => speech.cancel(), window);
  }
  dress(document);

  /* A signed-in page never comes back from the browser's memory. */
  on("pageshow", (event) => {
    if (event.persisted && signedIn) { page.hidden = true; location.reload(); return; }
    document.querySelectorAll("form[data-sent]").forEach(again);
  }, window);

  /* Idle: a warning one minute before the server forgets us; then what was typed is sent to be kept, not to be done, and the page reloads. */
  const seconds = Number(page.dataset.idleSeconds);
  const warning = document.getElementById("idle");
  let warn, leave, touched = 0;
  const others = "BroadcastChannel" in window && seconds ? new BroadcastChannel("havre") : null;
  function contact(told = true) {
    if (!seconds) return;
    clearTimeout(warn);
    clearTimeout(leave);
    if (warning?.open) warning.close();
    touched = 0;
    warn = setTimeout(idle, Math.max(seconds - 60, 5) * 1000);
    if (told) others?.postMessage("here");
  }
  const stay = () => fetch("/robots.txt", { method: "HEAD", cache: "no-store" }).then((told) => (told.headers.has("X-Havre-Ended") ? goodbye() : contact()), () => {});
  function idle() {
    if (document.querySelector("form[aria-busy=true]")) { contact(); return; } /* a paper is leaving */
    leave = setTimeout(goodbye, 60000);
    if (touched && Date.now() - touched < 120000) { stay(); return; }
    if (warning && !warning.open) { warning.showModal(); say(warning.textContent); }
  }
  async function goodbye() {
    const form = [...document.querySelectorAll("main form[method=post]")].find((one) => one.dataset.typed);
    if (form) {
      const fields = new FormData(form);
      [...fields].forEach(([name, value]) => { if (value instanceof File) fields.delete(name); });
      await fetch(form.action, { method: "POST", body: fields, headers: { "X-Havre-Leaving": "1" } }).catch(() => {});
    }
    location.reload();
  }
  on("input", (event) => { const form = event.target.closest("form"); if (form) form.dataset.typed = "1"; });
  if (seconds) {
    ["keydown", "pointerdown", "input"].forEach((name) => on(name, () => { touched = Date.now(); }));
    if (others) others.onmessage = () => contact(false);
    on("click", (event) => { if (event.target.closest("[data-stay]")) stay(); });
    if (warning) on("cancel", (event) => { event.preventDefault(); stay(); }, warning);
    on("havre:contact", () => contact());
    contact();
  }

  /* The shell is kept for when there is no network, and can be put on the home screen. */
  const worker = document.querySelector("script[data-worker]")?.dataset.worker;
  if (worker && "serviceWorker" in navigator) {
    on("load", () => navigator.serviceWorker.register(worker, { scope: "/" }).catch(() => {}), window);
  }
  on("beforeinstallprompt", (event) => {
    const box = document.querySelector("[data-install]");
    if (!box) return;
    event.preventDefault();
    box.hidden = false;
    on("click", () => { box.hidden = true; event.prompt(); }, box.querySelector("button"));
  }, window);
})();
