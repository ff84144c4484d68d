import type { NoDomainReason } from '../domain/confinement';

/** Why a launch has no domain around it, for people. */
export const NO_DOMAIN: Readonly<Record<NoDomainReason, string>> = {
  asked: 'asked for with --no-confine',
  kernel: 'this kernel has no Landlock scopes (Linux 6.12 and newer)',
  disabled: 'Landlock is not enabled on this machine (lsm= of the kernel command line)',
  unsaid: 'its launcher said nothing about it',
};
