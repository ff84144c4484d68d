/*
 * Has the kernel show another program as the one that it runs, and asks. The link /proc/PID/exe belongs to the memory of a process, and may be set by
 * whoever may restore processes in its user namespace (prctl(2), PR_SET_MM_MAP). Every user may make such a namespace: a child that shares the memory
 * does, while this process stays in its own.
 */
#include "asks.h"
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Fields of /proc/PID/stat, by their numbers in proc(5). */
static void addresses(unsigned long field[53]) {
  char text[4096], *at;
  FILE *stat = fopen("/proc/self/stat", "r");
  text[fread(text, 1, sizeof text - 1, stat)] = 0;
  fclose(stat);
  at = strrchr(text, ')') + 2;
  for (int number = 3; number < 53 && at; number++) {
    field[number] = strtoul(at, NULL, 10);
    at = strchr(at, ' ');
    if (at) at++;
  }
}

static int show(void *program) {
  unsigned long field[53];
  if (unshare(CLONE_NEWUSER) != 0) return 1;
  addresses(field);
  struct prctl_mm_map map = {
      .start_code = field[26], .end_code = field[27], .start_stack = field[28], .start_data = field[45], .end_data = field[46],
      .start_brk = field[47],  .brk = (unsigned long)sbrk(0), .arg_start = field[48], .arg_end = field[49], .env_start = field[50],
      .env_end = field[51],    .exe_fd = open(program, O_RDONLY),
  };
  return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0;
}

int main(int count, char **arguments) {
  static char stack[65536];
  int status = 1, child;
  if (count < 2) return 2;
  leave_no_mapping("/shown\n");
  child = clone(show, stack + sizeof stack, CLONE_VM | SIGCHLD, arguments[1]);
  if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
    puts("{\"nothing\": \"no user namespace, or none that may restore processes\"}");
    return 0;
  }
  ask();
  return 0;
}
