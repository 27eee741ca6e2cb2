// SPDX-License-Identifier: GPL-2.0-only
/*
 * OpenCL's devices.
 *
 * DOC: opencl_device
 *
 * The name of a device's own instruction set is a hash of everything that makes its binaries what
 * they are: vendor, model, versions of the device and of the driver. A driver of another version
 * is thus another instruction set, and a stale binary is never given to it.
 *
 * Rejected: sub-devices (a partition of a processor is not faster for being two devices); custom
 * devices, which have no OpenCL C.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

#define WEFT_OPENCL_PLATFORMS	16
#define WEFT_OPENCL_DEVICES	64

/* FNV-1a, of the string and its NUL */
static uint64_t weft_opencl_hash(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	} while (*text++);
	return hash;
}

static void weft_opencl_device_string(cl_device_id id, cl_device_info what, char *text,
				      size_t room)
{
	char whole[1024] = "";

	/* not there, or longer than any name should be: empty */
	if (clGetDeviceInfo(id, what, sizeof(whole) - 1, whole, NULL))
		whole[0] = '\0';
	snprintf(text, room, "%.*s", (int)room - 1, whole);
}

static uint64_t weft_opencl_device_number(cl_device_id id, cl_device_info what, size_t size)
{
	/* cl_uint or cl_ulong, little-endian as everything that weft runs on */
	uint64_t value = 0;

	return clGetDeviceInfo(id, what, size, &value, NULL) ? 0 : value;
}

static bool weft_opencl_device_describe(cl_platform_id platform, cl_device_id id,
					struct weft_opencl_device *device)
{
	uint64_t hash = 0xcbf29ce484222325ull, svm;
	char version[128];

	memset(device, 0, sizeof(*device));
	device->id = id;
	device->platform = platform;
	device->type = weft_opencl_device_number(id, CL_DEVICE_TYPE, sizeof(cl_device_type));
	if (!(device->type & (CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU |
			      CL_DEVICE_TYPE_ACCELERATOR)) ||
	    !weft_opencl_device_number(id, CL_DEVICE_AVAILABLE, sizeof(cl_bool)))
		return false;
	weft_opencl_device_string(id, CL_DEVICE_VENDOR, device->vendor, sizeof(device->vendor));
	weft_opencl_device_string(id, CL_DEVICE_NAME, device->model, sizeof(device->model));
	weft_opencl_device_string(id, CL_DRIVER_VERSION, device->driver, sizeof(device->driver));
	weft_opencl_device_string(id, CL_DEVICE_VERSION, version, sizeof(version));
	clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(device->runtime) - 1, device->runtime,
			  NULL);
	if (!device->model[0])
		snprintf(device->model, sizeof(device->model), "OpenCL");
	device->memory = weft_opencl_device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
	device->alloc_max = weft_opencl_device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE,
						      sizeof(cl_ulong));
	/* in bits */
	device->sub_align = weft_opencl_device_number(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN,
						      sizeof(cl_uint)) / 8;
	if (!device->sub_align)
		device->sub_align = 1;
	/* fails on devices before OpenCL 2.0 */
	svm = weft_opencl_device_number(id, CL_DEVICE_SVM_CAPABILITIES,
					sizeof(cl_device_svm_capabilities));
	device->svm = svm & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER;
	hash = weft_opencl_hash(hash, device->vendor);
	hash = weft_opencl_hash(hash, device->model);
	hash = weft_opencl_hash(hash, version);
	hash = weft_opencl_hash(hash, device->driver);
	snprintf(device->own_isa, sizeof(device->own_isa), "clbin-%016llx",
		 (unsigned long long)hash);
	return true;
}

int weft_opencl_device_list(struct weft_opencl_device **devices, uint32_t *count,
			    struct weft_opencl_error *error)
{
	cl_platform_id platforms[WEFT_OPENCL_PLATFORMS];
	cl_device_id ids[WEFT_OPENCL_DEVICES];
	cl_uint platform_count = 0, id_count, i, j;
	cl_int code;

	*count = 0;
	*devices = NULL;
	code = clGetPlatformIDs(WEFT_OPENCL_PLATFORMS, platforms, &platform_count);
	/* -1001 is the ICD loader's: it found no platform */
	if ((code && code != -1001) || (!code && !platform_count))
		return weft_opencl_fail(error, code, "looking for platforms");
	if (code)
		return weft_opencl_refuse(error, ENODEV, "there is no OpenCL platform: is a driver "
					  "installed, and listed in /etc/OpenCL/vendors?");
	if (platform_count > WEFT_OPENCL_PLATFORMS)
		platform_count = WEFT_OPENCL_PLATFORMS;
	*devices = calloc(WEFT_OPENCL_DEVICES, sizeof(**devices));
	if (!*devices)
		return weft_opencl_refuse(error, ENOMEM, "no memory");
	for (i = 0; i < platform_count; i++) {
		code = clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, WEFT_OPENCL_DEVICES, ids,
				      &id_count);
		if (code)
			continue;
		for (j = 0; j < id_count && j < WEFT_OPENCL_DEVICES; j++)
			if (*count < WEFT_OPENCL_DEVICES &&
			    weft_opencl_device_describe(platforms[i], ids[j], &(*devices)[*count]))
				++*count;
	}
	if (*count)
		return 0;
	free(*devices);
	*devices = NULL;
	return weft_opencl_refuse(error, ENODEV, "no OpenCL platform has a device that can be "
				  "served");
}

int weft_opencl_device_find(const char *wanted, struct weft_opencl_device *device,
			    struct weft_opencl_error *error)
{
	uint32_t count, i, number, found = 0;
	struct weft_opencl_device *list;
	char end;
	int ret;

	ret = weft_opencl_device_list(&list, &count, error);
	if (ret)
		return ret;
	if (wanted && sscanf(wanted, "%u%c", &number, &end) == 1) {
		found = number < count;
		if (found)
			*device = list[number];
	} else {
		for (i = 0; i < count; i++) {
			if (wanted && !strstr(list[i].model, wanted))
				continue;
			*device = list[i];
			found++;
		}
	}
	free(list);
	if (found == 1)
		return 0;
	if (!wanted)
		return weft_opencl_refuse(error, EINVAL, "there are %u devices: choose with "
					  "--device, or --all; --list shows them", count);
	return weft_opencl_refuse(error, ENODEV, "%s device \"%s\"; --list shows them",
				  found ? "there is more than one" : "there is no", wanted);
}

const char *weft_opencl_device_class(const struct weft_opencl_device *device)
{
	if (device->type & CL_DEVICE_TYPE_GPU)
		return "gpu";
	return device->type & CL_DEVICE_TYPE_ACCELERATOR ? "npu" : "cpu";
}
