/** The three ladders of evidence, weakest first. They are compared only within a kind. */
export const LADDERS = {
  process: ['declared', 'observed', 'measured', 'launched'],
  delegator: ['declared', 'os-account', 'login-user', 'oidc'],
  device: ['declared', 'token', 'x509pop', 'tpm'],
} as const;

export type Ladder = keyof typeof LADDERS;
export type ProcessAssurance = (typeof LADDERS)['process'][number];
export type DelegatorAssurance = (typeof LADDERS)['delegator'][number];
export type DeviceAssurance = (typeof LADDERS)['device'][number];
export type Assurance<L extends Ladder = Ladder> = (typeof LADDERS)[L][number];

/** How a root delegation was given. */
export const GIVEN = ['implicit', 'launched', 'standing', 'approved'] as const;
export type Given = (typeof GIVEN)[number];

/** True where `actual` stands at or above `required` on its ladder. */
export function atLeast<L extends Ladder>(ladder: L, actual: Assurance<L>, required: Assurance<L>): boolean {
  const steps: readonly string[] = LADDERS[ladder];
  return steps.indexOf(actual) >= steps.indexOf(required);
}

/** The weaker of two words of one ladder: a chain is never stronger than its weakest link. */
export function weaker<L extends Ladder>(ladder: L, a: Assurance<L>, b: Assurance<L>): Assurance<L> {
  return atLeast(ladder, a, b) ? b : a;
}
