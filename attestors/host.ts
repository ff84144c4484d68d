import type { Attestor, HostFacts } from '../src/domain/attestation';

/** Which device the process runs on, as the device says of itself (host.md). */
export const hostAttestor = (host: HostFacts): Attestor => {
  const observations = (
    [
      ['name', host.hostname],
      ['machine_id', host.machineId],
      ['boot_id', host.bootId],
      ['os', host.os],
      ['kernel', host.kernel],
      ['pinned_by', host.pinnedBy],
    ] as const
  )
    .filter(([, value]) => value !== '')
    .map(([name, value]) => ({ name, value, assurance: 'observed' as const }));
  return { name: 'host', attest: () => observations };
};
