// SPDX-License-Identifier: GPL-2.0
/*
 * The module parameter "accounting" and its static key. The key is for "off", as
 * kernel::jump_label knows keys only that are usually false.
 */
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/moduleparam.h>
#include <linux/sysfs.h>

#include "helpers.h"

struct accel_switch accel_accounting = { .off = STATIC_KEY_FALSE_INIT };
EXPORT_SYMBOL_GPL(accel_accounting);

static int set(const char *text, const struct kernel_param *parameter)
{
	bool is_on;
	int ret = kstrtobool(text, &is_on);

	if (ret)
		return ret;
	if (is_on)
		static_branch_disable(&accel_accounting.off);
	else
		static_branch_enable(&accel_accounting.off);
	return 0;
}

static int get(char *text, const struct kernel_param *parameter)
{
	return sysfs_emit(text, "%c\n", static_key_enabled(&accel_accounting.off) ? 'N' : 'Y');
}

static const struct kernel_param_ops operations = {
	.set = set,
	.get = get,
};

module_param_cb(accounting, &operations, NULL, 0644);
MODULE_PARM_DESC(accounting, "Account for the time of engines, per client and in all (default: Y)");
