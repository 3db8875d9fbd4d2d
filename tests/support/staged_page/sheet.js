/** Every part of the page on one sheet, drawn by the parts themselves: docs/design.md shows it in both themes. */

import { html, render } from "./vendor.js";
import { Avatar } from "./parts/avatar.js";
import { Badge } from "./parts/badge.js";
import { Button, IconButton } from "./parts/button.js";
import { Choice, SearchField, SecretField, SwitchRow, TextField } from "./parts/field.js";
import { ICON_PATHS } from "./parts/icon-paths.js";
import { Icon, Mark } from "./parts/icon.js";
import { Notice } from "./parts/notice.js";
import { Progress, Spinner } from "./parts/progress.js";

const nothing = () => {};
const TYPE = ["--t-7", "--t-6", "--t-5", "--t-4", "--t-3", "--t-2", "--t-1"];
const SPACE = ["--s-1", "--s-2", "--s-3", "--s-4", "--s-5", "--s-6", "--s-7", "--s-8"];
const COLOURS = ["ground", "surface", "raised", "sunk", "line", "line-strong", "ink", "ink-2", "ink-3", "accent", "accent-soft", "own", "danger", "danger-soft", "warn", "warn-soft", "good", "good-soft"];
const PEOPLE = ["Marta Quintana", "أمينة حداد", "Yuki", "Jonas Weber", "Sofía Álvarez", "דוד לוי", "Ines Ferreira", "Grandma"];

const block = (title, content) => html`<section class="section"><h2>${title}</h2>${content}</section>`;
const valueOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function Sheet() {
  return html`<div class="sheet">
    <p class="brand"><${Mark} /><span>balchat</span></p>
    ${block("Type", html`<div class="card padded stack tight">${TYPE.map((name) => html`<div class="cluster"><code class="fine" style=${{ width: "7rem" }}>${name} ${parseFloat(valueOf(name)) * 16}</code><span style=${{ fontSize: `var(${name})`, lineHeight: 1.3 }}>Nobody stands between you</span></div>`)}</div>`)}
    ${block("Space", html`<div class="card padded cluster" style=${{ alignItems: "end", gap: "1rem" }}>${SPACE.map((name) => html`<div><div style=${{ width: `var(${name})`, height: `var(${name})`, background: "var(--accent)" }}></div><code class="fine">${name}</code></div>`)}</div>`)}
    ${block("Colours", html`<div class="cluster">${COLOURS.map((name) => html`<div style=${{ width: "7rem" }}><div style=${{ height: "3rem", borderRadius: "var(--r-2)", border: "1px solid var(--line)", background: `var(--${name})` }}></div><code class="fine">${name}</code></div>`)}</div>`)}
    <div class="columns">
      ${block("Buttons", html`<div class="card padded stack"><div class="cluster"><${Button} kind="primary" icon="check">Accept<//><${Button}>Turn down<//><${Button} kind="danger" icon="trash">Remove<//><${Button} kind="plain">Show my code<//></div>
        <div class="cluster"><${Button} kind="primary" busy>Opening<//><${Button} disabled>Ask<//><${Button} kind="small">Small<//><${IconButton} icon="search" label="Search" /><${IconButton} icon="send" kind="primary" label="Send" /></div></div>`)}
      ${block("Fields", html`<div class="card padded stack"><${TextField} label="Your name" value="Alice" hint="Any name you like." onInput=${nothing} /><${SecretField} label="Passphrase" value="secret" fault="This does not open the account." onInput=${nothing} /><${SearchField} label="Search" value="" onInput=${nothing} /></div>`)}
      ${block("Choices", html`<div class="stack"><${Choice} label="Theme" hideLabel value="a" options=${[{ value: "a", label: "As the system" }, { value: "l", label: "Light" }, { value: "d", label: "Dark" }]} onChange=${nothing} /><div class="card"><${SwitchRow} label="Mute" hint="No notifications." checked=${true} onChange=${nothing} /><${SwitchRow} label="Archive" checked=${false} onChange=${nothing} /></div></div>`)}
      ${block("People and marks", html`<div class="card padded stack"><div class="cluster">${PEOPLE.map((name, at) => html`<${Avatar} id=${name} name=${name} presence=${at === 0} />`)}</div><div class="cluster"><${Badge} count=${3} /><${Badge} count=${128} calm /><span class="tag good">online</span><span class="tag warn">limited</span><span class="tag bad">failed</span><span class="tag">1 week</span><span class="dot good"></span><span class="dot warn"></span><span class="dot bad"></span></div></div>`)}
      ${block("Notices", html`<div class="stack tight"><${Notice} kind="bad"><p>Somebody else may hold your keys.</p><//><${Notice} kind="warn"><p>Holds after the next start.</p><//><${Notice} kind="good"><p>You have verified Marta.</p><//><${Notice}><p>A backup is a locked copy.</p><//></div>`)}
      ${block("Progress and codes", html`<div class="card padded stack"><${Progress} value=${45} label="45 %" /><${Progress} value=${70} kind="warn" label="70 %" /><div class="cluster"><${Spinner} label="Loading" /><kbd>Alt</kbd><kbd>↑</kbd></div><code class="code-block">62278 89619 30554 98117</code></div>`)}
    </div>
    ${block("Symbols", html`<div class="card padded cluster" style=${{ gap: "1rem" }}>${Object.keys(ICON_PATHS).map((name) => html`<${Icon} name=${name} />`)}</div>`)}
  </div>`;
}

const style = new CSSStyleSheet();
style.replaceSync(`
  body { overflow: visible; }
  .sheet { width: 1120px; padding: 2rem; display: grid; gap: 1.5rem; }
  .sheet .brand { margin: 0; justify-content: start; }
  .columns { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
`);
document.adoptedStyleSheets = [style];
const root = document.getElementById("page");
render(null, root);
root.textContent = "";
render(html`<${Sheet} />`, root);
