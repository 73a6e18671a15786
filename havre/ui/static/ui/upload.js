/* Adding a paper: choose, photograph, drop or paste; see it leave; never lose it when the network does.
   Only on pages with form[data-upload]. Without this file the form posts as any other. */
(() => {
  "use strict";
  const start = (form) => {
    const zone = form.querySelector("[data-upload-zone]");
    const input = zone?.querySelector("input[type=file]");
    if (!input || "ready" in zone.dataset) return;
    zone.dataset.ready = "";
    const part = (name) => zone.querySelector(`[data-upload-${name}]`);
    const list = part("files"), progress = part("progress"), failed = part("failed"), text = part("text");
    const bar = progress.querySelector("progress");
    const wanted = input.accept;
    let files = [...input.files], photo = false, request = null;

    const keep = (more) => {
      const known = (file) => files.some((other) => other.name === file.name && other.size === file.size && other.lastModified === file.lastModified);
      files = input.multiple ? [...files, ...[...more].filter((file) => !known(file))] : [...more].slice(0, 1);
      show();
    };
    const show = () => {
      const held = new DataTransfer();
      files.forEach((file) => held.items.add(file));
      input.files = held.files;
      failed.hidden = true;
      list.querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
      list.replaceChildren(...files.map(line));
    };
    const line = (file, index) => {
      const item = document.createElement("li"), name = document.createElement("bdi"), remove = document.createElement("button");
      if (/^image\/(jpeg|png|webp|avif)$/.test(file.type)) {
        const image = document.createElement("img");
        image.alt = "";
        image.onerror = () => image.remove();
        image.src = URL.createObjectURL(file);
        item.append(image);
      } else item.append(part("choose").querySelector("svg").cloneNode(true));
      name.textContent = file.name;
      remove.type = "button";
      remove.className = "button-quiet";
      remove.append(part("remove").content.cloneNode(true));
      remove.setAttribute("aria-label", `${remove.textContent.trim()} ${file.name}`);
      remove.onclick = () => {
        files.splice(index, 1);
        show();
        part("choose").focus();
      };
      item.append(name, remove);
      return item;
    };

    /* choosing */
    input.classList.add("visually-hidden");
    input.tabIndex = -1;
    part("buttons").hidden = false;
    if (matchMedia("(hover: hover)").matches) part("drop").hidden = false;
    part("choose").onclick = () => { photo = false; input.accept = wanted; input.removeAttribute("capture"); input.click(); };
    part("camera").onclick = () => { photo = true; input.accept = "image/*"; input.setAttribute("capture", "environment"); input.click(); };
    input.addEventListener("change", () => {
      if (input.files.length) keep(input.files);
      else show();
      if (photo) { input.accept = wanted; input.removeAttribute("capture"); }
      form.querySelector("[type=submit], button:not([type])")?.focus();
    });
    input.addEventListener("invalid", () => { input.classList.remove("visually-hidden"); });
    document.addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length && zone.isConnected) { event.preventDefault(); keep(event.clipboardData.files); }
    });
    zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files.length) keep(event.dataTransfer.files);
    });

    /* sending */
    const rest = () => {
      request = null;
      progress.hidden = true;
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
      form.querySelectorAll("[aria-disabled=true]").forEach((button) => button.removeAttribute("aria-disabled"));
    };
    const fail = (why) => {
      rest();
      ["network", "refused", "large"].forEach((name) => { part(name).hidden = name !== why; });
      failed.hidden = false;
      part("retry").focus();
    };
    const renew = (html) => {
      const fresh = new DOMParser().parseFromString(html, "text/html");
      const main = document.querySelector("main"), next = fresh.querySelector("main");
      if (!next) { fail("refused"); return; }
      document.title = fresh.title;
      const held = input.files, name = input.name;
      main.replaceChildren(...next.childNodes);
      const other = main.querySelector(`form[data-upload] input[type=file][name="${CSS.escape(name)}"]`);
      if (other && held.length) other.files = held;
      main.querySelectorAll("form[data-upload]").forEach(start);
      main.dispatchEvent(new Event("havre:replaced", { bubbles: true }));
    };
    const send = (submitter) => {
      if (request) return;
      const data = new FormData(form);
      if (submitter?.name) data.append(submitter.name, submitter.value);
      request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
      request.upload.onprogress = (event) => {
        if (!event.lengthComputable) return;
        bar.value = Math.round((event.loaded / event.total) * 100);
        text.textContent = event.loaded < event.total ? `${text.dataset.sending} · ${bar.value} %` : text.dataset.checking;
        if (event.loaded >= event.total) bar.removeAttribute("value");
      };
      request.onload = () => {
        const { status, responseURL, responseText } = request;
        if (status >= 200 && status < 300) location.assign(responseURL || form.action);
        else if (status === 422 || responseText.includes("data-upload-form")) { rest(); renew(responseText); } /* the form, with its sentence */
        else fail(status === 413 ? "large" : "refused");
      };
      request.onerror = request.ontimeout = () => fail("network");
      request.onabort = rest;
      bar.value = 0;
      text.textContent = text.dataset.sending;
      failed.hidden = true;
      progress.hidden = false;
      form.setAttribute("aria-busy", "true");
      request.send(data);
    };
    form.addEventListener("submit", (event) => {
      if (!input.files.length) return; /* the server says what is missing */
      event.preventDefault();
      send(event.submitter);
    });
    part("retry").onclick = (event) => { event.preventDefault(); event.stopPropagation(); send(form.querySelector("[type=submit], button:not([type])")); };
    if (files.length) show();
  };
  document.querySelectorAll("form[data-upload]").forEach(start);
  document.addEventListener("htmx:after:swap", () => document.querySelectorAll("form[data-upload]").forEach(start));
})();
