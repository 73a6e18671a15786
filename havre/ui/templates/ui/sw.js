{% comment %}Variables: version, files (addresses of the shell). No signed-in or personal page is ever kept.{% endcomment %}"use strict";
const KEPT = "havre-{{ version }}";
const OFFLINE = "{% url "offline" %}";
const SHELL = [{% for file in files %}"{{ file }}", {% endfor %}];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(KEPT)
      .then((kept) => kept.addAll([...SHELL, new Request(OFFLINE, { cache: "reload" })]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const request = event.request;
  if (request.method !== "GET") return;
  const path = new URL(request.url);
  if (path.origin !== location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE, { ignoreVary: true })));
  } else if (SHELL.includes(path.pathname)) {
    event.respondWith(caches.match(path.pathname, { ignoreVary: true }).then((kept) => kept || fetch(request)));
  }
});
