// Two mends of ts-mls 1.6.4 as it is loaded.

import { registerHooks } from "node:module"

const MENDS = {
  // RFC 9420 (section 12.4.3.1) wants a leaf that is unmerged at a node to be listed by every node between the two; ts-mls
  // wants equal lists all the way to the root, and so refuses groups that are right.
  "clientState.js": [
    [
      "!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)",
      "dp.indexOf(parentIdx) < dp.indexOf(i) && !dpNode.parent.unmergedLeaves.includes(unmergedLeaf)",
    ],
  ],
  // The commit secret follows the last path secret (section 9.2), and a root with nobody on one side has none: it is not on
  // the filtered path. ts-mls derives one for it all the same.
  "pathSecrets.js": [
    [
      'const nextSecret = await deriveSecret(pathSecrets[currentIndex], "path", kdf);',
      "const last = pathSecrets[currentIndex];" +
        ' const nextSecret = tree[nextIndex] === undefined ? last : await deriveSecret(last, "path", kdf);',
    ],
  ],
}

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    const mends = MENDS[url.split("/ts-mls/dist/src/")[1]]
    if (mends === undefined) return loaded
    let source = loaded.source.toString()
    for (const [wrong, right] of mends) {
      if (source.split(wrong).length !== 2) throw new Error("ts-mls has changed: see whether mend.mjs is still needed")
      source = source.replace(wrong, right)
    }
    return { ...loaded, source }
  },
})
