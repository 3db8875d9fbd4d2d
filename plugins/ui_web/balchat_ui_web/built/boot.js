const e=()=>import("./main.js");document.hidden?e():requestAnimationFrame(()=>setTimeout(e));
