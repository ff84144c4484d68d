import { checked } from './libc';

const P_PID = 1;
const WNOHANG = 1;
const WSTOPPED = 2;
const SIGINFO_BYTES = 128;

/**
 * The signal that stopped a child since this was last asked; undefined where none did. Its end is not looked at, which is Node's to see.
 * Throws KernelError ECHILD once there is no such child.
 */
export function stoppedBy(pid: number): number | undefined {
  const info = Buffer.alloc(SIGINFO_BYTES);
  checked('waitid', P_PID, pid, info, WSTOPPED | WNOHANG);
  return info.readInt32LE(16) === pid ? info.readInt32LE(24) : undefined;
}
