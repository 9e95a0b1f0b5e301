"use strict";
// Four small things; every page works without them.
(() => {
  const root = document.documentElement;
  let outside = null;
  try {
    if (window.parent !== window && window.parent.document) outside = window.parent.document;
  } catch { /* framed by a stranger: the policy of the page forbids it anyway */ }

  // 1. Light or dark as Airflow has it.
  const follow = () => {
    let theme = null;
    if (outside) theme = outside.documentElement.classList.contains("dark") ? "dark" : outside.documentElement.classList.contains("light") ? "light" : null;
    if (!theme) try { theme = localStorage.getItem("theme"); } catch { /* no storage */ }
    if (theme === "dark" || theme === "light") root.dataset.theme = theme; else delete root.dataset.theme;
  };
  follow();
  window.addEventListener("storage", follow);
  if (outside) new MutationObserver(follow).observe(outside.documentElement, { attributes: true, attributeFilter: ["class"] });

  // 2. Airflow's frame lets no link out of it; the page around the frame may follow it for us.
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[data-out]");
    if (!link || !outside || event.defaultPrevented) return;
    if (!/^https?:$/.test(link.protocol)) return;
    event.preventDefault();
    const twin = outside.createElement("a");
    twin.href = link.href;
    if (link.dataset.out === "new") { twin.target = "_blank"; twin.rel = "noopener noreferrer"; }
    outside.body.append(twin);
    twin.click();
    twin.remove();
  });

  // 3. Filters apply when they are changed; "/" goes to the search.
  document.addEventListener("change", (event) => { if (event.target.matches("[data-auto]")) event.target.form.requestSubmit(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const box = document.querySelector("[data-search]");
    if (box) { event.preventDefault(); box.focus(); box.select(); }
  });

  const times = () => document.querySelectorAll("time:not([title])").forEach((t) => { t.title = new Date(t.dateTime).toLocaleString(); });
  times();

  // 4. A run that goes on is asked again every few seconds.
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  const mark = document.querySelector("[data-live-mark]");
  const busy = () => document.hidden || main.querySelector("form :focus") || String(document.getSelection()).length > 0;
  const tick = async () => {
    try {
      if (!busy()) {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = fresh.querySelector("main");
        // A project's first run has begun: from now on there are tabs.
        if (fresh.querySelector("nav.tabs") && !document.querySelector("nav.tabs")) { location.reload(); return; }
        if (next && next.innerHTML !== main.dataset.seen && !busy()) {
          const open = new Set([...main.querySelectorAll("details[open]>summary")].map((s) => s.textContent));
          const at = document.activeElement && document.activeElement.getAttribute("href");
          main.dataset.seen = next.innerHTML;
          main.replaceChildren(...next.childNodes);
          main.querySelectorAll("details>summary").forEach((s) => { if (open.has(s.textContent)) s.parentElement.open = true; });
          const again = at && [...main.querySelectorAll("a")].find((a) => a.getAttribute("href") === at);
          if (again) again.focus({ preventScroll: true });
          const [here, there] = [document.querySelector(".head"), fresh.querySelector(".head")];
          if (here && there) here.replaceChildren(...there.childNodes);
          times();
        }
        mark.classList.remove("stale");
        mark.textContent = "Live";
        if (!fresh.querySelector("main[data-live]")) { mark.remove(); return; }
      }
    } catch {
      mark.classList.add("stale");
      mark.textContent = "No answer; trying again";
    }
    setTimeout(tick, Number(main.dataset.live) * 1000);
  };
  setTimeout(tick, Number(main.dataset.live) * 1000);
})();
