import { storeConformance } from "@sluice/testkit/conformance";
import { memoryStore } from "../../src/stores/memory/index.js";

storeConformance("the memory store", async () => ({ store: memoryStore(), dispose: async () => {} }));
