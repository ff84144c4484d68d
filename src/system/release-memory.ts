import { libc } from './libc';

/**
 * Gives memory back to the kernel that was freed and that libc keeps: after a start that is a sixth of what the server holds, most of it
 * from compiling. Elsewhere than on glibc there is no such call, and nothing happens.
 */
export function releaseMemory(): void {
  try {
    libc('mallocTrim')(0);
  } catch {
    // It is only memory.
  }
}
