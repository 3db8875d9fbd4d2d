// One mend of ts-mls 1.6.4 as it is loaded. RFC 9420 (section 12.4.3.1) wants a leaf that is unmerged at a node to be listed
// by every node between the two; ts-mls wants equal lists all the way to the root, and so refuses groups that are right.

import { registerHooks } from "node:module"

const WRONG = "!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)"
const RIGHT = "dp.indexOf(parentIdx) < dp.indexOf(i) && !dpNode.parent.unmergedLeaves.includes(unmergedLeaf)"

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith("/ts-mls/dist/src/clientState.js")) return loaded
    const source = loaded.source.toString()
    if (source.split(WRONG).length !== 2) throw new Error("ts-mls has changed: see whether mend.mjs is still needed")
    return { ...loaded, source: source.replace(WRONG, RIGHT) }
  },
})
