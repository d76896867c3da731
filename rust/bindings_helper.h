/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the kernel_ext crate.
 */
#include "helpers.h"
#include "accel_events.h"

#include <linux/hwmon.h>
#include <linux/pm_domain.h>
#include <linux/sync_file.h>
