/* SPDX-License-Identifier: MIT */
/* A libcuda without a GPU: every entry point is a function that the test offers, by its name. */
#include <string.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

enum { kRoom = 64, kNotFound = 500 };

static struct {
    char name[64];
    void* function;
} offered[kRoom];

/* Offers a function, for the rest of the process; returns 0 where there is no room. */
EXPORT int ptx_offer(const char* name, void* function) {
    for (int k = 0; k < kRoom; ++k) {
        if (offered[k].name[0] && strcmp(offered[k].name, name) != 0) continue;
        if (strlen(name) >= sizeof offered[k].name) return 0;
        strcpy(offered[k].name, name);
        offered[k].function = function;
        return 1;
    }
    return 0;
}

EXPORT int cuGetProcAddress_v2(const char* name, void** function, int version, unsigned long long flags,
                               void* status) {
    (void)version, (void)flags, (void)status;
    *function = 0;
    for (int k = 0; k < kRoom && offered[k].name[0]; ++k)
        if (strcmp(offered[k].name, name) == 0) *function = offered[k].function;
    return *function ? 0 : kNotFound;
}
