// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs.
 *
 * DOC: program
 *
 * A program is images, one per instruction set, and one table of kernels that is the same in all
 * of them. The table is kept: jobs are checked against it while they are built.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define WEFT_IMAGES_MAX		16
#define WEFT_KERNELS_MAX	256
#define WEFT_IMAGE_SIZE_MAX	(16u << 20)

static void weft_program_free(struct weft_object *object)
{
	struct weft_program *program = (struct weft_program *)object;
	struct drm_weft_handle destroy = { .handle = program->handle };

	weft_object_remove(object);
	weft_call(object->pool, DRM_IOCTL_WEFT_PROGRAM_DESTROY, &destroy);
	free(program->kernels);
	free(program);
}

static int weft_name_copy(char *to, const char *name, const char *what)
{
	size_t length = name ? strlen(name) : 0;

	if (!length || length >= DRM_WEFT_NAME_LEN)
		return weft_fail(EINVAL, "the name \"%s\" of %s must have 1..%u bytes",
				 name ? name : "", what, DRM_WEFT_NAME_LEN - 1);
	memcpy(to, name, length);
	return 0;
}

static int weft_images_fill(struct drm_weft_image *to, const struct weft_image_desc *from,
			    uint32_t count)
{
	uint32_t i, j;
	int ret;

	for (i = 0; i < count; i++) {
		ret = weft_name_copy(to[i].isa, from[i].isa, "an instruction set");
		if (ret)
			return ret;
		if (!from[i].data || !from[i].size)
			return weft_fail(EINVAL, "the image for %s is empty", from[i].isa);
		if (from[i].size > WEFT_IMAGE_SIZE_MAX)
			return weft_fail(E2BIG, "the image for %s has %zu bytes, %u are allowed",
					 from[i].isa, from[i].size, WEFT_IMAGE_SIZE_MAX);
		for (j = 0; j < i; j++)
			if (!strcmp(to[i].isa, to[j].isa))
				return weft_fail(EINVAL, "there are two images for %s", to[i].isa);
		to[i].data = (uintptr_t)from[i].data;
		to[i].size = from[i].size;
	}
	return 0;
}

static int weft_kernels_fill(struct drm_weft_kernel *to, const struct weft_kernel_desc *from,
			     uint32_t count, const struct weft *pool)
{
	uint32_t i, j;
	int ret;

	for (i = 0; i < count; i++) {
		ret = weft_name_copy(to[i].name, from[i].name, "a kernel");
		if (ret)
			return ret;
		if (from[i].args_size > pool->info.max_args_size)
			return weft_fail(EINVAL,
					 "kernel %s wants %u bytes of arguments, this pool allows "
					 "%u",
					 from[i].name, from[i].args_size, pool->info.max_args_size);
		for (j = 0; j < i; j++)
			if (!strcmp(to[i].name, to[j].name))
				return weft_fail(EINVAL, "there are two kernels called %s",
						 to[i].name);
		to[i].args_size = from[i].args_size;
	}
	return 0;
}

int weft_program_create(struct weft *pool, const struct weft_image_desc *images,
			uint32_t image_count, const struct weft_kernel_desc *kernels,
			uint32_t kernel_count, struct weft_program **program)
{
	struct drm_weft_image abi_images[WEFT_IMAGES_MAX] = {};
	struct drm_weft_program_create create = {
		.images = (uintptr_t)abi_images,
		.image_count = image_count,
		.image_stride = sizeof(*abi_images),
		.kernel_count = kernel_count,
		.kernel_stride = sizeof(struct drm_weft_kernel),
	};
	struct weft_program *p;
	int ret;

	*program = NULL;
	if (!image_count || image_count > WEFT_IMAGES_MAX)
		return weft_fail(EINVAL, "a program must have 1..%u images, not %u",
				 WEFT_IMAGES_MAX, image_count);
	if (!kernel_count || kernel_count > WEFT_KERNELS_MAX)
		return weft_fail(EINVAL, "a program must have 1..%u kernels, not %u",
				 WEFT_KERNELS_MAX, kernel_count);
	ret = weft_images_fill(abi_images, images, image_count);
	if (ret)
		return ret;
	p = calloc(1, sizeof(*p));
	if (p)
		p->kernels = calloc(kernel_count, sizeof(*p->kernels));
	if (!p || !p->kernels) {
		free(p);
		return weft_fail(ENOMEM, "no memory for a program of %u kernels", kernel_count);
	}
	p->kernel_count = kernel_count;
	ret = weft_kernels_fill(p->kernels, kernels, kernel_count, pool);
	if (ret)
		goto fail;
	create.kernels = (uintptr_t)p->kernels;
	ret = weft_call(pool, DRM_IOCTL_WEFT_PROGRAM_CREATE, &create);
	if (ret) {
		ret = weft_fail_call(ret, DRM_WEFT_PROGRAM_CREATE,
				     "registering a program of %u images and %u kernels",
				     image_count, kernel_count);
		goto fail;
	}
	p->handle = create.handle;
	weft_object_add(pool, &p->object, weft_program_free);
	*program = p;
	return 0;

fail:
	free(p->kernels);
	free(p);
	return ret;
}

void weft_program_destroy(struct weft_program *program)
{
	if (program)
		weft_program_free(&program->object);
}

int weft_program_kernel(struct weft_program *program, const char *name)
{
	uint32_t i;

	for (i = 0; name && i < program->kernel_count; i++)
		if (!strcmp(program->kernels[i].name, name))
			return (int)i;
	return weft_fail(ENOENT, "the program has no kernel called \"%s\"", name ? name : "");
}

int weft_program_query(struct weft_program *program, uint32_t device,
		       struct drm_weft_program_query *query)
{
	int ret;

	memset(query, 0, sizeof(*query));
	query->handle = program->handle;
	query->device = device;
	ret = weft_call(program->object.pool, DRM_IOCTL_WEFT_PROGRAM_QUERY, query);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_PROGRAM_QUERY,
				      "asking about program %u on device %u", program->handle,
				      device);
	return 0;
}

int weft_program_log(struct weft_program *program, uint32_t device, char *text, size_t size)
{
	struct drm_weft_program_query query = { .handle = program->handle, .device = device };
	int ret;

	if (!size)
		return weft_fail(EINVAL, "there is no room for a text");
	text[0] = '\0';
	query.log = (uintptr_t)text;
	query.log_size = size - 1 < UINT32_MAX ? (uint32_t)(size - 1) : UINT32_MAX;
	size = query.log_size;
	ret = weft_call(program->object.pool, DRM_IOCTL_WEFT_PROGRAM_QUERY, &query);
	if (ret)
		return weft_fail_call(ret, DRM_WEFT_PROGRAM_QUERY,
				      "asking what was said about program %u on device %u",
				      program->handle, device);
	text[query.log_size < size ? query.log_size : size] = '\0';
	return 0;
}
