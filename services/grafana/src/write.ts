// Writes dashboards/sluice.json: npm run dashboard
import { writeFileSync } from "node:fs";
import { dashboard } from "./dashboard.js";

writeFileSync(new URL("../dashboards/sluice.json", import.meta.url), JSON.stringify(dashboard));
