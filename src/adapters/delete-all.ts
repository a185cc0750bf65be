import type { BatchOperation, Client } from '../client/index.ts';

/** Deletes that go out as one. */
const BATCH_OPERATIONS = 500;

/** Removes all keys that begin so, of the state that the store is in now. */
export async function deleteAll(client: Client, prefix: string): Promise<void> {
  let batch: BatchOperation[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await client.batch(batch);
    batch = [];
  };
  for await (const { keyBytes } of client.range({ prefix })) {
    batch.push({ op: 'delete', key: keyBytes });
    if (batch.length === BATCH_OPERATIONS) await flush();
  }
  await flush();
}
