/* Loaded into an allowed program: asks before its main begins. */
#include "asks.h"

__attribute__((constructor)) static void injected(void) {
  if (getenv("ATTACK_LEAVE")) leave_no_mapping("/injected.so");
  ask();
}
