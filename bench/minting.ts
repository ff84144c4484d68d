import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { type Figure, figure } from './figure';

/** An X509-SVID beside its bare signature; mint.ts measures both in turns. */
export function minting(): Promise<readonly Figure[]> {
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(__dirname, 'mint.js')], { encoding: 'utf8' });
  const ratio = /^mint\b.*\bratio ([0-9.]+)/m.exec(stdout)?.[1];
  if (ratio === undefined) throw new Error(`mint.js said nothing that can be read: ${stdout}${stderr}`);
  return Promise.resolve([
    figure('mint of an X509-SVID', Number(ratio), '× crypto.sign', { least: 0.85 }, 'rate of the bare signature, in turns'),
  ]);
}
