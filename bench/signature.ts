import { generateKeyPairSync, sign } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { cpuMicroseconds } from './thread-cpu';

const SLICE_MS = 300;
const BUSY = `
  const { generateKeyPairSync, sign } = require('node:crypto');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const bytes = Buffer.alloc(500);
  require('node:worker_threads').parentPort.postMessage('busy');
  for (;;) sign('sha256', bytes, privateKey);`;

/** CPU time in microseconds of one in-process P-256 signature while another core is as busy. */
export async function signatureMicroseconds(): Promise<number> {
  const other = new Worker(BUSY, { eval: true });
  await new Promise((resolve) => other.once('message', resolve));
  try {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bytes = Buffer.alloc(500);
    return cpuMicroseconds(() => void sign('sha256', bytes, privateKey), SLICE_MS);
  } finally {
    await other.terminate();
  }
}
