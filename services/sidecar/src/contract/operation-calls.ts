import { noQuery, readinessAnswer } from "@sluice/client/shapes";
import { z } from "zod";
import { type Call, json } from "./call.js";

/** What those who run a sidecar ask it. Probes and scrapers may add a query of their own. */
export const operationCalls = {
  livez: {
    method: "GET",
    path: "/livez",
    summary: "Whether the process works",
    scope: "none",
    answers: { 200: { description: "It does.", content: json(z.object({ status: z.literal("alive") })) } },
    problems: [],
  },
  readyz: {
    method: "GET",
    path: "/readyz",
    summary: "Whether the sidecar can grant",
    scope: "none",
    answers: {
      200: { description: "It can.", content: json(readinessAnswer) },
      503: {
        description: "It cannot, or is about to end; the components say why.",
        content: json(readinessAnswer),
      },
    },
    problems: [],
  },
  metrics: {
    method: "GET",
    path: "/metrics",
    summary: "Metrics, as Prometheus reads them",
    scope: "read",
    answers: { 200: { description: "The text format, version 0.0.4.", content: { type: "text/plain" } } },
    problems: [],
  },
  openapi: {
    method: "GET",
    path: "/openapi.json",
    summary: "This document",
    scope: "read",
    query: noQuery,
    answers: { 200: { description: "OpenAPI 3.1.", content: json(z.looseObject({ openapi: z.string() })) } },
    problems: [],
  },
} as const satisfies Record<string, Call>;
