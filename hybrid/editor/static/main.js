// Puts the editor together.

import { App, byId } from "./app.js";
import { SHEET, keyboard } from "./keys.js";
import { brushPanel, colorPanel, element, headBar, picturePanel, strokePanel, toolBar } from "./panels.js";
import { palettePanel } from "./palette.js";
import { referencePanel } from "./reference.js";
import { pointerTools } from "./tools.js";

const app = new App();
headBar(app);
toolBar(app);
colorPanel(app);
palettePanel(app);
referencePanel(app);
brushPanel(app);
picturePanel(app);
strokePanel(app);
pointerTools(byId("stage"), app);
keyboard(app);
byId("shortcuts").append(...SHEET.flatMap(([keys, what]) => [element("dt", {}, [element("kbd", {}, [keys])]), element("dd", {}, [what])]));
/** @type {any} */ (globalThis).editor = app; // for tests and measurements
