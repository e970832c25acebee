import { type Order, orders } from "./order.js";

const names: Record<Order, string> = {
  trouble: "Trouble first",
  name: "Name",
  use: "Use",
  waiting: "Waiting",
  wait: "Longest wait",
};

interface OrderChoiceProps {
  readonly order: Order;
  choose(order: Order): void;
}

export function OrderChoice({ order, choose }: OrderChoiceProps) {
  const change = (event: { currentTarget: HTMLSelectElement }) =>
    choose(orders.find((known) => known === event.currentTarget.value) ?? order);
  return (
    <select aria-label="Sort by" value={order} onChange={change}>
      {orders.map((known) => (
        <option key={known} value={known}>
          {names[known]}
        </option>
      ))}
    </select>
  );
}
