// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: programs
 *
 * A program holds one opaque image per instruction set and the table of kernels that all images
 * share. An image is loaded on a device when the first job needs it there and unloaded when the
 * program or the device goes. The kernel parses no vendor format: images are copied in, hashed
 * and handed on.
 *
 * Rejected: a container format (a parser in the kernel for what an array can say), loading at
 * creation on every device (most programs run on few).
 */
#include <linux/delay.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

#define WEFT_MAX_IMAGES		16
#define WEFT_MAX_KERNELS	256
#define WEFT_MAX_IMAGE_SIZE	SZ_16M
#define WEFT_MAX_PROGRAMS	4096

static void weft_program_unload(struct weft_loaded *loaded)
{
	struct weft_device *wdev = loaded->wdev;

	lockdep_assert_held(&loaded->program->lock);
	/*
	 * before it leaves the device's list: whoever closes the context or the device waits for
	 * that
	 */
	if (!loaded->error)
		wdev->ops->unload_image(wdev, &loaded->image);
	list_del(&loaded->program_node);
	mutex_lock(&wdev->loaded_lock);
	list_del(&loaded->device_node);
	mutex_unlock(&wdev->loaded_lock);
	put_device(&wdev->dev);
	kvfree(loaded->image.log);
	kfree(loaded);
}

static void weft_program_free(struct kref *ref)
{
	struct weft_program *program = container_of(ref, struct weft_program, ref);
	struct weft_loaded *loaded, *next;
	u32 i;

	/* a device that leaves meanwhile waits for the lock and finds its entry gone */
	mutex_lock(&program->lock);
	list_for_each_entry_safe(loaded, next, &program->loaded, program_node)
		weft_program_unload(loaded);
	mutex_unlock(&program->lock);

	for (i = 0; program->images && i < program->image_count; i++)
		kvfree(program->images[i].data);
	kvfree(program->images);
	kvfree(program->kernels);
	weft_client_put(program->client);
	mutex_destroy(&program->lock);
	kfree(program);
}

/* Process context, no locks of ours held. */
void weft_program_put(struct weft_program *program)
{
	kref_put(&program->ref, weft_program_free);
}

struct weft_program *weft_program_lookup(struct weft_client *client, u32 handle)
{
	struct weft_program *program;

	xa_lock(&client->programs);
	program = xa_load(&client->programs, handle);
	if (program)
		kref_get(&program->ref);
	xa_unlock(&client->programs);
	return program;
}

static bool weft_program_name_ok(const char *name)
{
	return name[0] && strnlen(name, DRM_WEFT_NAME_LEN) < DRM_WEFT_NAME_LEN;
}

static int weft_program_copy_images(struct weft_program *program,
				    const struct drm_weft_program_create *args)
{
	struct drm_weft_image *images __free(kvfree) = NULL;
	siphash_key_t key = { { 0x77656674, 0x696d616765 } };
	u32 i, j, n = args->image_count;
	int ret;

	images = kvcalloc(n, sizeof(*images), GFP_KERNEL_ACCOUNT);
	program->images = kvcalloc(n, sizeof(*program->images), GFP_KERNEL_ACCOUNT);
	if (!images || !program->images)
		return -ENOMEM;
	program->image_count = n;
	ret = weft_copy_array(images, sizeof(*images), args->images, n, args->image_stride);
	if (ret)
		return ret;

	for (i = 0; i < n; i++) {
		if (!weft_program_name_ok(images[i].isa) || !images[i].size)
			return -EINVAL;
		if (images[i].size > WEFT_MAX_IMAGE_SIZE)
			return -E2BIG;
		for (j = 0; j < i; j++)
			if (!strcmp(images[i].isa, images[j].isa))
				return -EINVAL;
		memcpy(program->images[i].isa, images[i].isa, sizeof(images[i].isa));
		program->images[i].size = images[i].size;
		program->images[i].data = kvmalloc(images[i].size, GFP_KERNEL_ACCOUNT);
		if (!program->images[i].data)
			return -ENOMEM;
		if (copy_from_user(program->images[i].data, u64_to_user_ptr(images[i].data),
				   images[i].size))
			return -EFAULT;
		program->digest ^= siphash(program->images[i].data, images[i].size, &key);
		key.key[1]++;
	}
	return 0;
}

static int weft_program_copy_kernels(struct weft_program *program,
				     const struct drm_weft_program_create *args)
{
	struct drm_weft_kernel *kernels __free(kvfree) = NULL;
	u32 i, n = args->kernel_count;
	int ret;

	kernels = kvcalloc(n, sizeof(*kernels), GFP_KERNEL_ACCOUNT);
	program->kernels = kvcalloc(n, sizeof(*program->kernels), GFP_KERNEL_ACCOUNT);
	if (!kernels || !program->kernels)
		return -ENOMEM;
	program->kernel_count = n;
	ret = weft_copy_array(kernels, sizeof(*kernels), args->kernels, n, args->kernel_stride);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		if (!weft_program_name_ok(kernels[i].name) || kernels[i].flags ||
		    kernels[i].args_size > WEFT_MAX_ARGS)
			return -EINVAL;
		memcpy(program->kernels[i].name, kernels[i].name, sizeof(kernels[i].name));
		program->kernels[i].args_size = kernels[i].args_size;
	}
	return 0;
}

int weft_ioctl_program_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_program_create *args = data;
	struct weft_program *program;
	u32 handle;
	int ret;

	if (args->flags || !args->image_count || !args->kernel_count ||
	    args->image_count > WEFT_MAX_IMAGES || args->kernel_count > WEFT_MAX_KERNELS)
		return -EINVAL;
	program = kzalloc(sizeof(*program), GFP_KERNEL_ACCOUNT);
	if (!program)
		return -ENOMEM;
	kref_init(&program->ref);
	mutex_init(&program->lock);
	INIT_LIST_HEAD(&program->loaded);
	program->client = client;
	weft_client_get(client);

	ret = weft_program_copy_images(program, args);
	if (!ret)
		ret = weft_program_copy_kernels(program, args);
	if (!ret)
		ret = xa_alloc(&client->programs, &handle, program,
			       XA_LIMIT(1, WEFT_MAX_PROGRAMS), GFP_KERNEL);
	if (ret) {
		weft_program_put(program);
		return ret == -EBUSY ? -ENOSPC : ret;
	}
	args->handle = handle;
	return 0;
}

int weft_ioctl_program_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_handle *args = data;
	struct weft_program *program;

	if (args->pad)
		return -EINVAL;
	program = xa_erase(&client->programs, args->handle);
	if (!program)
		return -ENOENT;
	weft_program_put(program);
	return 0;
}

void weft_program_destroy_all(struct weft_client *client)
{
	struct weft_program *program;
	unsigned long handle;

	xa_for_each(&client->programs, handle, program) {
		xa_erase(&client->programs, handle);
		weft_program_put(program);
	}
}

int weft_program_image(struct weft_program *program, struct weft_device *wdev, u64 image_mask)
{
	u32 i, j;

	for (i = 0; i < WEFT_MAX_ISAS && wdev->desc.isas[i]; i++)
		for (j = 0; j < program->image_count; j++)
			if ((!image_mask || (image_mask & BIT_ULL(j))) &&
			    !strcmp(wdev->desc.isas[i], program->images[j].isa))
				return j;
	return -1;
}

static u32 weft_program_isa(struct weft_program *program, struct weft_device *wdev, u32 image)
{
	u32 i;

	for (i = 0; i < WEFT_MAX_ISAS && wdev->desc.isas[i]; i++)
		if (!strcmp(wdev->desc.isas[i], program->images[image].isa))
			return i;
	return 0;
}

static struct weft_loaded *weft_program_find_locked(struct weft_program *program,
						    struct weft_device *wdev, int image)
{
	struct weft_loaded *loaded;

	lockdep_assert_held(&program->lock);
	list_for_each_entry(loaded, &program->loaded, program_node)
		if (loaded->wdev == wdev && (image < 0 || loaded->image_index == image))
			return loaded;
	return NULL;
}

/* A worker: may sleep for as long as the backend's compiler takes. */
struct weft_image *weft_program_load(struct weft_program *program, struct weft_device *wdev,
				     u64 image_mask, u32 context)
{
	int index = weft_program_image(program, wdev, image_mask);
	struct weft_program_image *image;
	struct weft_loaded *loaded;

	if (index < 0)
		return ERR_PTR(-ENOEXEC);
	mutex_lock(&program->lock);
	loaded = weft_program_find_locked(program, wdev, index);
	if (loaded)
		goto out;

	loaded = kzalloc(sizeof(*loaded), GFP_KERNEL_ACCOUNT);
	if (!loaded) {
		mutex_unlock(&program->lock);
		return ERR_PTR(-ENOMEM);
	}
	image = &program->images[index];
	loaded->program = program;
	loaded->wdev = wdev;
	get_device(&wdev->dev);
	loaded->image_index = index;
	loaded->image.data = image->data;
	loaded->image.size = image->size;
	loaded->image.isa = weft_program_isa(program, wdev, index);
	loaded->image.kernel_count = program->kernel_count;
	loaded->image.context = context;
	loaded->error = wdev->ops->load_image(wdev, &loaded->image);
	list_add(&loaded->program_node, &program->loaded);
	mutex_lock(&wdev->loaded_lock);
	list_add(&loaded->device_node, &wdev->loaded);
	mutex_unlock(&wdev->loaded_lock);
out:
	mutex_unlock(&program->lock);
	/* an image that does not load will not load the next time either */
	return loaded->error ? ERR_PTR(loaded->error) : &loaded->image;
}

struct weft_image *weft_program_try(struct weft_program *program, struct weft_device *wdev,
				    u64 image_mask)
{
	int index = weft_program_image(program, wdev, image_mask);
	struct weft_loaded *loaded;

	if (index < 0 || !mutex_trylock(&program->lock))
		return NULL;
	loaded = weft_program_find_locked(program, wdev, index);
	mutex_unlock(&program->lock);
	return loaded && !loaded->error ? &loaded->image : NULL;
}

/* Something that is loaded in @context of @wdev, any if it is negative. */
static struct weft_loaded *weft_program_loaded_locked(struct weft_device *wdev, int context)
{
	struct weft_loaded *loaded;

	lockdep_assert_held(&wdev->loaded_lock);
	list_for_each_entry(loaded, &wdev->loaded, device_node)
		if (context < 0 || loaded->image.context == context)
			return loaded;
	return NULL;
}

/* No job uses the context any more, or the device (@context < 0): unload what is loaded there. */
static void weft_program_place_gone(struct weft_device *wdev, int context)
{
	struct weft_program *program;
	struct weft_loaded *loaded;

	for (;;) {
		mutex_lock(&wdev->loaded_lock);
		loaded = weft_program_loaded_locked(wdev, context);
		program = loaded ? loaded->program : NULL;
		/* the program cannot be freed before its entry leaves our list */
		if (program && !kref_get_unless_zero(&program->ref))
			program = NULL;
		mutex_unlock(&wdev->loaded_lock);
		if (!loaded)
			return;
		if (!program) {
			/* its last user is unloading it at this moment */
			usleep_range(100, 1000);
			continue;
		}
		mutex_lock(&program->lock);
		while ((loaded = weft_program_find_locked(program, wdev, -1)))
			weft_program_unload(loaded);
		mutex_unlock(&program->lock);
		weft_program_put(program);
	}
}

void weft_program_device_gone(struct weft_device *wdev)
{
	weft_program_place_gone(wdev, -1);
}

void weft_program_context_gone(struct weft_device *wdev, u32 context)
{
	weft_program_place_gone(wdev, context);
}

int weft_ioctl_program_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct weft_client *client = file->driver_priv;
	struct drm_weft_program_query *args = data;
	struct weft_program *program;
	struct weft_loaded *loaded;
	struct weft_device *wdev;
	u32 room = args->log_size;
	int index, ret = 0;
	void *log = NULL;

	if (args->pad || args->pad2 || (room && !args->log))
		return -EINVAL;
	args->log_size = 0;
	args->state = DRM_WEFT_IMAGE_NONE;
	args->error = 0;
	args->image = 0;
	program = weft_program_lookup(client, args->handle);
	if (!program)
		return -ENOENT;
	down_read(&client->pool->topology);
	wdev = args->device < DRM_WEFT_MAX_DEVICES ? client->pool->devices[args->device] : NULL;
	if (!wdev) {
		ret = -ENODEV;
		goto out;
	}
	index = weft_program_image(program, wdev, 0);
	if (index < 0)
		goto out;
	args->image = index;
	/* a load under way holds the lock, possibly for long */
	if (!mutex_trylock(&program->lock)) {
		args->state = DRM_WEFT_IMAGE_LOADING;
		goto out;
	}
	loaded = weft_program_find_locked(program, wdev, -1);
	if (!loaded) {
		args->state = DRM_WEFT_IMAGE_UNLOADED;
	} else {
		args->image = loaded->image_index;
		args->error = -loaded->error;
		args->state = loaded->error ? DRM_WEFT_IMAGE_FAILED : DRM_WEFT_IMAGE_LOADED;
		args->log_size = loaded->image.log_size;
		room = min(room, args->log_size);
		/* the caller's memory may be a mapping of ours: not under a lock */
		if (room) {
			log = kvmemdup(loaded->image.log, room, GFP_KERNEL);
			ret = log ? 0 : -ENOMEM;
		}
	}
	mutex_unlock(&program->lock);
out:
	up_read(&client->pool->topology);
	weft_program_put(program);
	if (log && copy_to_user(u64_to_user_ptr(args->log), log, room))
		ret = -EFAULT;
	kvfree(log);
	return ret;
}
