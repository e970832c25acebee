// Roles and accessible names are the page's face: screen readers say them and tests look for them. The connection's state
// is "Live", "Connecting…" or "Sidecar unreachable…", and besides "Draining…" while a sidecar ends, and "Signed out".
import { render } from "preact";
import { placeOf } from "./access/place.js";
import { DeskContext, openDesk } from "./shell/desk.js";
import { Page } from "./shell/page.js";
import { showStoredTheme } from "./shell/theme.js";

showStoredTheme();
const desk = openDesk(placeOf("sessionStorage"));
addEventListener("online", () => desk.connection.hurry());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) desk.connection.hurry();
});
desk.connection.start();

const place = document.querySelector("#page");
if (place === null) throw new Error("the page has no place to be drawn into");
render(
  <DeskContext.Provider value={desk}>
    <Page />
  </DeskContext.Provider>,
  place,
);
