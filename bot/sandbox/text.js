// Texts and their entities as elements. Every line finds its own direction.

import { make } from "./kit.js";

export function safeLink(url) {
  return /^(https?:|mailto:|tel:|tg:)/i.test(url) ? url : null;
}

function wrapped(node, entity, text, onCommand) {
  switch (entity.type) {
    case "bold": return make("strong", {}, node);
    case "italic": return make("em", {}, node);
    case "underline": return make("u", {}, node);
    case "strikethrough": return make("s", {}, node);
    case "code": case "pre": return make("code", {}, node);
    case "spoiler": return make("span", { class: "spoiler", tabindex: "0" }, node);
    case "blockquote": case "expandable_blockquote": return make("span", { class: "quote" }, node);
    case "bot_command":
      return make("button", { type: "button", class: "command", onclick: () => onCommand(text) }, node);
    case "text_link": case "url": case "email": {
      const url = safeLink(entity.url ?? (entity.type === "email" ? `mailto:${text}` : text));
      return url ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, node) : node;
    }
    default: return node;
  }
}

/** One paragraph per line, each finding its own direction; entities may run over several lines. */
export function paragraphs(text, entities = [], onCommand = () => {}) {
  const result = [];
  let from = 0;
  for (const line of text.split("\n")) {
    const to = from + line.length;
    const cuts = new Set([from, to]);
    for (const { offset, length } of entities) {
      for (const cut of [offset, offset + length]) if (cut > from && cut < to) cuts.add(cut);
    }
    const edges = [...cuts].sort((a, b) => a - b);
    const paragraph = make("p", { dir: "auto", class: line ? false : "gap" });
    for (let i = 0; i + 1 < edges.length; i += 1) {
      const [begin, end] = [edges[i], edges[i + 1]];
      let node = document.createTextNode(text.slice(begin, end));
      for (const entity of entities.toReversed()) {
        const stop = entity.offset + entity.length;
        if (entity.offset <= begin && end <= stop) {
          node = wrapped(node, entity, text.slice(entity.offset, stop), onCommand);
        }
      }
      paragraph.append(node);
    }
    result.push(paragraph);
    from = to + 1;
  }
  return result;
}
