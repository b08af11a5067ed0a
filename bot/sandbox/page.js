import { EXAMPLES, LANGUAGES, by, get, inDay, inHour, lang, make, name, pageLang, post, toast, user, word } from "./kit.js";
import { paragraphs, safeLink } from "./text.js";

const MORE_CITIZENS = 6;
const STATUS_EVERY_MS = 3000;

let state = null;
let payload = null;
let clockZero = null;
const drawn = new Map();

// The conversation

function buttonOf(message, button) {
  if (button.url) {
    return make("a", { href: safeLink(button.url) ?? "#", target: "_blank", rel: "noopener noreferrer", dir: "auto" },
      button.text);
  }
  const element = make("button", { type: "button", dir: "auto" }, button.text);
  element.addEventListener("click", () => press(message, button, element));
  return element;
}

function bubbleOf(message) {
  const bubble = make("div", { class: "bubble" });
  const who = message.mine ? word("you_said") : word("bot_says", { bot: state.bot.name });
  bubble.append(make("span", { class: "unseen" }, who));
  if (message.forwarded_from) {
    bubble.append(make("p", { class: "forwarded", dir: "auto" }, word("forwarded", { name: message.forwarded_from })));
  }
  if (message.photo) {
    bubble.append(make("img", { src: `control/file/${message.photo.at(-1).file_id}`, alt: message.caption ?? "" }));
  }
  if (message.document) {
    const file = message.document;
    const link = { href: `control/file/${file.file_id}`, download: file.file_name };
    bubble.append(make("p", { dir: "auto" }, make("a", link, word("file", { name: file.file_name }))));
  }
  if (message.contact) {
    bubble.append(make("p", { dir: "auto" }, word("contact", { phone: `\u2068+${message.contact.phone_number}\u2069` })));
  }
  const text = message.text ?? message.caption;
  if (text) bubble.append(...paragraphs(text, message.entities ?? message.caption_entities, say));
  const sent = new Date(message.date * 1000);
  const marks = make("div", { class: "marks" });
  if (message.reaction) marks.append(make("span", { class: "reaction" }, message.reaction));
  if (message.silent) marks.append(make("span", {}, word("silent")));
  if (message.edit_date) marks.append(make("span", {}, word("edited")));
  marks.append(make("time", { datetime: sent.toISOString() }, inHour(sent)));
  bubble.append(marks);
  return bubble;
}

function elementOf(message) {
  const rows = message.rows ?? [];
  const element = make("div", { class: `message${message.mine ? " mine" : ""}${rows.length ? " keyed" : ""}`, tabindex: "-1" });
  element.append(bubbleOf(message));
  if (rows.length) {
    const keys = make("div", { class: "rows" });
    for (const row of rows) keys.append(make("div", { class: "row" }, ...row.map((button) => buttonOf(message, button))));
    element.append(keys);
  }
  return element;
}

function welcome() {
  const element = make("div", { class: "welcome" });
  if (state.description) element.append(make("div", { class: "about" }, ...paragraphs(state.description)));
  element.append(make("p", { dir: "auto" }, word("empty")));
  return element;
}

function wanted() {
  const entries = [];
  if (!state.messages.length) {
    entries.push(["welcome", state.description, welcome]);
    return entries;
  }
  let day = "";
  for (const message of state.messages) {
    const today = inDay(new Date(message.date * 1000));
    if (today !== day) entries.push([`day ${today}`, "", () => make("div", { class: "day", dir: "auto" }, today)]);
    day = today;
    entries.push([`message ${message.id}`, JSON.stringify(message), () => elementOf(message)]);
  }
  return entries;
}

// Whoever reads the last message keeps reading it, also when what stands below the log grows.
let following = true;
let scrolledTo = 0;
by("log").addEventListener("scroll", ({ target }) => {
  const left = target.scrollHeight - target.scrollTop - target.clientHeight;
  if (left < 120) following = true;
  else if (target.scrollTop < scrolledTo) following = false;
  scrolledTo = target.scrollTop;
});
new ResizeObserver(() => { if (following) toEnd("instant"); }).observe(by("log"));

function toEnd(behavior) {
  following = true;
  by("log").scrollTo({ top: by("log").scrollHeight, behavior });
}

/** Only what changed is drawn, so that a screen reader hears only what is new. */
function drawLog(first) {
  const log = by("log");
  const entries = wanted();
  const keys = new Set(entries.map(([key]) => key));
  for (const [key, old] of drawn) {
    if (!keys.has(key)) {
      old.element.remove();
      drawn.delete(key);
    }
  }
  let added = false;
  let before = log.firstChild;
  for (const [key, content, build] of entries) {
    const old = drawn.get(key);
    let element = old?.element;
    if (!old || old.content !== content) {
      element = build();
      if (old) {
        const held = old.element.contains(document.activeElement);
        if (before === old.element) before = element;
        old.element.replaceWith(element);
        // The pressed button may be gone: keep the place for those who use a keyboard.
        if (held) element.focus({ preventScroll: true });
      } else {
        added = true;
        if (!first) element.classList.add("new");
      }
      drawn.set(key, { element, content });
    }
    if (element === before) before = before.nextSibling;
    else log.insertBefore(element, before);
  }
  if (first || (following && added)) toEnd(first ? "instant" : "auto");
}

function drawKeyboard() {
  const place = by("keyboard");
  const rows = state.keyboard?.keyboard ?? [];
  place.replaceChildren();
  place.hidden = !rows.length || state.blocked;
  for (const row of rows) {
    place.append(make("div", { class: "row" }, ...row.map((key) => make("button", {
      type: "button",
      dir: "auto",
      onclick: () => (key.request_contact ? post("contact", { user_id: user }) : say(key.text)),
    }, key.text))));
  }
}

function drawCommands() {
  by("commands").replaceChildren(...state.commands.map(({ command, description }) => make("li", {}, make("button", {
    type: "button",
    onclick: () => {
      showCommands(false);
      say(`/${command}`);
    },
  }, make("b", { dir: "ltr" }, `/${command}`), make("span", { dir: "auto" }, description)))));
  by("commands-open").hidden = !state.commands.length;
}

function showCommands(open) {
  by("commands").hidden = !open;
  by("commands-open").setAttribute("aria-expanded", String(open));
}

function citizenLink(citizen) {
  const address = new URLSearchParams({ user: citizen.id, lang: citizen.lang, name: citizen.name });
  const link = make("a", { href: `chat?${address}`, "aria-current": citizen.id === user ? "page" : false });
  link.append(make("span", { dir: "auto" }, citizen.name));
  if (citizen.note) link.append(make("small", { dir: "auto" }, citizen.note));
  return make("li", {}, link);
}

function drawCitizens() {
  const known = state.citizens.map((one) => ({ id: one.id, name: one.name, lang: one.language || "en" }));
  const others = known.filter((one) => !EXAMPLES.some(({ id }) => id === one.id));
  const shown = [...EXAMPLES, ...others.slice(0, MORE_CITIZENS)];
  if (!shown.some(({ id }) => id === user)) shown.push({ id: user, name, lang: pageLang });
  const next = Math.max(200, ...known.map(({ id }) => id), user) + 1;
  const links = shown.map((one) => citizenLink({ ...one, note: LANGUAGES[one.lang] ?? one.lang }));
  const another = word("citizen", { n: next });
  const more = citizenLink({ id: next, name: another, lang: pageLang });
  more.querySelector("span").textContent = word("another");
  by("citizens").replaceChildren(...links, more);
}

let citizensDrawn = "";

function draw(first = false) {
  by("bot-name").textContent = state.bot.name;
  by("avatar").textContent = [...state.bot.name][0];
  by("bot-more").textContent = `@${state.bot.username}`;
  by("log").setAttribute("aria-label", word("conversation", { bot: state.bot.name }));
  const empty = !state.messages.length;
  by("begin").hidden = !empty;
  by("barred").hidden = !state.blocked || empty;
  by("composer").hidden = state.blocked || empty;
  by("block").hidden = state.blocked;
  by("menu").hidden = empty;
  const list = JSON.stringify(state.citizens);
  if (list !== citizensDrawn) {
    citizensDrawn = list;
    drawCitizens();
  }
  drawLog(first);
  drawKeyboard();
  drawCommands();
  if (!state.pressing) for (const one of document.querySelectorAll("[aria-busy]")) one.removeAttribute("aria-busy");
}

let refreshing = false;
let stale = false;

async function refresh(first = false) {
  if (refreshing) {
    stale = true;
    return;
  }
  refreshing = true;
  try {
    do {
      stale = false;
      state = await get(`control/chat?user=${user}&lang=${pageLang}`);
      draw(first);
    } while (stale);
  } finally {
    refreshing = false;
  }
}

// What the citizen does

const self = { user_id: user, first_name: name, language: lang };

async function say(text) {
  if (!text.trim()) return;
  following = true; // Whoever says something reads on from there.
  await post("message", { ...self, text });
}

async function press(message, button, element) {
  const late = by("late").checked;
  by("late").checked = false;
  element.setAttribute("aria-busy", "true");
  await post(late ? "late_press" : "press", { user_id: user, button: button.callback_data, message_id: message.id });
  if (late) toast(word("late"));
  setTimeout(refresh, 15500); // An unanswered press stops waiting after 15 seconds.
}

let typingEnds = 0;

function typing() {
  by("typing").textContent = word("typing", { bot: state.bot.name });
  by("typing").hidden = false;
  clearTimeout(typingEnds);
  typingEnds = setTimeout(() => { by("typing").hidden = true; }, 5000);
}

// The municipality's side and the clock

let examplesDrawn = "";

async function refreshTown() {
  const town = await get(`control/municipality?user=${user}&lang=${pageLang}`);
  by("examples-part").hidden = by("status-part").hidden = by("town-head").hidden = !town;
  if (!town) return;
  payload = town.start_payload;
  by("examples-more").textContent = word("examples_more", { name: `\u2068${name}\u2069` });
  by("status-title").textContent = word("status", { name: `\u2068${name}\u2069` });
  const offered = JSON.stringify(town.examples);
  if (offered !== examplesDrawn) {
    examplesDrawn = offered;
    by("examples").replaceChildren(...town.examples.map(({ id, title, detail }) => make("li", {}, make("button", {
      type: "button",
      onclick: async () => {
        by("said").textContent = (await post("example", { id, user_id: user, language: pageLang })).said;
        await refreshTown();
      },
    }, make("b", { dir: "auto" }, title), make("span", { dir: "auto" }, detail)))));
  }
  const lines = town.status.length ? town.status : [word("status_none")];
  const items = by("status");
  if (items.textContent !== lines.join("")) items.replaceChildren(...lines.map((line) => make("li", { dir: "auto" }, line)));
}

function takeClock(clock) {
  clockZero = { at: Date.parse(clock.now), since: performance.now() };
  by("clock-move").hidden = !clock.movable;
  for (const button of document.querySelectorAll("[data-preset]")) {
    const leads = clock.presets[button.dataset.preset];
    if (leads) button.title = inDay(new Date(leads));
  }
  drawClock();
}

function drawClock() {
  const now = new Date(clockZero.at + performance.now() - clockZero.since);
  by("clock").dateTime = now.toISOString();
  by("clock").textContent = word("moment", { day: inDay(now), hour: inHour(now) });
}

const TROUBLES = {
  twice: () => post("duplicate"),
  swap: () => post("reorder"),
  fail_500: () => post("fault", { method: "sendMessage", code: 500, chat_id: user }),
  fail_429: () => post("fault", { method: "sendMessage", code: 429, retry_after: 5 }),
};

// Putting it together

document.documentElement.lang = pageLang;
document.documentElement.dir = pageLang === "ar" ? "rtl" : "ltr";
document.title = `${name} · ${word("title")}`;
for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
for (const element of document.querySelectorAll("[data-placeholder]")) {
  element.placeholder = word(element.dataset.placeholder);
}

by("start").addEventListener("click", async () => {
  await post("start", { ...self, ...(payload ? { payload } : {}) });
  by("log").focus({ preventScroll: true });
});
by("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const box = by("text");
  const text = box.value;
  box.value = "";
  await say(text);
});
by("commands-open").addEventListener("click", () => showCommands(by("commands").hidden));
for (const deed of ["block", "delete", "unblock"]) {
  by(deed).addEventListener("click", async () => {
    by("menu").open = false;
    await post(deed === "delete" ? "delete_chat" : deed, { user_id: user });
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  by("menu").open = false;
  showCommands(false);
});
for (const button of document.querySelectorAll("[data-preset]")) {
  button.addEventListener("click", async () => {
    takeClock(await post("clock", { preset: button.dataset.preset }));
    by("clock-said").textContent = word("moved", { moment: by("clock").textContent });
    await refreshTown();
  });
}
for (const button of document.querySelectorAll("[data-trouble]")) {
  button.addEventListener("click", async () => {
    await TROUBLES[button.dataset.trouble]();
    by("trouble-said").textContent = word("arranged");
  });
}

await Promise.all([refresh(true), refreshTown(), get("control/clock").then(takeClock)]);
let lost = false;
setInterval(drawClock, 5000);
setInterval(() => { if (!document.hidden && !lost) refreshTown(); }, STATUS_EVERY_MS);

const events = new EventSource(`control/events?user=${user}`);
events.addEventListener("open", async () => {
  lost = false;
  await Promise.all([refresh(), get("control/clock").then(takeClock)]);
});
events.addEventListener("error", () => {
  if (!lost) toast(word("lost"));
  lost = true;
});
events.addEventListener("message", async ({ data }) => {
  const event = JSON.parse(data);
  if (event.kind === "toast") toast(event.text, event.alert);
  else if (event.kind === "typing") typing();
  else {
    by("typing").hidden = true;
    await Promise.all([refresh(), get("control/clock").then(takeClock)]);
  }
});
