// Writes what the fault suite has shown into the guarantees:  node packages/faults/dist/write-tables.js
import { readFileSync, writeFileSync } from "node:fs";
import { faults } from "./faults/index.js";
import { readResults } from "./results.js";
import { withTables } from "./table.js";

const guarantees = new URL("../../../docs/guarantees.md", import.meta.url);

writeFileSync(guarantees, withTables(readFileSync(guarantees, "utf8"), faults, readResults()));
