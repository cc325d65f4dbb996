// Your own code. Ask your database here.
export interface Order {
  id: string;
  state: 'paid' | 'sent';
}

const ORDERS: readonly Order[] = [
  { id: '1', state: 'paid' },
  { id: '7', state: 'sent' },
];

/** null is remembered as an answer; undefined would not be. */
export function findOrder(id: string): Promise<Order | null> {
  return Promise.resolve(ORDERS.find((order) => order.id === id) ?? null);
}
