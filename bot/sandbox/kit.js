// What every part of the page needs: who is playing, the words, elements, calls and dates.

export const EXAMPLES = [
  { id: 111, name: "Anna", lang: "nl" },
  { id: 222, name: "John", lang: "en" },
  { id: 333, name: "Amina", lang: "ar" },
  { id: 666, name: "Mehmet", lang: "nl" },
];
export const LANGUAGES = { nl: "Nederlands", en: "English", ar: "العربية" };
const query = new URLSearchParams(location.search);
export const user = Number(query.get("user")) || EXAMPLES[0].id;
const example = EXAMPLES.find((one) => one.id === user);
export const lang = query.get("lang") || example?.lang || "en";
export const pageLang = LANGUAGES[lang] ? lang : "en";
const table = (await (await fetch("words.json")).json())[pageLang];
export const name = query.get("name") || example?.name || word("citizen", { n: user });
const locale = { nl: "nl-NL", en: "en-GB", ar: "ar-u-nu-latn" }[pageLang];
const zone = "Europe/Amsterdam";

export function word(key, values = {}) {
  return table[key].replace(/\{(\w+)\}/g, (_, part) => values[part]);
}

export const by = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export async function get(path) {
  const answer = await fetch(path);
  return answer.json();
}

export async function post(deed, body = {}) {
  const answer = await fetch(`control/${deed}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const result = await answer.json();
  if (!answer.ok) {
    toast(word("failed", { error: result.error }));
    throw new Error(result.error);
  }
  return result;
}

function inMoment(date, options) {
  return new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }).format(date);
}

export const inDay = (date) => inMoment(date, { weekday: "long", day: "numeric", month: "long" });
export const inHour = (date) => inMoment(date, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function toast(text, stays = false) {
  const element = make("div", { class: "toast" }, make("p", { dir: "auto" }, text));
  const close = () => element.remove();
  if (stays) element.append(make("button", { type: "button", onclick: close }, word("close")));
  else setTimeout(close, 5000);
  by("toasts").replaceChildren(element);
}
