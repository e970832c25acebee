import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

const comparisons = ["Gtr", "Gte", "Lss", "Lte", "Eql", "Neq"];

/** One that differs from the expression in one condition, which it leaves out. */
export interface Mutant {
  readonly without: string;
  readonly expr: string;
}

/**
 * The expression with every comparison made `bool`: it has an answer wherever all that it compares has one. `and` is kept,
 * so that what it joins must fit by its labels; the sides of `or` and of `unless` are asked for apart.
 *
 * @throws Error where it is no PromQL
 */
export function withoutThresholds(expr: string): string[] {
  return piecesOf(rootOf(expr), expr).map((piece) => comparedAsBool(piece));
}

/** The expression without each of its conditions in turn: sides of `and`, `or` and `unless`, comparisons, `other` left out. */
export function mutantsOf(expr: string): Mutant[] {
  const written = ({ from, to }: SyntaxNode) => expr.slice(from, to);
  const replaced = (node: SyntaxNode, by: SyntaxNode) =>
    `${expr.slice(0, node.from)}(${written(by)})${expr.slice(node.to)}`;
  return binariesIn(rootOf(expr)).flatMap(({ node, operator, left, right }) => {
    if (operator === "Or")
      return [
        { without: written(right), expr: replaced(node, left) },
        { without: written(left), expr: replaced(node, right) },
      ];
    if (operator === "And" || operator === "Unless")
      return [{ without: `${operator.toLowerCase()} ${written(right)}`, expr: replaced(node, left) }];
    if (comparisons.includes(operator))
      return [{ without: `the comparison in ${written(node)}`, expr: replaced(node, left) }];
    return [];
  });
}

interface Binary {
  readonly node: SyntaxNode;
  readonly operator: string;
  readonly left: SyntaxNode;
  readonly right: SyntaxNode;
}

function rootOf(expr: string): SyntaxNode {
  const top = parser.parse(expr).topNode;
  top.cursor().iterate(({ type, from }) => {
    if (type.isError) throw new Error(`no PromQL, at "${expr.slice(from)}": ${expr}`);
  });
  return top;
}

function binaryAt(node: SyntaxNode): Binary | undefined {
  if (node.name !== "BinaryExpr" || node.firstChild === null || node.lastChild === null) return undefined;
  const operator = node.firstChild.nextSibling?.name ?? "";
  return { node, operator, left: node.firstChild, right: node.lastChild };
}

function binariesIn(node: SyntaxNode): Binary[] {
  const here = binaryAt(node);
  return [...(here === undefined ? [] : [here]), ...childrenOf(node).flatMap(binariesIn)];
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

/** What must have an answer each for itself: every way through the `or`s, and both sides of every `unless`. */
function piecesOf(node: SyntaxNode, expr: string): string[] {
  const inner = unwrapped(node);
  const binary = binaryAt(inner);
  if (binary?.operator === "Or" || binary?.operator === "Unless")
    return [...piecesOf(binary.left, expr), ...piecesOf(binary.right, expr)];
  if (binary?.operator !== "And") return [expr.slice(inner.from, inner.to)];
  const and = expr.slice(binary.left.to, binary.right.from);
  return piecesOf(binary.left, expr).flatMap((left) =>
    piecesOf(binary.right, expr).map((right) => `(${left})${and}(${right})`),
  );
}

function unwrapped(node: SyntaxNode): SyntaxNode {
  const only = node.firstChild;
  const wraps = node.name === "PromQL" || node.name === "ParenExpr";
  return wraps && only !== null ? unwrapped(only) : node;
}

function comparedAsBool(expr: string): string {
  const ends = binariesIn(rootOf(expr))
    .filter(({ operator }) => comparisons.includes(operator))
    .map(({ node }) => node.firstChild?.nextSibling?.to ?? 0);
  return ends
    .sort((a, b) => b - a)
    .reduce((text, end) => `${text.slice(0, end)} bool${text.slice(end)}`, expr);
}
