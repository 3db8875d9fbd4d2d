/**
 * Markdown as a small tree: what people write in messages, and nothing that could load, run or hide something.
 *
 * Blocks: paragraphs, headings, lists, quotes, code, rules. In a line: strong, emphasis, struck, code, links, mentions.
 * No HTML, no pictures, no references. It is read in one pass of a line, and each step goes on behind what it took, so
 * the time grows with the text and not with its square; what is longer or deeper than anybody writes is shown as typed.
 */

/**
 * @typedef {{kind: "text", text: string}
 *   | {kind: "code", text: string}
 *   | {kind: "strong" | "em" | "s", children: Inline[]}
 *   | {kind: "link", children: Inline[], address: string}
 *   | {kind: "mention", text: string, person: string}} Inline
 * @typedef {{kind: "paragraph", lines: Inline[][]}
 *   | {kind: "heading", line: Inline[]}
 *   | {kind: "code-block", text: string}
 *   | {kind: "rule"}
 *   | {kind: "quote", blocks: Block[]}
 *   | {kind: "list", start: number | null, items: Block[][]}} Block
 */

const LONGEST_LINE = 4096;
const MOST_LINES = 500;
const DEEPEST = 8;
const PERSON = /^balchat:[a-z2-7]{56}$/;
const ESCAPED = /\\([!-/:-@[-`{-~])/g;
const LINK = /\[((?:[^[\]\\\n]|\\.){0,200})\]\(([^()\s]{1,2000})\)/y;
const BULLET = /^( {0,3})[-*+] +/;
const NUMBER = /^( {0,3})(\d{1,9})[.)] +/;
const ADDRESS = /https?:\/\/[^\s<>"'`]{1,2000}/gi;

/**
 * Return whether a content type is markdown, of whichever variant.
 * @param {string} type
 */
export function isMarkdown(type) {
  return /^text\/markdown\b/i.test(type);
}

/**
 * Return a text's blocks.
 * @param {string} text
 * @returns {Block[]}
 */
export function markdown(text) {
  const lines = text.split("\n");
  return lines.length > MOST_LINES ? [{ kind: "paragraph", lines: lines.map(plainLine) }] : blocks(lines, 0);
}

/**
 * Return the blocks of a text that is no markdown: its lines, in which addresses are links.
 * @param {string} text
 * @returns {Block[]}
 */
export function plainText(text) {
  return [{ kind: "paragraph", lines: text.split("\n").map(withAddresses) }];
}

/**
 * @param {string[]} lines
 * @param {number} depth
 * @returns {Block[]}
 */
function blocks(lines, depth) {
  /** @type {Block[]} */
  const found = [];
  /** @type {string[]} */
  let paragraph = [];
  const end = () => {
    if (paragraph.length > 0) found.push({ kind: "paragraph", lines: paragraph.map(inline) });
    paragraph = [];
  };
  let at = 0;
  while (at < lines.length) {
    const line = /** @type {string} */ (lines[at]);
    const fence = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      end();
      const last = lines.findIndex((each, index) => index > at && each.trim().startsWith(fence));
      const until = last < 0 ? lines.length : last;
      found.push({ kind: "code-block", text: lines.slice(at + 1, until).join("\n") });
      at = until + 1;
    } else if (line.trim() === "") {
      end();
      at += 1;
    } else if (/^ {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/.test(line)) {
      end();
      found.push({ kind: "rule" });
      at += 1;
    } else if (/^#{1,6} /.test(line)) {
      end();
      found.push({ kind: "heading", line: inline(line.replace(/^#+ +/, "")) });
      at += 1;
    } else if (depth < DEEPEST && /^ {0,3}>/.test(line)) {
      end();
      const from = at;
      while (at < lines.length && /^ {0,3}>/.test(/** @type {string} */ (lines[at]))) at += 1;
      const inner = lines.slice(from, at).map((each) => each.replace(/^ {0,3}> ?/, ""));
      found.push({ kind: "quote", blocks: blocks(inner, depth + 1) });
    } else if (depth < DEEPEST && (BULLET.test(line) || NUMBER.test(line))) {
      end();
      const [list, after] = listAt(lines, at, depth);
      found.push(list);
      at = after;
    } else {
      paragraph.push(line);
      at += 1;
    }
  }
  end();
  return found;
}

/**
 * @param {string[]} lines
 * @param {number} from
 * @param {number} depth
 * @returns {[Block, number]}
 */
function listAt(lines, from, depth) {
  const mark = BULLET.test(/** @type {string} */ (lines[from])) ? BULLET : NUMBER;
  const start = mark === NUMBER ? Number(NUMBER.exec(/** @type {string} */ (lines[from]))?.[2]) : null;
  /** @type {string[][]} */
  const items = [];
  let at = from;
  while (at < lines.length) {
    const line = /** @type {string} */ (lines[at]);
    const item = mark.exec(line);
    if (item !== null) items.push([line.slice(item[0].length)]);
    else if (/^ {2,}\S/.test(line)) items.at(-1)?.push(line.replace(/^ {2,4}/, ""));
    else break;
    at += 1;
  }
  return [{ kind: "list", start, items: items.map((each) => blocks(each, depth + 1)) }, at];
}

/** @param {string} line @returns {Inline[]} */
function plainLine(line) {
  return [{ kind: "text", text: line }];
}

/** @param {string} line @returns {Inline[]} */
function inline(line) {
  return line.length > LONGEST_LINE ? plainLine(line) : parse(line.replace(/\\$/, ""), 0);
}

/**
 * @param {string} line
 * @param {number} depth
 * @returns {Inline[]}
 */
function parse(line, depth) {
  /** @type {Inline[]} */
  const found = [];
  /** @type {Set<string>} Marks that nothing closes from here on. */
  const open = new Set();
  let [text, at] = ["", 0];
  const end = () => {
    if (text !== "") found.push(...withAddresses(text));
    text = "";
  };
  while (at < line.length) {
    const character = line[at];
    if (character === "\\" && /[!-/:-@[-`{-~]/.test(line[at + 1] ?? "")) {
      text += line[at + 1];
      at += 2;
      continue;
    }
    const taken = depth < DEEPEST ? markAt(line, at, depth, open) : null;
    if (taken === null) {
      text += character;
      at += 1;
    } else {
      end();
      found.push(taken[0]);
      at = taken[1];
    }
  }
  end();
  return found;
}

/**
 * Return what begins at a place in a line, and where it ends; null where only text is.
 * @param {string} line
 * @param {number} at
 * @param {number} depth
 * @param {Set<string>} open
 * @returns {[Inline, number] | null}
 */
function markAt(line, at, depth, open) {
  switch (line[at]) {
    case "`":
      return codeAt(line, at, open);
    case "[":
      return linkAt(line, at, depth);
    case "*":
    case "_":
    case "~":
      return emphasisAt(line, at, depth, open);
    default:
      return null;
  }
}

/** @param {string} line @param {number} at @param {Set<string>} open @returns {[Inline, number] | null} */
function codeAt(line, at, open) {
  const ticks = /^`+/.exec(line.slice(at, at + 10))?.[0] ?? "`";
  const last = open.has(ticks) ? -1 : line.indexOf(ticks, at + ticks.length);
  if (last < 0) open.add(ticks);
  return last < 0 ? null : [{ kind: "code", text: line.slice(at + ticks.length, last) }, last + ticks.length];
}

/** @param {string} line @param {number} at @param {number} depth @returns {[Inline, number] | null} */
function linkAt(line, at, depth) {
  LINK.lastIndex = at;
  const link = LINK.exec(line);
  if (link === null) return null;
  const [whole, label = "", address = ""] = link;
  const after = at + whole.length;
  if (PERSON.test(address)) {
    return [{ kind: "mention", text: label.replace(ESCAPED, "$1"), person: address.slice(8) }, after];
  }
  if (!/^(?:https?:\/\/|mailto:)/i.test(address)) return null;
  return [{ kind: "link", children: parse(label, depth + 1), address }, after];
}

/** @param {string} line @param {number} at @param {number} depth @param {Set<string>} open @returns {[Inline, number] | null} */
function emphasisAt(line, at, depth, open) {
  const sign = /** @type {string} */ (line[at]);
  const double = line[at + 1] === sign;
  if (sign === "~" && !double) return null;
  const mark = double ? sign + sign : sign;
  const from = at + mark.length;
  const before = line[at - 1] ?? " ";
  if (open.has(mark)) return null;
  // Within a word an underline means nothing, and a mark before a space opens nothing.
  if (/\s/.test(line[from] ?? " ") || (sign === "_" && /[\p{L}\p{N}]/u.test(before))) return null;
  let last = line.indexOf(mark, from + 1);
  while (last >= 0 && (/\s/.test(line[last - 1] ?? "") || line[last - 1] === "\\" || (!double && line[last + 1] === sign))) {
    last = line.indexOf(mark, last + (line[last + 1] === sign ? 2 : 1));
  }
  if (last < 0) {
    open.add(mark);
    return null;
  }
  const after = last + mark.length;
  if (sign === "_" && /[\p{L}\p{N}]/u.test(line[after] ?? " ")) return null;
  const kind = sign === "~" ? "s" : double ? "strong" : "em";
  return [{ kind, children: parse(line.slice(from, last), depth + 1) }, after];
}

/**
 * Return a text in which what looks like an address is a link.
 * @param {string} text
 * @returns {Inline[]}
 */
function withAddresses(text) {
  if (!text.includes("://")) return plainLine(text);
  /** @type {Inline[]} */
  const found = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    // What ends a sentence is no part of an address.
    const address = match[0].replace(/[.,:;!?)\]}*_~]+$/, "");
    if (match.index > end) found.push({ kind: "text", text: text.slice(end, match.index) });
    found.push({ kind: "link", children: plainLine(address), address });
    end = match.index + address.length;
  }
  if (end < text.length) found.push({ kind: "text", text: text.slice(end) });
  return found;
}

/** What is a mention, or an escape, in markdown. */
const MENTION = /\\([!-/:-@[-`{-~])|\[(@(?:[^[\]\\\n]|\\.){0,200})\]\(balchat:[a-z2-7]{56}\)/g;
const MARKS = /[\\`*_{}[\]()<>#+.!|~&-]/;

/**
 * Return markdown as a person would type it, with `@` and the names of who is mentioned.
 * @param {string} text
 */
export function asTyped(text) {
  const isPlain = !MARKS.test(text.replace(MENTION, ""));
  return text.replace(MENTION, (whole, escaped, mention) =>
    mention === undefined ? (isPlain ? escaped : whole) : mention.replace(ESCAPED, "$1"),
  );
}

/**
 * Return markdown as text on which a listener or a row can rely: without its marks.
 * @param {string} text
 */
export function plain(text) {
  return words(markdown(text));
}

/** @param {Block[]} list @returns {string} */
function words(list) {
  return list.map((each) => {
    switch (each.kind) {
      case "paragraph":
        return each.lines.map(lineWords).join("\n");
      case "heading":
        return lineWords(each.line);
      case "code-block":
        return each.text;
      case "rule":
        return "";
      case "quote":
        return words(each.blocks);
      case "list":
        return each.items.map(words).join("\n");
    }
  }).join("\n");
}

/** @param {Inline[]} line @returns {string} */
function lineWords(line) {
  return line.map((each) => ("children" in each ? lineWords(each.children) : each.text)).join("");
}

/**
 * Return whether a text that is about to be sent uses markdown on purpose.
 * @param {string} text
 */
export function looksLikeMarkdown(text) {
  return /\*\*\S|~~\S|`[^`\n]+`|^```|\]\(https?:|(?:^|\s)_[^\s_][^_\n]*_(?:\s|$)|^> \S|^#{1,3} \S/m.test(text);
}
