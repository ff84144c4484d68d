/* Runs a program as on a kernel before Linux 6.5: no pidfd of whoever connected, no PIDFD_GET_INFO, no Landlock. Each answers as a kernel
   does that does not know it. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SO_PEERPIDFD_NUMBER 77
#define PIDFD_GET_INFO_NUMBER 0xc040ff0b
#define LANDLOCK_CREATE_RULESET_NUMBER 444

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ANSWER(number) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number))

int main(int count, char **arguments) {
  /* Lower halves of 64-bit arguments: little-endian machines alone. */
  struct sock_filter filter[] = {
      LOAD(nr),
      UNLESS(LANDLOCK_CREATE_RULESET_NUMBER, 1),
      ANSWER(ENOSYS),
      UNLESS(SYS_getsockopt, 3),
      LOAD(args[2]),
      UNLESS(SO_PEERPIDFD_NUMBER, 5),
      ANSWER(ENOPROTOOPT),
      UNLESS(SYS_ioctl, 3),
      LOAD(args[1]),
      UNLESS(PIDFD_GET_INFO_NUMBER, 1),
      ANSWER(ENOTTY),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  if (count < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("older-kernel");
    return 125;
  }
  execv(arguments[1], arguments + 1);
  perror(arguments[1]);
  return 126;
}
