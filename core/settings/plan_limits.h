/* The kept file of plan limits, for the settings (private to the core). See internal/plan_limits.h. */
#ifndef OKSTRAFS_SETTINGS_PLAN_LIMITS_H
#define OKSTRAFS_SETTINGS_PLAN_LIMITS_H

#include <stddef.h>

#include "internal/plan_limits.h"

enum { PLAN_LIMITS_BYTES_MAX = 4096 };

/* 0; -EINVAL: it is no such file; -ENOMEM. */
int plan_limits_parse(struct oks_plan_limits *out, const char *bytes, size_t len);

#endif
