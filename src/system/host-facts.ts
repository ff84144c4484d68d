import { readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import type { HostFacts } from '../domain/attestation';
import { connectionsHavePidfds } from './peer-pidfds';
import { bootId } from './process-key';

const MAX_CHARACTERS = 256;

/** What holds for this device until it boots again. To be read once. */
export function readHostFacts(): HostFacts {
  return {
    hostname: hostname().slice(0, MAX_CHARACTERS),
    machineId: machineId(),
    bootId: bootId(),
    os: osName(textOf('/etc/os-release') || textOf('/usr/lib/os-release')),
    kernel: release().slice(0, MAX_CHARACTERS),
    pinnedBy: connectionsHavePidfds() ? 'connection' : 'pid',
  };
}

function machineId(): string {
  const id = (textOf('/etc/machine-id') || textOf('/var/lib/dbus/machine-id')).trim();
  return /^[0-9a-f]{32}$/.test(id) ? id : '';
}

/** PRETTY_NAME of os-release(5); empty where there is none. */
export function osName(osRelease: string): string {
  const line = /^PRETTY_NAME=(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"'\n]*))\s*$/m.exec(osRelease);
  return (line?.[1] ?? line?.[2] ?? line?.[3] ?? '').slice(0, MAX_CHARACTERS).toWellFormed();
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
