/* A libnvidia-ml.so with two GPUs, for tests on machines without one. GPU 1 offers no energy
 * counter. Each reading of GPU 0's counter is 500 mJ above the last. */
#include <string.h>

typedef int ret;
typedef struct { int index; } device;
static device devices[2] = {{0}, {1}};
static unsigned long long energy_mj = 1000000;
enum { OK = 0, NOT_SUPPORTED = 3 };

ret nvmlInit_v2(void) { return OK; }
ret nvmlInitWithFlags(unsigned flags) { (void)flags; return OK; }
ret nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(ret code) { return code == NOT_SUPPORTED ? "Not Supported" : "Error"; }
ret nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "580.00", size); return OK; }
ret nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }
ret nvmlDeviceGetHandleByIndex_v2(unsigned index, device **out) { *out = &devices[index]; return OK; }
ret nvmlDeviceGetName(device *d, char *text, unsigned size) { (void)d; strncpy(text, "NVIDIA H100 80GB HBM3", size); return OK; }
ret nvmlDeviceGetUUID(device *d, char *text, unsigned size) { strncpy(text, d->index ? "GPU-b" : "GPU-a", size); return OK; }
ret nvmlDeviceGetPowerManagementLimit(device *d, unsigned *mw) { (void)d; *mw = 700000; return OK; }
ret nvmlDeviceGetPowerUsage(device *d, unsigned *mw) { (void)d; *mw = 345678; return OK; }
ret nvmlDeviceGetTotalEnergyConsumption(device *d, unsigned long long *mj) {
  if (d->index == 1) return NOT_SUPPORTED;
  energy_mj += 500;
  *mj = energy_mj;
  return OK;
}
ret nvmlDeviceGetMemoryInfo(device *d, unsigned long long *info) {
  (void)d; info[0] = 85899345920ULL; info[1] = 64424509440ULL; info[2] = 21474836480ULL; return OK;
}
ret nvmlDeviceGetUtilizationRates(device *d, unsigned *rates) { (void)d; rates[0] = 87; rates[1] = 40; return OK; }
ret nvmlDeviceGetTemperature(device *d, unsigned kind, unsigned *c) { (void)d; (void)kind; *c = 61; return OK; }
ret nvmlDeviceGetClockInfo(device *d, unsigned kind, unsigned *mhz) { (void)d; (void)kind; *mhz = 1980; return OK; }
ret nvmlDeviceGetCurrentClocksThrottleReasons(device *d, unsigned long long *bits) { (void)d; *bits = 4; return OK; }
