import { existsSync } from 'node:fs';

/** True where the kernel keeps who logged in for each process (audit); it was built with that or was not. */
export const kernelKeepsLogins = (): boolean => existsSync('/proc/self/loginuid');
