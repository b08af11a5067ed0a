"""A municipality's own look: its style sheet, laid over ours in a layer of its own."""

from pathlib import Path
from typing import Final

import tinycss2
from tinycss2.ast import Node

from bot.errors import FaultsError

MOST: Final = 256 * 1024


def theme_of(path: Path) -> bytes:
    """The style sheet in this file. Raises FaultsError with everything for which a browser would leave some of it out.

    The strict CSP lets nothing be fetched from another host, and only our own files stand on ours.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise FaultsError([f"{path} cannot be read: {why}"]) from None
    faults = (
        [f"{path} is larger than {MOST // 1024} kB; leave out what the pages do not use"] if len(text) > MOST else []
    )
    for rule in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True):
        where = f"{path}, line {rule.source_line}"
        if rule.type == "at-rule" and rule.lower_at_keyword in {"import", "namespace", "charset"}:
            faults.append(f"{where}: @{rule.at_keyword} cannot stand in a theme; put everything into one file")
        faults += [f"{where}: {what}" for what in _wrong(rule)]
    if faults:
        raise FaultsError(faults)
    return text.encode()


def _wrong(node: Node) -> list[str]:
    if node.type == "error":
        return [f"{node.message}; mend it, or the rules after it are lost"]
    if node.type == "url" or (node.type == "function" and node.lower_name in {"url", "image-set", "src"}):
        return ["it fetches a file; leave out url(…), since the pages load nothing but their own"]
    inside = [*(getattr(node, "prelude", None) or ()), *(getattr(node, "content", None) or ()),
              *(getattr(node, "arguments", None) or ())]  # fmt: skip
    return [what for one in inside for what in _wrong(one)]
