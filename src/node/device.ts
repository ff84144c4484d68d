/** What a node says of its machine, read once. */
export interface Device {
  readonly bootId: string;
  readonly machineId: string;
  readonly hostname: string;
  readonly os: string;
  readonly kernel: string;
}

/** The first words of a node to its server (mandate.v1.Hello). `groupsMissing` is why launches get no control group of their own; empty where they do. */
export const helloOf = (device: Device, nodeVersion: string, uid: number, groupsMissing: string) =>
  ({ case: 'hello', value: { nodeVersion, ...device, uid, allUsers: uid === 0, groupsMissing } }) as const;
