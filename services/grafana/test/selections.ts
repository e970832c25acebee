import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

/** A metric that an expression selects, and what is done with it on the way to the answer. */
export interface Selection {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** From the innermost: `increase`, `max by (semaphore)`, `topk`. */
  readonly within: readonly string[];
}

export interface Matcher {
  readonly label: string;
  readonly op: string;
  readonly value: string;
}

/** Everything that an expression selects. @throws Error where it is no PromQL */
export function selectionsIn(expression: string): Selection[] {
  const text = interpolated(expression);
  const found: Selection[] = [];
  parser.parse(text).iterate({
    enter({ name, node }) {
      if (node.type.isError) throw new Error(`no PromQL, at "${text.slice(node.from)}": ${expression}`);
      if (name === "VectorSelector") found.push(selectionAt(node, text));
    },
  });
  return found;
}

/** As Grafana sends it, with any value of its own variables; the dashboard's stand in strings, and stay. */
function interpolated(expression: string): string {
  return expression
    .replaceAll("$__rate_interval", "1m")
    .replaceAll("$__interval", "15s")
    .replaceAll("$__range", "1h");
}

function selectionAt(node: SyntaxNode, text: string): Selection {
  const written = (at: SyntaxNode | null) => (at === null ? "" : text.slice(at.from, at.to));
  const matchers = node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? [];
  return {
    metric: written(node.getChild("Identifier")),
    matchers: matchers.map((matcher) => ({
      label: written(matcher.getChild("LabelName")),
      op: written(matcher.getChild("MatchOp")),
      value: written(matcher.getChild("StringLiteral")).slice(1, -1),
    })),
    within: ancestorsOf(node).flatMap((ancestor) => {
      if (ancestor.name === "FunctionCall") return [written(ancestor.getChild("FunctionIdentifier"))];
      if (ancestor.name !== "AggregateExpr") return [];
      const modifier = written(ancestor.getChild("AggregateModifier"));
      return [`${written(ancestor.getChild("AggregateOp"))} ${modifier}`.trim()];
    }),
  };
}

function ancestorsOf(node: SyntaxNode): SyntaxNode[] {
  return node.parent === null ? [] : [node.parent, ...ancestorsOf(node.parent)];
}
