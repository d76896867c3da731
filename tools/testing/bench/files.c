// SPDX-License-Identifier: GPL-2.0
/* The files that rows work on. */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include <drm/drm.h>

#include "bench.h"

int null_file;
int accel_file;
int vgem_file;
int peer_file;

static int open_file(const char *path)
{
	int file = open(path, O_RDWR | O_CLOEXEC);

	must(file >= 0, path);
	return file;
}

static int open_drm(const char *path, const char *driver)
{
	char name[16] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };
	int file = open_file(path);

	must(!ioctl(file, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver), path);
	return file;
}

void open_files(void)
{
	null_file = open_file("/dev/null");
	accel_file = open_file("/dev/accel/accel0");
	vgem_file = open_drm("/dev/dri/card0", "vgem");
	peer_file = open_drm("/dev/dri/renderD129", "drm_peer");
}
