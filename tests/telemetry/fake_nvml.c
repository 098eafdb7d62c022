/* A libnvidia-ml.so with two GPUs, for tests on machines without one. GPU 0 is always well; what
 * ails GPU 1, or the library, is said in FAKE_NVML, words apart by commas:
 *   mig             GPU 1 is split; its counters answer all the same, as those of real GPUs may
 *   mig_unknown     GPU 1 does not say whether it is split
 *   no_energy       GPU 1 has no energy counter
 *   no_permission   GPU 1's energy and power are forbidden
 *   no_power        GPU 1 has no power reading
 *   gone            GPU 1 is lost before anybody opens it
 *   lost_after=N    GPU 1 is lost after N readings of its energy
 *   reset_after=N   GPU 1's counter begins again after N readings
 *   power=MW        what both GPUs draw, in milliwatts
 *   init=CODE, count=CODE   these calls fail with NVML's code
 *   gpus=N          so many GPUs, 2 at most
 * Each reading of a counter is 500 mJ above the last: 0.5 W when read once a second. */
#include <stdlib.h>
#include <string.h>

typedef int ret;
typedef struct { int index; unsigned long long energy_mj; long readings; } device;
static device devices[2];
static device instance = {2, 0, 0};
enum { OK = 0, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, LOST = 15, UNKNOWN = 999 };

/* The number behind a word of FAKE_NVML, 1 for a word without one, -1 when it is absent. */
static long said(const char *word) {
  const char *at = getenv("FAKE_NVML");
  size_t length = strlen(word);
  while (at && *at) {
    if (!strncmp(at, word, length)) {
      if (at[length] == '=') return atol(at + length + 1);
      if (at[length] == ',' || !at[length]) return 1;
    }
    at = strchr(at, ',');
    if (at) at++;
  }
  return -1;
}

static int lost(device *d) {
  long after = said("lost_after");
  return d->index == 1 && after >= 0 && d->readings >= after;
}

static ret code(const char *word) { return said(word) < 0 ? OK : (ret)said(word); }
static int ails(device *d, const char *word) { return d->index == 1 && said(word) > 0; }

/* Each session finds the GPUs as they were, so one process can try many words. */
ret nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  devices[0] = (device){0, 1000000, 0};
  devices[1] = (device){1, 2000000, 0};
  return code("init");
}
ret nvmlShutdown(void) { return OK; }
ret nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "580.00", size); return OK; }
ret nvmlDeviceGetCount_v2(unsigned *count) {
  *count = said("gpus") < 0 ? 2 : (unsigned)said("gpus");
  return code("count");
}
ret nvmlDeviceGetHandleByIndex_v2(unsigned index, device **out) {
  *out = &devices[index];
  return ails(*out, "gone") ? LOST : OK;
}
ret nvmlDeviceGetHandleByUUID(const char *uuid, device **out) {
  if (strcmp(uuid, "MIG-1")) return NOT_FOUND;
  *out = &instance;
  return OK;
}
ret nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device *part, device **out) {
  (void)part; *out = &devices[1]; return OK;
}
ret nvmlDeviceGetIndex(device *d, unsigned *index) { *index = (unsigned)d->index; return OK; }
ret nvmlDeviceGetMigMode(device *d, unsigned *now, unsigned *pending) {
  if (d->index == 0) return NOT_SUPPORTED;
  if (ails(d, "mig_unknown")) return UNKNOWN;
  *now = *pending = ails(d, "mig");
  return OK;
}
ret nvmlDeviceGetName(device *d, char *text, unsigned size) {
  strncpy(text, "NVIDIA H100 80GB HBM3", size);
  return lost(d) ? LOST : OK;
}
ret nvmlDeviceGetUUID(device *d, char *text, unsigned size) {
  strncpy(text, d->index ? "GPU-b" : "GPU-a", size);
  return lost(d) ? LOST : OK;
}
ret nvmlDeviceGetPowerManagementLimit(device *d, unsigned *mw) { *mw = 700000; return lost(d) ? LOST : OK; }
ret nvmlDeviceGetPowerUsage(device *d, unsigned *mw) {
  if (lost(d)) return LOST;
  if (ails(d, "no_permission")) return NO_PERMISSION;
  if (ails(d, "no_power")) return NOT_SUPPORTED;
  *mw = said("power") < 0 ? 345678 : (unsigned)said("power");
  return OK;
}
ret nvmlDeviceGetTotalEnergyConsumption(device *d, unsigned long long *mj) {
  if (lost(d)) return LOST;
  if (ails(d, "no_permission")) return NO_PERMISSION;
  if (ails(d, "no_energy")) return NOT_SUPPORTED;
  d->energy_mj = ++d->readings == said("reset_after") + 1 && d->index == 1 ? 0 : d->energy_mj + 500;
  *mj = d->energy_mj;
  return OK;
}
ret nvmlDeviceGetMemoryInfo(device *d, unsigned long long *info) {
  info[0] = 85899345920ULL; info[1] = 64424509440ULL; info[2] = 21474836480ULL;
  return lost(d) ? LOST : OK;
}
ret nvmlDeviceGetUtilizationRates(device *d, unsigned *rates) {
  rates[0] = 87; rates[1] = 40;
  return lost(d) ? LOST : OK;
}
ret nvmlDeviceGetTemperature(device *d, unsigned kind, unsigned *c) {
  (void)kind; *c = 61;
  return lost(d) ? LOST : OK;
}
ret nvmlDeviceGetClockInfo(device *d, unsigned kind, unsigned *mhz) {
  (void)kind; *mhz = 1980;
  return lost(d) ? LOST : OK;
}
ret nvmlDeviceGetCurrentClocksThrottleReasons(device *d, unsigned long long *bits) {
  *bits = 4;
  return lost(d) ? LOST : OK;
}
