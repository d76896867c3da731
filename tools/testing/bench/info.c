// SPDX-License-Identifier: GPL-2.0
/* Asking a device about itself. */
#include <sys/ioctl.h>

#include <accel/accel.h>
#include <drm/drm.h>

#include "bench.h"

static void info(__u32 kind, void *data, __u32 size)
{
	struct accel_info info = { .kind = kind, .size = size, .data = (uintptr_t)data };

	must(!ioctl(accel_file, ACCEL_IOCTL_INFO, &info) && info.size == size, "INFO");
}

static void status(void)
{
	struct accel_info_status status;

	info(ACCEL_INFO_STATUS, &status, sizeof(status));
	must(status.health == ACCEL_HEALTH_OPERATIONAL, "health");
}

static void get_cap(void)
{
	struct drm_get_cap cap = { .capability = DRM_CAP_PRIME };

	must(!ioctl(vgem_file, DRM_IOCTL_GET_CAP, &cap) && cap.value, "GET_CAP");
}

static void device(void)
{
	struct accel_info_device device;

	info(ACCEL_INFO_DEVICE, &device, sizeof(device));
	must(device.name[0], "name");
}

static void version(void)
{
	char name[64], date[32], description[64];
	struct drm_version version = {
		.name = name, .name_len = sizeof(name),
		.date = date, .date_len = sizeof(date),
		.desc = description, .desc_len = sizeof(description),
	};

	must(!ioctl(vgem_file, DRM_IOCTL_VERSION, &version) && name[0] == 'v', "VERSION");
}

const struct row info_ioctl = {
	.name = "info_ioctl", .unit = "instructions",
	.ours = status, .peer = get_cap,
	.calls = 256, .batches = 128, .parts = 1, .above = &floor_ioctl,
};

const struct row info_device = {
	.name = "info_device", .unit = "instructions",
	.ours = device, .peer = version,
	.calls = 256, .batches = 128, .parts = 1,
};
